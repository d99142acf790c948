"""The time for all machines: PostgreSQL's clock, not this machine's.

Deadlines and ages are compared with times that PostgreSQL or other machines have written, so a machine whose clock is
wrong must not judge them. Each process reads PostgreSQL's clock twice a minute, on a statement's way
(`statements.fetch`), and counts on from there.
"""

import time
from datetime import UTC, datetime, timedelta

READ_EVERY_S = 30.0
"""Two machines drift apart by some milliseconds in that time; PostgreSQL on another machine may be further off."""

_TICKS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux: continues while the machine sleeps


def ticks() -> float:
    """Monotonic seconds on this machine since some moment; they can't be set."""
    return time.clock_gettime(_TICKS)


class _Clock:
    origin: datetime | None = None
    """PostgreSQL's time when the ticks were 0; None before this process has reached it for the first time."""
    due_at = 0.0


_clock = _Clock()


def database_now() -> datetime:
    """The time by PostgreSQL's clock; by this machine's own before this process has ever reached PostgreSQL."""
    origin = _clock.origin
    return origin + timedelta(seconds=ticks()) if origin else machine_now()


def machine_now() -> datetime:
    """The time by this machine's own clock: to be compared with others, never to decide by."""
    return datetime.now(UTC)


def machine_is_ahead_s() -> float:
    """By how many seconds this machine's clock is ahead of PostgreSQL's; below zero: it is behind."""
    return (machine_now() - database_now()).total_seconds()


def is_reading_due() -> bool:
    """Whether PostgreSQL's clock is to be read now. Says so to one caller, so that not all threads read it."""
    now = ticks()
    if now < _clock.due_at:
        return False
    _clock.due_at = now + READ_EVERY_S
    return True


def note_reading(told: datetime, *, asked_at: float, answered_at: float) -> None:
    """PostgreSQL's clock said so, some time between these two ticks.

    What was known is kept if it may be right: the way to PostgreSQL may have been quicker then.
    """
    doubt = timedelta(seconds=(answered_at - asked_at) / 2)
    origin = told - timedelta(seconds=asked_at) - doubt
    known = _clock.origin
    if known is None or abs(known - origin) > doubt:
        _clock.origin = origin
