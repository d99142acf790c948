"""Words that nobody can see are not sent, whoever says them."""

from collections.abc import Callable
from typing import Any

import pytest

from channels_app.access.audit import Actor
from channels_app.conversations.events import order_handover
from channels_app.deliveries.showable import UNSEEN, visible_part
from channels_app.models import Conversation
from channels_app.operations.interventions import speak_as_bot
from channels_app.protocol import Attachment, Message, Option, Reply
from channels_app.protocol.visible import is_visible
from offload.models import OffloadProvider
from tests.builders import make_bot
from tests.channels_app.test_bot_callbacks import calls_back
from tests.conftest import Walker
from tests.world import World

NOTHING = ["", " ", "\u00a0\n\t", "\u200b", "\u2800", "\u3164", "\u115f\u1160", "\uffa0", "\ufe0f", "\U000e0100"]
NOTHING += ["\u200d\u200c", "\u2066\u2069", "\ufeff", "\u00ad", "\u034f", "\u180e", "\u17b5", "\u180b", "\U000e0041"]
NOTHING += [
    "\x00\x1b",
    "\u2028\u2029",
    "\u3000",
    "\u1680",
    "\u2061",
    "\ufff9\ufffb",
    "\U0001d173",
    " \u200b\ufe0f\u2800",
]
SOMETHING = ["a", ".", "\u200b.", "👍", "❤️", "한", "ﾡ", "ะ", "ि", "\u0301", "\u20e3", "\u0600", "\u06dd", "\U000110bd"]
SOMETHING += [
    "\ufffc",
    "\ufffd",
    "\ue000",
    "\U0001fae8",
    "\U0001fffd",
    "🏴\U000e0067\U000e007f",
    "\u2801",
    "·",
    "_",
    "—",
]


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_what_cannot_be_seen(text: str) -> None:
    assert not is_visible(text)


@pytest.mark.parametrize("text", SOMETHING, ids=ascii)
def test_what_can_be_seen(text: str) -> None:
    assert is_visible(text)


BLANK = "\u200b "
LINK = Option(title="", url="https://help.example")


@pytest.mark.parametrize(
    ("reply", "visible"),
    [
        (Reply(messages=(Message(text="Hi"), Message(text=BLANK))), Reply(messages=(Message(text="Hi"),))),
        (Reply(messages=(Message(text=BLANK),)), Reply(unshown=(UNSEEN,))),
        (Reply(messages=(Message(text=" Hi\u200b"),)), Reply(messages=(Message(text=" Hi\u200b"),))),
        (
            Reply(messages=(Message(text=BLANK, attachment=Attachment(url="https://x.example/a.png")),)),
            Reply(messages=(Message(attachment=Attachment(url="https://x.example/a.png")),)),
        ),
        (
            Reply(messages=(Message(options=(Option(title=BLANK), Option(title="A"))),)),
            Reply(messages=(Message(options=(Option(title="A"),)),)),
        ),
        (Reply(messages=(Message(options=(Option(title=BLANK),)),)), Reply(unshown=(UNSEEN,))),
        (
            Reply(messages=(Message(options=(Option(title=BLANK, url=LINK.url),)),)),
            Reply(messages=(Message(options=(LINK,)),)),
        ),
        (
            Reply(topics=("", BLANK, "Orders"), tags=(BLANK, "", "Happy")),
            Reply(topics=("Orders",), tags=("Happy",), dropped=("a topic without a name", "a tag without a name")),
        ),
        (
            Reply(attributes={"a": BLANK, "b": "", BLANK: "c", "d": "0"}, note=BLANK),
            Reply(
                attributes={"d": "0"},
                dropped=(
                    "a contact attribute without a name",
                    "contact attribute “a” without a value",
                    "contact attribute “b” without a value",
                    "a note without text",
                ),
            ),
        ),
    ],
)
def test_only_what_can_be_seen_is_left(reply: Reply, visible: Reply) -> None:
    assert visible_part(reply) == visible
    assert visible_part(visible) is visible


@pytest.mark.parametrize("kind", ["hootsuite", "sparkcentral"])
@pytest.mark.parametrize("blank", [" ", "\u200b", "\u2800", "\ufe0f"], ids=ascii)
def test_beside_real_words_only_the_invisible_ones_leave(
    walk_with: Callable[..., Walker], world: World, kind: str, blank: str
) -> None:
    walker = walk_with(inbox=kind)
    option = {"title": blank, "payload": "x"}
    world.bot.replies = [
        {
            "messages": [{"text": "One"}, {"text": blank}, {"text": "Two", "options": [option, {"title": "Yes"}]}],
            "topics": [blank, "Orders"],
            "tags": ["", blank, "Happy"],
            "attributes": {"company": blank, "order": "A-1"},
            "note": blank,
        }
    ]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["One", "Two\n1. Yes"]
    last = world.inbox.calls[-1][1]
    assert (last["applyTopics"], last["setContactAttributes"]) == (["Orders"], {"order": "A-1"})
    assert [tag["tag"] for tag in last.get("applyTags", [])] in ([], ["Happy"])
    assert "applyConversationNotes" not in last
    assert walker.outcomes() == ["replied"]


