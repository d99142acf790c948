"""What came in, how far we are with it, and how it ended."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from channels_app.models.channels import Channel
from channels_app.models.conversations import Conversation


class EventSource(models.TextChoices):
    INBOX = "inbox", "inbox"
    BOT = "bot", "bot"
    OFFLOAD = "offload", "bot's offload request"
    WRITE_BACK = "write_back", "write back"
    ADMIN = "admin", "admin"
    BRIDGE = "bridge", "chatbridge"


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
    MOOT = "moot", "no longer ours"
    IGNORED = "ignored", "ignored"
    MERGED = "merged", "answered with another event"
    DEAD = "dead", "failed: needs an operator"


class WebhookEvent(models.Model):
    """One notification and its turn: what came, how far we are, and how it ended.

    The turn has no table of its own because there is exactly one for each event. Never partition this table:
    the unique key that makes an event count once would have to contain the partition.

    `called_at`: when the bot was first called for it; `answered_by`: the id of the bot's event that answers it;
    `retried_at`: when an operator retried it; the platform's time for a reply restarts then;
    `inline_until`: until when the inbox's own request waits for the answer, to carry it in ours;
    `signed_at`: the unix seconds of the signatures that a bot's words without an id of their own came with.
    """

    source = models.CharField(max_length=10, choices=EventSource)
    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, related_name="events", db_index=False, db_constraint=False
    )
    idempotency_key = models.CharField(max_length=200)
    type = models.CharField(max_length=40)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="events", db_index=False, db_constraint=False
    )
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    counter = models.IntegerField(null=True)
    signed_at = ArrayField(models.BigIntegerField(), null=True)
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
    called_at = models.DateTimeField(null=True)
    answered_by = models.BigIntegerField(null=True)
    inline_until = models.DateTimeField(null=True)
    duplicates = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = "event"
        constraints = [
            models.UniqueConstraint(fields=["channel", "source", "idempotency_key"], name="event_once"),
        ]
        indexes = [
            models.Index(
                fields=["conversation", "sent_at", "id"],
                name="event_open_in_order",
                condition=models.Q(outcome__isnull=True),
            ),
            models.Index(fields=["conversation", "id"], name="event_of_conversation"),
            models.Index(fields=["channel", "id"], name="event_of_channel"),
            models.Index(fields=["id"], name="event_dead", condition=models.Q(outcome="dead")),
            BrinIndex(fields=["received_at"], name="event_received", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.idempotency_key}"


class EventBody(models.Model):
    """The raw body as it came: bytes, because text columns refuse some of what people send."""

    event = models.OneToOneField(
        WebhookEvent, primary_key=True, on_delete=models.CASCADE, related_name="body", db_constraint=False
    )
    raw = models.BinaryField()

    def __str__(self) -> str:
        return f"body of event {self.event_id}"
