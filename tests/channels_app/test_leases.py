"""Leases, fences and wake-ups with real connections that compete."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction
from django.utils import timezone

from channels_app.conversations import claim
from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.events import store_inbox_event
from channels_app.conversations.lease import LeaseLostError, hold
from channels_app.conversations.release import Ended, Release, release
from channels_app.models import Channel, Conversation, Outcome, WebhookEvent
from channels_app.protocol import Event, EventType
from channels_app.tasks import read_by_index
from tests.bridge import PATIENCE_S, eventually
from tests.builders import make_channel

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


@pytest.fixture
def channel(transactional_db: None) -> Channel:
    return make_channel(bot=None)


@pytest.fixture
def threads() -> Iterator[Callable[[Callable[[], T], int], list[T]]]:
    """Runs something in several threads at the same moment, each with its own connection; gives the results."""

    def run(act: Callable[[], T], count: int) -> list[T]:
        start = threading.Barrier(count)

        def in_thread() -> T:
            start.wait()
            try:
                return act()
            finally:
                connection.close()

        with ThreadPoolExecutor(count) as pool:
            return [future.result() for future in [pool.submit(in_thread) for _ in range(count)]]

    yield run


def event(key: str = "key-1", conversation: str = "conv-1") -> Event:
    return Event(type=EventType.MESSAGE_RECEIVED, key=key, conversation_id=conversation, sent_at=datetime.now(UTC))


def store(channel: Channel, key: str = "key-1", conversation: str = "conv-1") -> Any:
    return store_inbox_event(channel.pk, channel.revision, event(key, conversation), b"{}")


def test_the_same_event_at_the_same_moment_is_kept_once(channel: Channel, threads: Any) -> None:
    results = threads(lambda: store(channel), 12)
    assert [result.is_new for result in results].count(True) == 1
    assert len({result.event_id for result in results}) == 1
    assert WebhookEvent.objects.get().duplicates == 11


def test_many_events_of_a_conversation_owe_one_wakeup(channel: Channel) -> None:
    assert [store(channel, f"key-{n}").owes_wakeup for n in range(4)] == [True, False, False, False]
    assert store(channel, "key-9", "conv-2").owes_wakeup


def test_an_event_in_a_conversation_that_waits_for_later_owes_a_wakeup(channel: Channel) -> None:
    store(channel)
    Conversation.objects.update(wake_at=timezone.now() + timedelta(hours=1))
    assert store(channel, "key-2").owes_wakeup
    assert Conversation.objects.filter(wake_at__lte=timezone.now()).exists()


def test_a_conversation_is_leased_by_one_worker_at_a_time(channel: Channel, threads: Any) -> None:
    for number in range(3):
        store(channel, f"key-{number}", f"conv-{number}")
    claimed = [lease for lease in threads(lambda: claim_due_conversation("slot"), 8) if lease is not None]
    assert len(claimed) == 3
    assert len({lease.conversation_id for lease in claimed}) == 3
    assert claim_due_conversation("slot") is None


def test_the_conversation_that_waits_longest_comes_first(channel: Channel) -> None:
    for number in range(3):
        store(channel, f"key-{number}", f"conv-{number}")
    Conversation.objects.filter(external_id="conv-2").update(wake_at=timezone.now() - timedelta(minutes=1))
    lease = claim_due_conversation("slot")
    assert lease is not None
    assert lease.external_id == "conv-2"


def test_a_lease_brings_the_open_events_in_the_order_of_their_sending(channel: Channel) -> None:
    for key in ("a", "b", "c"):
        store(channel, key)
    WebhookEvent.objects.filter(idempotency_key="c").update(sent_at=timezone.now() - timedelta(minutes=1))
    WebhookEvent.objects.filter(idempotency_key="b").update(outcome=Outcome.REPLIED)
    lease = claim_due_conversation("slot")
    assert lease is not None
    keys = dict(WebhookEvent.objects.values_list("id", "idempotency_key"))
    assert [keys[claimed.facts.id] for claimed in lease.events] == ["c", "a"]


def test_a_lease_that_ended_is_taken_over_and_its_holder_can_change_nothing(channel: Channel) -> None:
    store(channel)
    slow = claim_due_conversation("slow")
    assert slow is not None
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    quick = claim_due_conversation("quick")
    assert quick is not None
    for act in (hold, lambda lease: release(lease, Release())):
        with pytest.raises(LeaseLostError), transaction.atomic():
            act(slow)
    release(quick, Release())


def test_released_without_open_events_it_sleeps(channel: Channel) -> None:
    stored = store(channel)
    lease = claim_due_conversation("slot")
    assert lease is not None
    assert release(lease, Release(ended=[Ended(event_ids=[stored.event_id], outcome=Outcome.SILENT)])) is None
    assert Conversation.objects.get().wake_at is None


def test_an_event_that_comes_while_a_worker_decides_to_wait_is_seen_at_once(channel: Channel) -> None:
    store(channel)
    lease = claim_due_conversation("slot")
    assert lease is not None
    later = timezone.now() + timedelta(minutes=5)
    store(channel, "key-2")
    wake_at = release(lease, Release(until=later))
    assert wake_at is not None
    assert wake_at < later


def lease_going_on(slot: str = "slot") -> Any:
    lease = claim_due_conversation(slot, goes_on=True)
    assert lease is not None
    return lease


def test_whoever_gives_a_conversation_back_may_have_the_next_one_at_once(channel: Channel) -> None:
    stored = store(channel, "a", "conv-1")
    store(channel, "b", "conv-2")
    store(channel, "c", "conv-2")
    first = lease_going_on()
    release(first, Release(ended=[Ended(event_ids=[stored.event_id], outcome=Outcome.SILENT)]))
    second = first.onward.lease
    assert second.external_id == "conv-2"
    assert len(second.events) == 2
    assert second.fence == Conversation.objects.get(external_id="conv-2").fence
    assert claim_due_conversation("other") is None
    ended = [Ended(event_ids=[event.facts.id for event in second.events], outcome=Outcome.SILENT)]
    assert release(second, Release(ended=ended)) is None
    assert (second.onward.lease, second.onward.found_nothing) == (None, True)
    assert Conversation.objects.filter(lease_slot__isnull=False).count() == 0


def test_going_on_does_not_overlook_the_conversation_that_was_just_given_back(channel: Channel) -> None:
    stored = store(channel)
    lease = lease_going_on()
    store(channel, "key-2")
    release(lease, Release(ended=[Ended(event_ids=[stored.event_id], outcome=Outcome.SILENT)]))
    assert (lease.onward.lease, lease.onward.found_nothing) == (None, False)
    assert claim_due_conversation("slot") is not None


def test_a_lease_that_ran_out_is_given_back_and_not_claimed_in_one_go(channel: Channel) -> None:
    stored = store(channel)
    lease = lease_going_on()
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    release(lease, Release(ended=[Ended(event_ids=[stored.event_id], outcome=Outcome.SILENT)]))
    assert lease.onward.lease is None
    assert Conversation.objects.get().lease_until is None


def test_whoever_lost_its_lease_gets_no_other_one_with_it(channel: Channel) -> None:
    store(channel)
    slow = lease_going_on("slow")
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    claim_due_conversation("quick")
    store(channel, "b", "conv-2")
    with pytest.raises(LeaseLostError):
        release(slow, Release())
    assert (slow.onward.lease, slow.onward.found_nothing) == (None, False)
    assert Conversation.objects.get(external_id="conv-2").lease_slot is None


def test_what_another_worker_did_while_the_claim_waited_is_not_done_again(channel: Channel) -> None:
    """The statement sees the events as they were when it began. Meanwhile it waits for the conversation that it gives
    back; another worker answers the next one, whose contact writes again."""
    held = store(channel, "a", "conv-1")
    mine = lease_going_on()
    answered = store(channel, "b", "conv-2")

    def give_back() -> None:
        release(mine, Release(ended=[Ended(event_ids=[held.event_id], outcome=Outcome.SILENT)]))
        connection.close()

    with transaction.atomic():
        store(channel, "c", "conv-1")
        thread = threading.Thread(target=give_back)
        thread.start()
        eventually(somebody_waits_for_a_lock)
        with ThreadPoolExecutor(1) as other:
            again = other.submit(answer_and_write_again, channel, answered.event_id).result()
    thread.join(PATIENCE_S)
    lease = mine.onward.lease
    assert lease.external_id == "conv-2"
    assert [event.facts.id for event in lease.events] == [again]
    assert lease.fence == Conversation.objects.get(external_id="conv-2").fence


def test_what_its_holder_did_while_the_conversation_was_taken_away_is_not_done_again(channel: Channel) -> None:
    stored = store(channel)
    slow = claim_due_conversation("slow")
    assert slow is not None
    with ThreadPoolExecutor(1) as other, transaction.atomic():
        release(slow, Release(ended=[Ended(event_ids=[stored.event_id], outcome=Outcome.SILENT)]))
        stolen = other.submit(steal, slow.conversation_id)
        eventually(somebody_waits_for_a_lock)
    lease = stolen.result()
    assert lease is not None
    assert lease.events == ()


def steal(conversation_id: int) -> Any:
    try:
        return claim.steal_conversation("quick", conversation_id)
    finally:
        connection.close()


def answer_and_write_again(channel: Channel, event_id: int) -> int:
    quick = claim_due_conversation("quick")
    assert quick is not None
    release(quick, Release(ended=[Ended(event_ids=[event_id], outcome=Outcome.SILENT)]))
    again: int = store(channel, "d", "conv-2").event_id
    connection.close()
    return again


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_no_wakeup_is_lost_between_release_and_a_new_event(channel: Channel, threads: Any) -> None:
    """The event is committed while the release waits for the row: it must still find the event."""
    for attempt in range(20):
        Conversation.objects.all().delete()
        stored = store(channel, f"old-{attempt}")
        lease = claim_due_conversation("slot")
        assert lease is not None
        is_locked, may_commit = threading.Event(), threading.Event()

        def receive(key: str = f"new-{attempt}", locked: Any = is_locked, commit: Any = may_commit) -> None:
            with transaction.atomic():
                store(channel, key)
                locked.set()
                commit.wait(PATIENCE_S)
            connection.close()

        def give_back(lease: Any = lease, ids: Any = (stored.event_id,)) -> None:
            release(lease, Release(ended=[Ended(event_ids=ids, outcome=Outcome.SILENT)]))
            connection.close()

        receiver = threading.Thread(target=receive)
        receiver.start()
        is_locked.wait(PATIENCE_S)
        releaser = threading.Thread(target=give_back)
        releaser.start()
        eventually(somebody_waits_for_a_lock)
        may_commit.set()
        receiver.join(PATIENCE_S)
        releaser.join(PATIENCE_S)
        assert Conversation.objects.get().wake_at is not None


def test_a_worker_takes_the_oldest_from_the_index_even_while_there_are_few(channel: Channel) -> None:
    """The plan that it makes then is the one that it keeps, and sorting all that waits grows with what waits."""
    store(channel)
    values = claim.claim_values("slot")
    with connection.cursor() as cursor:
        read_by_index(connection)
        cursor.execute(f"EXPLAIN {claim._CLAIM_DUE}", values)
        plan = " ".join(row[0] for row in cursor.fetchall())
    connection.close()
    assert "Index Scan using conversation_due" in plan
    assert "Seq Scan on channels_app_conversation" not in plan
