"""The contact sees that the bot is typing: only while it thinks for long, and only with calls to spare."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channels_app.channels.credentials import note_quota
from channels_app.channels.live import find_channel, make_inbox
from channels_app.conversations.claim import claim_due_conversation
from channels_app.deliveries.throttle import LIMIT, take_ticket
from channels_app.deliveries.typing import show_typing
from channels_app.lib.watches import Watches
from channels_app.models import Exchange, WebhookEvent
from channels_app.operations.explanations.gather import explain
from tests.builders import make_event
from tests.conftest import Walker
from tests.world import World, answer

WORDS = {"messages": [{"text": "Here I am"}]}
LATER: dict[str, Any] = {}
TypingWalker = Callable[..., Walker]


@pytest.fixture
def typing_walker(walk_with: Callable[..., Walker]) -> TypingWalker:
    """A channel that shows typing, of an account that has used so many of its calls, if anybody said."""

    def make(*, used: int | None = 1, **changes: Any) -> Walker:
        walker = walk_with(**{"typing_after_s": 2, "answer_within_s": 10, **changes})
        note_quota(account_of(walker), used, 100_000)
        return walker

    return make


def account_of(walker: Walker) -> str:
    return make_inbox(walker.channel).account_key


def seen(world: World) -> list[str]:
    """What the inbox was asked for, in order."""
    bodies = [body for _, body in world.inbox.calls]
    return [body.get("indicateTyping") or ("words" if "sendMessage" in body else body["complete"]) for body in bodies]


# --- a bot that answers later --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["START", "STOP", "HANDOVER"]),
        ({"fallback_text": "One moment"}, ["START", "words"]),
        ({"on_bot_failure": "stay_silent"}, ["START", "STOP"]),
        ({"on_bot_failure": "say_text", "fallback_text": "Sorry"}, ["START", "words"]),
        ({"used": 50_000}, ["HANDOVER"]),
        ({"used": 49_999}, ["START", "STOP", "HANDOVER"]),
        ({"used": None}, ["HANDOVER"]),
        ({"typing_after_s": 0}, ["HANDOVER"]),
        ({"inbox": "sparkcentral"}, ["HANDOVER"]),
    ],
)
def test_typing_is_shown_once_in_ten_seconds_and_ends(
    typing_walker: TypingWalker, world: World, changes: dict[str, Any], expected: list[str]
) -> None:
    """The bot keeps silent; the channel's ten seconds pass in steps of two, and take far less."""
    walker = typing_walker(**changes)
    world.bot.replies = [LATER]
    walker.says("Hello")
    assert seen(world) == expected
    assert len(world.bot.turns) == 1
    kept = Exchange.objects.filter(target="inbox").order_by("id").values_list("request", flat=True)
    signs = [sign for body in kept if (sign := json.loads(body).get("indicateTyping"))]
    assert signs == [sign for sign in expected if sign in ("START", "STOP")]
    assert Exchange.objects.filter(target="bot").count() == 1


def test_an_answer_in_time_costs_no_call(typing_walker: TypingWalker, world: World) -> None:
    walker = typing_walker()
    world.bot.replies = [LATER]
    walker.post(make_event(text="Hello"))
    walker.let_time_pass()
    walker.work(patiently=False)
    waiting = WebhookEvent.objects.get()
    assert waiting.state == "bot_wait"
    assert "more" in str(explain(walker.conversation().pk).stop)  # how long we wait, not when we look in
    walker.bot_says("Here I am")
    walker.work()
    assert seen(world) == ["words"]


def test_typing_leaves_the_second_to_replies(typing_walker: TypingWalker, world: World) -> None:
    busy, idle = typing_walker(), typing_walker()
    for _ in range(LIMIT // 2):
        assert take_ticket(account_of(busy)) == 0
    for walker, signs in ((busy, []), (idle, ["START"])):
        walker.post(make_event())
        channel, lease = find_channel(walker.channel.uuid), claim_due_conversation("tests")
        assert channel and lease
        show_typing(channel, lease, lease.events[0].facts.id)
        assert seen(world) == signs


@pytest.mark.parametrize("fault", [answer(500), answer(404), answer(429), answer(400)])
def test_a_sign_that_fails_changes_nothing(typing_walker: TypingWalker, world: World, fault: object) -> None:
    walker = typing_walker(fallback_text="One moment")
    world.bot.replies = [LATER]
    world.inbox.faults = [fault]
    walker.says("Hello")
    assert seen(world) == ["words"]
    assert walker.outcomes() == ["handed_over"]
    sign = Exchange.objects.filter(target="inbox").earliest("id")
    assert (sign.code, bool(sign.error)) == ("", True)


# --- a bot that answers in the call --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "expected"), [(WORDS, ["START", "words"]), ({"messages": []}, ["START", "STOP"]), (LATER, ["START"])]
)
def test_a_thread_that_waits_for_its_bot_shows_typing_all_the_same(
    typing_walker: TypingWalker, world: World, reply: dict[str, Any], expected: list[str]
) -> None:
    walker = typing_walker(typing_after_s=1)
    walker.says("Hello")  # from now on the process has a token

    def think() -> dict[str, Any]:
        for _ in range(6_000):
            if len(world.inbox.calls) > 1:
                break
            time.sleep(0.01)
        return reply

    world.bot.replies = [think]
    walker.post(make_event(text="Hello"))
    walker.let_time_pass()
    walker.work(patiently=False)
    assert seen(world) == ["words", *expected]


def test_signs_come_in_time_and_end_with_their_watch() -> None:
    signs, shown, at_once = Watches("signs"), threading.Semaphore(0), timedelta(0)
    lasting = signs.begin(timedelta(hours=1), lambda: pytest.fail("too early"))
    ended = signs.begin(timedelta(hours=1), lambda: pytest.fail("after its end"))
    signs.end(ended)
    watches = [signs.begin(at_once, shown.release) for _ in range(5)]
    for _ in watches:
        assert shown.acquire(timeout=60)
    for watch in [*watches, lasting]:
        signs.end(watch)


def test_an_answer_waits_for_a_sign_on_its_way_so_that_none_comes_behind_it() -> None:
    signs, begins, may_end = Watches("signs"), threading.Event(), threading.Event()
    order: list[str] = []

    def show() -> None:
        begins.set()
        may_end.wait(60)
        order.append("sign")

    watch = signs.begin(timedelta(0), show)
    assert begins.wait(60)
    threading.Timer(0.05, may_end.set).start()
    signs.end(watch)
    order.append("answer")
    assert order == ["sign", "answer"]


def test_a_sign_that_breaks_leaves_the_others() -> None:
    signs, shown = Watches("signs"), threading.Event()

    def broken() -> None:
        raise RuntimeError("broken")

    first = signs.begin(timedelta(0), broken)
    second = signs.begin(timedelta(milliseconds=1), shown.set)
    assert shown.wait(60)
    for watch in (first, second):
        signs.end(watch)
