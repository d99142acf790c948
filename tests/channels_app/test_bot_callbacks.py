"""What a bot that calls back says, from its door to the contact: each message once, none lost, none in silence."""

import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Channel, Conversation, IntakeCount, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.operations.transcripts import load_transcript
from offload.models import Offload
from tests.builders import make_bot, make_channel
from tests.conftest import Walker
from tests.world import World


@pytest.fixture
def walker(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("chatlayer"))


def calls_back(
    walker: Walker, message: dict[str, Any], number: Any = 1, conversation: str = "0-conv-1", **more: Any
) -> None:
    assert walker.channel.bot is not None
    document = {
        "senderId": str(walker.conversation(conversation).session_id),
        "messageCounter": number,
        "verifyToken": "verify-token-of-the-tests",
        "message": message,
        **more,
    }
    path = f"/webhooks/bot/{walker.channel.bot.uuid}/"
    assert walker.client.post(path, json.dumps(document), content_type="application/json").status_code == 200


def patience_ends(walker: Walker) -> None:
    WebhookEvent.objects.filter(state="bot_wait").update(wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())
    walker.work()


@pytest.mark.parametrize(
    ("words", "number"),
    [
        *((("A", "B"), number) for number in (1, "1", -1, 2**40, None)),
        *((("Sorry?", "Sorry?"), number) for number in (1, "1", -1, 2**40, None)),
    ],
)
def test_a_bot_that_counts_anew_in_each_turn_is_heard_in_each(
    walker: Walker, world: World, words: tuple[str, str], number: Any
) -> None:
    for said in words:
        walker.says("Hello")
        calls_back(walker, {"text": said}, number)
        walker.work()
    assert world.inbox.said("0-conv-1") == list(words)
    assert walker.outcomes().count("merged") == 2  # each message of the contact is answered


@pytest.mark.parametrize("number", [1, "1", None, 2**40])
def test_a_repeat_is_said_once_whatever_else_differs(walker: Walker, world: World, number: Any) -> None:
    walker.says("Hello")
    for attempt in range(3):
        calls_back(walker, {"text": "A"}, number, timestamp=attempt, nlp={"intent": {"name": "x", "score": attempt}})
        walker.work()
    assert world.inbox.said("0-conv-1") == ["A"]
    assert WebhookEvent.objects.get(source="bot").duplicates == 2


def test_the_same_words_with_other_numbers_are_said_as_often(walker: Walker, world: World) -> None:
    walker.says("Hello")
    for number in (3, 1, 2):
        calls_back(walker, {"text": "Ha"}, number)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Ha", "Ha", "Ha"]


def test_words_with_the_same_number_are_said_as_they_came(walker: Walker, world: World) -> None:
    walker.says("Hello")
    for said in ("A", "B", "C"):
        calls_back(walker, {"text": said}, 1)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["A", "B", "C"]


@pytest.mark.parametrize("number", [1, None])
def test_two_sessions_may_say_the_same(walker: Walker, world: World, number: Any) -> None:
    for conversation in ("0-conv-1", "0-conv-2"):
        walker.says("Hello", conversation)
        calls_back(walker, {"text": "A"}, number, conversation)
        walker.work()
        assert world.inbox.said(conversation) == ["A"]


# --- what can't be shown ---

RECEIPT = {"attachment": {"type": "template", "payload": {"template_type": "receipt"}}}
NAMED = "attachment “receipt”"


def test_a_message_that_can_not_be_shown_is_no_answer_and_is_named(walker: Walker, world: World) -> None:
    walker.says("Hello")
    calls_back(walker, RECEIPT)
    walker.work()
    assert world.inbox.calls == []
    assert WebhookEvent.objects.get(source="bot").reason == f"Can't be shown: {NAMED}."
    patience_ends(walker)
    offload = Offload.objects.get()
    assert (offload.reason, offload.detail, offload.state) == ("bot_unshowable", f"{NAMED}.", "handed_over")
    found = explain(walker.conversation().pk)
    [check] = [check for check in found.checks if check.name == "bot_answered"]
    assert check.problem and str(check.problem) == f"CB-518: The bot said something that no inbox can show: {NAMED}."
    lines = [line for line in load_transcript(walker.conversation().pk).lines if line.code == "CB-518"]
    assert [(line.text, line.detail) for line in lines] == [
        ("The bot sent something that can't be shown", f"{NAMED}.")
    ]


