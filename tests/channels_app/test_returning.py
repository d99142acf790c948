"""Who writes again after the end of a conversation starts fresh; what an agent delegates goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from channels_app.models import MessageRow
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.world import World, answer

BYE = {"messages": [{"text": "Bye"}], "complete": "resolved"}
MENU = {"text": "What is it?", "options": [{"title": "Parcel", "payload": "parcel"}]}


def ended(walker: Walker, world: World, completion: str = "resolved") -> None:
    """The bot has offered something, and ended its part."""
    world.bot.replies = [{"messages": [MENU], "complete": completion}]
    begins(walker, "Hello", after_s=0)
    assert world.inbox.completions("0-conv-1") == [completion.upper()]
    world.inbox.gone.clear()


def begins(walker: Walker, text: str, first: str = "STARTED", *, after_s: int = 60) -> None:
    """By default anew, in the same conversation of the inbox, which tells both events at the same moment."""
    events = [make_event("CONVERSATION_STARTED", after_s=after_s), make_event(text=text, after_s=after_s)]
    for event in events if first == "STARTED" else events[::-1]:
        assert walker.post(event).status_code == 200
    walker.work()


@pytest.mark.parametrize("first", ["STARTED", "message"])
@pytest.mark.parametrize("completion", ["resolved", "handover"])
def test_who_comes_back_begins_another_session(walker: Walker, world: World, completion: str, first: str) -> None:
    ended(walker, world, completion)
    begins(walker, "Parcel", first)
    before, after = world.bot.turns
    assert before["session_id"] != after["session_id"] == str(walker.conversation().session_id)
    assert (after["text"], after["payload"], after["is_first"]) == ("Parcel", None, True)
    walker.says("Parcel?", after_s=70)
    assert world.bot.turns[-1]["session_id"] == after["session_id"]


def test_a_later_reply_to_the_session_before_is_not_said(walker: Walker, world: World) -> None:
    ended(walker, world)
    before = world.bot.turns[-1]["session_id"]
    begins(walker, "Hi")
    assert walker.bot_says("Late", session_id=before).status_code == 404
    assert walker.bot_says("In time").status_code == 202


def test_what_an_agent_delegates_goes_on(walker: Walker, world: World) -> None:
    ended(walker, world, "handover")
    walker.delegates(after_s=60)
    walker.says("Parcel", after_s=61)
    assert len({turn["session_id"] for turn in world.bot.turns}) == 1
    assert world.bot.turns[-1]["payload"] == "parcel"


def test_a_bot_without_memory_reads_nothing_of_before(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(bot=make_bot("openai"))
    said: list[list[str]] = []

    def hear() -> dict[str, Any]:
        said.append([message["content"] for message in world.bot.turns[-1]["messages"] if message["role"] != "system"])
        return {"choices": [{"message": {"role": "assistant", "content": "Fine."}}]}

    world.bot.replies = [hear] * 3
    begins(walker, "First", after_s=0)
    walker.says("Second", after_s=5)
    walker.channel.conversations.update(owner="closed")
    begins(walker, "Third")
    assert said == [["First"], ["First", "Fine.", "Second"], ["Third"]]


# --- the text for the end -------------------------------------------------------------------------------------------


def test_the_channels_text_stands_behind_the_bots_last_words(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(resolved_texts={"*": "Write again at any time."})
    world.bot.replies = [BYE]
    walker.says("Thanks")
    assert world.inbox.said("0-conv-1") == ["Bye", "Write again at any time."]
    assert list(MessageRow.objects.order_by("pk").values_list("author", flat=True)) == ["contact", "bot", "bot"]


def test_none_is_said_unless_it_is_written(walker: Walker, world: World) -> None:
    world.bot.replies = [BYE]
    walker.says("Thanks")
    assert world.inbox.said("0-conv-1") == ["Bye"]


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
@pytest.mark.parametrize("bye", [BYE, {"complete": "resolved"}, {**BYE, "messages": [{"text": "Bye"}, {"text": "B"}]}])
def test_it_is_not_said_if_the_contact_has_written_again_before_the_end_is_sent(
    walk_with: Callable[..., Walker], world: World, bye: dict[str, Any], inbox: str
) -> None:
    walker = walk_with(inbox=inbox, resolved_texts={"*": "Write again at any time."})

    def meanwhile() -> Any:
        walker.post(make_event(text="And then?", after_s=1))
        return answer(429)

    world.inbox.faults = [meanwhile]
    world.bot.replies = [bye, {"messages": [{"text": "That is all"}], "complete": "resolved"}]
    walker.says("Thanks")
    words = [message["text"] for message in bye.get("messages", [])]
    assert world.inbox.said("0-conv-1") == [*words, "That is all", "Write again at any time."]
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]
    ours = MessageRow.objects.exclude(author="contact").order_by("pk").values_list("text", flat=True)
    assert list(ours) == world.inbox.said("0-conv-1")


def test_a_contact_who_writes_in_the_pause_before_the_last_words_is_not_bidden_farewell(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(resolved_texts={"*": "Write again at any time."})
    world.bot.replies = [{"messages": [{"text": "Bye"}, {"text": "Bye!", "pause_ms": 3000}], "complete": "resolved"}]

    def meanwhile() -> None:
        walker.post(make_event(text="And then?", after_s=1))

    world.inbox.faults = [meanwhile]
    walker.says("Thanks")
    assert world.inbox.said("0-conv-1") == ["Bye", "Bye!", "You said: And then?"]
    assert world.inbox.completions("0-conv-1") == []
