import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.bots.messenger import read_message
from channels_app.protocol import Attachment, ContactMessage, Message, Option, Reply
from channels_app.protocol.offered import Offered
from channels_app.protocol.options import choosable, numbered, with_buttons
from channels_app.protocol.visible import is_visible
from tests import payloads

GO = json.dumps(
    {"nextDialogstateId": "state-parcel", "parameters": [{"key": "kind", "value": "parcel"}], "title": "Parcel"}
)


def image(url: str) -> Attachment:
    return Attachment(url=f"https://files.example/{url}")


CASES = {
    "text": [Message(text="Hi")],
    "quick_replies": [
        Message(
            text="Which one?",
            options=(
                Option(title="Parcel", payload=GO),
                Option(title="Letter", payload="LETTER"),
                Option(title="📍", wants_location=True),
            ),
        )
    ],
    "buttons": [
        Message(
            text="How can I help?",
            options=(
                Option(title="Parcel", payload=GO),
                Option(title="Help page", url="https://help.example/parcels"),
                Option(title="Call us", phone="+32 11 00 00 00"),
            ),
        )
    ],
    "carousel": [
        Message(
            text="Red shoe\nSize 42",
            attachment=image("red.png"),
            options=(
                Option(title="Red shoe", url="https://shop.example/red"),
                Option(title="Buy red", payload="BUY_RED"),
            ),
        ),
        Message(text="Blue shoe", options=(Option(title="See it", url="https://shop.example/blue"),)),
    ],
    "list": [
        Message(text="Monday\n9 to 5"),
        Message(text="Tuesday", options=(Option(title="More", payload="MORE"),)),
    ],
    **{kind: [Message(attachment=image(f"{kind}.bin"))] for kind in ("image", "video", "audio", "file")},
}


@pytest.mark.parametrize("name", CASES)
def test_each_shape_becomes_messages_of_ours(name: str) -> None:
    read = read_message(payloads.load("chatlayer", f"callback__{name}")["message"])
    assert (list(read.messages), read.unshown) == (CASES[name], ())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, []),
        ({"text": " \n"}, []),
        ({"text": 5}, [Message(text="5")]),
        ({"text": True}, []),
        (
            {"text": "Which?", "quick_replies": ["Yes", {"title": 2, "payload": ""}]},
            [Message(text="Which?", options=(Option(title="Yes"), Option(title="2", payload="")))],
        ),
        (
            {
                "attachment": {
                    "type": "template",
                    "payload": {"template_type": "button", "buttons": [{"type": "web_url", "title": "See"}]},
                }
            },
            [],
        ),
        (
            {
                "attachment": {
                    "type": "template",
                    "payload": {
                        "template_type": "button",
                        "buttons": [{"type": "element_share", "title": "Share", "url": "https://x.example"}],
                    },
                }
            },
            [],
        ),
        ({"attachment": {"type": "image", "payload": {}}}, []),
        ({"attachment": {"type": "template", "payload": {"template_type": "receipt"}}}, []),
        ({"attachment": {"type": "template", "payload": {"template_type": "generic", "elements": [{}]}}}, []),
        (
            {"text": "See", "attachment": {"type": "image", "payload": {"url": "https://files.example/a.png"}}},
            [Message(text="See"), Message(attachment=image("a.png"))],
        ),
        (
            {
                "attachment": {"type": "image", "payload": {"url": "https://files.example/a.png"}},
                "quick_replies": [{"title": "Nice"}],
            },
            [Message(attachment=image("a.png"), options=(Option(title="Nice"),))],
        ),
        (
            {"quick_replies": [{"title": "Yes", "payload": "Y"}]},
            [Message(options=(Option(title="Yes", payload="Y"),))],
        ),
    ],
)
def test_what_can_not_be_shown_is_left_out(message: dict[str, Any], expected: list[Message]) -> None:
    assert list(read_message(message).messages) == expected


FILE_A, FILE_B = ({"type": "image", "payload": {"url": f"https://files.example/{name}.png"}} for name in "ab")


@pytest.mark.parametrize("key", ["attachment", "attachments"])
@pytest.mark.parametrize(
    ("value", "names", "unshown"),
    [
        (FILE_A, ["a.png"], ()),
        ([FILE_A], ["a.png"], ()),
        ([FILE_A, FILE_B], ["a.png", "b.png"], ()),
        (
            [FILE_A, {"type": "hologram"}, 5, None, {}],
            ["a.png"],
            ("attachment “hologram”", "attachment “without a type”"),
        ),
        ("https://files.example/a.png", [], ("attachment “without a type”",)),
        ([], [], ()),
    ],
)
def test_one_attachment_or_several_by_either_name(key: str, value: Any, names: list[str], unshown: Any) -> None:
    reply = read_message({"text": "See", key: value})
    assert list(reply.messages) == [Message(text="See"), *(Message(attachment=image(name)) for name in names)]
    assert reply.unshown == unshown


