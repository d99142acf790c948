"""Processes that work, and the guard that sees to it that nothing waits."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.lease import LeaseLostError
from channels_app.conversations.release import Release, release
from channels_app.conversations.slots import new_slot_name, register_slot
from channels_app.conversations.wakeups import LISTENERS
from channels_app.models import Channel, Conversation, IntakeCount, WebhookEvent, WorkerSlot
from channels_app.turns import handle as turns
from channels_app.turns import pump as pump_module
from channels_app.turns.pump import Pump
from channels_app.upkeep import guard as guard_module
from channels_app.upkeep.guard import Guard
from tests.bridge import PATIENCE_S, eventually
from tests.builders import make_channel, make_event, signed
from tests.turns import exhaust
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def channel(transactional_db: None, world: World) -> Channel:
    return make_channel()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The wake-ups that the guard published."""
    published: list[bool] = []

    def publish() -> bool:
        published.append(True)
        return True

    monkeypatch.setattr(guard_module, "wake_a_worker", publish)
    return published


def post(client: Any, channel: Channel, conversation: str = "conv-1", text: str = "Hello") -> None:
    event = make_event(text=text, conversation=conversation)
    response = client.post(f"/webhooks/inbox/{channel.uuid}/", **signed(event))
    assert response.status_code == 200
    long_ago = timezone.now() - timedelta(seconds=3)
    WebhookEvent.objects.update(received_at=long_ago)
    Conversation.objects.filter(wake_at__isnull=False).update(wake_at=long_ago)


def test_a_pump_works_until_nothing_is_due(client: Any, channel: Channel, world: World) -> None:
    for number in range(3):
        post(client, channel, f"conv-{number}")
    assert exhaust(Pump("worker")) == 3
    assert len(world.inbox.calls) == 3
    assert WorkerSlot.objects.get().host == socket.gethostname()
    assert Conversation.objects.filter(lease_slot__isnull=False).count() == 0


def test_a_pump_that_was_woken_hears_the_next_wakeups_itself(client: Any, channel: Channel, world: World) -> None:
    with listening() as pump:
        for number in range(3):
            post(client, channel, f"conv-{number}")
            eventually(partial(answered, world, number + 1))
        assert pump.crew._threads


def test_a_pump_without_redis_goes_back_to_its_queue(
    client: Any, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, channel)
    monkeypatch.setattr(pump_module, "hear_wakeup", lambda timeout_s: None)
    pump = Pump("worker")
    pump.listen()  # at once
    eventually(partial(answered, world, 1))
    finish(pump)


