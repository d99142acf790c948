"""All tables of the first version but for the last change, in one step.

It replaces the migrations of the time before, which are deleted: a database that has them all needs nothing.
"""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('offload', '0001_initial'),
        ('offload', '0002_bot_unshowable'),
        ('offload', '0003_contact_file'),
        ('offload', '0004_languages'),
        ('offload', '0005_words'),
        ('offload', '0006_silence'),
        ('offload', '0007_paused'),
        ('offload', '0008_reports'),
        ('offload', '0009_places'),
        ('offload', '0010_taken'),
        ('offload', '0011_provider_switch_and_texts'),
        ('offload', '0012_bot_slow'),
        ('offload', '0013_misses'),
        ('offload', '0014_queue'),
        ('offload', '0015_alerts'),
    ]

    initial = True

    dependencies = [
        # The name of old, which the other app's first migration replaces. If a database has only some of the old ones,
        # it can't, and Django says which. By its new name it would be left out, and `migrate` would do nothing.
        ('channels_app', '0044_plain_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='QueueLook',
            fields=[
                ('account_key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('next_at', models.DateTimeField()),
                ('looking_for', models.TextField(blank=True)),
                ('found', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='Offload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('asked_for_human', 'the bot asked for an agent'), ('contact_asked', 'the contact asked for an agent'), ('message_left', 'the contact left a message'), ('bot_completed', 'the bot ended its part'), ('not_understood', 'the bot did not understand'), ('bot_failed', 'the bot failed'), ('bot_slow', 'the bot took too long'), ('bot_silent', 'the bot did not answer in time'), ('bot_unshowable', "the bot's answer can't be shown"), ('bot_down', 'the bot is down'), ('out_of_time', 'the time to answer had nearly run out'), ('no_bot', 'no bot is chosen'), ('channel_off', 'the channel is turned off'), ('channel_paused', 'the channel is paused'), ('channel_archived', 'the channel is archived'), ('inbox_channel_off', 'the bot is not enabled on this inbox channel'), ('contact_file', 'the contact sent a file'), ('contact_silent', 'the contact was silent'), ('admin', 'someone on your team asked for it'), ('reply_refused', "Sparkcentral refused the bot's reply"), ('bounced', 'the conversation went back and forth too often')], max_length=30)),
                ('detail', models.TextField(blank=True)),
                ('payload', models.JSONField(blank=True, null=True)),
                ('requested_by', models.CharField(max_length=200)),
                ('requested_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('requested', 'asked for'), ('handed_over', 'handed over'), ('closed', 'not handed over: no agents there'), ('moot', 'not needed: no longer with the bot'), ('refused', 'refused by Sparkcentral'), ('failed', 'failed'), ('ended', 'resolved by the agents')], default='requested', max_length=12)),
                ('finished_at', models.DateTimeField(null=True)),
                ('taken_at', models.DateTimeField(null=True)),
                ('taken_by', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=200)),
                ('end_comment', models.TextField(blank=True)),
                ('topics', models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ('intent', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('misses', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('bot_message_id', models.BigIntegerField(null=True)),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='offloads', to='channels_app.conversation')),
                ('delivery', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='offloads', to='channels_app.delivery')),
                ('event', models.OneToOneField(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='offload', to='channels_app.webhookevent')),
            ],
            options={
                'indexes': [models.Index(fields=['conversation', '-id'], name='offload_of_conversation')],
            },
        ),
        migrations.CreateModel(
            name='HandoverAlert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('way', models.CharField(choices=[('mail', 'mail'), ('webhook', 'webhook')], max_length=10)),
                ('due_at', models.DateTimeField()),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=200)),
                ('offload', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='offload.offload')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('sent_at', None)), fields=['due_at'], name='alert_due')],
                'constraints': [models.UniqueConstraint(fields=('offload', 'way'), name='alert_once')],
            },
        ),
        migrations.CreateModel(
            name='OffloadProvider',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(default='Agents', max_length=100)),
                ('is_enabled', models.BooleanField(default=True, help_text='Off: the bot is told that no agent can take over, and keeps the conversation.', verbose_name='enabled')),
                ('disabled_reason', models.CharField(blank=True, db_default='', default='', help_text="For your team, e.g. “Fire drill”. Contacts don't read it.", max_length=200, verbose_name='why it is off')),
                ('disabled_until', models.DateTimeField(blank=True, null=True, verbose_name='off until')),
                ('verify_token_encrypted', models.TextField(blank=True, editable=False)),
                ('write_back_secret_encrypted', models.TextField(blank=True, editable=False)),
                ('opening_hours', models.JSONField(blank=True, help_text='Empty: always open. Example: {"timezone": "Europe/Brussels", "mon": ["09:00-17:00"], "closed": ["2026-12-25"]}', null=True)),
                ('closed_text', models.TextField(blank=True, editable=False)),
                ('queue_rules', models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, verbose_name='what the queue decides')),
                ('teams', models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, verbose_name='teams')),
                ('opened_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, null=True, verbose_name='text when agents take over')),
                ('queue_texts', models.JSONField(blank=True, null=True, verbose_name='text when there is a queue')),
                ('nobody_texts', models.JSONField(blank=True, null=True, verbose_name='text when nobody is there')),
                ('closed_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=None, null=True, verbose_name='text when closed')),
                ('disabled_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, null=True, verbose_name='text when switched off')),
                ('channel', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='offload_provider', to='channels_app.channel')),
            ],
            options={
                'verbose_name': 'offload provider',
            },
        ),
    ]
