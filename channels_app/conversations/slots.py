"""The processes that hold leases: each has a slot, keeps what it holds, and what a dead one held is freed."""

import os
import socket
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from channels_app.conversations.lease import LEASE_S
from channels_app.lib.clocks import database_now, machine_is_ahead_s
from channels_app.models import Conversation, WorkerSlot

RENEWED_AT_ONCE = 100
"""Rows that a renewal locks at a time: whoever releases one of them waits for it."""
LOST_AFTER_S = 2.0
"""A conversation claimed this long ago that the process isn't handling never reached it."""


def new_slot_name(kind: str) -> str:
    """A name for this process and this start of it: `host/pid/when/kind`, unique over all machines."""
    return f"{socket.gethostname()}/{os.getpid()}/{time.time_ns():x}/{kind}"


def renew_leases(slot: str, conversation_ids: Sequence[int]) -> None:
    """Keep what this process still works on, and say that it lives, how busy and how big it is, and what
    its clock says."""
    for place in range(0, len(conversation_ids), RENEWED_AT_ONCE):
        batch = conversation_ids[place : place + RENEWED_AT_ONCE]
        mine = Conversation.objects.filter(pk__in=batch, lease_slot=slot)
        mine.update(lease_until=Now() + timedelta(seconds=LEASE_S))
    WorkerSlot.objects.filter(name=slot).update(
        beat_at=Now(),
        active=len(conversation_ids),
        memory_bytes=_memory_bytes(),
        clock_ahead_s=machine_is_ahead_s(),
    )


def _memory_bytes() -> int | None:
    """This process's resident memory; None where the system doesn't say (Linux does)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def register_slot(slot: str) -> None:
    """Announce this process, so that its leases can be freed when it dies."""
    host, pid, _, kind = slot.rsplit("/", 3)
    now = database_now()
    WorkerSlot.objects.create(
        name=slot,
        host=host,
        pid=int(pid),
        kind=kind,
        version=settings.VERSION,
        started_at=now,
        beat_at=now,
        threads=settings.TURNS_AT_ONCE,
        memory_bytes=_memory_bytes(),
        clock_ahead_s=machine_is_ahead_s(),
    )


def free_leases(slots: Sequence[str]) -> int:
    """Free what ended processes held, so that others go on at once; returns how many conversations that were."""
    held = Conversation.objects.filter(wake_at__isnull=False, lease_slot__in=slots)
    freed = held.update(lease_slot=None, lease_until=None)
    WorkerSlot.objects.filter(name__in=slots).update(ended_at=Now())
    return freed


def free_conversations(slot: str, conversation_ids: Sequence[int]) -> None:
    """Free some of what this process holds, so that others go on with it at once."""
    Conversation.objects.filter(pk__in=conversation_ids, lease_slot=slot).update(lease_slot=None, lease_until=None)


def forget_slots(older_than: timedelta) -> None:
    """Forget processes without a heartbeat for this long."""
    WorkerSlot.objects.filter(beat_at__lt=Now() - older_than).delete()


def free_lost_leases(slot: str, held: Sequence[int], looked_at: datetime) -> int:
    """Free what was claimed in this process's name but never received: PostgreSQL did it, and its answer was
    lost. Returns how many conversations that were.

    `held` is what this process had at the moment `looked_at`, by PostgreSQL's clock. One claimed less than
    LOST_AFTER_S before it may be in no hands yet, and one claimed since is in none that were looked at."""
    claimed = Conversation.objects.filter(lease_slot=slot, wake_at__isnull=False).exclude(pk__in=held)
    lost = claimed.filter(lease_until__lt=looked_at + timedelta(seconds=LEASE_S - LOST_AFTER_S))
    return lost.update(lease_slot=None, lease_until=None, fence=F("fence") + 1)
