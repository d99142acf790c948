"""Work from time to time: one process at a time claims a job, does a slice of it, and says when the next is due.

A claim is a row with an end, so a process that dies over a job holds it up for no longer than CLAIM. All times of
claims are the database's clock.
"""

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from channels_app.lib.clocks import database_now
from channels_app.models import Job

CLAIM = timedelta(seconds=90)
"""Longer than any slice: those that may take long stop after 20 s, and no statement takes more than 15 s."""


def announce_jobs(names: Collection[str]) -> None:
    """Make their rows; those that exist stay as they are."""
    now = database_now()
    Job.objects.bulk_create([Job(name=name, next_at=now) for name in names], ignore_conflicts=True)


def claim_due_job(slot: str, names: Collection[str]) -> Job | None:
    """The job among these that is overdue longest, for this process alone; None when none is due."""
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
    due = Job.objects.filter(is_free, name__in=names, next_at__lte=Now()).order_by("next_at")
    with transaction.atomic():
        job = due.select_for_update(skip_locked=True).first()
        if job is not None:
            job.began_at, job.claimed_by = database_now(), slot
            job.claimed_until = job.began_at + CLAIM
            job.save(update_fields=["began_at", "claimed_by", "claimed_until"])
    return job


def end_job(job: Job, result: str, *, wait: timedelta, has_failed: bool = False) -> None:
    """Release it with its result; due again after `wait`. Nothing of both if its claim has ended."""
    now = database_now()
    Job.objects.filter(pk=job.pk, claimed_by=job.claimed_by).update(
        claimed_until=None,
        ended_at=now,
        took_ms=(now - (job.began_at or now)) // timedelta(milliseconds=1),
        result=result,
        has_failed=has_failed,
        next_at=now + wait,
    )
