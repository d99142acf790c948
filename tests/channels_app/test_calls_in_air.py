"""A process with calls in the air: they hold no thread, share the air, and outlive nothing that they must not."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.lease import Lease
from channels_app.models import Channel, Conversation, WebhookEvent
from channels_app.turns import pump as pump_module
from channels_app.turns.calls import Flight
from channels_app.turns.handle import end_step
from channels_app.turns.pump import Pump
from tests.bridge import PATIENCE_S, eventually
from tests.builders import make_channel, make_event, signed
from tests.turns import take_step
from tests.world import World, answer

pytestmark = pytest.mark.django_db(transaction=True)


class Thoughts:
    """What bots think until they are told to answer."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = threading.Event()

    def think(self) -> dict[str, Any]:
        self.begun += 1
        assert self.may_end.wait(PATIENCE_S)
        return {"messages": [{"text": "Well …"}]}


@pytest.fixture
def thoughts() -> Iterator[Thoughts]:
    made = Thoughts()
    yield made
    made.may_end.set()


@pytest.fixture
def pump() -> Iterator[Callable[[], Pump]]:
    """Makes pumps whose threads end with the test."""
    made: list[Pump] = []

    def make() -> Pump:
        made.append(Pump("worker"))
        return made[-1]

    yield make
    for each in made:
        each.stop()
        each.end()
        assert not any(thread.is_alive() for thread in each.crew._threads)
        if each.keeper._thread:
            each.keeper.lost_touch.set()
            each.keeper._thread.join(PATIENCE_S)
    connection.close()


def post(client: Client, channel: Channel, conversation: str, text: str = "Hello") -> None:
    event = make_event(text=text, conversation=conversation)
    assert client.post(f"/webhooks/inbox/{channel.uuid}/", **signed(event)).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channels_app_webhookevent SET received_at = received_at - interval '3 seconds'")
        cursor.execute("UPDATE channels_app_conversation SET wake_at = now() WHERE wake_at IS NOT NULL")


def outcome(conversation: str) -> str | None:
    return WebhookEvent.objects.get(conversation__external_id=conversation).outcome


def is_replied(conversation: str) -> bool:
    return outcome(conversation) == "replied"


def test_one_thread_has_many_bots_think_and_keeps_no_connection_for_them(
    client: Client, world: World, settings: Any, pump: Callable[[], Pump], thoughts: Thoughts
) -> None:
    settings.TURNS_AT_ONCE = 1
    channel = make_channel()
    world.bot.replies = [thoughts.think] * 8
    for number in range(8):
        post(client, channel, f"conv-{number}")
    before = links()
    working = pump()
    working.wake()
    eventually(lambda: thoughts.begun == 8)
    assert (working.calls.in_air, len(working.crew._threads)) == (8, 1)
    assert links() <= before + 2  # the turns' one, and that for the leases
    assert Conversation.objects.filter(lease_slot=working.keeper.slot).count() == 8
    thoughts.may_end.set()
    for number in range(8):
        eventually(partial(is_replied, f"conv-{number}"))
    assert len(world.bot.turns) == len(world.inbox.calls) == 8


def links() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count: int = cursor.fetchone()[0]
    return count


def test_whoever_has_as_many_calls_as_it_may_claims_nothing_more(
    client: Client, world: World, settings: Any, pump: Callable[[], Pump], thoughts: Thoughts
) -> None:
    settings.TURNS_AT_ONCE, settings.CALLS_AT_ONCE = 1, 2
    channel = make_channel()
    world.bot.replies = [thoughts.think] * 3
    for number in range(3):
        post(client, channel, f"conv-{number}")
    working = pump()
    assert working.run_due() == 2
    assert (thoughts.begun, working.run_due()) == (2, 0)
    assert Conversation.objects.filter(lease_slot=None).count() == 1
    thoughts.may_end.set()
    eventually(partial(is_replied, "conv-2"))


def test_a_slow_bot_leaves_room_for_others(
    client: Client, world: World, settings: Any, pump: Callable[[], Pump], thoughts: Thoughts
) -> None:
    settings.TURNS_AT_ONCE, settings.CALLS_AT_ONCE, settings.CALLS_PER_BOT = 1, 3, 2
    slow, quick = make_channel(), make_channel()
    assert slow.bot_id != quick.bot_id
    world.bot.replies = [thoughts.think] * 2
    for number in range(4):
        post(client, slow, f"slow-{number}")
    post(client, quick, "quick")
    working = pump()
    working.wake()
    eventually(partial(is_replied, "quick"))
    assert (thoughts.begun, working.calls.in_air) == (2, 2)
    assert Conversation.objects.filter(channel=slow, lease_slot=None, wake_at__isnull=False).count() == 2
    thoughts.may_end.set()
    for number in range(4):
        eventually(partial(is_replied, f"slow-{number}"))


