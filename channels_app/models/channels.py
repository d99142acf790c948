"""What an admin sets up: bots, channels, and the inbox channels on which a bot answers."""

from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from channels_app.adapters import inboxes
from channels_app.lib.encryption import decrypt, encrypt
from channels_app.models import limits
from channels_app.models.bots import Bot, SettingsModel
from channels_app.models.policies import FailurePolicy, FilePolicy, Greeting, PausePolicy, SilencePolicy
from channels_app.models.texts import texts_column
from channels_app.protocol.languages import MAX_TAG
from channels_app.protocol.sentences import Occasion, Wording, with_single


def _between(least: int, most: int) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class Channel(SettingsModel):
    """One virtual agent of one inbox account, joined to one bot.

    While a rotation lasts, `old_secret` (until `old_secret_until`) and `old_uuid`, the old address, are taken too.
    `first_event_at`, `live_at` and `handed_over_at` say when the set-up got that far; see `milestones`.
    """

    name = models.CharField(
        max_length=100, unique=True, help_text="Shown to your team only. Example: Acme EU customer care."
    )
    inbox = models.CharField(
        "inbox",
        max_length=30,
        choices=inboxes.choices,
        help_text="Sparkcentral at app.sparkcentral.com or app-eu.sparkcentral.com is classic; "
        "inside the Hootsuite dashboard it is Inbox 2.0.",
    )
    shared_secret_encrypted = models.TextField(blank=True, editable=False)
    shared_secret_saved_at = models.DateTimeField(null=True, editable=False)
    shared_secret_saved_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    old_secret_encrypted = models.TextField(blank=True, default="", editable=False)
    old_secret_until = models.DateTimeField(null=True, editable=False)
    keys_saved_at = models.DateTimeField(null=True, editable=False)
    keys_saved_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    old_uuid = models.UUIDField(null=True, unique=True, editable=False)
    old_uuid_until = models.DateTimeField(null=True, editable=False)
    bot = models.ForeignKey(
        Bot, null=True, blank=True, on_delete=models.PROTECT, help_text="The bot that answers first on this channel."
    )
    is_active = models.BooleanField(
        "active",
        default=True,
        help_text="Off: every conversation goes to your agents at once.",
    )
    paused_at = models.DateTimeField(null=True, editable=False)
    paused_by = models.CharField(max_length=150, blank=True, default="", editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    copied_from = models.CharField(max_length=100, blank=True, default="", editable=False)
    handover_skipped = models.TextField(blank=True, default="", editable=False)
    first_event_at = models.DateTimeField(null=True, editable=False)
    live_at = models.DateTimeField(null=True, editable=False)
    handed_over_at = models.DateTimeField(null=True, editable=False)
    keep_days = models.PositiveSmallIntegerField(
        "days to keep texts",
        default=30,
        validators=_between(*limits.KEEP_DAYS),
        help_text="After this many days message texts and the bodies of calls are deleted. Times, outcomes and "
        "codes stay.",
    )
    covers_all_inbox_channels = models.BooleanField(
        "bot answers on every inbox channel",
        default=True,
        help_text="Off: the bot answers only on the inbox channels ticked below; others go to your agents at once.",
    )
    greeting = models.CharField(
        "start of a conversation",
        max_length=20,
        choices=Greeting,
        default=Greeting.WITH_FIRST_MESSAGE,
        db_default=Greeting.WITH_FIRST_MESSAGE,
        help_text="When the bot is told that a conversation has started. If no message arrives with the start, an "
        "HTTP bot is asked to speak first; a Chatlayer bot only with “on its own”.",
    )
    greet = models.BooleanField(default=True, db_default=True, editable=False)
    """What `greeting` was until November 2026; kept in step with it, for versions that know nothing else."""
    intent_topics = models.JSONField(
        "topics for intents",
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="For a bot that names the intent of the contact's message, as Chatlayer does: its intent sets the "
        "conversation's topic. End an intent with * to match all names that begin with it. Write the topic as in "
        "Sparkcentral, which ignores topics it doesn't have.",
    )
    delegation_dialog = models.CharField(
        "dialog when an agent hands over to the bot",
        max_length=200,
        default="",
        db_default="",
        blank=True,
        help_text="Chatlayer only: the ID of the bot dialog that starts when an agent gives the bot a conversation "
        "(a Delegation virtual agent). Empty: the bot waits for the contact's next message.",
    )
    offer_hours = models.PositiveSmallIntegerField(
        "hours to choose",
        default=24,
        db_default=24,
        validators=_between(*limits.OFFER_HOURS),
        help_text="How long a contact can choose from the bot's latest options, by number or title. After that the "
        "answer is ordinary text.",
    )
    on_contact_file = models.CharField(
        "when the contact sends a file",
        max_length=20,
        choices=FilePolicy,
        default=FilePolicy.ASK_BOT,
        db_default=FilePolicy.ASK_BOT,
        help_text="A picture, a voice message, a video or a document, without any text. A location that the contact "
        "shares always goes to the bot, which may have asked for it.",
    )
    file_texts = texts_column("text when the contact sends a file")
    on_silence = models.CharField(
        "when the contact stays silent",
        max_length=20,
        choices=SilencePolicy,
        default=SilencePolicy.KEEP,
        db_default=SilencePolicy.KEEP,
        help_text="What happens if the question below gets no answer. Conversations with your agents are not touched.",
    )
    silent_minutes = models.PositiveSmallIntegerField(
        "minutes until the question",
        default=60,
        db_default=60,
        validators=_between(*limits.SILENT_MINUTES),
        help_text="How long the contact may be silent. Without a question, the conversation then ends.",
    )
    silence_texts = models.JSONField("question to a silent contact", null=True, blank=True, default=None)
    silent_end_minutes = models.PositiveSmallIntegerField(
        "minutes from the question to the end",
        default=60,
        db_default=60,
        validators=_between(*limits.SILENT_MINUTES),
        help_text="How long the contact has to answer.",
    )
    silence_end_texts = models.JSONField("last words to a silent contact", null=True, blank=True, default=None)
    bot_tries = models.PositiveSmallIntegerField(
        "tries",
        default=2,
        validators=_between(*limits.BOT_TRIES),
        help_text="How often the bot is called for a message before your agents get it.",
    )
    answer_within_s = models.PositiveSmallIntegerField(
        "seconds for an answer",
        default=45,
        validators=_between(*limits.ANSWER_WITHIN_S),
        help_text="How long the bot may take to answer, all tries together; after that it has failed.",
    )
    typing_after_s = models.PositiveSmallIntegerField(
        "seconds until typing is shown",
        default=2,
        db_default=2,
        validators=_between(*limits.TYPING_AFTER_S),
        help_text="Inbox 2.0 only. When the bot thinks longer than this, the contact sees that it is typing, every 10 "
        "seconds. Each time costs one of your account's calls, so it stops when half of a day's calls are used. "
        "0: never.",
    )
    on_bot_failure = models.CharField(
        "when the bot fails",
        max_length=20,
        choices=FailurePolicy,
        default=FailurePolicy.HAND_OVER,
        help_text="What the contact gets when the bot can't be reached, fails or does not answer.",
    )
    fallback_text = models.TextField(blank=True, editable=False)
    """What a contact reads when the bot fails, in the channel's language: what was there until November 2026; kept in
    step with the texts, for versions that know nothing else."""
    fallback_texts = texts_column("text when the bot fails and agents take over")
    apology_texts = texts_column("text when the bot fails and keeps the conversation")
    failure_policies = models.JSONField(
        "by kind of failure", default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
    """By `FailureKind` where something else follows than `on_bot_failure`."""
    hold_after_s = models.PositiveSmallIntegerField(
        "seconds until a first word",
        default=0,
        db_default=0,
        validators=_between(*limits.HOLD_AFTER_S),
        help_text="If the bot hasn't answered a message by then, the contact reads the text below; its answer "
        "follows. 0: never.",
    )
    holding_texts = texts_column("text while the bot thinks")
    max_bounces = models.PositiveSmallIntegerField(
        "handovers in an hour",
        default=5,
        db_default=5,
        validators=_between(*limits.MAX_BOUNCES),
        help_text="A conversation that agents hand back to the bot this often within an hour stays with them.",
    )
    when_paused = models.CharField(
        "while the bot is switched off",
        max_length=20,
        choices=PausePolicy,
        default=PausePolicy.HAND_OVER,
        db_default=PausePolicy.HAND_OVER,
        help_text="What follows when a contact writes while the channel is paused. A message that is kept goes to "
        "your agents a minute before Sparkcentral would take it.",
    )
    paused_texts = texts_column("text while the bot is switched off")
    language = models.CharField(
        "language",
        max_length=MAX_TAG,
        blank=True,
        default="",
        db_default="",
        help_text="For contacts whose language is not known. The bot receives it.",
    )
    language_attribute = models.CharField(
        "contact attribute with the language",
        max_length=200,
        blank=True,
        default="language",
        db_default="language",
        help_text="Where your agents or your CRM record a contact's language. Used when Sparkcentral's event names "
        "no language.",
    )
    reply_limit_s = models.PositiveSmallIntegerField(
        "seconds until Sparkcentral takes over",
        default=300,
        validators=_between(*limits.REPLY_LIMIT_S),
        help_text="The reply timeout set for the virtual agent in Sparkcentral: 300 unless someone changed it. One "
        "minute before it ends, the conversation is handed over in any case.",
    )

    class Meta:
        ordering = ["name"]
        permissions = [
            ("view_message_text", "Can read the texts of contacts and bots"),
            ("replay", "Can retry failed events"),
            ("hand_over", "Can hand a conversation over and reply as the bot"),
            ("pause_channel", "Can pause a channel"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and not self.greet:
            self.greeting = Greeting.NEVER
        self.greet = self.greeting != Greeting.NEVER
        if self._state.adding and self.fallback_text:
            self.put_single_text(self.fallback_text)
        self.fallback_text = self.single_text
        super().save(*args, **kwargs)

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """A version before may have changed the single text since."""
        row = super().from_db(*args, **kwargs)
        if not row.get_deferred_fields() and row.fallback_text != row.single_text:
            row.put_single_text(row.fallback_text)
        return row

    @property
    def single_text(self) -> str:
        """What contacts read when the bot fails of whom no language is known."""
        hands_over = self.on_bot_failure == FailurePolicy.HAND_OVER
        return self.wording.say(Occasion.HANDOVER if hands_over else Occasion.APOLOGY, "")

    def put_single_text(self, text: str) -> None:
        for name, texts in self.texts_after(text).items():
            setattr(self, name, texts)

    def texts_after(self, text: str) -> dict[str, dict[str, str]]:
        """The columns that change when a caller that knows only the single text sets this one."""
        if text == self.single_text:
            return {}
        names = ("fallback_texts", "apology_texts")
        return {name: with_single(getattr(self, name), text, self.language) for name in names}

    @property
    def asks_silent_contacts(self) -> bool:
        """Whether there is a question before the end; None: our own."""
        return bool(self.silence_texts != {})

    @property
    def wording(self) -> Wording:
        return Wording(
            language=self.language,
            attribute=self.language_attribute,
            texts={
                Occasion.HANDOVER: self.fallback_texts,
                Occasion.APOLOGY: self.apology_texts,
                Occasion.FILE: self.file_texts,
                Occasion.SILENCE: self.silence_texts,
                Occasion.SILENCE_END: self.silence_end_texts,
                Occasion.HOLDING: self.holding_texts,
                Occasion.PAUSED: self.paused_texts,
            },
        )

    def greeting_for(self, greet: bool) -> str:
        """The greeting meant by the earlier yes or no."""
        if greet == (self.greeting != Greeting.NEVER):
            return self.greeting
        return Greeting.WITH_FIRST_MESSAGE if greet else Greeting.NEVER

    def secret_names(self) -> frozenset[str]:
        return inboxes.secret_keys(inboxes.inbox_class(self.inbox).settings_form)

    def sealed_secrets(self) -> dict[str, tuple[str, str]]:
        kept = {"shared_secret": self.shared_secret_encrypted, "old_secret": self.old_secret_encrypted}
        own = {name: (text, self._context("shared_secret")) for name, text in kept.items() if text}
        return {**super().sealed_secrets(), **own}

    def forget_secret(self, name: str) -> None:
        if name in ("shared_secret", "old_secret"):
            setattr(self, name, "")
        else:
            super().forget_secret(name)

    @property
    def shared_secret(self) -> str:
        """Decrypted; empty when none is saved."""
        text = self.shared_secret_encrypted
        return decrypt(text, self._context("shared_secret")) if text else ""

    @shared_secret.setter
    def shared_secret(self, value: str) -> None:
        self.shared_secret_encrypted = encrypt(value, self._context("shared_secret")) if value else ""

    @property
    def old_secret(self) -> str:
        """The secret before the present one, decrypted; empty when there was none. Kept after `old_secret_until`
        too, to tell a sender that still uses it from one that knows nothing."""
        text = self.old_secret_encrypted
        return decrypt(text, self._context("shared_secret")) if text else ""

    @old_secret.setter
    def old_secret(self, value: str) -> None:
        self.old_secret_encrypted = encrypt(value, self._context("shared_secret")) if value else ""
