from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels_app", "0007_arrivals")]
    operations = [
        migrations.AddField(
            model_name="credential",
            name="problem_code",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
    ]