def template(kind: str, **payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": {"template_type": kind, **payload}}}


@pytest.mark.parametrize(
    ("message", "unshown"),
    [
        ({}, ("empty message",)),
        ({"text": " "}, ("message with “text”",)),
        ({"hologram": {"url": "https://files.example/holo"}}, ("message with “hologram”",)),
        ({"type": "text", "config": {}}, ("message with “type”, “config”",)),
        (template("receipt", order_number="5"), ("attachment “receipt”",)),
        (template("media", elements=[{"media_type": "image", "attachment_id": "17"}]), ("attachment “media”",)),
        (template("open_graph", elements=[{}]), ("attachment “open_graph”",)),
        ({"attachment": {"type": "image", "payload": {"attachment_id": "17"}}}, ("attachment “image”",)),
        ({"attachment": {"payload": {}}}, ("attachment “without a type”",)),
        ({"attachment": {"type": 5}}, ("attachment “5”",)),
        ({"attachment": {"type": "x\u202e" + "y" * 99}}, (f"attachment “x{'y' * 39}”",)),
        (
            {"text": "Your order", "attachment": {"type": "template", "payload": {"template_type": "receipt"}}},
            ("attachment “receipt”",),
        ),
        (
            template("button", text="Log in", buttons=[{"type": "account_link", "url": "https://shop.example"}]),
            ("button “account_link”",),
        ),
        (template("generic", elements=[{"title": "Shoe", "buttons": [{"type": "web_url"}]}]), ("button “web_url”",)),
        (template("generic", elements=[{"title": "Shoe", "buttons": [{"type": "element_share"}]}]), ()),
        ({"text": "Your address?", "quick_replies": [{"content_type": "user_email"}]}, ("quick reply “user_email”",)),
        (
            {"text": "Which?", "quick_replies": [{"content_type": "text", "image_url": "https://i.example"}, {}, 5]},
            ("quick reply “without a title”", "“quick_replies” in an unknown form"),
        ),
        ({"text": "Which?", "quick_replies": {"title": "Yes"}}, ("“quick_replies” in an unknown form",)),
        ({"text": ["One", "Two"], "quick_replies": [{"title": "A"}]}, ("“text” in an unknown form",)),
        (template("button", text="Log in", buttons=["Yes"]), ("“buttons” in an unknown form",)),
        (template("generic", elements=[{"title": "Shoe"}, {"image": "x"}, {}]), ("card with “image”",)),
        (
            template("generic", elements=[{"title": "Shoe", "subtitle": {"en": "Red"}}]),
            ("“subtitle” in an unknown form",),
        ),
    ],
)
def test_what_is_left_out_is_named(message: dict[str, Any], unshown: tuple[str, ...]) -> None:
    assert read_message(message).unshown == unshown


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (template("media", elements=[{"media_type": "video", "url": "https://v.example/1"}]), "https://v.example/1"),
        (template("open_graph", elements=[{"url": "https://song.example/1"}]), "https://song.example/1"),
        ({"attachment": {"type": "fallback", "title": "News", "url": "https://n.example"}}, "News\nhttps://n.example"),
        ({"attachment": {"type": "gif", "payload": {"url": "https://g.example/1.gif"}}}, "https://g.example/1.gif"),
    ],
)
def test_an_unknown_form_with_an_address_becomes_the_address(message: dict[str, Any], text: str) -> None:
    assert read_message(message) == Reply(messages=(Message(text=text),))


def test_a_shared_page_keeps_its_buttons() -> None:
    song = {"url": "https://song.example/1", "buttons": [{"type": "postback", "title": "Play", "payload": "PLAY"}]}
    [message] = read_message(template("open_graph", elements=[song])).messages
    assert message.options == (Option(title="Play", payload="PLAY"),)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["text", "attachment", "type", "payload", "template_type", "elements", "buttons", "title", "url"]
                ),
                inner | st.sampled_from(["template", "generic", "button", "list", "image", "web_url", "postback"]),
            )
        ),
        max_leaves=20,
    ).filter(lambda value: isinstance(value, dict))
)
def test_no_shape_breaks_it(message: Any) -> None:
    read = read_message(message)
    assert read.messages or read.unshown
    for one in read.messages:
        assert one.text or one.attachment or one.options


TITLES = st.text(min_size=1, max_size=30).filter(lambda title: any(map(str.isalpha, title)) and is_visible(title))
PAYLOADS = st.text() | st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers()).map(json.dumps)
BUTTONS = st.lists(
    st.fixed_dictionaries({"type": st.just("postback"), "title": TITLES, "payload": PAYLOADS})
    | st.fixed_dictionaries({"type": st.just("web_url"), "title": TITLES, "url": st.just("https://a.example/")}),
    max_size=3,
)
CARDS = st.lists(
    st.fixed_dictionaries({"title": TITLES, "subtitle": st.text(max_size=20), "buttons": BUTTONS}), max_size=10
)


@given(st.sampled_from(["generic", "list"]), CARDS, BUTTONS)
def test_what_is_pressed_or_numbered_on_a_card_comes_back_exact(
    kind: str, cards: list[dict[str, Any]], below: list[dict[str, Any]]
) -> None:
    """Nothing lost and nothing invented, whichever of several cards it is on and whatever the payload says."""
    messages = read_message(template(kind, elements=cards, buttons=below if kind == "list" else [])).messages
    buttons = [button for card in cards for button in card["buttons"]] + (below if kind == "list" else [])
    given_payloads = [button["payload"] for button in buttons if button["type"] == "postback"]
    offered = choosable(with_buttons(messages, (), 7))
    assert [option.payload for option in offered] == given_payloads
    assert len({option.token for option in offered}) == len(offered)
    for option in offered:
        assert choice(offered, ContactMessage(payload=option.token)) == option
    numbered_ones = choosable(numbered(messages))
    for place, option in enumerate(numbered_ones, 1):
        if option.number:  # titles that begin with numbers have none of ours
            assert option.number == place
            assert choice(numbered_ones, ContactMessage(text=str(place))) == option


def choice(options: list[Option], message: ContactMessage) -> Option | None:
    lasts = timedelta(hours=24)
    return Offered(options=tuple(options)).choice(message, 1, stint=1, now=datetime.now(UTC), lasts=lasts)