def test_who_listens_also_looks_without_a_wakeup(
    client: Any, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim passes over a conversation whose next event is just being written, and for that event no wake-up is
    owed."""

    def hear_nothing(timeout_s: float) -> bool:
        time.sleep(timeout_s)
        return False

    monkeypatch.setattr(pump_module, "hear_wakeup", hear_nothing)
    monkeypatch.setattr(pump_module, "LINGER_S", 2 * PATIENCE_S)
    with listening() as pump:
        eventually(lambda: pump.crew._idle)  # it has looked once, and found nothing
        post(client, channel)
        eventually(partial(answered, world, 1))


def test_one_thread_is_left_to_celery(channel: Channel) -> None:
    with listening(LISTENERS) as pump:
        eventually(lambda: not pump._may_listen._value)
        pump.listen()  # at once: the others listen


@contextmanager
def listening(threads: int = 1) -> Iterator[Pump]:
    """A pump as in a worker, with so many threads of Celery's in it, for as long as it is needed."""
    pump, is_over = Pump("worker"), threading.Event()

    def listen() -> None:
        while not is_over.is_set():
            pump.listen()

    listeners = [threading.Thread(target=listen) for _ in range(threads)]
    for thread in listeners:
        thread.start()
    try:
        yield pump
    finally:
        is_over.set()
        finish(pump)
        for thread in listeners:
            thread.join(PATIENCE_S)


def finish(pump: Pump) -> None:
    pump.stop()
    pump.end()
    assert not any(thread.is_alive() for thread in pump.crew._threads)


def answered(world: World, count: int) -> bool:
    return len(world.inbox.calls) == count


def test_a_stopped_pump_claims_nothing(client: Any, channel: Channel, world: World) -> None:
    post(client, channel)
    pump = Pump("worker")
    pump.stop()
    assert pump.run_due() == 0
    assert world.inbox.calls == []


def test_a_pump_that_is_stopped_in_a_step_gives_back_what_it_claimed_with_its_end(
    client: Any, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = Pump("worker")

    def stop_meanwhile(lease: Any) -> Any:
        pump.stop()
        return turns.take_step(lease)

    monkeypatch.setattr(pump_module, "take_step", stop_meanwhile)
    post(client, channel, "conv-1")
    post(client, channel, "conv-2")
    assert exhaust(pump) == 1
    assert len(world.inbox.calls) == 1
    waiting = Conversation.objects.get(wake_at__isnull=False)
    assert (waiting.lease_slot, waiting.lease_until) == (None, None)
    assert waiting.wake_at is not None
    assert waiting.wake_at <= timezone.now()


def test_an_unforeseen_failure_ends_in_an_operators_hands_and_blocks_nobody(
    client: Any, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble_at_poison(lease: Any) -> Any:
        if lease.external_id == "poison":
            raise RuntimeError("unforeseen")
        return turns.take_step(lease)

    monkeypatch.setattr(pump_module, "take_step", stumble_at_poison)
    post(client, channel, "poison")
    post(client, channel, "healthy")
    for _ in range(10):
        exhaust(Pump("worker"))
        Conversation.objects.filter(wake_at__isnull=False).update(wake_at=timezone.now())
    outcomes = dict(WebhookEvent.objects.values_list("conversation__external_id", "outcome"))
    assert outcomes == {"poison": "dead", "healthy": "replied"}


def test_the_guard_wakes_workers_for_what_waits(client: Any, channel: Channel, told: list[bool]) -> None:
    guard = Guard()
    assert guard.sweep().overdue == 0
    post(client, channel)
    sweep = guard.sweep()
    assert (sweep.overdue, sweep.works_itself) == (1, False)
    assert told == [True]


def test_the_guard_works_itself_while_nobody_can_be_told(
    client: Any, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "wake_a_worker", lambda: False)
    post(client, channel)
    guard = Guard()
    assert guard.sweep().works_itself
    eventually(partial(answered, world, 1))
    finish(guard.pump)
    assert world.inbox.said("conv-1") == ["You said: Hello"]


def test_the_guard_works_itself_when_nobody_hears(
    client: Any, channel: Channel, world: World, told: list[bool]
) -> None:
    post(client, channel)
    Conversation.objects.update(wake_at=timezone.now() - timedelta(seconds=10))
    guard = Guard()
    assert guard.sweep().works_itself
    eventually(partial(answered, world, 1))
    finish(guard.pump)
    assert world.inbox.said("conv-1") == ["You said: Hello"]


def test_what_a_dead_process_of_this_machine_held_is_freed_at_once(
    client: Any, channel: Channel, told: list[bool]
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = f"{socket.gethostname()}/{gone.pid}/abc/worker"
    register_slot(dead)
    alive = new_slot_name("worker")
    register_slot(alive)
    post(client, channel, "conv-dead")
    assert claim_due_conversation(dead) is not None
    post(client, channel, "conv-alive")
    assert claim_due_conversation(alive) is not None
    assert Guard().sweep().freed == 1
    assert Conversation.objects.get(external_id="conv-dead").lease_slot is None
    assert Conversation.objects.get(external_id="conv-alive").lease_slot == alive
    assert [slot.name for slot in WorkerSlot.objects.filter(ended_at=None)] == [alive]


def test_a_process_with_a_recycled_number_is_not_taken_for_the_old_one(channel: Channel, told: list[bool]) -> None:
    register_slot(f"{socket.gethostname()}/{os.getpid()}/abc/worker")
    WorkerSlot.objects.update(started_at=timezone.now() - timedelta(days=300))
    Guard().sweep()
    assert not WorkerSlot.objects.filter(ended_at=None).exists()


def test_a_process_of_another_machine_is_left_to_its_lease(channel: Channel, told: list[bool]) -> None:
    register_slot("elsewhere/1/abc/worker")
    Guard().sweep()
    assert WorkerSlot.objects.filter(ended_at=None).exists()


def test_a_process_is_forgotten_a_day_after_its_last_sign_of_life(channel: Channel, told: list[bool]) -> None:
    register_slot("elsewhere/1/abc/worker")
    WorkerSlot.objects.update(beat_at=timezone.now() - timedelta(hours=23))
    Guard().sweep()
    assert WorkerSlot.objects.exists()
    WorkerSlot.objects.update(beat_at=timezone.now() - timedelta(hours=25))
    Guard().sweep()
    assert not WorkerSlot.objects.exists()


def test_a_process_that_ends_in_order_says_so(channel: Channel) -> None:
    pump = Pump("worker")
    pump.end()  # never announced
    pump.announce()
    pump.end()
    assert WorkerSlot.objects.get().ended_at is not None


@pytest.fixture(autouse=True)
def no_connection_after_the_test() -> Any:
    yield
    connection.close()


def test_the_guard_takes_over_what_a_stuck_worker_still_holds(
    client: Any, channel: Channel, world: World, told: list[bool]
) -> None:
    post(client, channel)
    stuck = claim_due_conversation(new_slot_name("worker"))
    assert stuck is not None
    WebhookEvent.objects.update(state="bot_call", received_at=timezone.now() - timedelta(seconds=250))
    guard = Guard()
    assert guard.sweep().taken_over == 1
    eventually(partial(answered, world, 1))
    finish(guard.pump)
    assert world.inbox.completions("conv-1") == ["HANDOVER"]
    with pytest.raises(LeaseLostError):
        release(stuck, Release())


def test_the_guard_leaves_alone_what_is_being_sent_and_what_has_time(
    client: Any, channel: Channel, world: World, told: list[bool]
) -> None:
    post(client, channel)
    claim_due_conversation(new_slot_name("worker"))
    assert Guard().sweep().taken_over == 0
    WebhookEvent.objects.update(state="sending", received_at=timezone.now() - timedelta(seconds=250))
    assert Guard().sweep().taken_over == 0


def test_the_guard_mends_and_counts_a_wakeup_that_was_lost(client: Any, channel: Channel, told: list[bool]) -> None:
    post(client, channel)
    Conversation.objects.update(wake_at=None)
    assert Guard().sweep().repaired == 1
    assert Conversation.objects.get().wake_at is not None
    assert IntakeCount.objects.get().reason == "lost_wakeup"
    assert Guard().sweep().repaired == 0


def test_what_was_claimed_without_our_hearing_of_it_is_free_again_while_we_live(client: Any, channel: Channel) -> None:
    """PostgreSQL ended between the claim and its answer. What is in our hands stays there."""
    pump = Pump("worker")
    pump.announce()
    post(client, channel)
    assert claim_due_conversation(pump.keeper.slot) is not None  # the answer is lost
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channels_app_conversation SET lease_until = lease_until - interval '3 seconds'")
    pump.keeper.lost_touch.set()
    eventually(lambda: Conversation.objects.get().lease_slot is None)
    assert claim_due_conversation("another") is not None
    pump.end()
    assert pump.keeper._thread is not None
    pump.keeper._thread.join(PATIENCE_S)
