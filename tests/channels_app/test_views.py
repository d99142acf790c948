"""The doors: who gets in, what is kept, and what a stranger hears."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import Bot, Channel, Conversation, EventBody, IntakeCount, WebhookEvent
from tests.builders import SHARED_SECRET, make_bot, make_channel, make_event, sign, signed
from tests.conftest import Walker
from tests.world import World

VERIFY_TOKEN = "verify-token-of-the-tests"


def counts() -> dict[str, int]:
    return {row.reason: row.count for row in IntakeCount.objects.all()}


# --- the inbox's door ---------------------------------------------------------------------------------------------


def test_an_event_is_kept_as_it_came_and_answered_with_an_empty_object(walker: Walker) -> None:
    event = make_event(text="Hello")
    response = walker.post(event)
    assert (response.status_code, response.json()) == (200, {})
    row = WebhookEvent.objects.get()
    assert (row.idempotency_key, row.type, row.state) == (event["idempotencyKey"], "message_received", "queued")
    assert bytes(EventBody.objects.get().raw) == json.dumps(event).encode()
    assert Conversation.objects.get().wake_at is not None


def test_the_same_event_again_is_counted_and_not_kept_again(walker: Walker, world: World) -> None:
    event = make_event(text="Hello")
    for _ in range(3):
        assert walker.post(event).status_code == 200
    assert WebhookEvent.objects.get().duplicates == 2
    walker.work()
    walker.post(event)
    walker.work()
    assert len(world.bot.turns) == 1


def test_two_channels_may_use_the_same_idempotency_key(walk_with: Callable[..., Walker]) -> None:
    event = make_event()
    for _ in range(2):
        assert walk_with().post(event).status_code == 200
    assert WebhookEvent.objects.count() == 2


def test_an_unknown_type_is_accepted_and_ignored(walker: Walker) -> None:
    response = walker.post(make_event("CONVERSATION_PAINTED_BLUE"))
    assert (response.status_code, response.json()) == (200, {})
    assert not WebhookEvent.objects.exists()
    assert counts() == {"unknown_type": 1}


@pytest.mark.parametrize(
    ("inbox", "header", "status"),
    [
        ("hootsuite", "X-Hootsuite-Signature", 200),
        ("hootsuite", "X-Sparkcentral-Signature", 401),
        ("sparkcentral", "X-Sparkcentral-Signature", 200),
        ("sparkcentral", "X-Hootsuite-Signature", 401),
    ],
)
def test_each_inbox_signs_in_its_own_header(
    client: Client, db: None, world: World, inbox: str, header: str, status: int
) -> None:
    channel = make_channel(inbox)
    response = client.post(f"/webhooks/inbox/{channel.uuid}/", **signed(make_event(), header))
    assert response.status_code == status


def test_white_space_counts_for_the_signature(client: Client, channel: Channel) -> None:
    body = json.dumps(make_event(), indent=2).encode() + b"\n"
    headers = {"X-Hootsuite-Signature": sign(body)}
    url = f"/webhooks/inbox/{channel.uuid}/"
    assert client.post(url, body, content_type="application/json", headers=headers).status_code == 200
    assert client.post(url, body.strip(), content_type="application/json", headers=headers).status_code == 401


def test_what_is_refused_is_counted_and_kept_nowhere(walker: Walker, settings: Any) -> None:
    url = f"/webhooks/inbox/{walker.channel.uuid}/"
    post = walker.client.post
    kind = "application/json"
    huge = b"x" * (256 * 1024 + 1)
    garbage, a_list = b"{no json", b"[1]"
    answers = [
        walker.post(make_event(), secret="11" * 32),
        post(url, b"{}", content_type=kind),
        post(url, b"{}", content_type=kind, headers={"X-Hootsuite-Signature": "é" * 64}),
        post(url, garbage, content_type=kind, headers={"X-Hootsuite-Signature": sign(garbage)}),
        post(url, a_list, content_type=kind, headers={"X-Hootsuite-Signature": sign(a_list)}),
        post(url, huge, content_type=kind, headers={"X-Hootsuite-Signature": sign(huge)}),
        walker.post(make_event(after_s=-301)),
    ]
    assert [response.status_code for response in answers] == [401, 401, 401, 400, 400, 413, 401]
    assert not WebhookEvent.objects.exists()
    assert not Conversation.objects.exists()
    assert counts() == {
        "bad_signature": 2,
        "no_signature": 1,
        "malformed": 2,
        "too_large": 1,
        "too_old": 1,
    }


def test_events_before_a_secret_is_saved_are_counted_as_such(client: Client, channel: Channel) -> None:
    channel.shared_secret = ""
    channel.save()
    assert client.post(f"/webhooks/inbox/{channel.uuid}/", **signed(make_event())).status_code == 401
    assert counts() == {"no_secret": 1}


def test_a_new_secret_counts_from_the_next_event_on(client: Client, channel: Channel) -> None:
    url = f"/webhooks/inbox/{channel.uuid}/"
    assert client.post(url, **signed(make_event())).status_code == 200
    channel.shared_secret = "ab" * 32
    channel.save()
    assert client.post(url, **signed(make_event(), secret=SHARED_SECRET)).status_code == 401
    assert client.post(url, **signed(make_event(), secret="ab" * 32)).status_code == 200


def test_an_unknown_address_is_not_found(client: Client, db: None) -> None:
    response = client.post("/webhooks/inbox/5b784e97-34fa-41e9-bf33-f1b7c89708ca/", **signed(make_event()))
    assert response.status_code == 404


def test_a_person_who_opens_the_address_reads_that_it_is_ready(client: Client, channel: Channel) -> None:
    response = client.get(f"/webhooks/inbox/{channel.uuid}/")
    assert response.status_code == 200
    assert "ready" in response.content.decode()
    assert "POST requests from Sparkcentral" in response.content.decode()
    assert channel.name not in response.content.decode()


@pytest.mark.parametrize("text", ["", "\x00 null", "\ud800 alone", "😀" * 1000, "שלום", "x" * 100_000])
def test_odd_texts_are_kept_and_answered(walker: Walker, world: World, text: str) -> None:
    walker.starts()
    walker.says(text)
    assert walker.outcomes() == ["replied", "replied"]


# --- a bot's door -------------------------------------------------------------------------------------------------


def bot_says(walker: Walker, document: dict[str, Any], token: str = "bot-token-of-the-tests") -> Any:
    assert walker.channel.bot is not None
    document = {"session_id": str(walker.conversation().session_id), **document}
    return walker.client.post(
        f"/webhooks/bot/{walker.channel.bot.uuid}/",
        json.dumps(document),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def test_a_later_reply_reaches_the_contact(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    response = bot_says(walker, {"messages": [{"text": "Sorry for the wait."}]})
    assert (response.status_code, response.json()) == (202, {"accepted": True})
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Sorry for the wait."]
    assert set(walker.outcomes()) == {"replied", "merged"}


def test_a_later_reply_with_an_id_counts_once(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    for _ in range(2):
        assert bot_says(walker, {"messages": [{"text": "Once"}], "reply_id": "r-1"}).status_code == 202
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Once"]


def test_later_replies_in_one_breath_leave_in_one_call_with_the_handover(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("agent")
    bot_says(walker, {"messages": [{"text": "One"}]})
    bot_says(walker, {"messages": [{"text": "Two"}], "offload": {"reason": "asked_for_human"}})
    walker.work()
    assert len(world.inbox.calls) == 1
    assert world.inbox.said("0-conv-1") == ["One", "Two"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_strangers_and_late_bots_are_told_so(walker: Walker, world: World) -> None:
    walker.says("Hello")
    assert bot_says(walker, {"messages": []}, token="wrong").status_code == 401
    unknown = bot_says(walker, {"messages": [], "session_id": "3f0c9a52-6d41-4f0e-9c5e-1f0f6a1d2b77"})
    assert unknown.status_code == 404
    assert bot_says(walker, {"messages": "no list"}).status_code == 400
    Conversation.objects.update(owner="other")
    late = bot_says(walker, {"messages": [{"text": "Too late"}]})
    assert (late.status_code, late.json()) == (409, {"accepted": False, "code": "not_assigned"})
    assert WebhookEvent.objects.count() == 1


def test_a_bot_can_not_speak_in_conversations_of_another(walker: Walker, world: World) -> None:
    walker.says("Hello")
    stranger = make_bot()
    response = walker.client.post(
        f"/webhooks/bot/{stranger.uuid}/",
        json.dumps({"session_id": str(walker.conversation().session_id), "messages": [{"text": "Hi"}]}),
        content_type="application/json",
        headers={"Authorization": "Bearer bot-token-of-the-tests"},
    )
    assert response.status_code == 404


# --- Chatlayer ----------------------------------------------------------------------------------------------------


@pytest.fixture
def chatlayer(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("chatlayer"))


def chatlayer_says(walker: Walker, text: str, counter: int, **changes: Any) -> Any:
    assert walker.channel.bot is not None
    document = {
        "senderId": str(walker.conversation().session_id),
        "messageCounter": counter,
        "verifyToken": VERIFY_TOKEN,
        "message": {"text": text},
        **changes,
    }
    return walker.client.post(
        f"/webhooks/bot/{walker.channel.bot.uuid}/", json.dumps(document), content_type="application/json"
    )


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        # its channel is user-initiated: the first message begins, an introduction only when it is wanted
        ("with_first_message", [{"textMessage": {"text": "Hello"}}]),
        ("never", [{"textMessage": {"text": "Hello"}}]),
        ("always", [{"introMessage": {}}, {"textMessage": {"text": "Hello"}}]),
    ],
)
def test_chatlayer_begins_and_answers(
    walk_with: Callable[..., Walker], world: World, greeting: str, told: list[dict[str, Any]]
) -> None:
    walker = walk_with(bot=make_bot("chatlayer"), greeting=greeting)
    walker.starts()
    walker.says("Hello")
    assert [body["message"] for body in world.chatlayer.received] == told
    text = world.chatlayer.received[-1]
    assert len(text["conversationId"]) >= 32
    assert text["sessionData"]["channelDetails"]["contactProfile"]["primaryIdentifier"] == "Johan"
    chatlayer_says(walker, "Hi there", 1)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Hi there"]
    assert set(walker.outcomes()) == {"merged", "replied"} | ({"silent"} if len(told) == 1 else set())


def test_chatlayers_messages_leave_in_the_order_of_their_numbers_and_once(chatlayer: Walker, world: World) -> None:
    chatlayer.says("Hello")
    for text, counter in [("two", 2), ("one", 1), ("two", 2), ("three", 3)]:
        assert chatlayer_says(chatlayer, text, counter).status_code == 200
    chatlayer.work()
    assert world.inbox.said("0-conv-1") == ["one", "two", "three"]
    chatlayer_says(chatlayer, "two", 2)  # a late retry
    chatlayer.work()
    assert world.inbox.said("0-conv-1") == ["one", "two", "three"]


def test_chatlayers_numbers_begin_anew_with_each_stint(chatlayer: Walker, world: World) -> None:
    chatlayer.says("Hello")
    chatlayer_says(chatlayer, "first stint", 1)
    chatlayer.work()
    chatlayer.delegates()
    chatlayer_says(chatlayer, "second stint", 1)
    chatlayer.work()
    assert world.inbox.said("0-conv-1") == ["first stint", "second stint"]


def test_a_platform_whose_clock_is_ahead_hears_the_answer_to_a_delegation(chatlayer: Walker, world: World) -> None:
    chatlayer.delegates(after_s=30)
    chatlayer_says(chatlayer, "What can I do?", 1)
    chatlayer.work()
    assert world.inbox.said("0-conv-1") == ["What can I do?"]
    assert chatlayer.conversation().owner == "bot"


def test_a_chosen_quick_reply_becomes_a_postback(chatlayer: Walker, world: World) -> None:
    payload = json.dumps({"nextDialogstateId": "d-2", "parameters": [{"key": "what", "value": "parcel"}]})
    chatlayer.says("menu")
    quick = {"content_type": "text", "title": "Parcel", "payload": payload}
    chatlayer_says(chatlayer, "", 1, message={"text": "Which one?", "quick_replies": [quick]})
    chatlayer.work()
    chatlayer.says("1")
    postback = world.chatlayer.received[-1]["message"]["postbackMessage"]
    assert postback["nextDialogstateId"] == "d-2"
    assert postback["sessionDataToSet"] == [{"key": "what", "value": "parcel"}]


@pytest.mark.parametrize("choice", ["1", "Parcel"])
def test_an_opaque_payload_comes_back_exact(chatlayer: Walker, world: World, choice: str) -> None:
    chatlayer.says("menu")
    quick = {"content_type": "text", "title": "Parcel", "payload": "b64:ZGlhbG9n/+=="}
    chatlayer_says(chatlayer, "", 1, message={"text": "Which one?", "quick_replies": [quick]})
    chatlayer.work()
    chatlayer.says(choice)
    assert world.chatlayer.received[-1]["message"] == {"textMessage": {"text": "b64:ZGlhbG9n/+=="}}


def test_a_wrong_verify_token_is_refused(chatlayer: Walker) -> None:
    chatlayer.says("Hello")
    assert chatlayer_says(chatlayer, "Hi", 1, verifyToken="wrong").status_code == 401
    assert counts() == {"bad_verify_token": 1}


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("answers", [True, False])
def test_a_call_to_chatlayer_that_a_crash_cut_off_is_repeated_only_if_no_answer_comes(
    chatlayer: Walker, world: World, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    handle = world.chatlayer.handle

    def take_and_die(request: dict[str, Any]) -> Any:
        monkeypatch.setattr(world.chatlayer, "handle", handle)
        handle(request)
        raise Killed

    monkeypatch.setattr(world.chatlayer, "handle", take_and_die)
    with pytest.raises(Killed):
        chatlayer.says("Hello")
    Conversation.objects.update(lease_until=timezone.now())
    chatlayer.work(patiently=False)
    assert len(world.chatlayer.received) == 1  # its answer is waited for
    if answers:
        chatlayer_says(chatlayer, "Hi", 1)
    chatlayer.work()
    assert len(world.chatlayer.received) == (1 if answers else 2)
    assert world.inbox.said("0-conv-1") == (["Hi"] if answers else [])


def test_the_verify_token_is_not_kept(chatlayer: Walker, world: World) -> None:
    chatlayer.says("Hello")
    chatlayer_says(chatlayer, "Hi", 1)
    bodies = [bytes(body.raw) for body in EventBody.objects.all()]
    assert any(b"messageCounter" in body for body in bodies)
    assert not any(VERIFY_TOKEN.encode() in body for body in bodies)
    chatlayer.work()
    assert world.inbox.said("0-conv-1") == ["Hi"]


def test_chatlayer_is_not_told_that_it_is_late(chatlayer: Walker, world: World) -> None:
    chatlayer.says("Hello")
    Conversation.objects.update(owner="other")
    assert chatlayer_says(chatlayer, "Too late", 1).status_code == 200
    chatlayer.work()
    assert world.inbox.calls == []
    assert counts() == {"not_assigned": 1}


# --- PostgreSQL is away -------------------------------------------------------------------------------------------


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the next so many attempts to store an event fail as a lost server does."""
    from django.db import OperationalError

    from channels_app.conversations import events
    from channels_app.web.webhooks import base as webhooks
    from channels_app.web.webhooks import inbox

    store = events.store_inbox_event
    left = [0]

    def fail_at_first(*args: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise OperationalError("the connection is lost")
        return store(*args)

    monkeypatch.setattr(inbox, "store_inbox_event", fail_at_first)
    monkeypatch.setattr(webhooks, "HOLD_S", 0.3)
    monkeypatch.setattr(webhooks, "HOLD_STEP_S", 0.05)
    monkeypatch.setattr("django.db.connection.close", lambda: None)  # the test's own transaction lives in it

    def go_away(attempts: int) -> None:
        left[0] = attempts

    return go_away


def test_a_short_absence_of_the_database_is_waited_out(walker: Walker, away: Callable[[int], None]) -> None:
    away(3)
    response = walker.post(make_event())
    assert (response.status_code, response.json()) == (200, {})
    assert WebhookEvent.objects.count() == 1


def test_in_a_long_absence_the_answer_itself_hands_over(walker: Walker, away: Callable[[int], None]) -> None:
    walker.channel.fallback_texts = {"*": "One moment."}
    walker.channel.save()
    away(10_000)
    response = walker.post(make_event())
    assert response.status_code == 200
    assert response.json()["complete"] == "HANDOVER"
    assert response.json()["sendMessage"] == {"text": "One moment."}
    assert walker.post(make_event(), secret="11" * 32).status_code == 401


def test_in_a_long_absence_a_bot_is_asked_to_try_again(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch, away: Callable[[int], None]
) -> None:
    from django.db import OperationalError

    from channels_app.web.webhooks import bot

    walker.says("Hello")

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(bot, "find_session_of_bot", fail)
    assert bot_says(walker, {"messages": []}).status_code == 503


def test_a_figure_that_can_not_be_counted_costs_no_answer(
    walker: Walker, monkeypatch: pytest.MonkeyPatch, away: Callable[[int], None]
) -> None:
    from django.db import OperationalError

    from channels_app.web.webhooks import base as webhooks

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(webhooks, "count_refusal", fail)
    assert walker.post(make_event("CONVERSATION_PAINTED_BLUE")).status_code == 200


def test_only_some_requests_wait_and_the_others_answer_at_once(
    walker: Walker, monkeypatch: pytest.MonkeyPatch, away: Callable[[int], None]
) -> None:
    import threading

    from channels_app.web.webhooks import base as webhooks

    monkeypatch.setattr(webhooks, "_may_hold", threading.BoundedSemaphore(1))
    webhooks._may_hold.acquire()
    away(1)
    assert walker.post(make_event()).json()["complete"] == "HANDOVER"  # it didn't even try again


# --- what a process remembers of channels and bots ----------------------------------------------------------------


def test_a_changed_secret_counts_at_once(walker: Walker) -> None:
    assert walker.post(make_event()).status_code == 200  # from now on this process knows the channel
    channel = Channel.objects.get()
    channel.shared_secret = "ab" * 32
    channel.save()
    assert walker.post(make_event()).status_code == 401
    assert walker.post(make_event(), secret="ab" * 32).status_code == 200


def test_a_channel_that_was_archived_or_deleted_takes_nothing_more(walker: Walker) -> None:
    assert walker.post(make_event()).status_code == 200
    channel = Channel.objects.get()
    channel.archived_at = timezone.now()
    channel.save()
    assert walker.post(make_event()).status_code == 410
    channel.delete()
    assert walker.post(make_event()).status_code == 404


def test_a_changed_token_of_a_bot_counts_at_once(walker: Walker, bot: Bot) -> None:
    walker.says("Hello")
    assert bot_says(walker, {"messages": []}).status_code == 202
    bot.refresh_from_db()
    bot.put_settings({**bot.clear_settings(), "token": "another-token-of-the-tests"})
    bot.save()
    assert bot_says(walker, {"messages": []}).status_code == 401


def test_an_event_costs_one_statement_and_a_bots_words_two(
    walker: Walker, django_assert_num_queries: Callable[[int], Any]
) -> None:
    walker.says("Hello")
    bot_says(walker, {"messages": []})
    walker.work()
    with django_assert_num_queries(1):
        assert walker.post(make_event()).status_code == 200
    with django_assert_num_queries(2 + 1):  # one is this test's own, for the session
        assert bot_says(walker, {"messages": []}).status_code == 202
