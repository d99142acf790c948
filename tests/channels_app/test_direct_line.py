"""A conversation by Direct Line: what the connector learnt in a turn is there in the next, and in the next try."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client

from channels_app.adapters.bots import directline, directline_line
from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.lease import LeaseLostError
from channels_app.conversations.lookup import remember
from channels_app.conversations.slots import free_leases
from channels_app.models import Conversation, Exchange
from channels_app.turns import asking
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.fakes.directline import DIRECTLINE, ENDPOINT, SECRET, text
from tests.world import World, answer

ERROR = answer(502, {"error": {"code": "BotError"}})


@pytest.fixture
def walker(walk_with: Callable[..., Walker], world: World, monkeypatch: pytest.MonkeyPatch) -> Walker:
    for module in (directline, directline_line):
        monkeypatch.setattr(module, "time", world.directline.time)
    return walk_with(bot=make_bot("directline"))


def told(world: World) -> list[str]:
    return [activity["text"] for activity in world.directline.posted]


def use_token_endpoint(walker: Walker) -> None:
    assert walker.channel.bot is not None
    settings = {"url": DIRECTLINE, "token_endpoint": ENDPOINT, "greeting_event": "nothing"}
    walker.channel.bot.put_settings(settings)
    walker.channel.bot.save()


def test_the_next_turn_goes_on_in_the_same_conversation(walker: Walker, world: World) -> None:
    walker.says("Where is my parcel?")
    walker.says("A-3301", after_s=60)
    walker.says("Hello", conversation="0-conv-2")
    assert world.inbox.said("0-conv-1") == ["You said: Where is my parcel?", "You said: A-3301"]
    assert {key: len(said) for key, said in world.directline.conversations.items()} == {"c1": 4, "c2": 2}


def test_a_tried_bot_shows_what_is_remembered_and_nothing_empty(
    walker: Walker, world: World, admin_client: Client
) -> None:
    response = admin_client.post(
        f"/api/v1/bots/{walker.channel.bot_id}/try/", {"text": "Hi"}, content_type="application/json"
    )
    [kept] = [part["words"] for part in response.json()["found"] if part["what"] == "Remembered"]
    assert kept == "conversation: c1, watermark: 2"


def test_a_second_try_posts_nothing_twice(walker: Walker, world: World) -> None:
    world.directline.bot = lambda activity: [(25, text("Tomorrow."))]
    world.directline.faults = [("after", ERROR)]
    walker.says("Where is my parcel?")
    assert world.inbox.said("0-conv-1") == ["Tomorrow."]
    assert told(world) == ["Where is my parcel?"]


def test_a_process_that_dies_before_it_has_written_the_answer_posts_nothing_twice(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    walker.says("One")
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(asking, "note_success", lambda *_: 1 / 0)
        walker.says("Two", after_s=60)
    free_leases(["tests"])
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: One", "You said: Two"]
    assert told(world) == ["One", "Two"]


def test_what_can_not_be_shown_is_not_read_again(walker: Walker, world: World) -> None:
    walker.says("One")
    world.directline.bot = lambda activity: [(0, {"type": "message", "attachments": [{"contentType": "x/y"}]})]
    walker.says("Two", after_s=60)
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert walker.conversation().remembered["values"]["watermark"] == "4"


def test_a_handover_brings_its_context_to_the_agents(walker: Walker, world: World) -> None:
    event = {
        "type": "event",
        "name": "handoff.initiate",
        "value": {"va_AgentMessage": "Parcel broken.", "Order": "A-3301"},
    }
    world.directline.bot = lambda activity: [(0, text("A colleague helps you.")), (1, event)]
    walker.says("It is broken!")
    assert world.inbox.said("0-conv-1") == ["A colleague helps you."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    [note] = world.inbox.notes("0-conv-1")
    assert "summary: Parcel broken." in note and "Order: A-3301" in note


def test_another_bot_does_not_go_on_in_the_conversation_of_the_one_before(walker: Walker, world: World) -> None:
    walker.says("One")
    walker.channel.bot = make_bot("directline", name="Another")
    walker.channel.save()
    walker.says("Two", after_s=60)
    assert len(world.directline.conversations) == 2


def test_its_token_is_kept_encrypted_and_shown_nowhere(walker: Walker, world: World) -> None:
    use_token_endpoint(walker)
    walker.says("One")
    walker.says("Two", after_s=60)
    assert len(world.directline.conversations) == 1
    written = [str(row) for rows in (Conversation, Exchange) for row in rows._default_manager.values_list()]
    assert not any(secret in row for row in written for secret in (SECRET, *world.directline.valid))


def test_a_lost_key_costs_the_bots_memory_and_no_answer(walker: Walker, world: World) -> None:
    use_token_endpoint(walker)
    walker.says("One")
    conversation = walker.conversation()
    conversation.remembered["values"]["token"] = "v1:deadbeef:" + "A" * 60
    conversation.save()
    walker.says("Two", after_s=60)
    assert world.inbox.said("0-conv-1") == ["You said: One", "You said: Two"]
    assert len(world.directline.conversations) == 2


def test_a_worker_that_lost_the_conversation_writes_nothing(walker: Walker, world: World) -> None:
    walker.says("One")
    kept = walker.conversation().remembered
    walker.post(make_event(text="Two"))
    walker.let_time_pass()
    lease = claim_due_conversation("tests")
    assert lease is not None
    with pytest.raises(LeaseLostError):
        remember(replace(lease, fence=lease.fence - 1), {"watermark": "77"})
    assert walker.conversation().remembered == kept
