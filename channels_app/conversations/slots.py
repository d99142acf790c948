"""The processes that hold leases: each has a slot, keeps what it holds, and what a dead one held is freed."""

import os
import socket
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from channels_app.conversations.lease import LEASE_S
from channels_app.lib.clocks import database_now, machine_is_ahead_s
from channels_app.models import WorkerSlot

LOST_AFTER_S = 2.0
"""What a process was given so long ago and has not taken into its hands has not reached it."""


def new_slot_name(kind: str) -> str:
    """A name for this process and this start of it: `host/pid/when/kind`, unique over all machines."""
    return f"{socket.gethostname()}/{os.getpid()}/{time.time_ns():x}/{kind}"


def renew_leases(slot: str, conversation_ids: Sequence[int]) -> None:
    """Keep what this process still works on, and say that it lives, how busy and how big it is, and what
    its clock says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_app_conversation SET lease_until = clock_timestamp() + make_interval(secs => %s)"
            " WHERE id = ANY(%s) AND lease_slot = %s",
            [LEASE_S, list(conversation_ids), slot],
        )
        cursor.execute(
            "UPDATE channels_app_workerslot SET beat_at = clock_timestamp(), active = %s, memory_bytes = %s,"
            " clock_ahead_s = %s WHERE name = %s",
            [len(conversation_ids), _memory_bytes(), machine_is_ahead_s(), slot],
        )


def _memory_bytes() -> int | None:
    """What this process holds of the machine's memory; None where nobody tells (Linux does)."""
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
        threads=settings.WORKER_THREADS,
        memory_bytes=_memory_bytes(),
        clock_ahead_s=machine_is_ahead_s(),
    )


def free_leases(slots: Sequence[str]) -> int:
    """Free what ended processes held, so that others go on at once; returns how many conversations that were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_app_conversation SET lease_slot = NULL, lease_until = NULL"
            " WHERE wake_at IS NOT NULL AND lease_slot = ANY(%s)",
            [list(slots)],
        )
        freed: int = cursor.rowcount
    WorkerSlot.objects.filter(name__in=slots).update(ended_at=Now())
    return freed


def forget_slots(older_than: timedelta) -> None:
    """Forget the processes that nobody has heard of for so long."""
    WorkerSlot.objects.filter(beat_at__lt=Now() - older_than).delete()


def free_lost_leases(slot: str, held: Sequence[int]) -> int:
    """Free what was claimed in this process' name and is in nobody's hands: PostgreSQL did it, and its answer was
    lost. Returns how many conversations that were. One that is claimed at this moment is younger than LOST_AFTER_S;
    if it is not, the fence stops whoever believes that they have it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_app_conversation SET lease_slot = NULL, lease_until = NULL, fence = fence + 1"
            " WHERE lease_slot = %s AND wake_at IS NOT NULL AND NOT id = ANY(%s)"
            " AND lease_until < clock_timestamp() + make_interval(secs => %s)",
            [slot, list(held), LEASE_S - LOST_AFTER_S],
        )
        freed: int = cursor.rowcount
    return freed
