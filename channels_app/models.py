"""The rows. They are the truth; whatever is in Redis or in a process can be lost at any time.

Texts of verbose names and help are read by an admin who has the other platform open in a second tab.
"""

import uuid
from contextlib import suppress
from typing import Any

from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

from channels_app import bots, inboxes
from channels_app.encryption import decrypt, encrypt
from channels_app.errors import ConfigError


class RandomUUID(Func):
    """PostgreSQL's own UUID, for rows that are inserted by hand-written statements."""

    function = "gen_random_uuid"
    template = "%(function)s()"
    output_field = models.UUIDField()


class SettingsModel(models.Model):
    """A row with the settings that its adapter asks for: one JSON field, secret values encrypted.

    `revision` counts saves, so that other processes notice that what they hold is old.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    settings = models.JSONField(default=dict, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.revision += 1
        super().save(*args, **kwargs)

    def secret_names(self) -> frozenset[str]:
        """The keys of `settings` whose values are secret."""
        raise NotImplementedError  # each concrete row asks its adapter

    def clear_settings(self) -> dict[str, Any]:
        """The settings with their secrets decrypted: for the adapter alone. Raises ConfigError without the key."""
        secrets = self.secret_names()
        return {
            name: decrypt(value, self._context(name)) if name in secrets and value else value
            for name, value in self.settings.items()
        }

    def put_settings(self, values: dict[str, Any]) -> None:
        """Keep these settings; a secret that hasn't changed keeps its ciphertext, so that nothing looks changed."""
        secrets = self.secret_names()
        self.settings = {
            name: self._sealed(name, value) if name in secrets and value else value for name, value in values.items()
        }

    def _sealed(self, name: str, value: str) -> str:
        context = self._context(name)
        kept = self.settings.get(name)
        with suppress(ConfigError):  # the key of the kept one is lost: then it is given anew
            if kept and decrypt(kept, context) == value:
                return str(kept)
        return encrypt(value, context)

    def _context(self, name: str) -> str:
        return f"{self._meta.label_lower}.{self.uuid}.{name}"


class Bot(SettingsModel):
    name = models.CharField(max_length=100, unique=True, help_text="Shown to your team only.")
    kind = models.CharField(
        max_length=30,
        choices=bots.choices,
        help_text="The platform that your bot runs on, or any bot with an address.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def secret_names(self) -> frozenset[str]:
        return bots.secret_keys(bots.bot_class(self.kind).settings_form)


class Channel(SettingsModel):
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
    bot = models.ForeignKey(
        Bot, null=True, blank=True, on_delete=models.PROTECT, help_text="Who answers first on this channel."
    )
    is_active = models.BooleanField(
        "active",
        default=True,
        help_text="Off: every conversation goes to your agents at once.",
    )
    covers_all_inbox_channels = models.BooleanField(
        "bot answers on every inbox channel",
        default=True,
        help_text="Off: the bot answers only on the inbox channels ticked below; others go to your agents at once.",
    )
    greet = models.BooleanField(
        "greet", default=True, help_text="Ask the bot for a greeting when a conversation starts."
    )
    bot_tries = models.PositiveSmallIntegerField(
        "tries", default=2, help_text="How often the bot is called for a message before your agents get it."
    )
    fallback_text = models.TextField(
        "text when the bot fails",
        blank=True,
        help_text="Sent with the hand-over when the bot can't be reached. Empty: the contact sees no text. "
        "Example: One moment, a colleague takes over.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def secret_names(self) -> frozenset[str]:
        return inboxes.secret_keys(inboxes.inbox_class(self.inbox).settings_form)

    @property
    def shared_secret(self) -> str:
        """Decrypted; empty when none is saved."""
        text = self.shared_secret_encrypted
        return decrypt(text, self._context("shared_secret")) if text else ""

    @shared_secret.setter
    def shared_secret(self, value: str) -> None:
        self.shared_secret_encrypted = encrypt(value, self._context("shared_secret")) if value else ""


class InboxChannel(models.Model):
    """What the platform calls a channel, e.g. a WhatsApp number: from the configuration, or seen in an event."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="inbox_channels")
    external_id = models.CharField("id", max_length=200, help_text="As Sparkcentral names it in its events.")
    name = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField("bot answers here", default=False)
    first_seen_at = models.DateTimeField("first event", null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name", "external_id"]
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="inbox_channel_once")]

    def __str__(self) -> str:
        return self.name or self.external_id


class Credential(models.Model):
    """What is known about one set of API keys: its token, and whether the platform takes the keys.

    Shared by all channels with the same keys. Made on demand; no secret of it is readable without our keys.
    """

    account_key = models.CharField(max_length=64, unique=True)
    token_encrypted = models.TextField(blank=True)
    token_expires_at = models.DateTimeField(null=True)
    token_refresh_at = models.DateTimeField(null=True)
    refreshing_until = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True)
    quota_used = models.PositiveIntegerField(null=True)
    quota_limit = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return self.account_key[:8]


class ContactRow(models.Model):
    """The person who writes, as the inbox last described them."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="contacts")
    external_id = models.CharField(max_length=200)
    primary_identifier = models.CharField(max_length=300, blank=True)
    secondary_identifier = models.CharField(max_length=300, blank=True)
    picture_url = models.TextField(blank=True)
    vip = models.BooleanField(default=False)
    medium_contact_profile_id = models.CharField(max_length=300, blank=True)
    attributes = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = "contact"
        db_table = "channels_app_contact"
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="contact_once")]

    def __str__(self) -> str:
        return self.primary_identifier or self.external_id


