"""How contacts reach agents without the bot's help: by their words, and when it doesn't understand."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from channels_app.channels.forms import ChannelForm
from channels_app.models import Channel, MessageRow, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.operations.outcome_codes import codes_of_latest
from channels_app.protocol.intents import is_miss
from channels_app.protocol.wishes import READY, asks_for_agent, phrases_of, wrong_in
from offload.misses import Told, in_a_row
from offload.models import Offload, OffloadProvider
from tests.builders import make_bot, make_event
from tests.channels_app.test_bot_callbacks import calls_back
from tests.conftest import Walker
from tests.world import World

OURS = phrases_of(None)


@pytest.mark.parametrize(
    "text",
    [
        "agent",
        "AGENT!!!",
        "Human",
        "mens",
        "Medewerker",
        "conseiller",
        "CONSEILLERE",
        "Mitarbeiter",
        "an agent, please",
        "human human",
        "agent 🙏",
        "a\u200bgent",
        "Can I please talk to a human?",
        "Hello, I'd like to speak to an agent",
        "could you connect me with a real person",
        "ik wil graag een medewerker spreken",
        "kunt u mij doorverbinden met een collega",
        "Je voudrais parler à un conseiller, s'il vous plaît",
        "parler à quelqu’un",
        "Ich möchte bitte mit einem Mitarbeiter sprechen",
        "Können Sie mich mit einem Berater verbinden?",
        "Quiero hablar con un agente, por favor",
        "atencion al cliente",
    ],
)
def test_a_message_that_only_asks_for_an_agent_asks_for_one(text: str) -> None:
    assert asks_for_agent(text, OURS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "please",
        "agent 007 movie",
        "agent 7",
        "no agent",
        "I don't want an agent",
        "geen medewerker",
        "kein Mitarbeiter",
        "pas un conseiller",
        "real estate agent",
        "my agent",
        "agents",
        "are you a human?",
        "Bent u een mens?",
        "Bist du ein Mensch?",
        "I'm human",
        "ik ben een mens",
        "hello agent",
        "thanks agent",
        "What does an agent cost?",
        "personne",
        "2 personen",
        "secret-agent",
        "agent " * 11,
        "a" * 101,
    ],
)
def test_whatever_says_more_is_the_bots(text: str) -> None:
    assert not asks_for_agent(text, OURS)


def test_the_words_of_a_channel_replace_ours() -> None:
    own = phrases_of({"en": "Support desk, helper", "*": "Ärztin"})
    assert [asks_for_agent(text, own) for text in ("support desk please", "arztin", "agent", "desk")] == [
        *(True, True),
        *(False, False),
    ]
    assert phrases_of({}) == ()
    assert all(wrong_in(text) == "" for text in READY.values())
    assert "stands in many messages" in wrong_in("agent, please")
    assert "is no word" in wrong_in("agent, !!")


# --- on a channel ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hearing(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(hands_over_on_words=True, fallback_texts={"*": "A colleague takes over."})


def test_by_default_the_bot_gets_them(walker: Walker, world: World) -> None:
    walker.says("agent")
    assert (len(world.bot.turns), Offload.objects.count()) == (1, 0)


def test_the_contact_gets_an_agent_and_the_bot_is_not_asked(hearing: Walker, world: World) -> None:
    hearing.says("An agent, please")
    assert world.bot.turns == []
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert world.inbox.said("0-conv-1") == ["A colleague takes over."]
    offload = Offload.objects.get()
    assert (offload.reason, offload.requested_by, offload.state) == ("contact_asked", "contact", "handed_over")
    event = WebhookEvent.objects.get(pk=offload.event_id or 0)
    story = explain(event.conversation_id, event.pk)
    assert story.headline.startswith("The bot was not asked. The agents got the conversation")
    assert str(codes_of_latest([event])[event.pk]) == "CB-819"
    assert [str(check.problem.code) for check in story.checks if check.problem] == ["CB-819"]


def test_the_provider_speaks_first(hearing: Walker, world: World) -> None:
    OffloadProvider.objects.create(channel=hearing.channel, opened_texts={"*": "An agent comes."})
    hearing.says("agent")
    assert world.inbox.said("0-conv-1") == ["An agent comes."]


def test_while_agents_are_away_the_contact_reads_so_and_the_bot_goes_on(hearing: Walker, world: World) -> None:
    OffloadProvider.objects.create(channel=hearing.channel, is_enabled=False, closed_texts={"*": "Nobody is here."})
    hearing.says("agent")
    assert (world.bot.turns, world.inbox.completions("0-conv-1")) == ([], [])
    assert world.inbox.said("0-conv-1") == ["Nobody is here."]
    assert Offload.objects.get().state == "closed"
    hearing.says("Where is my parcel?", after_s=5)
    assert [turn["text"] for turn in world.bot.turns] == ["Where is my parcel?"]
    event = WebhookEvent.objects.order_by("pk").first()
    assert event is not None
    story = explain(event.conversation_id, event.pk)
    assert [str(check.problem.code) for check in story.checks if check.problem] == ["CB-819", "CB-809"]
    assert story.headline.startswith("The bot was not asked. The contact read the channel's own text")


def test_an_option_of_the_bots_comes_first(hearing: Walker, world: World) -> None:
    options = [{"title": "Agent", "payload": "agent-menu"}, {"title": "Parcel", "payload": "parcel"}]
    world.bot.replies = [{"messages": [{"text": "What is it?", "options": options}]}]
    hearing.says("Hello")
    hearing.says("agent", after_s=5)
    assert [turn["payload"] for turn in world.bot.turns] == [None, "agent-menu"]
    assert Offload.objects.count() == 0


def test_one_of_several_messages_is_enough(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(hands_over_on_words=True, burst_quiet_ms=1000)
    for text in ("My parcel is lost", "agent please"):
        assert walker.post(make_event(text=text)).status_code == 200
    walker.work()
    assert world.bot.turns == []
    assert Offload.objects.get().reason == "contact_asked"


# --- not understood -------------------------------------------------------------------------------------------------


CONTACT, MISS, HIT = Told(is_contacts=True), Told(answers=True, misses=True), Told(answers=True)
SYNC_MISS, SYNC_HIT = (
    Told(is_contacts=True, answers=True, misses=True),
    Told(is_contacts=True, answers=True),
)
ASKED = Told(asked=True)


@pytest.mark.parametrize(
    ("told", "own", "goes_on", "count"),
    [
        ([], True, False, 1),
        ([], False, False, 0),
        ([SYNC_MISS, SYNC_MISS], True, False, 3),
        ([SYNC_MISS, SYNC_HIT, SYNC_MISS], True, False, 2),
        ([SYNC_HIT, SYNC_MISS], True, False, 1),
        ([SYNC_MISS, SYNC_MISS], False, False, 2),
        # what the bot says to one message is one answer
        ([MISS, MISS, CONTACT], True, True, 1),
        ([HIT, CONTACT, MISS, CONTACT], True, True, 2),
        ([MISS, CONTACT], False, True, 1),
        ([CONTACT, MISS, MISS, CONTACT], True, True, 2),
        # a message that has no answer yet is none
        ([CONTACT, CONTACT, SYNC_MISS], True, False, 2),
        # agents were asked for: from there it is counted anew
        ([SYNC_MISS, ASKED, SYNC_MISS], True, False, 2),
        ([MISS, ASKED, CONTACT, MISS], True, True, 0),
    ],
)
def test_answers_not_understood_in_a_row(told: list[Told], own: bool, goes_on: bool, count: int) -> None:
    assert in_a_row(told, misses=own, goes_on=goes_on) == count


def test_a_channels_own_names_count_too() -> None:
    assert is_miss("weet_niet", ["weet_niet"]) and is_miss("Smalltalk.hello", ["smalltalk.*"])
    assert not is_miss("weet_niet", []) and not is_miss("parcel", ["parcel.*"])


NOT = {"messages": [{"text": "Sorry?"}], "not_understood": True}
YES = {"messages": [{"text": "Fine."}], "intent": {"name": "parcel", "score": 0.9}}
NAMED = {"messages": [{"text": "Hm."}], "intent": "weet_niet"}


def test_after_as_many_answers_agents_get_it_behind_the_last_one(
    walk_with: Callable[..., Walker], world: World, admin_client: Client
) -> None:
    walker = walk_with(max_misses=2, miss_intents="weet_niet")
    world.bot.replies = [NOT, YES, NOT, NAMED]
    for number in range(4):
        walker.says(f"Words {number}", after_s=5 * number)
    assert world.inbox.said("0-conv-1") == ["Sorry?", "Fine.", "Sorry?", "Hm."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    offload = Offload.objects.get()
    assert (offload.reason, offload.detail, offload.misses) == ("not_understood", "2 answers in a row", 2)
    assert "the bot did not understand.\nDetails: 2 answers in a row" in world.inbox.notes("0-conv-1")[0]
    assert list(MessageRow.objects.order_by("pk").values_list("author", flat=True)) == ["contact", "bot"] * 4
    page = admin_client.get(f"/ops/conversations/{offload.conversation_id}/").content.decode()
    assert "The bot did not understand" in page and "2 answers in a row" in page
    event = WebhookEvent.objects.get(pk=offload.event_id or 0)
    story = explain(event.conversation_id, event.pk)
    assert story.headline.startswith("The bot answered and did not understand once more: handed over")
    assert not [check for check in story.checks if check.problem]


def test_by_default_nobody_counts(walker: Walker, world: World) -> None:
    world.bot.replies = [NOT] * 3
    for number in range(3):
        walker.says("Words", after_s=5 * number)
    assert Offload.objects.count() == 0


def test_while_agents_are_away_it_is_said_once_and_counted_anew(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(max_misses=2)
    OffloadProvider.objects.create(channel=walker.channel, is_enabled=False, closed_texts={"*": "Nobody is here."})
    world.bot.replies = [NOT] * 4
    for number in range(4):
        walker.says("Words", after_s=5 * number)
    assert world.inbox.said("0-conv-1") == ["Sorry?", "Sorry?", "Nobody is here."] * 2
    assert list(Offload.objects.values_list("state", "misses")) == [("closed", 2)] * 2


def test_several_messages_of_a_chatlayer_bot_are_one_answer(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(bot=make_bot(kind="chatlayer"), max_misses=2)
    number = 0
    for turn in range(2):
        walker.says(f"Words {turn}", after_s=10 * turn)
        for _ in range(2):
            number += 1
            calls_back(walker, {"text": f"Sorry {number}"}, number, nlp={"intent": {"name": "fallback"}})
            walker.work()
    assert list(Offload.objects.values_list("reason", "misses")) == [("not_understood", 2)]
    assert world.inbox.said("0-conv-1") == ["Sorry 1", "Sorry 2", "Sorry 3"]


def test_a_chatlayer_bot_can_say_so_itself(walk_with: Callable[..., Walker]) -> None:
    walker = walk_with(bot=make_bot(kind="chatlayer"), max_misses=1)
    walker.says("Words")
    calls_back(walker, {"text": "Sorry?", "payload": {"not_understood": True}})
    walker.work()
    assert Offload.objects.get().reason == "not_understood"


@pytest.mark.parametrize("wrong", [{"intent": 7}, {"intent": {"name": ["x"]}}, {"not_understood": "yes"}])
def test_an_unreadable_intent_refuses_no_answer(walk_with: Callable[..., Walker], world: World, wrong: Any) -> None:
    walker = walk_with(max_misses=1)
    world.bot.replies = [{"messages": [{"text": "Fine."}], **wrong}]
    walker.says("Words")
    assert (world.inbox.said("0-conv-1"), Offload.objects.count()) == (["Fine."], 0)


# --- settings -------------------------------------------------------------------------------------------------------


def test_the_lists_are_kept_only_where_they_differ_from_ours() -> None:
    field = ChannelForm.base_fields["agent_words"]
    assert field.clean(dict(READY)) is None
    assert field.clean({"nl": "mens"}) == {"nl": "mens"}


def test_the_api_takes_them_and_names_the_place_of_a_mistake(admin_client: Client, channel: Channel) -> None:
    url = f"/api/v1/channels/{channel.pk}/"
    body = {"hands_over_on_words": True, "agent_words": {"nl": "mens, collega"}, "max_misses": 3}
    body["miss_intents"] = " weet_niet ,, smalltalk.* "
    answer = admin_client.patch(url, body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["miss_intents"] == "weet_niet, smalltalk.*"
    assert Channel.objects.get().agent_words == {"nl": "mens, collega"}
    answer = admin_client.patch(url, {"agent_words": {"nl": "graag"}}, content_type="application/json")
    assert (answer.status_code, "agent_words" in answer.content.decode()) == (400, True)
