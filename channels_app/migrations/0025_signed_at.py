import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels_app", "0024_intent_topics")]
    operations = [
        migrations.AddField(
            model_name="webhookevent",
            name="signed_at",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None),
        ),
    ]
