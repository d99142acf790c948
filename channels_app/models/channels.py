"""What an admin sets up: bots, channels, and the inbox channels on which a bot answers."""

from typing import Any, Self

from django.db import models

from channels_app.adapters import inboxes
from channels_app.lib.encryption import decrypt, encrypt
from channels_app.models import limits
from channels_app.models.bots import Bot, SettingsModel
from channels_app.models.policies import Greeting
from channels_app.models.rules import ChannelRules


class Channel(ChannelRules, SettingsModel):
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
        help_text="Off: the bot is not asked, and “While the bot is switched off” says what follows.",
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
        validators=limits.between(*limits.KEEP_DAYS),
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
    delegation_text = models.CharField(
        "text for the bot when an agent hands over to it",
        max_length=500,
        default="",
        db_default="",
        blank=True,
        help_text="What the bot reads as if the contact had written it, when an agent gives it a conversation: e.g. "
        "“/callback” starts a flow of a Rasa bot. Not used if there is a dialog above.",
    )
    offer_hours = models.PositiveSmallIntegerField(
        "hours to choose",
        default=24,
        db_default=24,
        validators=limits.between(*limits.OFFER_HOURS),
        help_text="How long a contact can choose from the bot's latest options, by number or title. After that the "
        "answer is ordinary text.",
    )
    reply_limit_s = models.PositiveSmallIntegerField(
        "seconds until Sparkcentral takes over",
        default=300,
        validators=limits.between(*limits.REPLY_LIMIT_S),
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
