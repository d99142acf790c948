"""Answers in our response to the inbox's own request: each once, by one way, and the same when it is asked again."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.db.models import F
from django.test import Client
from django.utils import timezone

from channels_app.channels.live import find_channel
from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.events import Stored
from channels_app.deliveries import inline
from channels_app.lib.http.session import Answer
from channels_app.lib.statements import fetch
from channels_app.models import Channel, Conversation, Credential, Delivery, Exchange, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.protocol import Outgoing
from channels_app.web.webhooks import base, waiting
from offload.models import Offload
from tests.bridge import PATIENCE_S, eventually
from tests.builders import make_bot, make_channel, make_event, signed
from tests.turns import take_step
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WITHOUT_SETTLING = """
    UPDATE channels_app_webhookevent SET received_at = received_at - interval '3 seconds'
    WHERE source = 'inbox' AND state = 'queued' AND received_at > clock_timestamp() - interval '3 seconds'
"""
"""Once for each event: one that waits for its turn doesn't grow old."""
Body = dict[str, Any]


class Platform:
    """Posts events as the platform does, and waits for each response in a thread of its own."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def posts(self, channel: Channel, event: Body) -> "Future[bytes]":
        return self._threads.submit(self._post, channel, event)

    @staticmethod
    def _post(channel: Channel, event: Body) -> bytes:
        try:
            answered = Client().post(f"/webhooks/inbox/{channel.uuid}/", **signed(event))
            assert answered.status_code == 200
            return answered.content
        finally:
            connections.close_all()


@pytest.fixture
def platform(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    settings.INLINE_ANSWER_S = PATIENCE_S  # more than the platform's: the machine may be slow
    monkeypatch.setattr(waiting, "requests", waiting.WaitingRequests())
    monkeypatch.setattr(waiting, "IDLE_S", 0.05)  # no connection outlives the test
    with ThreadPoolExecutor(8) as threads:
        yield Platform(threads)
    time.sleep(2 * waiting.LOOK_S)  # it rests for as long as is set here
    connection.close()


@pytest.fixture
def work() -> Iterator[Callable[[], None]]:
    """A worker that takes every step until the test ends, without waiting for an answer that is offered."""
    has_ended = threading.Event()

    def run() -> None:
        while not has_ended.wait(0.02):
            with connection.cursor() as cursor:
                cursor.execute(WITHOUT_SETTLING)
            while lease := claim_due_conversation("tests"):
                take_step(lease)
        connections.close_all()

    thread = threading.Thread(target=run)
    yield thread.start
    has_ended.set()
    with suppress(RuntimeError):
        thread.join(PATIENCE_S)


def always(**changes: Any) -> Channel:
    return make_channel(inline_answers="always", **changes)


def is_replied(outcome: str = "replied") -> bool:
    return (
        not WebhookEvent.objects.filter(outcome=None).exists()
        and WebhookEvent.objects.filter(outcome=outcome).exists()
    )


def step(conversation: str = "0-conv-1") -> None:
    """One step of this conversation, as if the wait for its start were over; its wait for a request is not."""
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(seconds=3))
    Conversation.objects.update(wake_at=timezone.now())
    lease = claim_due_conversation("tests")
    assert lease is not None
    take_step(lease)


def taken(event_id: int) -> Outgoing | None:
    """What a request gets that takes its answer now."""
    (found,) = inline.find_answers([event_id])
    return found.take()


def time_is_up() -> None:
    """For an answer that waits to be taken."""
    WebhookEvent.objects.update(inline_until=timezone.now(), wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())


def test_it_leaves_in_the_response_and_costs_no_call(
    world: World, platform: Platform, work: Callable[[], None]
) -> None:
    channel = always()
    work()
    response = platform.posts(channel, make_event(text="Hello"))
    assert json.loads(response.result(PATIENCE_S)) == {"sendMessage": {"text": "You said: Hello"}}
    eventually(is_replied)
    assert world.inbox.calls == []
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries) == ("sent", 1)
    told = Exchange.objects.get(target="inbox")
    assert (told.method, told.url, told.status, told.result) == (inline.METHOD, inline.PLACE, 200, "sent")
    assert json.loads(told.request) == {"sendMessage": {"text": "You said: Hello"}}
    shown = json.dumps(explain(Conversation.objects.get().pk).to_json(), default=str)
    assert "in the response to Sparkcentral's request" in shown


def test_a_conversation_goes_on_in_order(world: World, platform: Platform, work: Callable[[], None]) -> None:
    channel = always()
    work()
    responses = [platform.posts(channel, make_event(text=text, after_s=n)) for n, text in enumerate(("1", "2", "3"))]
    said = [json.loads(response.result(PATIENCE_S)) for response in responses]
    assert [body["sendMessage"]["text"] for body in said] == ["You said: 1", "You said: 2", "You said: 3"]
    eventually(is_replied)
    assert world.inbox.calls == []


def test_a_handover_leaves_so_too(world: World, platform: Platform, work: Callable[[], None]) -> None:
    channel = always()
    world.bot.replies = [{"messages": [{"text": "A colleague."}], "offload": {"reason": "asked"}}]
    work()
    body = json.loads(platform.posts(channel, make_event(text="Human!")).result(PATIENCE_S))
    assert (body["complete"], body["sendMessage"]["text"]) == ("HANDOVER", "A colleague.")
    eventually(lambda: is_replied("handed_over"))
    assert Conversation.objects.get().owner == "other"
    assert Offload.objects.get().state == "handed_over"
    assert world.inbox.calls == []


def test_one_who_calls_back_answers_the_request_that_still_waits(
    world: World, platform: Platform, work: Callable[[], None], client: Client
) -> None:
    channel = always(bot=make_bot("chatlayer"))
    work()
    response = platform.posts(channel, make_event(text="Hello"))
    eventually(lambda: WebhookEvent.objects.filter(state="bot_wait").exists())
    document = {
        "senderId": str(Conversation.objects.get().session_id),
        "messageCounter": 1,
        "verifyToken": "verify-token-of-the-tests",
        "message": {"text": "Good morning"},
    }
    path = f"/webhooks/bot/{channel.bot and channel.bot.uuid}/"
    assert client.post(path, json.dumps(document), content_type="application/json").status_code == 200
    assert json.loads(response.result(PATIENCE_S)) == {"sendMessage": {"text": "Good morning"}}
    eventually(is_replied)
    assert world.inbox.calls == []


def test_what_nobody_came_for_goes_the_usual_way(world: World, platform: Platform) -> None:
    channel = always()
    post_and_leave(channel)
    step()
    assert Delivery.objects.get().state == "pending"
    step()  # nothing before its time
    assert world.inbox.calls == []
    time_is_up()
    step()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert (is_replied(), "inline" in Delivery.objects.get().payload) == (True, False)


def post_and_leave(channel: Channel, text: str = "Hello", **changes: Any) -> Body:
    """The event, whose request broke off before it got a response."""
    event = make_event(**({} if changes else {"text": text}), **changes)
    requests = waiting.requests
    try:
        waiting.requests = _Broken()
        answered = Client().post(f"/webhooks/inbox/{channel.uuid}/", **signed(event))
    finally:
        waiting.requests = requests
    assert (answered.status_code, answered.content) == (200, b"{}")
    return event


class _Broken(waiting.WaitingRequests):
    def add(self, *_: Any) -> "Future[bytes]":
        response: Future[bytes] = Future()
        response.set_result(b"{}")
        return response


def test_a_request_that_comes_again_gets_the_same_bytes(world: World, platform: Platform) -> None:
    """The process that took it died before it could answer: nobody got it yet."""
    channel = always()
    event = post_and_leave(channel)
    step()
    assert taken(WebhookEvent.objects.get().pk) is not None
    responses = [platform.posts(channel, event).result(PATIENCE_S) for _ in range(2)]
    time_is_up()
    step()
    assert is_replied()
    responses += [platform.posts(channel, event).result(PATIENCE_S) for _ in range(2)]
    assert {json.loads(one)["sendMessage"]["text"] for one in responses} == {"You said: Hello"}
    assert len(set(responses)) == 1
    assert world.inbox.calls == []


def test_one_that_comes_again_after_a_call_gets_nothing(world: World, platform: Platform) -> None:
    channel = always()
    event = post_and_leave(channel)
    step()
    time_is_up()
    step()
    assert platform.posts(channel, event).result(PATIENCE_S) == b"{}"
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


def test_one_that_comes_again_in_time_gets_it(world: World, platform: Platform) -> None:
    channel = always()
    event = post_and_leave(channel)
    step()
    assert b"You said: Hello" in platform.posts(channel, event).result(PATIENCE_S)
    assert world.inbox.calls == []


@pytest.mark.parametrize("first", ["request", "worker"])
def test_one_row_decides_who_has_it(world: World, platform: Platform, first: str) -> None:
    channel = always()
    post_and_leave(channel)
    step()
    event_id, delivery = WebhookEvent.objects.get().pk, Delivery.objects.get()
    if first == "request":
        assert taken(event_id) is not None
        inline.settle_offer(delivery)
        assert (inline.is_taken(delivery), delivery.state) == (True, "in_flight")
    else:
        inline.settle_offer(delivery)
        assert (inline.is_taken(delivery), delivery.state) == (False, "pending")
        assert taken(event_id) is None
    time_is_up()
    step()
    assert is_replied()
    assert len(world.inbox.calls) == (0 if first == "request" else 1)


def test_a_worker_that_dies_before_it_lets_go_leaves_it_to_the_next(world: World, platform: Platform) -> None:
    """Between the row and the release nobody may take it."""
    channel = always()
    post_and_leave(channel)
    step()
    WebhookEvent.objects.update(wait_until=None)
    event_id = WebhookEvent.objects.get().pk
    assert taken(event_id) is None
    step()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


@pytest.mark.parametrize(
    ("reply", "calls"),
    [
        ({"messages": [{"text": "A", "pause_ms": 0}, {"text": "B", "pause_ms": 1}]}, 2),
        ({"messages": [{"text": "A", "attachment": {"url": "http://files.test/a.png"}}]}, 1),
    ],
)
def test_what_takes_more_than_a_call_leaves_by_calls(
    world: World, platform: Platform, work: Callable[[], None], reply: Body, calls: int
) -> None:
    channel = always()
    world.bot.replies = [reply]
    work()
    assert platform.posts(channel, make_event(text="Hello")).result(PATIENCE_S) == b"{}"
    eventually(is_replied)
    assert len(world.inbox.calls) == calls


def test_what_needs_no_answer_is_not_waited_for(world: World, platform: Platform, work: Callable[[], None]) -> None:
    channel = always()
    world.bot.replies = [{"messages": []}]
    work()
    assert platform.posts(channel, make_event(text="Thanks")).result(PATIENCE_S) == b"{}"
    eventually(lambda: is_replied("silent"))


@pytest.mark.parametrize(
    ("policy", "used", "noted_ago", "waits"),
    [
        ("never", 100_000, timedelta(0), False),
        ("when_short", None, timedelta(0), False),
        ("when_short", 89_999, timedelta(0), False),
        ("when_short", 90_000, timedelta(0), True),
        ("when_short", 90_000, timedelta(minutes=11), False),  # a new day may have begun: a call tells
        ("always", None, timedelta(0), True),
    ],
)
def test_when_it_is_waited_for(
    world: World, platform: Platform, policy: str, used: int | None, noted_ago: timedelta, waits: bool
) -> None:
    channel = make_channel(inline_answers=policy)
    client_id = channel.clear_settings()["client_id"]
    assert client_id
    live = find_channel(channel.uuid)
    assert live is not None
    Credential.objects.create(
        account_key=live.inbox.account_key,
        quota_used=used,
        quota_limit=100_000,
        quota_at=timezone.now() - noted_ago,
    )
    post_and_leave(channel)
    assert (WebhookEvent.objects.get().inline_until is not None) is waits
    step()
    assert (world.inbox.said("0-conv-1") == []) is waits


def test_a_refusal_tells_that_the_calls_are_used_up(world: World, platform: Platform) -> None:
    """Else nobody would know ten minutes after the last call that went through."""
    channel = make_channel(inline_answers="when_short")
    post_and_leave(channel)
    told = {"x-account-quota-used": "100000", "x-account-quota": "100000"}
    world.inbox.faults = [Answer(status=429, headers=told, body=b"{}", took_ms=1)]
    step()
    assert Credential.objects.get().quota_used == 100_000
    post_and_leave(channel, conversation="0-conv-2")
    waits = WebhookEvent.objects.values_list("inline_until", flat=True).order_by("pk")
    assert [until is not None for until in waits] == [False, True]


def test_a_full_process_lets_nobody_wait(world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_WAITING", 0)
    channel = always()
    assert platform.posts(channel, make_event(text="Hello")).result(PATIENCE_S) == b"{}"
    assert WebhookEvent.objects.get().inline_until is None


def test_requests_end_when_their_time_is_up(platform: Platform, settings: Any, world: World) -> None:
    settings.INLINE_ANSWER_S = 1
    channel = always()
    assert platform.posts(channel, make_event(text="Hello")).result(PATIENCE_S) == b"{}"
    assert waiting.requests.have_room
    assert fetch("SELECT count(*) FROM channels_app_delivery", {}) == [(0,)]


def test_the_wait_counts_from_when_the_request_came_also_while_postgresql_was_waited_for(
    platform: Platform, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INLINE_ANSWER_S = 7
    came_at = timezone.now() - timedelta(seconds=8)  # of the platform's ten
    monkeypatch.setattr(base, "database_now", lambda: came_at)
    assert platform.posts(always(), make_event(text="Hello")).result(PATIENCE_S) == b"{}"
    assert WebhookEvent.objects.get().inline_until == came_at + timedelta(seconds=7)
    assert waiting.requests._thread is None


def test_each_response_leaves_before_the_next_answer_is_taken(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes its time for others may not lie between an answer and its response: the next call overtakes it."""
    seen = []
    waits, body = waiting.WaitingRequests(), Future[bytes]()

    def finds(event_ids: list[int]) -> Iterator[inline.Found]:
        answer = json.dumps(Outgoing(note="taken").to_json())
        yield inline.Found(event_id=event_ids[0], is_over=False, delivery_id=1, state=inline.TAKEN, outgoing=answer)
        seen.append(body.done())

    monkeypatch.setattr(waiting, "find_answers", finds)
    post_and_leave(always())
    stored = WebhookEvent.objects.get()
    waits._waiting[stored.pk].append(_waiting(body))
    assert waits._look([stored.pk])
    assert (seen, b"taken" in body.result(0)) == ([True], True)


