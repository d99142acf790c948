"""Each outward call and what came back: for the people who ask why."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from channels_app.models.channels import Channel
from channels_app.models.deliveries import Delivery
from channels_app.models.events import WebhookEvent


class Target(models.TextChoices):
    BOT = "bot", "to the bot"
    INBOX = "inbox", "to the inbox"


class Exchange(models.Model):
    """One outward call. What came in from outside is an event, and not repeated here.

    `request` and `response` are bodies as text, secrets masked and long ones cut before they were written; empty
    again once the channel's time for texts is over. `code` is the catalogue's; empty: all went well. `n`: which try
    of its delivery, or of the bot for its event. `result` is what the try may have done, see `verdicts.Verdict`
    and `errors.Effect`. `limits`: what the answer's headers tell of its sender's.
    """

    event = models.ForeignKey(
        WebhookEvent, on_delete=models.CASCADE, related_name="exchanges", db_index=False, db_constraint=False
    )
    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, related_name="exchanges", db_index=False, db_constraint=False
    )
    # Without a cascade and a way back, so that no index is needed for it: it goes with its event, and is found by it.
    delivery = models.ForeignKey(
        Delivery, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    target = models.CharField(max_length=5, choices=Target)
    n = models.PositiveSmallIntegerField()
    fence = models.BigIntegerField()
    started_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(default=0, db_default=0)
    result = models.CharField(max_length=20)
    code = models.CharField(max_length=10, blank=True, default="", db_default="")
    status = models.PositiveSmallIntegerField(default=0, db_default=0)
    error = models.TextField(blank=True, default="", db_default="")
    trace_id = models.CharField(max_length=200, blank=True, default="", db_default="")
    method = models.CharField(max_length=10, blank=True, default="", db_default="")
    url = models.TextField(blank=True, default="", db_default="")
    request = models.TextField(blank=True, default="", db_default="")
    response = models.TextField(blank=True, default="", db_default="")
    limits = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["event", "id"], name="exchange_of_event"),
            models.Index(fields=["channel", "id"], name="exchange_of_channel"),
            models.Index(fields=["id"], name="exchange_failed", condition=~models.Q(code="")),
            models.Index(fields=["trace_id"], name="exchange_trace", condition=~models.Q(trace_id="")),
            BrinIndex(fields=["started_at"], name="exchange_started", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"try {self.n}: {self.result}"
