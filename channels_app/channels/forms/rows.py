"""The forms of a channel and a bot: the row's own fields, and those that its adapter asks for."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.core.validators import validate_email

from channels_app.adapters import bots, inboxes
from channels_app.adapters.settings import refusal
from channels_app.channels.accounts import forget_token
from channels_app.channels.forms.intents_field import IntentTopicsField
from channels_app.channels.forms.policies_field import PoliciesField
from channels_app.channels.forms.routing_field import RoutingField
from channels_app.channels.forms.secrets import WriteOnlyField
from channels_app.channels.forms.settings import Adapters, SettingsForm, one_line, settings_fields
from channels_app.channels.forms.texts_field import LanguageField, TextsField
from channels_app.channels.forms.words_field import WordsField
from channels_app.channels.rotations import put_shared_secret
from channels_app.lib.clocks import database_now
from channels_app.models import Bot, Channel, FailurePolicy, FilePolicy, PausePolicy, SilencePolicy
from channels_app.models.limits import SILENT_MINUTES
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.sentences import Occasion
from channels_app.protocol.wishes import READY as READY_WORDS
from channels_app.protocol.wishes import split

INBOX_ADAPTERS: Adapters = {kind: inboxes.inbox_class(kind) for kind in inboxes.INBOXES}
BOT_ADAPTERS: Adapters = {kind: bots.bot_class(kind) for kind in bots.BOTS}
INBOX_FIELDS = settings_fields(INBOX_ADAPTERS)
BOT_FIELDS = settings_fields(BOT_ADAPTERS)
TOO_LATE = (
    f"The two times together are more than {SILENT_MINUTES[1] // 60} hours, and Sparkcentral ends the conversation "
    "itself after 23. Make one of them shorter."
)
MISSING_TEXT = "Enter the text to send to the contact, or choose another option above."


class _ChannelForm(SettingsForm):
    kind_field = "inbox"
    adapters = INBOX_ADAPTERS
    row: Channel
    saved_by = ""
    """Whom the page is saved by."""
    overlap = timedelta(0)
    """How long the shared secret before a new one is taken too. On the page not at all: that is what a rotation is
    for."""

    shared_secret = WriteOnlyField(
        label="Shared secret",
        help_text="Shown by Sparkcentral when you add or edit the virtual agent. It contains only 0-9 and a-f. "
        "If you are asked to enter one there, generate it here.",
        may_generate=True,
    )
    fallback_texts = TextsField(
        Occasion.HANDOVER,
        label="Text when agents take over",
        help_text="Sent when the bot fails and the conversation is handed over.",
    )
    apology_texts = TextsField(
        Occasion.APOLOGY,
        label="Text when the bot stays",
        help_text="Sent when the bot fails and keeps the conversation, if you choose that above.",
    )
    failure_policies = PoliciesField(
        label="By kind of failure",
        required=False,
        help_text="A different reaction for one kind of failure. An agent who delegated gets the conversation back.",
    )
    holding_texts = TextsField(
        Occasion.HOLDING,
        label="Text while the bot thinks",
        help_text="Sent once for a message, before the bot's answer, if you set the seconds above.",
    )
    paused_texts = TextsField(
        Occasion.PAUSED,
        label="Text while the bot is switched off",
        help_text="Sent while the channel is paused, if you choose that above.",
    )
    agent_words = WordsField(
        READY_WORDS,
        label="Words for an agent",
        help_text="What your contacts call the one they want. A message may have polite words around them, and "
        "nothing else: “I'd like to speak to an agent”, but not “agent 007 movie” or “no agent”.",
    )
    resolved_texts = TextsField(
        Occasion.RESOLVED,
        label="Text when the bot ends the conversation",
        help_text="Sent behind the bot's last words when it resolves a conversation. Leave it empty if the bot says "
        "goodbye itself. Who writes again begins a new session with the bot.",
    )
    file_texts = TextsField(
        Occasion.FILE,
        label="Text when the contact sends a file",
        help_text="Sent in place of the bot's answer, if you choose that above.",
    )
    silence_texts = TextsField(
        Occasion.SILENCE,
        label="Question to a silent contact",
        help_text="Leave it empty in every language to end without a question.",
    )
    silence_end_texts = TextsField(
        Occasion.SILENCE_END,
        label="Last words to a silent contact",
        help_text="Said when the conversation ends.",
    )
    language = LanguageField(
        label="Language of the channel",
        help_text="For contacts whose language is not known: the bot receives this one, and they read our texts in "
        "it.",
    )

    intent_topics = IntentTopicsField(
        label="Topics for intents",
        required=False,
        help_text="When the bot reports the intent of a message, as Chatlayer does, the conversation gets the topic "
        "here. End an intent with * to match every name that begins so. Write topics as in Sparkcentral, which "
        "ignores those that it doesn't have.",
    )

    routing_rules = RoutingField(
        label="Routing rules",
        required=False,
        help_text="What your agents get with a conversation that is handed over: topics, tags and contact attributes "
        "for your queues and reports, last words to the contact, lines at the top of the note. Write topics and "
        "attributes as in Sparkcentral, which ignores those that it doesn't have.",
    )

    class Meta:
        model = Channel
        fields = (
            "name",
            "inbox",
            "bot",
            "covers_all_inbox_channels",
            "greeting",
            "intent_topics",
            "routing_rules",
            "delegation_dialog",
            "delegation_text",
            "offer_hours",
            "burst_quiet_ms",
            "drops_overtaken_answers",
            "resolved_texts",
            "hands_over_on_words",
            "agent_words",
            "max_misses",
            "miss_intents",
            "on_contact_file",
            "file_texts",
            "on_silence",
            "silent_minutes",
            "silence_texts",
            "silent_end_minutes",
            "silence_end_texts",
            "bot_tries",
            "typing_after_s",
            "answer_within_s",
            "on_bot_failure",
            "failure_policies",
            "hold_after_s",
            "holding_texts",
            "max_bounces",
            "alert_minutes",
            "alert_mail_to",
            "when_paused",
            "paused_texts",
            "inline_answers",
            "fallback_texts",
            "apology_texts",
            "language",
            "language_attribute",
            "reply_limit_s",
            "keep_days",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row, field = self.row, self.fields.get("shared_secret")
        if isinstance(field, WriteOnlyField) and row.shared_secret_encrypted:
            field.show_saved_of(row, "shared_secret", row.shared_secret_saved_at, row.shared_secret_saved_by)

    def saved_when(self) -> tuple[datetime | None, str]:
        return self.row.keys_saved_at, self.row.keys_saved_by

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        secret = cleaned.get("shared_secret")
        problem = inboxes.shared_secret_problem(secret, self.values) if secret else None
        if problem:
            self.add_error("shared_secret", refusal(problem))
        policies = {cleaned.get("on_bot_failure"), *(cleaned.get("failure_policies") or {}).values()}
        needed = {
            "apology_texts": FailurePolicy.SAY_TEXT in policies,
            "file_texts": cleaned.get("on_contact_file") == FilePolicy.SAY_TEXT,
            "holding_texts": bool(cleaned.get("hold_after_s")),
            "paused_texts": cleaned.get("when_paused") == PausePolicy.SAY_TEXT,
        }
        for name, is_needed in needed.items():
            if is_needed and cleaned.get(name) == {}:
                self.add_error(name, MISSING_TEXT)
        if self._outlasts_the_platform(cleaned):
            self.add_error("silent_end_minutes", TOO_LATE)
        return cleaned

    def _outlasts_the_platform(self, cleaned: dict[str, Any]) -> bool:
        asks = cleaned.get("silence_texts") != {} and cleaned.get("on_silence") != SilencePolicy.KEEP
        minutes = (cleaned.get("silent_minutes") or 0) + (cleaned.get("silent_end_minutes") or 0)
        return asks and minutes > SILENT_MINUTES[1]

    def clean_miss_intents(self) -> str:
        return ", ".join(split(self.cleaned_data["miss_intents"]))

    def clean_alert_mail_to(self) -> str:
        addresses = split(self.cleaned_data["alert_mail_to"])
        for address in addresses:
            validate_email(address)
        return ", ".join(addresses)

    def clean_delegation_dialog(self) -> str:
        return one_line(self.cleaned_data["delegation_dialog"])

    def clean_delegation_text(self) -> str:
        return one_line(self.cleaned_data["delegation_text"])

    def clean_language_attribute(self) -> str:
        return one_line(self.cleaned_data["language_attribute"])

    def secrets_beside(self) -> dict[str, Any]:
        with suppress(BridgeError):  # of a key that is lost nothing can be said
            return {"Shared secret": self.row.shared_secret}
        return {}

    def save(self, commit: bool = True) -> Any:
        secret = self.cleaned_data.get("shared_secret")
        if secret is not None:
            put_shared_secret(self.row, secret, self.saved_by, overlap=self.overlap)
        if self.are_settings_new:
            self.row.keys_saved_at, self.row.keys_saved_by = database_now(), self.saved_by
        return super().save(commit)

    def forget_proofs(self) -> None:
        forget_token(self.row)


class _BotForm(SettingsForm):
    kind_field = "kind"
    adapters = BOT_ADAPTERS
    row: Bot

    class Meta:
        model = Bot
        fields = ("name", "kind", "max_failures", "pause_s")

    def forget_proofs(self) -> None:
        """It may answer again: the next contact gets to it at once."""
        self.row.failures, self.row.paused_until = 0, None
        Bot.objects.filter(pk=self.row.pk).update(failures=0, paused_until=None)


# A class body can't hold fields whose names are only known from the adapters.
ChannelForm: type[_ChannelForm] = type("ChannelForm", (_ChannelForm,), dict(INBOX_FIELDS))
BotForm: type[_BotForm] = type("BotForm", (_BotForm,), dict(BOT_FIELDS))
