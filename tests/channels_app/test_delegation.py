"""An agent gives the conversation back to the bot: with what was said, and with a text that starts a flow."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import Author, MessageRow, WebhookEvent
from tests.builders import make_bot, make_event
from tests.channels_app.test_bot_callbacks import calls_back
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World


def taken_by_agents(walker: Walker, world: World) -> None:
    """Handed over; the inbox has reported what an agent said and noted."""
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "handover"}]
    walker.says("agent")
    world.inbox.gone.clear()
    event = WebhookEvent.objects.earliest("pk")
    MessageRow.objects.update(said_at=timezone.now() - timedelta(hours=1))
    for place, (author, text) in enumerate(((Author.AGENT, "I call you at noon."), (Author.NOTE, "Difficult"))):
        MessageRow.objects.create(
            conversation=event.conversation, event=event, author=author, position=place, text=text, name="Mia",
            said_at=timezone.now() - timedelta(minutes=5),
        )  # fmt: skip


def test_the_bot_learns_what_was_said_but_no_notes(walker: Walker, world: World) -> None:
    taken_by_agents(walker, world)
    walker.delegates(after_s=1)
    turn = world.bot.turns[-1]
    assert (turn["type"], turn["text"]) == ("conversation_delegated", None)
    told = [(past["from"], past["name"], past["text"]) for past in turn["history"]]
    assert sorted(told) == [("agent", "Mia", "I call you at noon."), ("bot", "", "Bye"), ("contact", "", "agent")]
    assert told[-1][0] == "agent"
    walker.says("Hello", after_s=2)
    assert "history" not in world.bot.turns[-1]


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("chatlayer", {"delegation_text": "/callback"}, {"textMessage": {"text": "/callback"}}),
        ("chatlayer", {"delegation_text": "/callback", "delegation_dialog": "7"}, None),
        ("chatlayer", {}, "not told"),
        ("http", {"delegation_text": "/callback"}, "/callback"),
    ],
)
def test_a_text_starts_a_flow(
    walk_with: Callable[..., Walker], world: World, kind: str, settings: dict[str, str], message: object
) -> None:
    walker = walk_with(bot=make_bot(kind), **settings)
    walker.delegates()
    if kind == "http":
        assert world.bot.turns[-1]["text"] == message
    elif message == "not told":
        assert not world.chatlayer.received
    else:
        [told] = world.chatlayer.received
        assert told["message"] == message or (message is None and "postbackMessage" in told["message"])


def test_handing_back_completes_the_bots_part_again(walker: Walker, world: World) -> None:
    taken_by_agents(walker, world)
    world.bot.replies = [{"messages": [{"text": "Noted: 12:00"}], "complete": "handover"}]
    walker.delegates(after_s=1)
    assert world.inbox.completions("0-conv-1") == ["HANDOVER", "HANDOVER"]
    assert "Agent: I call you at noon." in world.inbox.notes("0-conv-1")[-1]


def test_what_was_returned_before_the_bot_handed_over_stays_with_the_agents(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(bot=make_bot("chatlayer"), delegation_text="/back")
    walker.says("Hello")
    walker.post(make_event("CONVERSATION_DELEGATED"))
    calls_back(walker, {"payload": {"complete": "handover"}}, 1)
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert [told["message"]["textMessage"]["text"] for told in world.chatlayer.received] == ["Hello"]
    returned = WebhookEvent.objects.get(type="conversation_delegated")
    assert (walker.conversation().owner, returned.outcome) == ("other", "moot")
    world.inbox.gone.clear()
    walker.delegates(after_s=2)
    assert world.chatlayer.received[-1]["message"]["textMessage"]["text"] == "/back"
    assert walker.conversation().owner == "bot"


def test_what_agents_return_is_the_bots_though_it_has_spoken_meanwhile(walker: Walker, world: World) -> None:
    """The inbox's own timer had given the conversation to agents, who return it before all messages are answered."""

    def answers_while_it_is_returned() -> dict[str, object]:
        walker.post(make_event("CONVERSATION_DELEGATED", after_s=3))
        return {"messages": [{"text": "First"}]}

    world.bot.replies = [answers_while_it_is_returned, *({"messages": [{"text": text}]} for text in ("2nd", "Back"))]
    walker.post(make_event(text="1", after_s=1))
    walker.post(make_event(text="2", after_s=2))
    walker.work()
    assert (world.inbox.said("0-conv-1"), walker.outcomes()) == (["First", "Back"], ["replied", "moot", "replied"])
    assert walker.conversation().owner == "bot"


def test_the_page_takes_one_line(admin_client: Client, walker: Walker) -> None:
    page = f"/admin/channels_app/channel/{walker.channel.pk}/change/"
    submit(admin_client, page, "channel_form", delegation_text="  /callback ")
    walker.channel.refresh_from_db()
    assert walker.channel.delegation_text == "/callback"
