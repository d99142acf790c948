"""Several messages of a contact as one turn of the bot, and answers that a newer message has overtaken."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from channels_app.conversations.standing import OpenEvent, Standing
from channels_app.models import Conversation, MessageRow, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.operations.replays import replay_event
from channels_app.operations.transcripts import load_transcript
from channels_app.protocol import EventType
from channels_app.turns.steps import MAX_BURST, MAX_BURST_WAIT, Run, Step, Wait, next_step
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.world import World, answer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUIET = timedelta(milliseconds=1500)
OURS, NEW = (
    Standing(is_owned=True, burst_quiet=QUIET),
    Standing(is_owned=False, joins_start=True, burst_quiet=QUIET),
)


def ago(milliseconds: int) -> datetime:
    return NOW - timedelta(milliseconds=milliseconds)


def message(id_: int, age_ms: int, *, joins: bool = True, **changes: Any) -> OpenEvent:
    at = ago(age_ms)
    facts: dict[str, Any] = {"type": EventType.MESSAGE_RECEIVED, "state": "queued", "joins": joins}
    return OpenEvent(id=id_, sent_at=at, received_at=at, **{**facts, **changes})


def started(age_ms: int) -> OpenEvent:
    return message(1, age_ms, joins=False, type=EventType.CONVERSATION_STARTED)


@pytest.mark.parametrize(
    ("events", "standing", "expected"),
    [
        ([message(2, 100)], OURS, Wait(ago(100) + QUIET)),
        ([message(2, 1500)], OURS, Run((2,))),
        ([message(2, 1600), message(3, 400)], OURS, Wait(ago(400) + QUIET)),
        ([message(2, 3100), message(3, 2000)], OURS, Run((2, 3))),
        ([message(3, 2000), message(2, 3100)], OURS, Run((2, 3))),
        # a pause is the end of a turn, also where nobody has looked meanwhile
        ([message(2, 9000), message(3, 7000)], OURS, Run((2,))),
        # what is answered at once ends the turn before it, and waits for nothing
        ([message(2, 100, joins=False)], OURS, Run((2,))),
        ([message(2, 200), message(3, 100, joins=False)], OURS, Run((2,))),
        ([message(2, 200, joins=False), message(3, 100)], OURS, Run((2,))),
        ([message(2, 200), message(3, 100, type=EventType.CONVERSATION_DELEGATED, joins=False)], OURS, Run((2,))),
        # … nor what was tried before
        ([message(2, 300, state="bot_call", joins=False), message(3, 100)], OURS, Run((2,))),
        ([message(2, 300, state="bot_wait", joins=False, wait_until=NOW + QUIET), message(3, 2000)], OURS, Run((3,))),
        # the start of a conversation comes with all of them
        ([started(100), message(2, 100)], NEW, Wait(ago(100) + QUIET)),
        ([started(2500), message(2, 2500), message(3, 1500)], NEW, Run((2, 3, 1))),
        ([message(2, 2500), message(3, 1500)], NEW, Run((2, 3))),
        # a contact who keeps writing is answered
        ([message(n, 9000 - 1100 * n) for n in range(2, 9)], OURS, Wait(ago(6800) + MAX_BURST_WAIT)),
        ([message(n, 10_000 - 1000 * n) for n in range(2, 10)], OURS, Run(tuple(range(2, 10)))),
        ([message(n, 12_000 - 1000 * n) for n in range(2, 12)], OURS, Run(tuple(range(2, 11)))),
        ([message(n, 500) for n in range(2, 14)], OURS, Run(tuple(range(2, 12)))),
        ([message(n, 500) for n in range(2, 12)], OURS, Run(tuple(range(2, 12)))),
    ],
)
def test_which_messages_are_one_turn(events: list[OpenEvent], standing: Standing, expected: Step) -> None:
    assert next_step(events, standing, NOW) == expected


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=30), st.lists(st.integers(0, 30_000), max_size=5))
def test_the_same_messages_are_the_same_turns_whenever_someone_looks(pauses: list[int], looks: list[int]) -> None:
    """Each is in one turn, in order, and waits no longer than it may."""
    at, events = NOW, []
    for id_, pause in enumerate(pauses):
        at += timedelta(milliseconds=pause)
        events.append(OpenEvent(id=id_, sent_at=at, received_at=at, type=EventType.MESSAGE_RECEIVED, state="queued"))

    def turns(moments: list[datetime]) -> list[tuple[int, ...]]:
        left, found = [replace_joins(event) for event in events], []
        for now in moments:
            while isinstance(step := next_step([e for e in left if e.received_at <= now], OURS, now), Run):
                found.append(step.events)
                left = [event for event in left if event.id not in step.events]
        assert not left
        return found

    end = at + timedelta(minutes=1)
    often = [NOW + timedelta(milliseconds=ms) for ms in range(0, int((end - NOW).total_seconds() * 1000), 250)]
    seldom = sorted(NOW + timedelta(milliseconds=ms) for ms in looks)
    expected = turns([end])
    assert turns([*seldom, end]) == expected == turns(often)
    assert [id_ for turn in expected for id_ in turn] == list(range(len(events)))
    for turn in expected:
        received = [events[id_].received_at for id_ in turn]
        assert len(turn) <= MAX_BURST and received[-1] - received[0] <= MAX_BURST_WAIT
        assert all(later - earlier <= QUIET for earlier, later in pairwise(received))


def replace_joins(event: OpenEvent) -> OpenEvent:
    return OpenEvent(**{name: getattr(event, name) for name in event.__slots__} | {"joins": True})


# --- through the doors ---------------------------------------------------------------------------------------------

PICTURE = {"attachments": [{"type": "image", "url": "https://files.example/one.png"}]}


def write(walker: Walker, *texts: str | None, **changes: Any) -> None:
    """The contact writes these without a pause; nobody works on them yet."""
    for place, text in enumerate(texts):
        assert walker.post(make_event(text=text, after_s=place / 1000, **changes)).status_code == 200


def texts_of(world: World) -> list[Any]:
    return [turn["text"] for turn in world.bot.turns]


def test_several_messages_are_one_turn_and_each_stays_one_in_the_transcript(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(burst_quiet_ms=1500)
    write(walker, "Hello", "my parcel", "is lost")
    walker.work(patiently=False)
    assert world.bot.turns == []
    walker.work()
    assert texts_of(world) == ["Hello\nmy parcel\nis lost"]
    assert world.inbox.said("0-conv-1") == ["You said: Hello\nmy parcel\nis lost"]
    assert walker.outcomes() == ["replied", "merged", "merged"]
    said = MessageRow.objects.filter(author="contact").order_by("said_at").values_list("text", flat=True)
    assert list(said) == ["Hello", "my parcel", "is lost"]
    for event in WebhookEvent.objects.all():
        assert explain(walker.conversation().pk, event.pk).is_answered
    assert Conversation.objects.get().last_message_id == world.bot.turns[0]["message_id"]


def test_a_press_a_number_and_a_title_are_answered_at_once(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(burst_quiet_ms=1500)
    offer = {"messages": [{"text": "Which?", "options": [{"title": "Parcel", "payload": "p"}, {"title": "Letter"}]}]}
    world.bot.replies = [offer]
    walker.says("Hello")
    for text, payload in (("parcel", "p"), ("7", None)):
        write(walker, text)
        walker.work(patiently=False)
        assert (world.bot.turns[-1]["text"].casefold(), world.bot.turns[-1]["payload"]) == (text, payload)
    write(walker, "One more thing", "2")  # it closes the turn before it
    walker.work(patiently=False)
    assert texts_of(world)[-2:] == ["One more thing", "2"]
    assert walker.outcomes() == ["replied"] * 5


def test_without_the_setting_each_message_is_a_turn(walker: Walker, world: World) -> None:
    write(walker, "Hello", "you")
    walker.work()
    assert texts_of(world) == ["Hello", "you"]


def test_the_start_of_a_conversation_comes_with_all_of_them(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(burst_quiet_ms=1500)
    walker.post(make_event("CONVERSATION_STARTED"))
    write(walker, "Hello", "you")
    walker.work()
    assert [(turn["text"], turn["is_first"]) for turn in world.bot.turns] == [("Hello\nyou", True)]
    assert sorted(map(str, walker.outcomes())) == ["merged", "merged", "replied"]


@pytest.mark.parametrize("failure", ["error", "crash", "replay"])
def test_a_turn_that_is_tried_again_is_the_same_turn(
    walk_with: Callable[..., Walker], world: World, failure: str
) -> None:
    walker = walk_with(burst_quiet_ms=1500, bot_tries=1 if failure == "replay" else 2)

    def die() -> None:
        raise SystemExit

    world.bot.replies = [die if failure == "crash" else answer(500)]
    write(walker, "Hello", "you")
    if failure == "crash":
        with pytest.raises(SystemExit):
            walker.work()
        Conversation.objects.update(lease_slot=None, lease_until=None, wake_at=timezone.now())
        write(walker, "there")
    if failure == "replay":
        world.inbox.faults = [answer(422)] * 2
        walker.work()
        first = WebhookEvent.objects.order_by("id")[0]
        assert first.outcome == "dead"
        MessageRow.objects.exclude(author="contact").delete()
        first.deliveries.all().delete()
        replay_event(first.pk, "Ann")
    walker.work()
    assert texts_of(world)[:2] == ["Hello\nyou"] * 2
    assert world.bot.turns[0]["turn_id"] == world.bot.turns[1]["turn_id"]
    assert world.bot.turns[0]["message_id"] == world.bot.turns[1]["message_id"]
    assert texts_of(world)[2:] == (["there"] if failure == "crash" else [])


def test_files_and_texts_come_together(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(burst_quiet_ms=1500, on_contact_file="say_text", file_texts={"*": "No files, please."})
    for data in ({"text": "Look"}, {"text": None, **PICTURE}, {"text": None, **PICTURE}):
        event = make_event()
        event["data"]["message"] |= data
        walker.post(event)
    walker.work()
    (turn,) = world.bot.turns
    assert (turn["text"], len(turn["attachments"])) == ("Look", 2)


def test_a_bot_that_closes_in_answer_to_all_of_them_closes(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(burst_quiet_ms=1500)
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "resolved"}]
    write(walker, "Thanks", "bye")
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]


def test_chatlayer_gets_them_as_one_text(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(burst_quiet_ms=1500, bot=make_bot("chatlayer"))
    write(walker, "Hello", "you")
    walker.work()
    assert [request["message"] for request in world.chatlayer.received] == [{"textMessage": {"text": "Hello\nyou"}}]


# --- overtaken -------------------------------------------------------------------------------------------------


def while_thinking(walker: Walker, text: str, reply: Any) -> Callable[[], Any]:
    """The contact writes this while the bot thinks."""

    def think() -> Any:
        write(walker, text)
        return reply

    return think


@pytest.mark.parametrize(
    ("drops", "reply", "said", "outcomes"),
    [
        (True, {"messages": [{"text": "One"}]}, ["Two"], ["silent", "replied"]),
        (True, {"messages": [{"text": "One"}], "topics": ["Parcels"]}, ["Two"], ["silent", "replied"]),
        (False, {"messages": [{"text": "One"}]}, ["One", "Two"], ["replied", "replied"]),
        (True, {"messages": [{"text": "One"}], "complete": "handover"}, ["One"], ["handed_over", "moot"]),
        (True, {"messages": [{"text": "One"}], "offload": {}}, ["One"], ["handed_over", "moot"]),
        (True, {"messages": [{"text": "One"}], "complete": "resolved"}, ["One", "Two"], ["replied", "replied"]),
    ],
)
def test_an_answer_that_a_newer_message_has_overtaken_is_not_said(
    walk_with: Callable[..., Walker],
    world: World,
    drops: bool,
    reply: dict[str, Any],
    said: list[str],
    outcomes: list[str],
) -> None:
    walker = walk_with(drops_overtaken_answers=drops)
    world.bot.replies = [while_thinking(walker, "And this?", reply), {"messages": [{"text": "Two"}]}]
    walker.says("Hello")
    assert (world.inbox.said("0-conv-1"), walker.outcomes()) == (said, outcomes)
    if "topics" in reply:
        assert "Parcels" in str(world.inbox.calls[0])
    if outcomes[0] == "silent":
        first = WebhookEvent.objects.order_by("id")[0]
        stop = explain(walker.conversation().pk, first.pk).stop
        assert stop and stop.code == "CB-525"
        assert "CB-525" in {line.code for line in load_transcript(walker.conversation().pk, reads_text=True).lines}


def test_a_contact_who_keeps_writing_is_answered(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(drops_overtaken_answers=True)
    world.bot.replies = [while_thinking(walker, "Hello?", {"messages": [{"text": f"Answer {n}"}]}) for n in range(3)]
    MessageRow.objects.all().delete()
    write(walker, "Hello")
    MessageRow.objects.update(said_at=F("said_at") - timedelta(seconds=31))
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello?"]


def test_words_of_a_bot_that_calls_back_are_dropped_only_as_an_answer(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(drops_overtaken_answers=True)
    world.bot.replies = [answer(204), {"messages": [{"text": "Two"}]}]
    walker.says("Hello")
    walker.bot_says("One")
    write(walker, "And this?")
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Two"]
    assert walker.outcomes() == ["silent", "silent", "replied"]
    walker.bot_says("By the way")
    world.bot.replies = [{"messages": [{"text": "Three"}]}]
    write(walker, "And that?")
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Two", "By the way", "Three"]