def test_who_is_asked_to_stop_waits_for_answers_in_the_air_and_begins_nothing(
    client: Client, world: World, pump: Callable[[], Pump], thoughts: Thoughts
) -> None:
    channel = make_channel()
    world.bot.replies = [thoughts.think]
    post(client, channel, "conv-1")
    working = pump()
    working.wake()
    eventually(lambda: thoughts.begun == 1)
    working.stop()
    post(client, channel, "conv-2")
    threading.Timer(0.1, thoughts.may_end.set).start()
    working.end()
    assert (outcome("conv-1"), outcome("conv-2")) == ("replied", None)
    assert world.inbox.said("conv-1") == ["Well …"]


def test_what_takes_longer_than_the_grace_goes_on_elsewhere_and_nothing_is_said_twice(
    client: Client, world: World, settings: Any, pump: Callable[[], Pump], thoughts: Thoughts
) -> None:
    settings.STOP_GRACE_S = 0
    channel = make_channel()
    world.bot.replies = [thoughts.think]
    post(client, channel, "conv-1")
    working = pump()
    working.wake()
    eventually(lambda: bool(working._in_air))
    working.stop()
    working.end()
    lease = claim_due_conversation("another")
    assert lease is not None
    take_step(lease)
    assert world.inbox.said("conv-1") == ["You said: Hello"]
    thoughts.may_end.set()
    eventually(lambda: working.calls.in_air == 0 and not working.keeper.held)
    assert world.inbox.said("conv-1") == ["You said: Hello"]
    first, second = (turn["turn_id"] for turn in world.bot.turns)
    assert first == second
    settings.STOP_GRACE_S = PATIENCE_S


@pytest.mark.parametrize("failing", [RuntimeError("unforeseen"), answer(500)])
def test_an_answer_that_fails_gives_its_conversation_back(
    client: Client, world: World, pump: Callable[[], Pump], thoughts: Thoughts, failing: Any
) -> None:
    channel = make_channel()

    def fail() -> Any:
        thoughts.think()
        if isinstance(failing, Exception):
            raise failing
        return failing

    world.bot.replies = [fail]
    post(client, channel, "conv-1")
    working = pump()
    working.wake()
    eventually(lambda: bool(working._in_air))
    thoughts.may_end.set()
    eventually(lambda: not working.keeper.held)
    waiting = Conversation.objects.get()
    assert (waiting.lease_slot, waiting.lease_until) == (None, None)
    assert waiting.wake_at is not None
    assert outcome("conv-1") is None


def test_what_is_claimed_anew_before_its_last_step_has_returned_stays_in_our_hands(
    client: Client,
    world: World,
    pump: Callable[[], Pump],
    thoughts: Thoughts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The contact writes again as soon as the answer is there, and another thread is quicker than the first one."""
    channel, working = make_channel(), pump()
    world.bot.replies = [{"messages": [{"text": "First"}]}, thoughts.think]
    ends = iter([True, False])

    def end_and_be_overtaken(lease: Lease, flight: Flight) -> Any:
        wake_at = end_step(lease, flight)
        if next(ends):
            post(client, channel, "conv-1", "And now?")
            working.run_due()
        return wake_at

    monkeypatch.setattr(pump_module, "end_step", end_and_be_overtaken)
    post(client, channel, "conv-1")
    working.wake()
    eventually(
        lambda: thoughts.begun == 1 and working.calls.in_air == 1 and working.crew._idle == len(working.crew._threads)
    )
    conversation = Conversation.objects.get()
    assert conversation.lease_slot == working.keeper.slot
    assert [held for held, _ in working.keeper.held] == [conversation.pk]
    thoughts.may_end.set()
    eventually(partial(has_heard, world, "conv-1", "First", "Well …"))


def test_a_system_that_allows_no_more_threads_delays_an_answer_and_loses_none(
    client: Client, world: World, pump: Callable[[], Pump], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, working = make_channel(), pump()
    post(client, channel, "conv-1")
    with monkeypatch.context() as strained:
        strained.setattr(working.calls._pool, "submit", refuse_threads)
        assert working.run_due() == 1
    conversation = Conversation.objects.get()
    assert (conversation.lease_slot, list(working.keeper.held), working.calls.in_air) == (None, [], 0)
    post(client, channel, "conv-2")  # and what waits is due
    working.wake()
    for number in (1, 2):
        eventually(partial(is_replied, f"conv-{number}"))


def refuse_threads(*_: Any) -> None:
    raise RuntimeError("can't start new thread")


def has_heard(world: World, conversation: str, *texts: str) -> bool:
    return world.inbox.said(conversation) == list(texts)


def test_a_contact_is_told_of_the_wait_although_every_thread_has_left(
    client: Client, world: World, settings: Any, pump: Callable[[], Pump], thoughts: Thoughts
) -> None:
    settings.TURNS_AT_ONCE = 1
    channel = make_channel(hold_after_s=1, holding_texts={"*": "A moment …"})
    world.bot.replies = [thoughts.think] * 2
    for number in range(2):
        post(client, channel, f"conv-{number}")
    pump().wake()
    for number in range(2):
        eventually(partial(has_heard, world, f"conv-{number}", "A moment …"))
    assert thoughts.begun == 2
    thoughts.may_end.set()
    for number in range(2):
        eventually(partial(is_replied, f"conv-{number}"))
        assert world.inbox.said(f"conv-{number}") == ["A moment …", "Well …"]
