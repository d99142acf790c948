import channels_app.lib.clocks
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('channels_app', '0017_key_check'),
    ]

    operations = [
        migrations.AddField(
            model_name='workerslot',
            name='clock_ahead_s',
            field=models.FloatField(null=True, verbose_name="its clock is ahead of PostgreSQL's by, in seconds"),
        ),
        migrations.AlterField(
            model_name='bot',
            name='created_at',
            field=models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False),
        ),
        migrations.AlterField(
            model_name='bot',
            name='updated_at',
            field=models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False),
        ),
        migrations.AlterField(
            model_name='channel',
            name='created_at',
            field=models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False),
        ),
        migrations.AlterField(
            model_name='channel',
            name='updated_at',
            field=models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False),
        ),
    ]