class Owner(models.TextChoices):
    UNKNOWN = "unknown", "not known yet"
    BOT = "bot", "with the bot"
    OTHER = "other", "with the agents"
    CLOSED = "closed", "resolved"


class Conversation(models.Model):
    """The inbox's thread, and the lease under which one worker at a time works on it.

    `stint` counts how often the bot got it; `fence` grows with each lease, so that a worker that lost its lease
    can change nothing. `wake_at` is set while something has to be done: no queue needs to remember it.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="conversations", db_index=False)
    external_id = models.CharField("Sparkcentral's id", max_length=200)
    session_id = models.UUIDField(
        "session of the bot", default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False
    )
    contact = models.ForeignKey(ContactRow, null=True, on_delete=models.SET_NULL, related_name="conversations")
    inbox_channel = models.ForeignKey(InboxChannel, null=True, on_delete=models.SET_NULL, db_index=False)
    medium = models.CharField(max_length=50, blank=True, default="", db_default="")
    language = models.CharField(max_length=35, blank=True, default="", db_default="")
    topics = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    owner = models.CharField(max_length=10, choices=Owner, default=Owner.UNKNOWN, db_default=Owner.UNKNOWN)
    stint = models.PositiveIntegerField(default=0, db_default=0)
    stint_is_implied = models.BooleanField(default=False, db_default=False)
    newest_sent_at = models.DateTimeField(null=True)
    options = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    last_turn_id = models.BigIntegerField(default=0, db_default=0)
    last_message_id = models.CharField(max_length=200, default="", db_default="")
    bot_counter = models.IntegerField(null=True)
    lease_slot = models.CharField(max_length=100, null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0, db_default=0)
    wake_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="conversation_once")]
        indexes = [
            models.Index(fields=["wake_at"], name="conversation_due", condition=models.Q(wake_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.external_id


class EventSource(models.TextChoices):
    INBOX = "inbox", "inbox"
    BOT = "bot", "bot"
    OFFLOAD = "offload", "bot's offload request"
    WRITE_BACK = "write_back", "write back"
    ADMIN = "admin", "admin"


class EventState(models.TextChoices):
    """Where the turn of an event stands; every arrow between them is one short transaction."""

    QUEUED = "queued", "waiting"
    BOT_CALL = "bot_call", "asking the bot"
    BOT_WAIT = "bot_wait", "waiting for the bot"
    SENDING = "sending", "sending"
    DONE = "done", "done"


class Outcome(models.TextChoices):
    """How an event ended. Each accepted event gets exactly one."""

    REPLIED = "replied", "answered"
    REPLIED_UNCONFIRMED = "replied_unconfirmed", "answered, not confirmed"
    HANDED_OVER = "handed_over", "handed over"
    RESOLVED = "resolved", "resolved"
    SILENT = "silent", "nothing to say"
    MOOT = "moot", "not ours any more"
    IGNORED = "ignored", "ignored"
    MERGED = "merged", "answered with another event"
    DEAD = "dead", "failed: needs an operator"


class WebhookEvent(models.Model):
    """One notification and its turn: what came, how far we are, and how it ended.

    The turn has no table of its own because there is exactly one for each event. Never partition this table:
    the unique key that makes an event count once would have to contain the partition.
    """

    source = models.CharField(max_length=10, choices=EventSource)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="events", db_index=False)
    idempotency_key = models.CharField(max_length=200)
    type = models.CharField(max_length=40)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="events", db_index=False)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    counter = models.IntegerField(null=True)
    state = models.CharField(
        max_length=10, choices=EventState, default=EventState.QUEUED, db_default=EventState.QUEUED
    )
    wait_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    stint = models.PositiveIntegerField(default=0, db_default=0)
    outcome = models.CharField(max_length=20, choices=Outcome, null=True)
    reason = models.TextField(blank=True, default="", db_default="")
    finished_at = models.DateTimeField(null=True)
    retried_at = models.DateTimeField(null=True)
    duplicates = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "source", "idempotency_key"], name="event_once"),
        ]
        indexes = [
            models.Index(
                fields=["conversation", "sent_at"], name="event_open", condition=models.Q(outcome__isnull=True)
            ),
            models.Index(fields=["conversation", "id"], name="event_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.idempotency_key}"


class EventBody(models.Model):
    """The raw body as it came: bytes, because text columns refuse some of what people send."""

    event = models.OneToOneField(WebhookEvent, primary_key=True, on_delete=models.CASCADE, related_name="body")
    raw = models.BinaryField()

    def __str__(self) -> str:
        return f"body of event {self.event_id}"


class Author(models.TextChoices):
    CONTACT = "contact", "contact"
    BOT = "bot", "bot"
    AGENT = "agent", "agent"
    BRIDGE = "bridge", "chatbridge"


class MessageRow(models.Model):
    """One thing said in a conversation, for the transcript."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False)
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="messages", db_index=False)
    author = models.CharField(max_length=10, choices=Author)
    position = models.PositiveSmallIntegerField(default=0, db_default=0)
    text = models.TextField(blank=True)
    attachment_url = models.TextField(blank=True)
    said_at = models.DateTimeField()

    class Meta:
        verbose_name = "message"
        db_table = "channels_app_message"
        constraints = [models.UniqueConstraint(fields=["event", "author", "position"], name="message_once")]
        indexes = [models.Index(fields=["conversation", "said_at"], name="message_transcript")]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:40]}"


