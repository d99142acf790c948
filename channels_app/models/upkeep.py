"""What the bridge knows about itself: its credentials, its processes, and whom its doors turned away."""

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now


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
    problem_code = models.CharField(max_length=10, blank=True, default="", db_default="")
    problem_since = models.DateTimeField(null=True)
    quota_used = models.PositiveIntegerField(null=True)
    quota_limit = models.PositiveIntegerField(null=True)
    quota_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API account"

    def __str__(self) -> str:
        return self.account_key[:8]


class KeyCheck(models.Model):
    """One row with a text that is encrypted under the installation's key: a process that can't read it has other
    keys."""

    check_encrypted = models.TextField()

    def __str__(self) -> str:
        return self.check_encrypted


class IntakeCount(models.Model):
    """How many requests a door turned away or ignored, by reason and day: all that is kept of them."""

    door = models.CharField(max_length=20)
    owner_uuid = models.UUIDField("uuid in the address", null=True)
    reason = models.CharField(max_length=30)
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    last_network = models.CharField("latest from", max_length=50, blank=True, default="", db_default="")
    last_bytes = models.PositiveIntegerField("latest body size in bytes", null=True)

    class Meta:
        verbose_name = "refused or ignored request"
        constraints = [
            models.UniqueConstraint(
                fields=["door", "owner_uuid", "reason", "day"], name="intake_count_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.count}"


class WorkerSlot(models.Model):
    """A process that runs turns, and when it was last seen alive; what it is busy with is as old as its last beat.

    One that has ended is remembered for a day: a worker that is missed must not be forgotten.
    """

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    threads = models.PositiveSmallIntegerField(null=True)
    active = models.PositiveSmallIntegerField("conversations it is processing", default=0, db_default=0)
    memory_bytes = models.BigIntegerField(null=True)
    clock_ahead_s = models.FloatField("clock ahead of PostgreSQL's, in seconds", null=True)

    class Meta:
        verbose_name = "worker"

    def __str__(self) -> str:
        return self.name


class Job(models.Model):
    """Work that the guards do from time to time: whichever claims the row does a slice of it.

    `positions` says how far the work has come, by names of the job's own.
    """

    name = models.CharField(max_length=30, unique=True)
    next_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=100, blank=True, default="")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    took_ms = models.PositiveIntegerField(default=0)
    result = models.TextField(blank=True, default="")
    has_failed = models.BooleanField(default=False)
    positions = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def call(cls, name: str) -> None:
        """There is something to do for it now."""
        cls.objects.filter(name=name).update(next_at=Now())

    @classmethod
    def read_positions(cls, name: str) -> dict[str, Any]:
        """How far the job has come; empty before its first time."""
        return cls.objects.filter(name=name).values_list("positions", flat=True).first() or {}

    @classmethod
    def keep_positions(cls, name: str, positions: Mapping[str, Any]) -> None:
        """How far it has come now. In the transaction of what was done, where that must not be done twice."""
        with transaction.atomic(savepoint=False):
            job, _ = cls.objects.select_for_update().get_or_create(name=name, defaults={"next_at": Now()})
            cls.objects.filter(pk=job.pk).update(positions={**job.positions, **positions})
