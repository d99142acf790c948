"""What goes out, and each try."""

from django.db import models
from django.db.models.functions import Now

from channels_app.models.conversations import Conversation
from channels_app.models.events import WebhookEvent
from channels_app.protocol import Outgoing


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


NOT_ARRIVED = (DeliveryState.FAILED, DeliveryState.REFUSED)
"""What the contact has surely not got."""
RETRYABLE = (*NOT_ARRIVED, DeliveryState.UNCONFIRMED)
"""What an operator may have sent again."""


class Delivery(models.Model):
    """One outward call to the inbox, written down before its first byte leaves."""

    event = models.ForeignKey(
        WebhookEvent, on_delete=models.CASCADE, related_name="deliveries", db_index=False, db_constraint=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="deliveries", db_index=False, db_constraint=False
    )
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

    @property
    def outgoing(self) -> Outgoing:
        """What a reply carries; an attachment has none."""
        return Outgoing.from_json(self.payload["outgoing"])

    @outgoing.setter
    def outgoing(self, outgoing: Outgoing) -> None:
        self.payload = {**self.payload, "outgoing": outgoing.to_json()}