class DeliveryKind(models.TextChoices):
    ATTACHMENT = "attachment", "attachment"
    REPLY = "reply", "reply"


class DeliveryState(models.TextChoices):
    PENDING = "pending", "waiting"
    IN_FLIGHT = "in_flight", "on its way"
    SENT = "sent", "sent"
    UNCONFIRMED = "unconfirmed", "sent, not confirmed"
    REFUSED = "refused", "refused"
    CANCELLED = "cancelled", "not sent: no longer ours"
    FAILED = "failed", "failed"


class Delivery(models.Model):
    """One outward call to the inbox, written down before its first byte leaves."""

    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    seq = models.PositiveSmallIntegerField()
    kind = models.CharField(
        max_length=10, choices=DeliveryKind, default=DeliveryKind.REPLY, db_default=DeliveryKind.REPLY
    )
    payload = models.JSONField()
    state = models.CharField(
        max_length=12, choices=DeliveryState, default=DeliveryState.PENDING, db_default=DeliveryState.PENDING
    )
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    first_sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_error = models.TextField(blank=True, default="", db_default="")
    trace_id = models.CharField("Sparkcentral's trace id", max_length=200, blank=True, default="", db_default="")

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["event", "seq"], name="delivery_once")]
        indexes = [models.Index(fields=["conversation", "id"], name="delivery_of_conversation")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class DeliveryAttempt(models.Model):
    """One try of a delivery and what came of it. Bodies are not kept here."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    n = models.PositiveSmallIntegerField()
    fence = models.BigIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(db_default=Now())
    result = models.CharField(max_length=20)
    status = models.PositiveSmallIntegerField(default=0, db_default=0)
    error = models.TextField(blank=True, default="", db_default="")
    trace_id = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["n"]
        constraints = [models.UniqueConstraint(fields=["delivery", "n"], name="attempt_once")]

    def __str__(self) -> str:
        return f"try {self.n}: {self.result}"


class IntakeCount(models.Model):
    """How many requests a door turned away or ignored, by reason and day: all that is kept of them."""

    door = models.CharField(max_length=20)
    owner_uuid = models.UUIDField("uuid in the address", null=True)
    reason = models.CharField(max_length=30)
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["door", "owner_uuid", "reason", "day"], name="intake_count_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.count}"


class WorkerSlot(models.Model):
    """A process that runs turns, and when it was last seen alive."""

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