@pytest.mark.parametrize("document", [{"messages": [{"text": "\u200b"}]}, {"messages": [{"text": " "}], "tags": [""]}])
def test_a_reply_of_nothing_is_silence_and_says_why(walker: Walker, world: World, document: dict[str, Any]) -> None:
    world.bot.replies = [document]
    walker.says("Hello")
    assert walker.outcomes() == ["silent"]
    assert world.inbox.calls == []
    assert UNSEEN in Conversation.objects.get().events.get().reason


def test_nothing_to_see_ends_no_offer(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Sure?", "options": [{"title": "Yes", "payload": "y"}]}]}]
    walker.says("menu")
    world.bot.replies = [{"messages": [{"text": "\u2800"}]}]
    walker.says("hm")
    walker.says("1")
    assert world.bot.turns[-1]["payload"] == "y"


def test_a_wish_for_a_human_with_invisible_words_is_heard(walker: Walker, world: World) -> None:
    OffloadProvider.objects.create(channel=walker.channel, is_enabled=False, closed_text="\u200b")
    world.bot.replies = [{"messages": [{"text": " "}], "offload": {"reason": "asked"}}]
    walker.says("agent")
    assert world.inbox.said("0-conv-1") == []
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_an_invisible_fallback_text_is_none(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(fallback_text="\u200b", on_bot_failure="say_text", bot_tries=1)
    world.bot.replies = [{"messages": "no"}]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == []
    assert walker.outcomes() == ["handed_over"]


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ufeff\u2800"])
def test_a_contact_who_says_nothing_visible_has_sent_no_text(walker: Walker, world: World, text: str) -> None:
    walker.says(text)
    assert world.bot.turns[0]["text"] is None


def test_nobody_says_nothing_as_the_bot(walker: Walker, world: World) -> None:
    walker.says("Hello")
    assert not speak_as_bot(walker.conversation(), "\u200b\u2800", Actor(name="anna", via="operations"))


@pytest.mark.parametrize("payload", ["", {}, []])
@pytest.mark.parametrize(("text", "chosen"), [("1", "y"), ("Hello", None)])
def test_an_empty_payload_is_none(walker: Walker, world: World, payload: Any, text: str, chosen: str | None) -> None:
    world.bot.replies = [{"messages": [{"text": "Sure?", "options": [{"title": "Yes", "payload": "y"}]}]}]
    walker.says("menu")
    walker.says(text, payload=payload)
    assert world.bot.turns[-1]["payload"] == chosen


@pytest.mark.parametrize("payload", [0, False, "0", [0], {"a": None}])
def test_what_holds_something_is_a_payload(walker: Walker, world: World, payload: Any) -> None:
    walker.says("1", payload=payload)
    assert world.bot.turns[-1]["payload"] == payload


def test_a_list_of_numbers_is_shown_as_it_is_and_means_what_it_says(walker: Walker, world: World) -> None:
    numbers = [{"title": str(number), "payload": f"score-{number}"} for number in range(11)]
    world.bot.replies = [{"messages": [{"text": "How was it?", "options": numbers}]}]
    walker.says("rate")
    assert world.inbox.said("0-conv-1")[0] == "How was it?\n" + "\n".join(str(number) for number in range(11))
    walker.says("9")
    assert (world.bot.turns[-1]["text"], world.bot.turns[-1]["payload"]) == ("9", "score-9")


def test_who_waits_for_a_bot_that_calls_back_goes_on_waiting_after_nothing(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(bot=make_bot("chatlayer"))
    walker.says("Hello")
    calls_back(walker, {"text": "\u200b"}, 1)
    walker.work()
    assert world.inbox.calls == []
    assert walker.conversation().events.filter(state="bot_wait").count() == 1
    calls_back(walker, {"text": "Here I am"}, 2)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Here I am"]


def test_options_that_leave_before_an_ordered_handover_have_their_numbers(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    menu = [{"text": "Which?", "options": [{"title": "Parcel"}, {"title": "Letter"}]}]
    assert walker.bot_says("", messages=menu).status_code == 202
    order_handover(walker.conversation(), by="anna")
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Which?\n1. Parcel\n2. Letter"]
    assert "1. Parcel" in world.inbox.notes("0-conv-1")[0]
