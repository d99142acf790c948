"""What to do next in a conversation, decided from facts alone: no row, no clock, no network.

A worker that holds a conversation's lease asks `next_step` and does exactly that; so order, patience and
timeouts are decided here, in one place that tests can walk through exhaustively.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels_app.conversations.standing import OpenEvent, Standing, in_speech
from channels_app.protocol import EventType

START_SETTLE = timedelta(milliseconds=400)
"""How long a message without its STARTED waits for it, and a STARTED without its message where both are one turn: they
are sent at the same moment, because a contact always begins by writing, and may overtake each other."""
RETURN_SETTLE = timedelta(seconds=3)
"""The same in a conversation that agents have had: the event that returns it is repeated for up to two
seconds when its first try fails, and a message arriving in that time would be lost as "not ours"."""
BOT_SETTLE = timedelta(milliseconds=300)
"""How long a bot's message waits for its siblings: what comes in one breath leaves in one call, because the
platform allows 20 calls a second in all, and last words should leave together with the handover."""
MAX_BOT_SETTLE = timedelta(seconds=1)
"""… but a bot that keeps talking doesn't hold back its first message for longer than this."""
GAP_PATIENCE = timedelta(milliseconds=1500)
"""How long a bot's message waits for one with a smaller number that is missing."""
MAX_BURST = 10
"""So many messages of a contact are one turn at most: more than people write in one go; a claim reads 50 events."""
MAX_BURST_WAIT = timedelta(seconds=8)
"""… and the first of them waits no longer, so that a contact who keeps writing is answered. Below the ten seconds
after which a message that waits is reported, and a small part of the platform's time for a reply."""


@dataclass(frozen=True, slots=True)
class Run:
    """Handle these events now; several when a bot's messages leave together, or when messages of the contact, in their
    order, are one turn, and behind them the STARTED of their conversation."""

    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before this moment."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is open."""


Step = Run | Wait | Idle


def next_step(events: Sequence[OpenEvent], standing: Standing, now: datetime) -> Step:
    """The one thing to do next; `events` are all open ones of the conversation, in any order.

    First what is being sent, because nothing may overtake it; then what people ordered; then what the bot says
    to earlier messages; then the contact's next message, oldest first; last the bots that kept silent too long.
    """
    in_order = sorted(events, key=lambda event: (event.sent_at, event.id))
    sending = [event for event in in_order if event.state == "sending"]
    if sending:
        return _when_due(sending[0], now)
    ordered = [event for event in in_order if event.type.is_ordered]
    if ordered:
        return Run((ordered[0].id,))
    steps = [
        _bot_step([event for event in in_order if event.type.is_from_bot], standing, now),
        _contact_step(in_order, standing, now),
        *(_when_due(event, now) for event in in_order if event.state == "bot_wait"),
        *(Run((event.id,)) for event in in_order if _is_told(event)),
    ]
    for step in steps:
        if isinstance(step, Run):
            return step
    waits = [step for step in steps if isinstance(step, Wait)]
    return min(waits, key=lambda wait: wait.until) if waits else Idle()


def _is_told(event: OpenEvent) -> bool:
    """Whether it needs no answer: how it went on with the agents, and that the contact is silent."""
    return event.type in (
        EventType.CONVERSATION_RESOLVED,
        EventType.CONVERSATION_PENDING,
        EventType.CONTACT_SILENT,
    )


def _when_due(event: OpenEvent, now: datetime) -> Step:
    if event.wait_until is not None and event.wait_until > now:
        return Wait(event.wait_until)
    return Run((event.id,))


def _bot_step(events: Sequence[OpenEvent], standing: Standing, now: datetime) -> Step:
    """All that the bot said, by its numbers, once it had time to finish its breath."""
    if not events:
        return Idle()
    oldest = min(event.received_at for event in events)
    newest = max(event.received_at for event in events)
    ready_at = min(newest + BOT_SETTLE, oldest + MAX_BOT_SETTLE)
    numbered = sorted(event.counter for event in events if event.counter is not None)
    if numbered and _has_gap(numbered, standing.bot_counter):
        ready_at = max(ready_at, oldest + GAP_PATIENCE)
    if ready_at > now:
        return Wait(ready_at)
    return Run(tuple(event.id for event in in_speech(events)))


def _has_gap(numbered: Sequence[int], last: int | None) -> bool:
    """Whether a smaller number is missing. A number at or below the last one means that the bot restarted at 1."""
    expected = 1 if last is None or numbered[0] <= last else last + 1
    for number in numbered:
        if number > expected:
            return True
        expected = number + 1
    return False


def _contact_step(in_order: Sequence[OpenEvent], standing: Standing, now: datetime) -> Step:
    waiting = [event for event in in_order if event.type.asks_bot and event.state in ("queued", "bot_call")]
    if not waiting:
        return Idle()
    # The call that was begun ends first: a later event with an older timestamp must not overtake it.
    begun = next((event for event in waiting if event.state == "bot_call"), None)
    if begun is not None:
        return _when_due(begun, now)
    first = waiting[0]
    kept = [event.wait_until for event in waiting if event.wait_until is not None and event.wait_until > now]
    if kept:  # the bot is switched off; what came after it waits behind it
        return Wait(min(kept))
    if first.type.opens:
        return _opening_step(first, waiting, standing, now)
    if not standing.is_owned:
        opening = next((event for event in waiting if event.type.opens), None)
        if opening is not None:
            return _opening_step(opening, waiting, standing, now)
        patience = RETURN_SETTLE if standing.was_lost else START_SETTLE
        if first.received_at + patience > now:
            return Wait(first.received_at + patience)
    return _message_step(waiting, standing, now)


def _message_step(waiting: Sequence[OpenEvent], standing: Standing, now: datetime) -> Run | Wait:
    """The contact's next message, with those that follow it before the contact is quiet.

    What belongs together follows from when it was received alone, so it is the same however late it is looked at.
    """
    burst = [waiting[0]]
    for event in waiting[1:]:
        if not (event.joins and burst[-1].joins) or event.received_at > _ends_at(burst, standing):
            return Run(tuple(one.id for one in burst))
        burst.append(event)
        if len(burst) == MAX_BURST:
            break
    is_open = burst[-1].joins and len(burst) < MAX_BURST
    ends_at = _ends_at(burst, standing)
    return Wait(ends_at) if is_open and ends_at > now else Run(tuple(one.id for one in burst))


def _ends_at(burst: Sequence[OpenEvent], standing: Standing) -> datetime:
    received = [event.received_at for event in burst]
    return min(max(received) + standing.burst_quiet, min(received) + MAX_BURST_WAIT)


def _opening_step(opening: OpenEvent, waiting: Sequence[OpenEvent], standing: Standing, now: datetime) -> Step:
    """What gives the conversation to the bot; a STARTED with the contact's first message, if that comes in time."""
    is_alone = sum(event.type.opens for event in waiting) == 1
    if opening.type is not EventType.CONVERSATION_STARTED or not standing.joins_start or not is_alone:
        return Run((opening.id,))
    messages = [event for event in waiting if event.type is EventType.MESSAGE_RECEIVED]
    if messages:
        step = _message_step(messages, standing, now)
        return Run((*step.events, opening.id)) if isinstance(step, Run) else step
    settled_at = opening.received_at + START_SETTLE
    return Wait(settled_at) if settled_at > now else Run((opening.id,))
