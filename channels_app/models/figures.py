"""What the dashboard and the failures inbox show, counted ahead so that no page counts events."""

from django.conf import settings
from django.db import models

from channels_app.models.channels import Channel
from channels_app.models.events import WebhookEvent


class Period(models.TextChoices):
    MINUTE = "minute", "minute"
    HALF_HOUR = "half", "half hour"
    HOUR = "hour", "hour"


class Figure(models.Model):
    """How often something happened on a channel in a minute, half an hour or an hour.

    `name` is what is counted, `label` which kind of it: an outcome, a reason, the bucket of a histogram.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="figures", db_index=False)
    period = models.CharField(max_length=6, choices=Period)
    start = models.DateTimeField()
    name = models.CharField(max_length=30)
    label = models.CharField(max_length=40, default="", db_default="")
    value = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["period", "start", "channel", "name", "label"], name="figure_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label}: {self.value}"


class FailureGroup(models.Model):
    """Failures with one cause on one channel. Its state is computed from these facts.

    `fingerprint` is made of code, channel and the normalised message; `waiting`: contacts without an answer whose
    conversation is still with the bot.
    """

    fingerprint = models.CharField(max_length=64, unique=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="failure_groups", db_index=False)
    code = models.CharField(max_length=10)
    message = models.TextField(blank=True, default="")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=0)
    conversations = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0, db_default=0)
    resolved_at = models.DateTimeField(null=True)
    regressed_at = models.DateTimeField(null=True)
    muted_at = models.DateTimeField(null=True)
    muted_until_count = models.PositiveBigIntegerField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["-last_at"], name="failure_group_latest")]

    def __str__(self) -> str:
        return f"{self.code} {self.message[:60]}"


class Failure(models.Model):
    """An event that failed with a group's cause, the latest time that it did."""

    group = models.ForeignKey(FailureGroup, on_delete=models.CASCADE, related_name="failures", db_index=False)
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="failures")
    at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "event"], name="failure_once")]
        indexes = [models.Index(fields=["group", "-at"], name="failure_latest")]

    def __str__(self) -> str:
        return f"failure of event {self.event_id}"


class BulkState(models.TextChoices):
    PLANNED = "planned", "planned"
    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    DONE = "done", "done"
    CANCELLED = "cancelled", "cancelled"
    STOPPED = "stopped", "stopped: the first ten all failed"


class BulkRetry(models.Model):
    """Many events done again at a person's wish: planned first, then one after the other.

    Selected by `group` or by the time at which they came, from `since` to `until`.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="bulk_retries", db_index=False)
    group = models.ForeignKey(FailureGroup, null=True, on_delete=models.SET_NULL, related_name="bulk_retries")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=BulkState, default=BulkState.PLANNED)
    reason = models.TextField(blank=True, default="")
    planned_by = models.CharField(max_length=150)
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "bulk retries"
        constraints = [
            models.UniqueConstraint(
                fields=["channel"],
                name="one_bulk_retry_at_a_time",
                condition=models.Q(state__in=["running", "paused"]),
            )
        ]

    def __str__(self) -> str:
        return f"bulk retry {self.pk} ({self.get_state_display()})"


class BulkRetryItem(models.Model):
    """One event of a bulk retry and its result; empty `result`: not yet its turn."""

    bulk = models.ForeignKey(BulkRetry, on_delete=models.CASCADE, related_name="items", db_index=False)
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="+")
    result = models.CharField(max_length=80, blank=True, default="", db_default="")
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bulk", "event"], name="bulk_retry_item_once")]

    def __str__(self) -> str:
        return f"event {self.event_id}: {self.result or 'waiting'}"
