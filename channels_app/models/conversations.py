"""Who talks with whom, and who works on it."""

import uuid

from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

from channels_app.models.channels import Channel
from channels_app.models.inbox_channels import InboxChannel


class RandomUUID(Func):
    """PostgreSQL's own UUID, for rows that are inserted by hand-written statements."""

    function = "gen_random_uuid"
    template = "%(function)s()"
    output_field = models.UUIDField()


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
    can change nothing. `wake_at` is set while something has to be done: no queue needs to remember it. `arrivals`
    grows with each event, so that a release notices events that arrived during the step. `remembered` is what the bot
    with the id `bot` wants told with its next turns.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="conversations", db_index=False)
    external_id = models.CharField("Sparkcentral's id", max_length=200)
    session_id = models.UUIDField(
        "session of the bot", default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False
    )
    session_since = models.BigIntegerField(default=0, db_default=0)
    """The first event of the session; 0: the conversation's first. Who comes back after the end begins another one."""
    contact = models.ForeignKey(ContactRow, null=True, on_delete=models.SET_NULL, related_name="conversations")
    inbox_channel = models.ForeignKey(InboxChannel, null=True, on_delete=models.SET_NULL, db_index=False)
    medium = models.CharField(max_length=50, blank=True, default="", db_default="")
    language = models.CharField(max_length=35, blank=True, default="", db_default="")
    topics = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    owner = models.CharField("now", max_length=10, choices=Owner, default=Owner.UNKNOWN, db_default=Owner.UNKNOWN)
    stint = models.PositiveIntegerField(default=0, db_default=0)
    stint_is_implied = models.BooleanField(default=False, db_default=False)
    stint_began_at = models.DateTimeField(null=True)
    newest_sent_at = models.DateTimeField(null=True)
    options = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    remembered = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    last_turn_id = models.BigIntegerField(default=0, db_default=0)
    last_message_id = models.CharField(max_length=200, default="", db_default="")
    bot_counter = models.IntegerField(null=True)
    lease_slot = models.CharField(max_length=100, null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0, db_default=0)
    wake_at = models.DateTimeField(null=True)
    arrivals = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="conversation_once")]
        indexes = [
            models.Index(fields=["wake_at"], name="conversation_due", condition=models.Q(wake_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.external_id
