"""What is open in a conversation, and whose it is: the facts from which the next step is decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels_app.protocol import EventType


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEvent:
    """An event that hasn't ended yet, as far as the decision needs it. `wait_until` bounds its present state."""

    id: int
    type: EventType
    state: str
    sent_at: datetime
    received_at: datetime
    counter: int | None = None
    wait_until: datetime | None = None
    called_at: datetime | None = None
    joins: bool = False
    """Whether it may be one turn with the contact's messages beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the decision needs of the conversation and its channel: whether the bot has it, whether others have
    had it since, the last number the bot used, whether the bot is asked once for a STARTED and the first message, and
    how long a contact is quiet after the last of several messages that are one turn.
    """

    is_owned: bool
    was_lost: bool = False
    joins_start: bool = False
    bot_counter: int | None = None
    burst_quiet: timedelta = timedelta(0)


def place_in_speech(event: OpenEvent) -> tuple[bool, int, datetime, int]:
    """Sorts what a bot said. An offload request has no number: it follows the words that came with it."""
    return event.type is EventType.OFFLOAD_REQUESTED, event.counter or 0, event.received_at, event.id


def in_speech(events: Sequence[OpenEvent]) -> list[OpenEvent]:
    """All of them in the order in which the bot sent them. A repeated number restarts its numbering: it counts
    per turn, and the contact has written twice."""
    breaths: list[list[OpenEvent]] = [[]]
    for event in sorted(events, key=lambda event: (event.received_at, event.id)):
        if event.counter is not None and event.counter in {other.counter for other in breaths[-1]}:
            breaths.append([])
        breaths[-1].append(event)
    in_order = [event for breath in breaths for event in sorted(breath, key=place_in_speech)]
    return sorted(in_order, key=lambda event: event.type is EventType.OFFLOAD_REQUESTED)
