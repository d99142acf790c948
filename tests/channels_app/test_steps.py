"""The decision what to do next: single cases, and all orders that Hypothesis can think of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.conversations.standing import OpenEvent, Standing
from channels_app.protocol import EventType
from channels_app.turns.steps import (
    BOT_SETTLE,
    GAP_PATIENCE,
    RETURN_SETTLE,
    START_SETTLE,
    Idle,
    Run,
    Step,
    Wait,
    next_step,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS, NOT_OURS = Standing(is_owned=True), Standing(is_owned=False)
JOINS, JOINS_OURS = Standing(is_owned=False, joins_start=True), Standing(is_owned=True, joins_start=True)
LOST = Standing(is_owned=False, was_lost=True)


def ago(milliseconds: int) -> datetime:
    return NOW - timedelta(milliseconds=milliseconds)


def event(id_: int, type_: EventType = EventType.MESSAGE_RECEIVED, **changes: Any) -> OpenEvent:
    """A queued event, sent and received ten seconds ago."""
    long_ago = NOW - timedelta(seconds=10)
    defaults: dict[str, Any] = {"state": "queued", "sent_at": long_ago, "received_at": long_ago}
    return OpenEvent(id=id_, type=type_, **{**defaults, **changes})


def bot_says(id_: int, counter: int | None = None, age_ms: int = 5000, **changes: Any) -> OpenEvent:
    at = NOW - timedelta(milliseconds=age_ms)
    changes = {"sent_at": at, "received_at": at, **changes}
    return event(id_, EventType.BOT_REPLIED, counter=counter, **changes)


STARTED = event(1, EventType.CONVERSATION_STARTED)
JUST_NOW = NOW - timedelta(milliseconds=100)


@pytest.mark.parametrize(
    ("events", "standing", "expected"),
    [
        ([], OURS, Idle()),
        ([event(1)], OURS, Run((1,))),
        ([event(2, sent_at=NOW), event(1)], OURS, Run((1,))),
        # a message waits for the STARTED that it overtook, but not for ever
        ([event(2, received_at=JUST_NOW)], NOT_OURS, Wait(JUST_NOW + START_SETTLE)),
        ([event(2)], NOT_OURS, Run((2,))),
        ([event(2, received_at=ago(1000))], LOST, Wait(ago(1000) + RETURN_SETTLE)),
        ([event(2, received_at=ago(3001))], LOST, Run((2,))),
        ([event(2, received_at=JUST_NOW), event(3, EventType.CONVERSATION_DELEGATED)], LOST, Run((3,))),
        ([event(2, received_at=JUST_NOW)], OURS, Run((2,))),
        ([event(2, sent_at=NOW - timedelta(seconds=60)), STARTED], NOT_OURS, Run((1,))),
        # STARTED and the first message are one turn, in whatever order they came and are stamped
        ([STARTED, event(2)], JOINS, Run((2, 1))),
        ([STARTED, event(2)], JOINS_OURS, Run((2, 1))),
        ([STARTED, event(2, sent_at=ago(60_000))], JOINS, Run((2, 1))),
        ([STARTED, event(3), event(2, sent_at=ago(9_000))], JOINS, Run((3, 1))),
        ([STARTED, event(2)], NOT_OURS, Run((1,))),
        # … if the message comes in time; a bot that was asked for the start is asked for the message on its own
        ([replace(STARTED, received_at=JUST_NOW)], JOINS, Wait(JUST_NOW + START_SETTLE)),
        ([STARTED], JOINS, Run((1,))),
        ([replace(STARTED, received_at=JUST_NOW)], NOT_OURS, Run((1,))),
        ([replace(STARTED, state="bot_call"), event(2)], JOINS_OURS, Run((1,))),
        ([replace(STARTED, state="bot_wait", wait_until=NOW + timedelta(1)), event(2)], JOINS_OURS, Run((2,))),
        # … and not with what belongs to an earlier stint, or when agents gave it back meanwhile
        ([STARTED, event(2, sent_at=ago(60_000))], JOINS_OURS, Run((2,))),
        ([STARTED, event(2, EventType.CONVERSATION_DELEGATED), event(3)], JOINS, Run((1,))),
        ([event(2, EventType.CONVERSATION_DELEGATED), event(3)], JOINS, Run((2,))),
        # what is being sent is never overtaken
        ([event(1), event(2, state="sending")], OURS, Run((2,))),
        ([event(1), event(2, state="sending", wait_until=NOW + timedelta(1))], OURS, Wait(NOW + timedelta(1))),
        ([event(1, EventType.HANDOVER_ORDERED), event(2, state="sending")], OURS, Run((2,))),
        ([event(2, EventType.HANDOVER_ORDERED), event(1)], OURS, Run((2,))),
        ([event(2, EventType.MESSAGE_ORDERED), event(1, state="bot_call")], OURS, Run((2,))),
        # a call to the bot that was begun ends before the next
        ([event(1, sent_at=NOW), event(2, state="bot_call", sent_at=NOW)], OURS, Run((2,))),
        ([event(1), event(2, state="bot_call", wait_until=NOW + timedelta(1))], OURS, Wait(NOW + timedelta(1))),
        # a bot that is waited for holds up nobody
        ([event(1, state="bot_wait", wait_until=NOW + timedelta(1)), event(2)], OURS, Run((2,))),
        ([event(1, state="bot_wait", wait_until=NOW)], OURS, Run((1,))),
        ([event(1, state="bot_wait", wait_until=NOW + timedelta(1))], OURS, Wait(NOW + timedelta(1))),
        # a bot's words leave together, by their numbers, the wish for a human last
        ([bot_says(3, 2), bot_says(4, 1)], OURS, Run((4, 3))),
        ([event(5, EventType.OFFLOAD_REQUESTED), bot_says(6, 1)], OURS, Run((6, 5))),
        ([bot_says(3, 1, age_ms=100)], OURS, Wait(NOW - timedelta(milliseconds=100) + BOT_SETTLE)),
        ([bot_says(3, 1, age_ms=1100), bot_says(4, 2, age_ms=10)], OURS, Run((3, 4))),
        # a missing number is waited for, a while
        ([bot_says(3, 2, age_ms=1000)], OURS, Wait(NOW - timedelta(milliseconds=1000) + GAP_PATIENCE)),
        ([bot_says(3, 2, age_ms=1600)], OURS, Run((3,))),
        ([bot_says(3, 6, age_ms=1000)], Standing(is_owned=True, bot_counter=5), Run((3,))),
        ([bot_says(3, 1, age_ms=1000)], Standing(is_owned=True, bot_counter=5), Run((3,))),
        ([bot_says(3, 0, age_ms=1000)], Standing(is_owned=True, bot_counter=5), Run((3,))),
        # … also by a bot that has begun anew: its 2 does not leave before its 1
        *(
            (
                [bot_says(3, 2, age_ms=1000)],
                Standing(is_owned=True, bot_counter=last),
                Wait(NOW - timedelta(milliseconds=1000) + GAP_PATIENCE),
            )
            for last in (2, 3)
        ),
        (
            [bot_says(3, 2, age_ms=1000), bot_says(4, 1, age_ms=900)],
            Standing(is_owned=True, bot_counter=3),
            Run((4, 3)),
        ),
        ([bot_says(3, 2, age_ms=1600)], Standing(is_owned=True, bot_counter=3), Run((3,))),
        # reports of the inbox come when nothing else is to do
        ([event(9, EventType.CONVERSATION_RESOLVED)], NOT_OURS, Run((9,))),
        ([event(9, EventType.CONVERSATION_RESOLVED), event(1)], OURS, Run((1,))),
    ],
)
def test_the_next_step(events: list[OpenEvent], standing: Standing, expected: Step) -> None:
    assert next_step(events, standing, NOW) == expected


contact_events = st.lists(
    st.builds(
        lambda type_, sent_ms, received_ms: (type_, ago(sent_ms), ago(received_ms)),
        st.sampled_from([type_ for type_ in EventType if type_.asks_bot]),
        st.integers(0, 5000),
        st.integers(0, 5000),
    ),
    max_size=6,
)


@given(contact_events, st.booleans(), st.booleans())
def test_contacts_are_answered_in_the_order_they_wrote(
    raw: list[tuple[EventType, datetime, datetime]], is_owned: bool, joins_start: bool
) -> None:
    """Whatever came in whatever order: all end, messages in the order of their sending, and no step is repeated."""
    left = [
        OpenEvent(id=number, type=type_, state="queued", sent_at=sent_at, received_at=received_at)
        for number, (type_, sent_at, received_at) in enumerate(raw)
    ]
    now, done, standing = NOW, list[OpenEvent](), Standing(is_owned=is_owned, joins_start=joins_start)
    while left:
        step = next_step(left, standing, now)
        if isinstance(step, Wait):
            assert step.until > now
            assert step.until <= now + START_SETTLE
            now = step.until
            continue
        assert isinstance(step, Run)
        ran = [event for event_id in step.events for event in left if event.id == event_id]
        assert [event.type for event in ran[1:]] in ([], [EventType.CONVERSATION_STARTED])
        assert joins_start or len(ran) == 1
        done += ran
        left = [event for event in left if event not in ran]
        standing = Standing(is_owned=True, joins_start=joins_start)
    messages = [event for event in done if event.type is EventType.MESSAGE_RECEIVED]
    assert messages == sorted(messages, key=lambda event: (event.sent_at, event.id))
    assert next_step([], standing, now) == Idle()


@given(st.permutations([1, 2, 3, 4, 5]), st.lists(st.integers(0, 400), min_size=5, max_size=5))
@settings(max_examples=200)
def test_a_bots_words_leave_by_their_numbers_however_they_arrive(order: list[int], gaps_ms: list[int]) -> None:
    """Messages arrive one after the other in any order, within the patience for a gap: none overtakes."""
    arrivals, at = list[OpenEvent](), NOW
    for number, gap_ms in zip(order, gaps_ms, strict=True):
        at += timedelta(milliseconds=min(gap_ms, 250))
        arrivals.append(bot_says(number, number, sent_at=at, received_at=at))
    said, standing, now = list[int](), Standing(is_owned=True), NOW
    while len(said) < len(arrivals):
        here = [event for event in arrivals if event.received_at <= now and event.id not in said]
        step = next_step(here, standing, now)
        match step:
            case Run(ids):
                said += ids
                standing = replace(standing, bot_counter=ids[-1])
            case Wait(until):
                coming = [event.received_at for event in arrivals if event.received_at > now]
                now = min([until, *coming])
            case Idle():
                now = min(event.received_at for event in arrivals if event.received_at > now)
    assert said == sorted(said)


def test_numbers_of_two_turns_that_come_in_one_breath_are_not_mixed() -> None:
    """A bot that counts per turn, and a contact who wrote twice."""
    numbers = (1, 2, 1, 2)
    said = [bot_says(place, number, age_ms=5000 - place) for place, number in enumerate(numbers, 1)]
    assert next_step(said, OURS, NOW) == Run((1, 2, 3, 4))
    late = [bot_says(1, 2, age_ms=4000), bot_says(2, 1, age_ms=3990)]
    assert next_step(late, OURS, NOW) == Run((2, 1))
