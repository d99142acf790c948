import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.adapters import inboxes
from channels_app.lib.clocks import database_now
from channels_app.models import InboxChannel
from channels_app.protocol import ContactMessage, Message, Option
from channels_app.protocol.offered import Offered
from channels_app.protocol.options import choosable, is_token, with_buttons
from channels_app.protocol.visible import is_visible
from chatbridge.simulator.shortcodes import Element, Kind, elements, shown
from tests.conftest import Walker
from tests.world import World

PAYLOAD = {"order": ["A-1", None, 1.5], "long": "é)]" * 500}
OPTIONS = [
    {"title": "Parcel", "payload": PAYLOAD},
    {"title": "A [long] title (really)", "payload": ")](reply:x"},
    {"title": "Help", "url": "https://example.com/a(b)?x=[1]&ü"},
    {"title": "Where am I", "location": True},
    {"title": "Call", "phone": "+32 11 00 00 00"},
]
INBOX = inboxes.inbox_class("hootsuite")({})
TITLES = st.text(min_size=1, max_size=40).filter(is_visible)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def offer(world: World, *options: Any) -> None:
    world.bot.replies = [{"messages": [{"text": "Which?", "options": list(options or OPTIONS)}]}]


def on(medium: str) -> dict[str, Any]:
    return {"data": {"medium": {"id": medium}}}


def pressed(walker: Walker, world: World, payload: str, text: str | None = "Parcel") -> dict[str, Any]:
    """What the bot is told when the contact presses the button with this payload."""
    event_data = {"medium": {"id": "rtm"}, "message": {"messageId": "m-press", "text": text, "payload": payload}}
    walker.says(None, data=event_data)
    told: dict[str, Any] = world.bot.turns[-1]
    return told


@pytest.mark.parametrize(
    "payload",
    [
        "a\0b",
        "half of an emoji: \ud83d",
        {"z": 1, "a": {"y\0": "\udc00", "b": [1.0, 10**30, -(10**25)]}, "m": "x" * 70_000},
        [{"b": 1, "a": 2}],
        "",
        0,
        False,
        {},
    ],
)
def test_a_press_brings_back_what_no_database_takes(walk_with: Any, world: World, payload: Any) -> None:
    walker = walk_with(inbox="hootsuite")
    offer(world, {"title": "Parcel", "payload": payload}, {"title": "Other"})
    walker.says("Hello", **on("rtm"))
    [button, _] = elements(world.inbox.said("0-conv-1")[0])
    told = pressed(walker, world, button.value)
    assert json.dumps(told["payload"]) == json.dumps(payload)  # in the order of its keys, too


def check_presses(titled: list[tuple[str, Any]], turn_id: int, text: str) -> None:
    options = tuple(Option(title=title, payload=payload) for title, payload in titled)
    messages = with_buttons([Message(text=text, options=options)], (), turn_id)
    found = elements(INBOX.written(messages[0], "rtm").whole)
    assert [element.kind for element in found] == [Kind.REPLY] * len(options)
    now = database_now()
    offered = Offered().followed_by(turn_id, 1, choosable(messages), now)
    kept = Offered.from_json(json.loads(json.dumps(offered.to_json())))
    for option, element in zip(options, found, strict=True):
        press = ContactMessage(text=element.title, payload=element.value)
        choice = kept.choice(press, 1, stint=1, now=now, lasts=timedelta(hours=1))
        assert choice is not None
        assert (choice.title, choice.payload) == (option.title, option.payload)


@settings(deadline=None)
@given(st.lists(st.tuples(TITLES, JSON), min_size=1, max_size=10), st.integers(1, 2**60), st.text(max_size=20))
def test_a_press_comes_back_as_the_exact_payload(titled: list[tuple[str, Any]], turn_id: int, text: str) -> None:
    check_presses(titled, turn_id, text)


def test_ten_thousand_options_come_back_exact(db: None) -> None:
    chance = random.Random(14)
    letters = [
        chr(code) for code in (*range(32, 127), *range(0xA1, 0x250), *range(0x4E00, 0x4E40), *range(0x1F600, 0x1F640))
    ]
    letters += "[](){}%!&:\\\n\u200b" * 9

    def word(most: int) -> str:
        return "x" + "".join(chance.choices(letters, k=chance.randrange(most)))

    for turn_id in range(1, 1001):
        check_presses([(word(60), {word(9): [word(300), None]}) for _ in range(10)], turn_id, word(80))


