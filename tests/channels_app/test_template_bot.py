"""A conversation with a bot behind a template: what it remembers, what is repeated, and how it ends with agents."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from channels_app.adapters.bots.template_presets import PRESETS
from channels_app.channels.configuration.apply import apply_configuration
from channels_app.conversations.claim import claim_due_conversation
from channels_app.lib.clocks import database_now
from channels_app.models import Bot, Conversation, Exchange, WebhookEvent
from channels_app.protocol.errors import Effect, PayloadError, TemporaryError
from channels_app.upkeep.retention import purge_texts
from tests.builders import TOKEN, make_bot, make_event
from tests.conftest import Walker
from tests.turns import take_step
from tests.world import BOT, World, answer

SETTINGS: dict[str, Any] = {
    "headers": "X-Key: {{secret}}",
    "body": '{"say": "{{text}}", "in": "{{remembered.conversation_id}}"}',
    "remember": "conversation_id = id",
    "handover_path": "needs_human",
    "details_path": "summary",
}


@pytest.fixture
def walker(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("template", **SETTINGS))


def test_what_an_answer_says_of_itself_comes_with_the_next_turns(walker: Walker, world: World) -> None:
    world.bot.replies = [{"reply": "Hi", "id": "c-1"}, {"reply": "Yes"}, {"reply": "Who?"}, {"reply": "Bye", "id": 2}]
    walker.says("One")
    walker.says("Two", after_s=60)
    walker.says("Three", conversation="0-conv-2")
    walker.says("Four", after_s=120)
    assert [(turn["say"], turn["in"]) for turn in world.bot.turns] == [
        *(("One", ""), ("Two", "c-1"), ("Three", ""), ("Four", "c-1")),
    ]
    assert walker.conversation().remembered == {"bot": Bot.objects.get().pk, "values": {"conversation_id": "2"}}
    assert walker.conversation("0-conv-2").remembered == {}


def test_another_bot_is_not_told_what_the_one_before_remembered(walker: Walker, world: World) -> None:
    world.bot.replies = [{"reply": "Hi", "id": "c-1"}, {"reply": "Hello"}]
    walker.says("One")
    walker.channel.bot = make_bot("template", **SETTINGS)
    walker.channel.save()
    walker.says("Two", after_s=60)
    assert world.bot.turns[-1] == {"say": "Two", "in": ""}


def test_what_is_remembered_is_forgotten_with_the_texts(walker: Walker, world: World) -> None:
    world.bot.replies = [{"reply": "Hi", "id": "c-1"}]
    walker.says("One")
    WebhookEvent.objects.update(received_at=database_now() - timedelta(days=9))
    assert list(purge_texts(days=3))
    assert Conversation.objects.get().remembered == {}


def test_it_ends_with_agents_who_read_the_details(walker: Walker, world: World) -> None:
    world.bot.replies = [{"reply": "A colleague helps you.", "needs_human": True, "summary": {"order": "A-3301"}}]
    walker.says("It is broken!")
    assert world.inbox.said("0-conv-1") == ["A colleague helps you."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert "order: A-3301" in world.inbox.notes("0-conv-1")[0]


def test_an_answer_in_which_nothing_is_found_goes_to_agents(walker: Walker, world: World) -> None:
    world.bot.replies = [{"message": "Workflow was started"}]
    walker.says("Hello?")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


@pytest.mark.parametrize(
    ("failure", "tries", "tries_if_allowed"),
    [
        (TemporaryError("no answer in time", effect=Effect.UNKNOWN, timed_out=True), 1, 2),
        (PayloadError("not JSON"), 1, 2),
        (answer(500), 1, 2),
        (answer(404), 1, 2),
        (answer(503), 2, 2),
        (answer(429), 2, 2),
        (TemporaryError("no connection", effect=Effect.NONE), 2, 2),
    ],
)
def test_what_may_have_been_heard_is_only_repeated_if_its_author_allows_it(
    walk_with: Callable[..., Walker], world: World, failure: Any, tries: int, tries_if_allowed: int
) -> None:
    for may_repeat, expected in ((False, tries), (True, tries_if_allowed)):
        world.bot.turns.clear()
        world.bot.replies = [failure, {"reply": "Hi"}]
        conversation = f"0-conv-{may_repeat:d}"
        walker = walk_with(bot=make_bot("template", **SETTINGS, may_repeat=may_repeat))
        walker.says("Hello", conversation=conversation)
        assert len(world.bot.turns) == expected
        assert bool(world.inbox.completions(conversation)) == (expected == 1)


@pytest.mark.parametrize(
    ("told", "waited_s"),
    [("20", 20), ("600", 1), ("0", 1), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), ("9" * 30, 1), ("", 1)],
)
def test_who_asks_to_be_left_alone_is_left_alone_while_there_is_time(
    walker: Walker, world: World, told: str, waited_s: int
) -> None:
    world.bot.replies = [answer(429, headers={"retry-after": told}), {"reply": "Hi"}]
    assert walker.post(make_event(text="Hello")).status_code == 200
    walker.let_time_pass()
    lease = claim_due_conversation("tests")
    assert lease is not None
    take_step(lease)
    event = WebhookEvent.objects.get()
    assert event.wait_until and event.called_at
    assert waited_s <= (event.wait_until - event.called_at).total_seconds() < waited_s + 15
    for _ in range(12):
        walker.work()
    assert world.inbox.said("0-conv-1") == ["Hi"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("may_repeat", [False, True])
def test_a_call_that_a_crash_cut_off_is_repeated_only_if_its_author_allows_it(
    walk_with: Callable[..., Walker], world: World, monkeypatch: pytest.MonkeyPatch, may_repeat: bool
) -> None:
    walker = walk_with(bot=make_bot("template", **SETTINGS, may_repeat=may_repeat))
    handle = world.bot.handle

    def take_and_die(request: Any) -> Any:
        monkeypatch.setattr(world.bot, "handle", handle)
        handle(request)
        raise Killed

    monkeypatch.setattr(world.bot, "handle", take_and_die)
    world.bot.replies = [{"reply": "Lost"}, {"reply": "Hi"}]
    with pytest.raises(Killed):
        walker.says("Hello")
    Conversation.objects.update(lease_until=database_now())
    walker.work()
    assert len(world.bot.turns) == 1 + may_repeat
    assert world.inbox.completions("0-conv-1") == ([] if may_repeat else ["HANDOVER"])


def test_its_secret_is_kept_nowhere_even_if_the_answer_repeats_it(walker: Walker, world: World) -> None:
    world.bot.replies = [{"reply": "Hi", "you_sent": f"X-Key: {TOKEN}"}]
    walker.says("Hello")
    assert world.bot.headers[0]["X-Key"] == TOKEN
    assert not any(TOKEN in str(row) for row in Exchange.objects.values_list())
    assert json.loads(Exchange.objects.get(target="bot").request) == {"say": "Hello", "in": ""}


def test_a_preset_an_address_and_a_secret_are_enough(admin_client: Client, world: World) -> None:
    """By the API and in a file; the same again changes nothing."""
    settings = {"preset": "dify", "url": BOT, "secret": "app-key-of-dify"}
    added = admin_client.post(
        "/api/v1/bots/", {"name": "A", "kind": "template", "settings": settings}, content_type="application/json"
    )
    kept = added.json()["settings"]
    assert kept.items() >= {name: text for name, text in PRESETS["dify"].items() if name != "url"}.items()
    document = {"bots": [{"name": "A", "kind": "template", "settings": settings}]}
    assert [one.changed for one in apply_configuration(json.dumps(document).encode())] == ["unchanged"]