def test_what_can_be_shown_is_sent_beside_it(walker: Walker, world: World) -> None:
    walker.says("Hello")
    calls_back(walker, {"text": "Your order"}, 1)
    calls_back(walker, RECEIPT, 2)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Your order"]
    assert Offload.objects.count() == 0
    found = explain(walker.conversation().pk)
    assert found.is_answered
    assert f"{NAMED} can't be shown" in next(check.detail for check in found.checks if check.name == "bot_answered")
    assert "CB-518" in [line.code for line in load_transcript(walker.conversation().pk).lines]


@pytest.mark.parametrize("is_alone", [True, False])
def test_an_answer_in_the_same_call_that_can_not_be_shown_is_named(
    walk_with: Callable[..., Walker], world: World, is_alone: bool
) -> None:
    walker = walk_with()
    messages = [{"body": "Hi"}] if is_alone else [{"text": "One moment"}, {"body": "Hi"}]
    world.bot.replies = [{"messages": messages}]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ([] if is_alone else ["One moment"])
    assert walker.outcomes() == ["handed_over" if is_alone else "replied"]
    lines = load_transcript(walker.conversation().pk).lines
    assert "message with “body”" in " ".join(line.detail for line in lines)


def test_words_that_follow_in_time_are_the_answer(walker: Walker, world: World) -> None:
    walker.says("Hello")
    calls_back(walker, RECEIPT, 1)
    walker.work()
    calls_back(walker, {"text": "Anything else?"}, 2)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Anything else?"]
    assert set(walker.outcomes()) == {"merged", "silent", "replied"}


@pytest.mark.parametrize("policy", ["say_text", "stay_silent"])
def test_a_channel_that_keeps_the_bot_says_why_too(walker: Walker, world: World, policy: str) -> None:
    Channel.objects.update(on_bot_failure=policy, fallback_text="Please call us.", revision=99)
    walker.says("Hello")
    calls_back(walker, RECEIPT)
    walker.work()
    patience_ends(walker)
    assert world.inbox.said("0-conv-1") == (["Please call us."] if policy == "say_text" else [])
    [check] = [check for check in explain(walker.conversation().pk).checks if check.name == "bot_answered"]
    assert check.problem and check.problem.text.endswith(f"{NAMED}.")


def test_a_greeting_that_can_not_be_shown_is_named(walker: Walker, world: World) -> None:
    Channel.objects.update(greeting="always", revision=99)
    walker.starts()
    calls_back(walker, RECEIPT)
    walker.work()
    patience_ends(walker)
    assert WebhookEvent.objects.get(source="inbox").reason == f"Can't be shown: {NAMED}."
    assert "CB-518" in [str(check.problem.code) for check in explain(walker.conversation().pk).checks if check.problem]


# --- a bot of our own contract ---

SECRET = "signing words of the tests"


@pytest.fixture
def later(walk_with: Callable[..., Walker], world: World) -> Walker:
    """A walker whose bot signs, has no token, and has said "later" to the contact's message."""
    walker = walk_with(bot=make_bot(token="", signing_secret=SECRET, reply_signature="time_and_body"))
    world.bot.replies = [{}]
    walker.says("Hello")
    return walker


def replies(walker: Walker, *, told: int | None = None, legacy: bool = False, **document: Any) -> int:
    assert walker.channel.bot is not None
    session = str(walker.conversation().session_id)
    body = json.dumps({"session_id": session, "messages": [{"text": "Later"}], **document}).encode()
    now = str(told or int(timezone.now().timestamp()))
    signed = body if legacy else f"{now}.".encode() + body
    headers = {"X-Chatbridge-Signature": hmac.new(SECRET.encode(), signed, "sha256").hexdigest()}
    headers |= {} if legacy else {"X-Chatbridge-Timestamp": now}
    path = f"/webhooks/bot/{walker.channel.bot.uuid}/"
    answer = walker.client.post(path, body, content_type="application/json", headers=headers)
    walker.work()
    return int(answer.status_code)


def test_a_later_reply_is_said_once_however_often_it_is_sent(later: Walker, world: World) -> None:
    told = int(timezone.now().timestamp()) - 100
    assert [replies(later, told=told) for _ in range(3)] == [202] * 3
    assert world.inbox.said("0-conv-1") == ["Later"]


def test_the_same_words_for_the_next_message_are_no_repeat(later: Walker, world: World) -> None:
    """Within a minute, without an id: "Sorry?" to two messages is said twice."""
    for _ in range(2):
        assert replies(later) == 202
        world.bot.replies = [{}]
        later.says("Once more")
    assert world.inbox.said("0-conv-1") == ["Later", "Later"]