@given(st.text(), st.lists(TITLES, max_size=5), TITLES)
def test_a_bot_has_the_buttons_that_it_means_and_no_others(text: str, titles: list[str], link: str) -> None:
    options = (
        *(Option(title=title) for title in titles),
        Option(title=link, url=f"https://a.example/?q={text.strip()}"),
    )
    [message] = with_buttons([Message(text=text, options=options)], (), 7)
    found = elements(INBOX.written(message, "rtm").whole)
    assert [element.kind for element in found] == [*[Kind.REPLY] * len(titles), Kind.LINK]
    assert all(is_token(element.value) for element in found[:-1])
    assert elements(INBOX.written(Message(text=text, options=options), "whatsapp").whole) == []


@pytest.mark.parametrize("medium", ["rtm", "smooch-rtm"])
def test_the_web_messenger_shows_buttons_in_one_call(walker: Walker, world: World, medium: str) -> None:
    offer(world)
    walker.says("Hello", **on(medium))
    [said] = world.inbox.said("0-conv-1")
    first, second, *rest = elements(said)
    assert (first.kind, first.title, second.title) == (Kind.REPLY, "Parcel", "A (long) title (really)")
    assert rest == [
        Element(Kind.LINK, "Help", "https://example.com/a%28b%29?x=%5B1%5D&%C3%BC"),
        Element(Kind.LOCATION, "Where am I", ""),
    ]
    assert shown(said) == "Which?\n[Parcel]\n[A (long) title (really)]\n[Help]\n[Where am I]\nCall: +32 11 00 00 00"
    assert len(world.inbox.calls) == 1
    told = pressed(walker, world, first.value)
    assert (told["payload"], told["text"]) == (PAYLOAD, "Parcel")
    told = pressed(walker, world, second.value, text=None)
    assert (told["payload"], told["text"]) == (")](reply:x", "A [long] title (really)")


def test_the_transcript_shows_what_could_be_pressed_and_what_was(walker: Walker, world: World) -> None:
    offer(world, OPTIONS[0], OPTIONS[2])
    walker.says("Hello", **on("rtm"))
    [element, _] = elements(world.inbox.said("0-conv-1")[0])
    pressed(walker, world, element.value, text=None)
    conversation = walker.conversation("0-conv-1")
    texts = list(conversation.messages.values_list("text", flat=True))
    assert "Which?\n[Parcel]\n[Help] https://example.com/a%28b%29?x=%5B1%5D&%C3%BC" in texts
    assert "Parcel" in texts


def test_only_the_latest_offer_counts(walker: Walker, world: World) -> None:
    offer(world)
    walker.says("Hello", **on("rtm"))
    stale = elements(world.inbox.said("0-conv-1")[0])[0].value
    offer(world, {"title": "Parcel", "payload": "new"})
    walker.says("Hello again", **on("rtm"))
    told = pressed(walker, world, stale)
    assert (told["payload"], told["text"]) == (None, "Parcel")
    assert len({element.value for said in world.inbox.said("0-conv-1") for element in elements(said)}) == 4 + 1


def test_an_admin_switches_buttons_on_for_another_medium(walker: Walker, world: World) -> None:
    offer(world)
    walker.says("Hello", **on("whatsapp"))
    assert elements(world.inbox.said("0-conv-1")[0]) == []
    assert "1. Parcel" in world.inbox.said("0-conv-1")[0]
    InboxChannel.objects.update(shows_buttons=True)
    offer(world)
    walker.says("Hello", **on("whatsapp"))
    assert len(elements(world.inbox.said("0-conv-1")[1])) == 4


def test_classic_has_no_buttons() -> None:
    classic = inboxes.inbox_class("sparkcentral")({})
    assert not classic.has_buttons([], "rtm", is_switched_on=True)


@pytest.mark.parametrize(
    "options", [[{"title": f"Choice {n}"} for n in range(11)], [{"title": "An endless title " * 9}, {"title": "B"}]]
)
def test_what_is_too_much_for_buttons_is_a_list(walker: Walker, world: World, options: list[Any]) -> None:
    offer(world, *options)
    walker.says("Hello", **on("rtm"))
    said = world.inbox.said("0-conv-1")[0]
    assert elements(said) == []
    assert "\n2. " in said
