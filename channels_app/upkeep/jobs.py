"""Work from time to time: one process at a time claims a job, does a slice of it, and says when the next is due.

A claim is a row with an end, so a process that dies over a job holds it up for no longer than CLAIM. All times of
claims are the database's clock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from channels_app.lib.clocks import database_now
from channels_app.models import Job

CLAIM = timedelta(seconds=90)
"""Longer than any slice: those that may take long stop after 20 s, and no statement takes more than 15 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedJob:
    name: str
    began_at: datetime


def announce_jobs(names: Collection[str]) -> None:
    """Make their rows; those that exist stay as they are."""
    now = database_now()
    Job.objects.bulk_create([Job(name=name, next_at=now) for name in names], ignore_conflicts=True)


_CLAIM = """
UPDATE channels_app_job SET claimed_until = clock_timestamp() + %(claim)s, claimed_by = %(slot)s,
    began_at = clock_timestamp()
WHERE id = (SELECT id FROM channels_app_job
    WHERE name = ANY(%(names)s) AND next_at <= clock_timestamp()
        AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
    ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING name, began_at
"""


def claim_due_job(slot: str, names: Collection[str]) -> ClaimedJob | None:
    """The job among these that is overdue longest, for this process alone; None when none is due."""
    values: dict[str, Any] = {"claim": CLAIM, "slot": slot, "names": list(names)}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
    return ClaimedJob(name=row[0], began_at=row[1]) if row else None


_END = """
UPDATE channels_app_job SET claimed_until = NULL, ended_at = clock_timestamp(), result = %(result)s,
    has_failed = %(has_failed)s, next_at = clock_timestamp() + %(wait)s,
    took_ms = extract(epoch FROM clock_timestamp() - began_at) * 1000
WHERE name = %(name)s AND claimed_by = %(slot)s
"""


def end_job(slot: str, name: str, result: str, *, wait: timedelta, has_failed: bool = False) -> None:
    """Give it back with what came of it; due again after `wait`."""
    values: dict[str, Any] = {"slot": slot, "name": name, "result": result, "wait": wait, "has_failed": has_failed}
    with connection.cursor() as cursor:
        cursor.execute(_END, values)