def _waiting(body: "Future[bytes]", until: float = 0.0) -> waiting._Waiting:
    live = find_channel(Channel.objects.get().uuid)
    assert live is not None
    return waiting._Waiting(until=until, inbox=live.inbox, body=body)


def wait_for(event_id: int) -> "Future[bytes]":
    """A request of this event, whose time is up."""
    stored = Stored(
        event_id=event_id,
        conversation_id=Conversation.objects.get().pk,
        is_new=True,
        owes_wakeup=False,
        inline_until=timezone.now(),
    )
    return waiting.requests.add(stored, _waiting(Future()).inbox)


def test_an_answer_whose_taking_was_not_confirmed_is_given_to_the_next_request(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection to PostgreSQL broke at the commit: the platform must ask again, and then gets it."""
    true_take = inline.Found.take

    def takes(found: inline.Found) -> Outgoing | None:
        true_take(found)
        raise OperationalError("the connection is lost")

    channel = always()
    event = post_and_leave(channel)
    step()
    monkeypatch.setattr(waiting, "LOOK_ANSWER_S", 0.1)
    monkeypatch.setattr(inline.Found, "take", takes)
    answer = wait_for(WebhookEvent.objects.get().pk)
    with pytest.raises(waiting.UnknownAnswerError):
        answer.result(PATIENCE_S)
    monkeypatch.setattr(inline.Found, "take", true_take)
    assert waiting.requests.have_room
    assert b"You said: Hello" in platform.posts(channel, event).result(PATIENCE_S)


def test_while_postgresql_is_away_the_others_are_answered_when_their_time_is_up(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again meanwhile, we would hand over a conversation that the bot answers as soon as PostgreSQL is back."""

    def fails(*_: Any, **__: Any) -> list[inline.Found]:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(waiting, "LOOK_ANSWER_S", 0.1)
    monkeypatch.setattr(waiting, "find_answers", fails)
    post_and_leave(always())
    assert wait_for(WebhookEvent.objects.get().pk).result(PATIENCE_S) == b"{}"


def test_one_that_comes_again_late_gets_the_same(world: World, platform: Platform) -> None:
    """The platform noticed after ten seconds that its request broke off; the conversation went on meanwhile."""
    channel = always()
    event = post_and_leave(channel)
    step()
    assert taken(WebhookEvent.objects.get().pk) is not None
    time_is_up()
    step()
    first = Delivery.objects.get()
    Delivery.objects.bulk_create(
        Delivery(event_id=first.event_id, conversation_id=first.conversation_id, seq=seq, payload={}, state="sent")
        for seq in range(2, 30)
    )
    assert b"You said: Hello" in platform.posts(channel, event).result(PATIENCE_S)


def test_what_would_close_the_conversation_is_not_taken_once_the_contact_has_written_again(
    world: World, platform: Platform
) -> None:
    channel = always()
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "resolved"}]
    post_and_leave(channel)
    step()
    event_id = WebhookEvent.objects.get().pk
    post_and_leave(channel, "One more thing")
    assert taken(event_id) is None
    time_is_up()
    step()
    assert world.inbox.said("0-conv-1") == ["Bye"]
    assert Conversation.objects.get().owner == "bot"


def test_what_agents_have_returned_is_not_taken_away_again(world: World, platform: Platform) -> None:
    channel = always()
    world.bot.replies = [{"messages": [{"text": "A colleague."}], "offload": {"reason": "asked"}}]
    post_and_leave(channel)
    step()
    event_id = WebhookEvent.objects.get().pk
    post_and_leave(channel, type_="CONVERSATION_DELEGATED", after_s=1)
    assert taken(event_id) is None


def test_a_worker_that_holds_it_just_then_looks_again_when_it_was_taken(world: World, platform: Platform) -> None:
    channel = always()
    post_and_leave(channel, "One")
    step()
    event_id = WebhookEvent.objects.get().pk
    post_and_leave(channel, "Two")
    lease = claim_due_conversation("tests")
    assert lease is not None
    assert taken(event_id) is not None
    wakes_at = take_step(lease)
    assert isinstance(wakes_at, datetime)
    assert wakes_at < timezone.now() + timedelta(seconds=2)
