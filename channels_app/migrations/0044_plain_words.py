"""Help texts in plain words; nothing changes in the database."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('channels_app', '0043_alerts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='channel',
            name='alert_minutes',
            field=models.PositiveSmallIntegerField(db_default=10, default=10, help_text='Inbox 2.0 only. If no agent has opened a conversation this long after its handover, it is marked on the Handovers page, and your team is told by mail and webhook, as far as these are set up. Not outside the opening hours. 0: never.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(119)], verbose_name='minutes until an alert'),
        ),
        migrations.AlterField(
            model_name='channel',
            name='burst_quiet_ms',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text="For contacts who write a sentence in several messages: the bot gets them as one, once nothing more has come for this long, at the latest after 8 seconds. A button, a number or an option's title is passed on at once. All other answers come that much later; 1500 is a good start. 0: each message by itself.", validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(5000)], verbose_name='milliseconds to wait for more'),
        ),
        migrations.AlterField(
            model_name='channel',
            name='max_misses',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='After this many answers in a row to words that the bot did not understand, your agents get the conversation, after the last of these answers. 0: never.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10)], verbose_name='answers not understood'),
        ),
    ]
