"""How far a channel ever got: its first event, its first answer, its first handover.

Each is noted in the channel's row by the statement that makes it happen. A process knows which are noted, so that
the statements of every later event hold no part for it.
"""

from collections.abc import Iterable

from channels_app.models import Channel, Outcome

FIRST_EVENT = "first_event_at"
ANSWERED = "live_at"
HANDED_OVER = "handed_over_at"
_BY_OUTCOME = {Outcome.REPLIED: ANSWERED, Outcome.RESOLVED: ANSWERED, Outcome.HANDED_OVER: HANDED_OVER}

Milestones = tuple[str, ...]

_noted: set[tuple[int, str]] = set()
"""Of this process: channels and their milestones. Single additions to a set need no lock."""


def forget() -> None:
    """For tests."""
    _noted.clear()


def know_noted(channel: Channel) -> None:
    """What this row says need not be noted again."""
    note_known(channel.pk, (name for name in (FIRST_EVENT, ANSWERED, HANDED_OVER) if getattr(channel, name)))


def note_known(channel_id: int, milestones: Iterable[str]) -> None:
    """These have just been noted."""
    _noted.update((channel_id, name) for name in milestones)


def first_event(channel_id: int) -> Milestones:
    """What an event of the inbox reaches, unless it is noted."""
    return _new(channel_id, {FIRST_EVENT})


def reached_by(channel_id: int, outcomes: Iterable[Outcome]) -> Milestones:
    """What these ends of events reach, unless it is noted."""
    return _new(channel_id, {_BY_OUTCOME[outcome] for outcome in outcomes if outcome in _BY_OUTCOME})


def _new(channel_id: int, names: set[str]) -> Milestones:
    return tuple(sorted(name for name in names if (channel_id, name) not in _noted))


def note(milestones: Milestones, *, once: str, only_if: str = "true") -> str:
    """Part of a statement that notes them, if the part that is called `once` has such a row."""
    news = ", ".join(f"{name} = coalesce(channel.{name}, clock_timestamp())" for name in milestones)
    return f"""milestone AS (
    UPDATE channels_app_channel AS channel SET {news}
    FROM {once} WHERE channel.id = %(channel_id)s AND {only_if}
)"""
