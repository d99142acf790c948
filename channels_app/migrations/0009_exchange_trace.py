from django.db import migrations, models


class Migration(migrations.Migration):
    """An operator has the inbox's trace id and wants its call; only failed calls have one, so the index stays small."""

    dependencies = [
        ("channels_app", "0008_why_keys_fail"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="exchange",
            index=models.Index(condition=models.Q(("trace_id", ""), _negated=True), fields=["trace_id"], name="exchange_trace"),
        ),
    ]
