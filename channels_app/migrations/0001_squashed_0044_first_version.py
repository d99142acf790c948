"""All tables of the first version, in one step.

It replaces the migrations of the time before, which are deleted: a database that has them all needs nothing. Keep
their names in `replaces` as long as such databases may come. New migrations are numbered from 0045 on, so that none
gets a name that an old database knows.
"""

import channels_app.adapters.bots
import channels_app.adapters.inboxes
import channels_app.lib.clocks
import channels_app.models.conversations
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


# The audit log's table refuses changes itself, whoever asks and whatever role a session says that it plays: all but
# forgetting a user who is deleted. It refuses to be emptied too.
AUDIT_ONLY_ADDED_TO = """
CREATE FUNCTION channels_app_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id IS NULL AND to_jsonb(NEW) - 'user_id' = to_jsonb(OLD) - 'user_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is only added to.';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON channels_app_auditentry
    FOR EACH ROW EXECUTE FUNCTION channels_app_audit_append_only();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON channels_app_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION channels_app_audit_append_only();
ALTER TABLE channels_app_auditentry ENABLE ALWAYS TRIGGER audit_not_emptied;
ALTER TABLE channels_app_auditentry ENABLE ALWAYS TRIGGER audit_append_only;
"""
DROP_FUNCTION = "DROP FUNCTION channels_app_audit_append_only() CASCADE"


