"""A conversation with an agent of Dialogflow CX: its session, what is repeated, and how it ends with agents."""

from collections.abc import Callable
from typing import Any

import pytest

from channels_app.models import Exchange
from channels_app.protocol.errors import Effect, TemporaryError
from tests.builders import make_bot
from tests.conftest import Walker
from tests.world import World, answer


def says(text: str, *more: dict[str, Any]) -> dict[str, Any]:
    return {"queryResult": {"responseMessages": [{"text": {"text": [text]}}, *more]}}


@pytest.fixture
def walker(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("dialogflow"))


def test_metadata_of_a_handoff_reaches_the_agents(walker: Walker, world: World) -> None:
    handoff = {"liveAgentHandoff": {"metadata": {"team": "returns", "topics": ["Returns"]}}}
    world.bot.replies = [says("One moment.", handoff, {"endInteraction": {}})]
    walker.says("I want to return a parcel")
    assert world.inbox.said("0-conv-1") == ["One moment."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    [note] = world.inbox.notes("0-conv-1")
    assert "team: returns" in note


def test_the_end_of_a_session_closes_the_conversation(walker: Walker, world: World) -> None:
    world.bot.replies = [says("Bye!", {"endInteraction": {}})]
    walker.says("That was all")
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]


def test_an_option_chosen_by_its_number_sends_its_event(walker: Walker, world: World) -> None:
    chips = {"type": "chips", "options": [{"text": "Hours"}]}
    button = {"type": "button", "text": "Parcel", "event": {"event": "parcel"}}
    menu = says("What about?", {"payload": {"richContent": [[chips, button]]}})
    world.bot.replies = [menu, menu, says("Until five.")]
    walker.says("Hi")
    walker.says("2", after_s=60)
    walker.says("1", after_s=120)
    inputs = [turn["queryInput"] for turn in world.bot.turns[1:]]
    assert [(said.get("event"), said.get("text")) for said in inputs] == [
        ({"event": "parcel"}, None),
        (None, {"text": "Hours"}),
    ]


@pytest.mark.parametrize(
    ("failure", "calls"),
    [
        (answer(503, {"error": {"status": "UNAVAILABLE"}}), 2),
        (TemporaryError("connection refused", effect=Effect.NONE), 2),
        (answer(500, {"error": {"status": "INTERNAL"}}), 1),
        (TemporaryError("no answer in time", effect=Effect.UNKNOWN, timed_out=True), 1),
    ],
)
def test_only_a_turn_that_moved_no_session_on_is_repeated(
    walker: Walker, world: World, failure: Any, calls: int
) -> None:
    world.bot.replies = [failure, says("Tomorrow.")]
    walker.says("Where is my parcel?")
    assert len(world.bot.turns) == calls
    assert world.inbox.said("0-conv-1") == (["Tomorrow."] if calls == 2 else [])


def test_neither_key_nor_token_is_kept_of_a_call(walker: Walker, world: World) -> None:
    token = world.bot.headers
    world.bot.replies = [says("Hi")]
    walker.says("Hello")
    kept = "".join(f"{row.request}{row.response}" for row in Exchange.objects.all())
    secret = token[0]["Authorization"].removeprefix("Bearer ")
    assert len(secret.split(".")) == 3 and secret not in kept and "PRIVATE KEY" not in kept