def test_a_bot_with_a_token_alone_may_say_the_same_again(walker: Walker, world: World) -> None:
    channel = make_channel(bot=make_bot())
    talker = Walker(walker.client, channel)
    for _ in range(2):
        world.bot.replies = [{}]
        talker.says("Hello")
        assert talker.bot_says("Sorry?").json() == {"accepted": True}
        talker.work()
    assert world.inbox.said("0-conv-1") == ["Sorry?", "Sorry?"]


def time_passes(seconds: int = 8) -> None:
    """Since what has come by now, however long the test takes."""
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=seconds))


def next_message(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Once more")


def in_this_minute(behind_s: int) -> int:
    """By a clock that is so far behind ours; 10 s before the minute's end at the latest."""
    told = int(timezone.now().timestamp()) - behind_s
    return min(told, told // 60 * 60 + 50)


CLOCKS = [-290, -4, 0, 3, 8, 100, 280]
"""Seconds that a bot's clock is behind ours."""


@pytest.mark.parametrize("behind_s", CLOCKS)
def test_what_was_overheard_is_not_said_to_the_next_message(later: Walker, world: World, behind_s: int) -> None:
    told = in_this_minute(behind_s)
    for retry_s in (0, 2):  # signed anew
        assert replies(later, told=told + retry_s) == 202
    time_passes()
    next_message(later, world)
    for overheard_s in (0, 2, 2):
        assert replies(later, told=told + overheard_s) == 202
    assert world.inbox.said("0-conv-1") == ["Later"]
    assert WebhookEvent.objects.get(source="bot").duplicates == 4


@pytest.mark.parametrize("behind_s", CLOCKS)
@pytest.mark.parametrize("apart_s", [0, 1, 7])
def test_two_messages_can_get_the_same_words(later: Walker, world: World, behind_s: int, apart_s: int) -> None:
    """Whatever the bot's clock says; also within one second of it, or about a repeat of the first."""
    told = in_this_minute(behind_s)
    for retry_s in (0, 2):
        assert replies(later, told=told + retry_s) == 202
    time_passes(apart_s)
    next_message(later, world)
    assert replies(later, told=told + apart_s) == 202
    assert world.inbox.said("0-conv-1") == ["Later", "Later"]


@pytest.mark.parametrize("document", [{}, {"reply_id": "r-1"}])
def test_a_repeat_is_answered_and_shown_as_one(
    later: Walker, world: World, document: dict[str, str], database_clock: Callable[[datetime], None]
) -> None:
    now = timezone.now()
    database_clock(now + timedelta(seconds=15 if now.second >= 45 else 0))  # the minute doesn't end meanwhile
    world.bot.replies = [{}]
    talker = Walker(later.client, make_channel(bot=make_bot()))
    talker.says("Hello", "0-conv-2")
    answers = [talker.bot_says("Later", conversation="0-conv-2", **document) for _ in range(3)]
    talker.work()
    assert [(one.status_code, one.json().get("repeat", False)) for one in answers] == [
        (202, False),
        (202, True),
        (202, True),
    ]
    assert world.inbox.said("0-conv-2") == ["Later"]
    [line] = [
        line for line in load_transcript(talker.conversation("0-conv-2").pk).lines if "delivered once" in line.text
    ]
    assert line.detail == "3 times, treated as repeats"


def test_what_was_overheard_is_worth_nothing_later(later: Walker, world: World) -> None:
    assert replies(later, told=int(timezone.now().timestamp()) - 310) == 401
    assert replies(later, legacy=True) == 401
    assert world.inbox.calls == []
    reasons = IntakeCount.objects.filter(door="bot").order_by("reason").values_list("reason", flat=True)
    assert list(reasons) == ["bad_time", "body_signed"]


def test_each_session_has_reply_ids_of_its_own(later: Walker, world: World) -> None:
    assert replies(later, reply_id="1") == 202
    world.bot.replies = [{}]
    later.says("Hello", "0-conv-2")
    assert replies(later, reply_id="1", session_id=str(later.conversation("0-conv-2").session_id)) == 202
    assert world.inbox.said("0-conv-2") == ["Later"]


def test_a_bot_can_be_set_to_sign_in_the_older_form(later: Walker, world: World) -> None:
    bot = later.channel.bot
    assert bot is not None
    bot.settings["reply_signature"] = "body"
    bot.save()
    assert replies(later, legacy=True) == 202
    assert world.inbox.said("0-conv-1") == ["Later"]