class Migration(migrations.Migration):
    replaces = [
        ('channels_app', '0001_initial'),
        ('channels_app', '0002_exchanges_audit_figures'),
        ('channels_app', '0003_api_tokens_and_audit_search'),
        ('channels_app', '0004_audit_append_only'),
        ('channels_app', '0005_channel_progress'),
        ('channels_app', '0006_jobs_and_heartbeats'),
        ('channels_app', '0007_arrivals'),
        ('channels_app', '0008_why_keys_fail'),
        ('channels_app', '0009_exchange_trace'),
        ('channels_app', '0010_hot_rows'),
        ('channels_app', '0011_no_way_back'),
        ('channels_app', '0012_events_without_a_check'),
        ('channels_app', '0013_open_events_in_order'),
        ('channels_app', '0014_ended_workers'),
        ('channels_app', '0015_reply_signature'),
        ('channels_app', '0016_greeting_and_offers'),
        ('channels_app', '0017_key_check'),
        ('channels_app', '0018_clocks'),
        ('channels_app', '0019_audit_not_emptied'),
        ('channels_app', '0020_bot_tries_bounds'),
        ('channels_app', '0021_preferences'),
        ('channels_app', '0022_inbox_channel_buttons'),
        ('channels_app', '0023_words'),
        ('channels_app', '0024_intent_topics'),
        ('channels_app', '0025_signed_at'),
        ('channels_app', '0026_contact_files'),
        ('channels_app', '0027_dialogs_and_limits'),
        ('channels_app', '0028_languages'),
        ('channels_app', '0029_typing'),
        ('channels_app', '0030_words'),
        ('channels_app', '0031_silence'),
        ('channels_app', '0032_failure_policy'),
        ('channels_app', '0033_words'),
        ('channels_app', '0034_bursts'),
        ('channels_app', '0035_routing'),
        ('channels_app', '0036_reports'),
        ('channels_app', '0037_delegation_text'),
        ('channels_app', '0038_channel_active_words'),
        ('channels_app', '0039_without_the_bot'),
        ('channels_app', '0040_inline_answers'),
        ('channels_app', '0041_conversation_remembered'),
        ('channels_app', '0042_fresh_session'),
        ('channels_app', '0043_alerts'),
        ('channels_app', '0044_plain_words'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Bot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('settings', models.JSONField(blank=True, default=dict, editable=False)),
                ('revision', models.PositiveIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False)),
                ('updated_at', models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False)),
                ('name', models.CharField(help_text='Shown to your team only.', max_length=100, unique=True)),
                ('kind', models.CharField(choices=channels_app.adapters.bots.choices, help_text='The platform your bot runs on, or any bot with an HTTP address.', max_length=30)),
                ('max_failures', models.PositiveSmallIntegerField(db_default=5, default=5, help_text="After this many failed calls the bot is not called for a while, and contacts don't wait for it. With two tries for a message, 5 are three contacts without an answer.", validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='failures in a row')),
                ('pause_s', models.PositiveSmallIntegerField(db_default=15, default=15, help_text='How long a failed bot is not called; after that one message is sent to it as a trial.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(600)], verbose_name='seconds until it is tried again')),
                ('failures', models.PositiveIntegerField(default=0, editable=False)),
                ('paused_until', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Credential',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_key', models.CharField(max_length=64, unique=True)),
                ('token_encrypted', models.TextField(blank=True)),
                ('token_expires_at', models.DateTimeField(null=True)),
                ('token_refresh_at', models.DateTimeField(null=True)),
                ('refreshing_until', models.DateTimeField(null=True)),
                ('problem', models.TextField(blank=True)),
                ('problem_code', models.CharField(blank=True, db_default='', default='', max_length=10)),
                ('problem_since', models.DateTimeField(null=True)),
                ('quota_used', models.PositiveIntegerField(null=True)),
                ('quota_limit', models.PositiveIntegerField(null=True)),
                ('quota_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'API account',
            },
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('settings', models.JSONField(blank=True, default=dict, editable=False)),
                ('revision', models.PositiveIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False)),
                ('updated_at', models.DateTimeField(default=channels_app.lib.clocks.database_now, editable=False)),
                ('burst_quiet_ms', models.PositiveSmallIntegerField(db_default=0, default=0, help_text="For contacts who write a sentence in several messages: the bot gets them as one, once nothing more has come for this long, at the latest after 8 seconds. A button, a number or an option's title is passed on at once. All other answers come that much later; 1500 is a good start. 0: each message by itself.", validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(5000)], verbose_name='milliseconds to wait for more')),
                ('drops_overtaken_answers', models.BooleanField(db_default=False, default=False, help_text='If the contact has written again before the bot answers, that answer is not sent, only the one to the newer message. Never dropped: a handover, the end of a conversation, and an answer for which the contact has waited half a minute.', verbose_name='drop answers that are overtaken')),
                ('hands_over_on_words', models.BooleanField(db_default=False, default=False, help_text="A message that says no more than “an agent, please”, in the words below, goes to your agents and not to the bot. Off by default: many bots first ask what agents need to know. The bot's own options come first: who chooses one of them reaches the bot.", verbose_name='hand over when the contact asks for an agent')),
                ('agent_words', models.JSONField(blank=True, default=None, null=True, verbose_name='words for an agent')),
                ('max_misses', models.PositiveSmallIntegerField(db_default=0, default=0, help_text='After this many answers in a row to words that the bot did not understand, your agents get the conversation, after the last of these answers. 0: never.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10)], verbose_name='answers not understood')),
                ('miss_intents', models.CharField(blank=True, db_default='', default='', help_text='How your bot names the intent of words that it does not understand, with commas; * at the end stands for anything. Known without it: fallback, not understood, no match, out of scope, unknown, none. An HTTP bot can also say so: “not_understood”: true.', max_length=500, verbose_name='intents that mean it')),
                ('on_contact_file', models.CharField(choices=[('ask_bot', 'let the bot answer'), ('say_text', 'send the text below and stay with the bot'), ('hand_over', 'hand over to the agents')], db_default='ask_bot', default='ask_bot', help_text='A picture, a voice message, a video or a document, without any text. A location that the contact shares always goes to the bot, which may have asked for it.', max_length=20, verbose_name='when the contact sends a file')),
                ('file_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=None, null=True, verbose_name='text when the contact sends a file')),
                ('on_silence', models.CharField(choices=[('keep', 'do nothing'), ('resolve', 'ask, then resolve the conversation'), ('hand_over', 'ask, then hand over to the agents')], db_default='keep', default='keep', help_text='What happens if the question below gets no answer. Conversations with your agents are not touched.', max_length=20, verbose_name='when the contact stays silent')),
                ('silent_minutes', models.PositiveSmallIntegerField(db_default=60, default=60, help_text='How long the contact may be silent. Without a question, the conversation then ends.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1320)], verbose_name='minutes until the question')),
                ('silence_texts', models.JSONField(blank=True, default=None, null=True, verbose_name='question to a silent contact')),
                ('silent_end_minutes', models.PositiveSmallIntegerField(db_default=60, default=60, help_text='How long the contact has to answer.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1320)], verbose_name='minutes from the question to the end')),
                ('silence_end_texts', models.JSONField(blank=True, default=None, null=True, verbose_name='last words to a silent contact')),
                ('routing_rules', models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, verbose_name='routing rules')),
                ('bot_tries', models.PositiveSmallIntegerField(default=2, help_text='How often the bot is called for a message before your agents get it.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='tries')),
                ('answer_within_s', models.PositiveSmallIntegerField(default=45, help_text='How long the bot may take to answer, all tries together; after that it has failed.', validators=[django.core.validators.MinValueValidator(5), django.core.validators.MaxValueValidator(240)], verbose_name='seconds for an answer')),
                ('typing_after_s', models.PositiveSmallIntegerField(db_default=2, default=2, help_text="Inbox 2.0 only. When the bot thinks longer than this, the contact sees that it is typing, every 10 seconds. Each time costs one of your account's calls, so it stops when half of a day's calls are used. 0: never.", validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(30)], verbose_name='seconds until typing is shown')),
                ('on_bot_failure', models.CharField(choices=[('hand_over', 'hand over to the agents'), ('say_text', 'send the text below and stay with the bot'), ('stay_silent', 'say nothing and stay with the bot')], default='hand_over', help_text="What the contact gets when the bot can't be reached, fails or does not answer.", max_length=20, verbose_name='when the bot fails')),
                ('fallback_text', models.TextField(blank=True, editable=False)),
                ('fallback_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=None, null=True, verbose_name='text when the bot fails and agents take over')),
                ('apology_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=None, null=True, verbose_name='text when the bot fails and keeps the conversation')),
                ('failure_policies', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, verbose_name='by kind of failure')),
                ('hold_after_s', models.PositiveSmallIntegerField(db_default=0, default=0, help_text="If the bot hasn't answered a message by then, the contact reads the text below; its answer follows. 0: never.", validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(60)], verbose_name='seconds until a first word')),
                ('holding_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=None, null=True, verbose_name='text while the bot thinks')),
                ('max_bounces', models.PositiveSmallIntegerField(db_default=5, default=5, help_text='A conversation that agents hand back to the bot this often within an hour stays with them.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='handovers in an hour')),
                ('alert_minutes', models.PositiveSmallIntegerField(db_default=10, default=10, help_text='Inbox 2.0 only. If no agent has opened a conversation this long after its handover, it is marked on the Handovers page, and your team is told by mail and webhook, as far as these are set up. Not outside the opening hours. 0: never.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(119)], verbose_name='minutes until an alert')),
                ('alert_mail_to', models.CharField(blank=True, db_default='', default='', help_text='Mail addresses with commas between them. Empty: those that are set up for the installation.', max_length=500, verbose_name='alerts to')),
                ('when_paused', models.CharField(choices=[('hand_over', 'hand over to the agents'), ('say_text', 'send the text below and stay with the bot'), ('keep', 'keep it, and answer when the bot is switched on again')], db_default='hand_over', default='hand_over', help_text='What follows when a contact writes while the channel is paused. A message that is kept goes to your agents a minute before Sparkcentral would take it.', max_length=20, verbose_name='while the bot is switched off')),
                ('paused_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=None, null=True, verbose_name='text while the bot is switched off')),
                ('inline_answers', models.CharField(choices=[('never', 'never'), ('when_short', "when 90 % of the day's calls are used"), ('always', 'always')], db_default='when_short', default='when_short', help_text="Sparkcentral allows an account 100,000 calls a day. An answer that is ready in a few seconds can go back in our response to Sparkcentral's own request instead, which costs none. Slower answers, files and answers in several parts are sent by a call as usual.", max_length=20, verbose_name='answers without a call')),
                ('resolved_texts', models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, null=True, verbose_name='text when the bot ends the conversation')),
                ('language', models.CharField(blank=True, db_default='', default='', help_text='For contacts whose language is not known. The bot receives it.', max_length=35, verbose_name='language')),
                ('language_attribute', models.CharField(blank=True, db_default='language', default='language', help_text="Where your agents or your CRM record a contact's language. Used when Sparkcentral's event names no language.", max_length=200, verbose_name='contact attribute with the language')),
                ('name', models.CharField(help_text='Shown to your team only. Example: Acme EU customer care.', max_length=100, unique=True)),
                ('inbox', models.CharField(choices=channels_app.adapters.inboxes.choices, help_text='Sparkcentral at app.sparkcentral.com or app-eu.sparkcentral.com is classic; inside the Hootsuite dashboard it is Inbox 2.0.', max_length=30, verbose_name='inbox')),
                ('shared_secret_encrypted', models.TextField(blank=True, editable=False)),
                ('shared_secret_saved_at', models.DateTimeField(editable=False, null=True)),
                ('shared_secret_saved_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('old_secret_encrypted', models.TextField(blank=True, default='', editable=False)),
                ('old_secret_until', models.DateTimeField(editable=False, null=True)),
                ('keys_saved_at', models.DateTimeField(editable=False, null=True)),
                ('keys_saved_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('old_uuid', models.UUIDField(editable=False, null=True, unique=True)),
                ('old_uuid_until', models.DateTimeField(editable=False, null=True)),
                ('is_active', models.BooleanField(default=True, help_text='Off: the bot is not asked, and “While the bot is switched off” says what follows.', verbose_name='active')),
                ('paused_at', models.DateTimeField(editable=False, null=True)),
                ('paused_by', models.CharField(blank=True, default='', editable=False, max_length=150)),
                ('archived_at', models.DateTimeField(editable=False, null=True)),
                ('copied_from', models.CharField(blank=True, default='', editable=False, max_length=100)),
                ('handover_skipped', models.TextField(blank=True, default='', editable=False)),
                ('first_event_at', models.DateTimeField(editable=False, null=True)),
                ('live_at', models.DateTimeField(editable=False, null=True)),
                ('handed_over_at', models.DateTimeField(editable=False, null=True)),
                ('keep_days', models.PositiveSmallIntegerField(default=30, help_text='After this many days message texts and the bodies of calls are deleted. Times, outcomes and codes stay.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)], verbose_name='days to keep texts')),
                ('covers_all_inbox_channels', models.BooleanField(default=True, help_text='Off: the bot answers only on the inbox channels ticked below; others go to your agents at once.', verbose_name='bot answers on every inbox channel')),
                ('greeting', models.CharField(choices=[('with_first_message', "together with the contact's first message: one answer to both"), ('always', 'on its own, before it gets the first message'), ('never', 'never: the bot waits for the first message')], db_default='with_first_message', default='with_first_message', help_text='When the bot is told that a conversation has started. If no message arrives with the start, an HTTP bot is asked to speak first; a Chatlayer bot only with “on its own”.', max_length=20, verbose_name='start of a conversation')),
                ('greet', models.BooleanField(db_default=True, default=True, editable=False)),
                ('intent_topics', models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, help_text="For a bot that names the intent of the contact's message, as Chatlayer does: its intent sets the conversation's topic. End an intent with * to match all names that begin with it. Write the topic as in Sparkcentral, which ignores topics it doesn't have.", verbose_name='topics for intents')),
                ('delegation_dialog', models.CharField(blank=True, db_default='', default='', help_text="Chatlayer only: the ID of the bot dialog that starts when an agent gives the bot a conversation (a Delegation virtual agent). Empty: the bot waits for the contact's next message.", max_length=200, verbose_name='dialog when an agent hands over to the bot')),
                ('delegation_text', models.CharField(blank=True, db_default='', default='', help_text='What the bot reads as if the contact had written it, when an agent gives it a conversation: e.g. “/callback” starts a flow of a Rasa bot. Not used if there is a dialog above.', max_length=500, verbose_name='text for the bot when an agent hands over to it')),
                ('offer_hours', models.PositiveSmallIntegerField(db_default=24, default=24, help_text="How long a contact can choose from the bot's latest options, by number or title. After that the answer is ordinary text.", validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(168)], verbose_name='hours to choose')),
                ('reply_limit_s', models.PositiveSmallIntegerField(default=300, help_text='The reply timeout set for the virtual agent in Sparkcentral: 300 unless someone changed it. One minute before it ends, the conversation is handed over in any case.', validators=[django.core.validators.MinValueValidator(120), django.core.validators.MaxValueValidator(3600)], verbose_name='seconds until Sparkcentral takes over')),
                ('bot', models.ForeignKey(blank=True, help_text='The bot that answers first on this channel.', null=True, on_delete=django.db.models.deletion.PROTECT, to='channels_app.bot')),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('view_message_text', 'Can read the texts of contacts and bots'), ('replay', 'Can retry failed events'), ('hand_over', 'Can hand a conversation over and reply as the bot'), ('pause_channel', 'Can pause a channel')],
            },
        ),
        migrations.CreateModel(
            name='ContactRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=200)),
                ('primary_identifier', models.CharField(blank=True, max_length=300)),
                ('secondary_identifier', models.CharField(blank=True, max_length=300)),
                ('picture_url', models.TextField(blank=True)),
                ('vip', models.BooleanField(default=False)),
                ('medium_contact_profile_id', models.CharField(blank=True, max_length=300)),
                ('attributes', models.JSONField(blank=True, default=list)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='channels_app.channel')),
            ],
            options={
                'verbose_name': 'contact',
                'db_table': 'channels_app_contact',
                'constraints': [models.UniqueConstraint(fields=('channel', 'external_id'), name='contact_once')],
            },
        ),
        migrations.CreateModel(
            name='InboxChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(help_text="Its id in Sparkcentral's events.", max_length=200, verbose_name='id')),
                ('name', models.CharField(blank=True, max_length=200)),
                ('is_enabled', models.BooleanField(default=False, verbose_name='bot answers here')),
                ('shows_buttons', models.BooleanField(db_default=False, default=False, help_text="Inbox 2.0 only. Its web messenger shows buttons in any case. Tick this for another medium only if you have seen buttons work there: where they don't, contacts see their code instead.", verbose_name='buttons')),
                ('first_seen_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='first event')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='inbox_channels', to='channels_app.channel')),
            ],
            options={
                'ordering': ['name', 'external_id'],
                'constraints': [models.UniqueConstraint(fields=('channel', 'external_id'), name='inbox_channel_once')],
            },
        ),
        migrations.CreateModel(
            name='Conversation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=200, verbose_name="Sparkcentral's id")),
                ('session_id', models.UUIDField(db_default=channels_app.models.conversations.RandomUUID(), default=uuid.uuid4, editable=False, unique=True, verbose_name='session of the bot')),
                ('session_since', models.BigIntegerField(db_default=0, default=0)),
                ('medium', models.CharField(blank=True, db_default='', default='', max_length=50)),
                ('language', models.CharField(blank=True, db_default='', default='', max_length=35)),
                ('topics', models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ('owner', models.CharField(choices=[('unknown', 'not known yet'), ('bot', 'with the bot'), ('other', 'with the agents'), ('closed', 'resolved')], db_default='unknown', default='unknown', max_length=10, verbose_name='now')),
                ('stint', models.PositiveIntegerField(db_default=0, default=0)),
                ('stint_is_implied', models.BooleanField(db_default=False, default=False)),
                ('stint_began_at', models.DateTimeField(null=True)),
                ('newest_sent_at', models.DateTimeField(null=True)),
                ('options', models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ('remembered', models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ('last_turn_id', models.BigIntegerField(db_default=0, default=0)),
                ('last_message_id', models.CharField(db_default='', default='', max_length=200)),
                ('bot_counter', models.IntegerField(null=True)),
                ('lease_slot', models.CharField(max_length=100, null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('fence', models.BigIntegerField(db_default=0, default=0)),
                ('wake_at', models.DateTimeField(null=True)),
                ('arrivals', models.BigIntegerField(db_default=0, default=0)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='conversations', to='channels_app.channel')),
                ('contact', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='conversations', to='channels_app.contactrow')),
                ('inbox_channel', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to='channels_app.inboxchannel')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('wake_at__isnull', False)), fields=['wake_at'], name='conversation_due')],
                'constraints': [models.UniqueConstraint(fields=('channel', 'external_id'), name='conversation_once')],
            },
        ),
        migrations.CreateModel(
            name='WebhookEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(choices=[('inbox', 'inbox'), ('bot', 'bot'), ('offload', "bot's offload request"), ('write_back', 'write back'), ('admin', 'admin'), ('bridge', 'chatbridge')], max_length=10)),
                ('idempotency_key', models.CharField(max_length=200)),
                ('type', models.CharField(max_length=40)),
                ('sent_at', models.DateTimeField()),
                ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('counter', models.IntegerField(null=True)),
                ('signed_at', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                ('state', models.CharField(choices=[('queued', 'waiting'), ('bot_call', 'asking the bot'), ('bot_wait', 'waiting for the bot'), ('sending', 'sending'), ('done', 'done')], db_default='queued', default='queued', max_length=10)),
                ('wait_until', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('stint', models.PositiveIntegerField(db_default=0, default=0)),
                ('outcome', models.CharField(choices=[('replied', 'answered'), ('replied_unconfirmed', 'answered, not confirmed'), ('handed_over', 'handed over'), ('resolved', 'resolved'), ('silent', 'nothing to say'), ('moot', 'no longer ours'), ('ignored', 'ignored'), ('merged', 'answered with another event'), ('dead', 'failed: needs an operator')], max_length=20, null=True)),
                ('reason', models.TextField(blank=True, db_default='', default='')),
                ('finished_at', models.DateTimeField(null=True)),
                ('retried_at', models.DateTimeField(null=True)),
                ('called_at', models.DateTimeField(null=True)),
                ('answered_by', models.BigIntegerField(null=True)),
                ('inline_until', models.DateTimeField(null=True)),
                ('duplicates', models.PositiveIntegerField(db_default=0, default=0)),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='channels_app.channel')),
                ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='channels_app.conversation')),
            ],
            options={
                'verbose_name': 'event',
                'indexes': [models.Index(condition=models.Q(('outcome__isnull', True)), fields=['conversation', 'sent_at', 'id'], name='event_open_in_order'), models.Index(fields=['conversation', 'id'], name='event_of_conversation'), models.Index(fields=['channel', 'id'], name='event_of_channel'), models.Index(condition=models.Q(('outcome', 'dead')), fields=['id'], name='event_dead'), django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['received_at'], name='event_received')],
                'constraints': [models.UniqueConstraint(fields=('channel', 'source', 'idempotency_key'), name='event_once')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=30, unique=True)),
                ('next_at', models.DateTimeField()),
                ('claimed_until', models.DateTimeField(null=True)),
                ('claimed_by', models.CharField(blank=True, default='', max_length=100)),
                ('began_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('took_ms', models.PositiveIntegerField(default=0)),
                ('result', models.TextField(blank=True, default='')),
                ('has_failed', models.BooleanField(default=False)),
                ('positions', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='KeyCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('check_encrypted', models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('time_zone', models.CharField(blank=True, db_default='', default='', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='WorkerSlot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('host', models.CharField(max_length=100)),
                ('pid', models.PositiveIntegerField()),
                ('kind', models.CharField(max_length=10)),
                ('version', models.CharField(max_length=20)),
                ('started_at', models.DateTimeField()),
                ('beat_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('threads', models.PositiveSmallIntegerField(null=True)),
                ('active', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='conversations it is processing')),
                ('memory_bytes', models.BigIntegerField(null=True)),
                ('clock_ahead_s', models.FloatField(null=True, verbose_name="clock ahead of PostgreSQL's, in seconds")),
            ],
            options={
                'verbose_name': 'worker',
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What it is for. Example: nightly report.', max_length=100)),
                ('start', models.CharField(max_length=12, verbose_name='begins with')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('created_by', models.CharField(max_length=150)),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
            },
        ),
        migrations.CreateModel(
            name='FailureGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=64, unique=True)),
                ('code', models.CharField(max_length=10)),
                ('message', models.TextField(blank=True, default='')),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('conversations', models.PositiveIntegerField(default=0)),
                ('waiting', models.PositiveIntegerField(db_default=0, default=0)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('regressed_at', models.DateTimeField(null=True)),
                ('muted_at', models.DateTimeField(null=True)),
                ('muted_until_count', models.PositiveBigIntegerField(null=True)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='failure_groups', to='channels_app.channel')),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['-last_at'], name='failure_group_latest')],
            },
        ),
        migrations.CreateModel(
            name='BulkRetry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(null=True)),
                ('until', models.DateTimeField(null=True)),
                ('state', models.CharField(choices=[('planned', 'planned'), ('running', 'running'), ('paused', 'paused'), ('done', 'done'), ('cancelled', 'cancelled'), ('stopped', 'stopped: the first ten all failed')], default='planned', max_length=10)),
                ('reason', models.TextField(blank=True, default='')),
                ('planned_by', models.CharField(max_length=150)),
                ('planned_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='bulk_retries', to='channels_app.channel')),
                ('group', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='bulk_retries', to='channels_app.failuregroup')),
            ],
            options={
                'verbose_name_plural': 'bulk retries',
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['running', 'paused'])), fields=('channel',), name='one_bulk_retry_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='EventBody',
            fields=[
                ('event', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='body', serialize=False, to='channels_app.webhookevent')),
                ('raw', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(choices=[('attachment', 'attachment'), ('reply', 'reply')], db_default='reply', default='reply', max_length=10)),
                ('payload', models.JSONField()),
                ('state', models.CharField(choices=[('pending', 'waiting'), ('in_flight', 'on its way'), ('sent', 'sent'), ('unconfirmed', 'sent, not confirmed'), ('refused', 'refused'), ('cancelled', 'not sent: no longer ours'), ('failed', 'failed')], db_default='pending', default='pending', max_length=12)),
                ('tries', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('first_sent_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('last_status', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('trace_id', models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name="Sparkcentral's trace id")),
                ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='channels_app.conversation')),
                ('event', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='channels_app.webhookevent')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(fields=['conversation', 'id'], name='delivery_of_conversation')],
                'constraints': [models.UniqueConstraint(fields=('event', 'seq'), name='delivery_once')],
            },
        ),
        migrations.CreateModel(
            name='BulkRetryItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('result', models.CharField(blank=True, db_default='', default='', max_length=80)),
                ('at', models.DateTimeField(null=True)),
                ('bulk', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='channels_app.bulkretry')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='channels_app.webhookevent')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('bulk', 'event'), name='bulk_retry_item_once')],
            },
        ),
        migrations.CreateModel(
            name='Exchange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('target', models.CharField(choices=[('bot', 'to the bot'), ('inbox', 'to the inbox')], max_length=5)),
                ('n', models.PositiveSmallIntegerField()),
                ('fence', models.BigIntegerField()),
                ('started_at', models.DateTimeField()),
                ('took_ms', models.PositiveIntegerField(db_default=0, default=0)),
                ('result', models.CharField(max_length=20)),
                ('code', models.CharField(blank=True, db_default='', default='', max_length=10)),
                ('status', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('error', models.TextField(blank=True, db_default='', default='')),
                ('trace_id', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('method', models.CharField(blank=True, db_default='', default='', max_length=10)),
                ('url', models.TextField(blank=True, db_default='', default='')),
                ('request', models.TextField(blank=True, db_default='', default='')),
                ('response', models.TextField(blank=True, db_default='', default='')),
                ('limits', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('channel', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='exchanges', to='channels_app.channel')),
                ('delivery', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='channels_app.delivery')),
                ('event', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='exchanges', to='channels_app.webhookevent')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['event', 'id'], name='exchange_of_event'), models.Index(fields=['channel', 'id'], name='exchange_of_channel'), models.Index(condition=models.Q(('code', ''), _negated=True), fields=['id'], name='exchange_failed'), models.Index(condition=models.Q(('trace_id', ''), _negated=True), fields=['trace_id'], name='exchange_trace'), django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['started_at'], name='exchange_started')],
            },
        ),
        migrations.CreateModel(
            name='Failure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('count', models.PositiveIntegerField(db_default=1, default=1)),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='failures', to='channels_app.webhookevent')),
                ('group', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='failures', to='channels_app.failuregroup')),
            ],
            options={
                'indexes': [models.Index(fields=['group', '-at'], name='failure_latest')],
                'constraints': [models.UniqueConstraint(fields=('group', 'event'), name='failure_once')],
            },
        ),
        migrations.CreateModel(
            name='Figure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.CharField(choices=[('minute', 'minute'), ('half', 'half hour'), ('hour', 'hour')], max_length=6)),
                ('start', models.DateTimeField()),
                ('name', models.CharField(max_length=30)),
                ('label', models.CharField(db_default='', default='', max_length=40)),
                ('value', models.BigIntegerField(db_default=0, default=0)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='figures', to='channels_app.channel')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('period', 'start', 'channel', 'name', 'label'), name='figure_once')],
            },
        ),
        migrations.CreateModel(
            name='IntakeCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('door', models.CharField(max_length=20)),
                ('owner_uuid', models.UUIDField(null=True, verbose_name='uuid in the address')),
                ('reason', models.CharField(max_length=30)),
                ('day', models.DateField()),
                ('count', models.PositiveIntegerField(default=0)),
                ('last_at', models.DateTimeField()),
                ('last_network', models.CharField(blank=True, db_default='', default='', max_length=50, verbose_name='latest from')),
                ('last_bytes', models.PositiveIntegerField(null=True, verbose_name='latest body size in bytes')),
            ],
            options={
                'verbose_name': 'refused or ignored request',
                'constraints': [models.UniqueConstraint(fields=('door', 'owner_uuid', 'reason', 'day'), name='intake_count_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('request_digest', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField(default=0)),
                ('body', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='kept_answer_once')],
            },
        ),
        migrations.CreateModel(
            name='MessageRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('author', models.CharField(choices=[('contact', 'contact'), ('bot', 'bot'), ('agent', 'agent'), ('note', "agent's note"), ('bridge', 'chatbridge')], max_length=10)),
                ('name', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('position', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('text', models.TextField(blank=True)),
                ('attachment_url', models.TextField(blank=True)),
                ('said_at', models.DateTimeField()),
                ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='channels_app.conversation')),
                ('event', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='channels_app.webhookevent')),
            ],
            options={
                'verbose_name': 'message',
                'db_table': 'channels_app_message',
                'indexes': [models.Index(fields=['conversation', 'said_at'], name='message_transcript')],
                'constraints': [models.UniqueConstraint(fields=('event', 'author', 'position'), name='message_once')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('actor', models.CharField(max_length=150, verbose_name='who')),
                ('action', models.CharField(max_length=40, verbose_name='what')),
                ('object_type', models.CharField(blank=True, default='', max_length=40)),
                ('object_id', models.CharField(blank=True, default='', max_length=50)),
                ('object_name', models.CharField(blank=True, default='', max_length=200, verbose_name='on')),
                ('changes', models.JSONField(blank=True, default=dict)),
                ('reason', models.TextField(blank=True, default='')),
                ('address', models.CharField(blank=True, default='', max_length=50, verbose_name='from')),
                ('via', models.CharField(blank=True, default='', max_length=12)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'audit log entry',
                'verbose_name_plural': 'audit log',
                'indexes': [models.Index(fields=['object_type', 'object_id', '-id'], name='audit_of_object'), models.Index(fields=['actor', '-id'], name='audit_of_actor'), models.Index(fields=['action', '-id'], name='audit_of_action')],
            },
        ),
        # Rows that change several times in their first second: room in the page for their next version, so that their
        # indexes need not be touched. And the index of what is due is cleaned before it grows long.
        migrations.RunSQL(
            "ALTER TABLE channels_app_webhookevent SET (fillfactor = 60);"
            "ALTER TABLE channels_app_delivery SET (fillfactor = 80);"
            "ALTER TABLE channels_app_conversation SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02)",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(AUDIT_ONLY_ADDED_TO, DROP_FUNCTION),
    ]
