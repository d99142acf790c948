"""Rasa's REST channel, as Rasa 3.6 answers it."""

import json
from typing import Any

import pytest

from channels_app.adapters.bots.rasa import webhook_address
from channels_app.protocol import (
    Attachment,
    Completion,
    EventType,
    Message,
    OffloadRequest,
    Option,
    Reply,
    Turn,
)
from channels_app.protocol.errors import PayloadError
from tests import payloads
from tests.channels_app.bots.cast import SESSION, calls, make_bot, make_turn
from tests.fakes.api import answer

HUMAN = OffloadRequest(reason="asked_for_human")
PARCEL = '/track_parcel{"source": "menu"}'


def told(turn: Turn, **settings: Any) -> Any:
    """What Rasa is sent; None when it is not told."""
    bot = make_bot("rasa", answer(200, []), **settings)
    assert bot.send(turn) is not None
    return calls(bot)[0].request["json"] if calls(bot) else None


def replied(document: Any, turn: Turn | None = None) -> Reply:
    reply = make_bot("rasa", answer(200, document)).send(turn or make_turn())
    assert reply is not None
    return reply


def test_a_turn_is_a_message_of_its_session() -> None:
    request = told(make_turn(payload=None))
    assert (request["sender"], request["message"]) == (SESSION, "Where is my parcel?")
    assert request["metadata"]["turn_id"] == "turn-1"
    assert request["metadata"]["contact"]["id"] == "c1"
    json.dumps(request)


@pytest.mark.parametrize(
    ("text", "payload", "message"),
    [
        ("Track a parcel", PARCEL, PARCEL),
        ("Track a parcel", " /track ", " /track "),
        ("Track a parcel", "track my parcel", "track my parcel"),
        ("Track a parcel", {"any": "json"}, "Track a parcel"),
        ("Track a parcel", "", "Track a parcel"),
        ("Track a parcel", None, "Track a parcel"),
        (" Hi \n", None, "Hi"),
        (None, None, "[attachment]"),
        ("  ", None, "[attachment]"),
        # A contact is not the bot's author: what they type is never an intent, an entity or a slot.
        ("/restart", None, "restart"),
        ('  / /inform{"vip": true}', None, 'inform{"vip": true}'),
        ("/", None, "[attachment]"),
        ("1/2", None, "1/2"),
        ("https://a.example/x", None, "https://a.example/x"),
    ],
)
def test_a_payload_goes_back_as_it_came_and_a_contact_gives_no_commands(
    text: str | None, payload: Any, message: str
) -> None:
    assert told(make_turn(text=text, payload=payload))["message"] == message


@pytest.mark.parametrize("event_type", [EventType.CONVERSATION_STARTED, EventType.CONVERSATION_DELEGATED])
@pytest.mark.parametrize(
    ("start_message", "is_test", "message"),
    [
        ("", False, None),
        (None, False, None),
        ("", True, "/session_start"),
        ("/greet", True, "/greet"),
        ('/greet{"from": "us"}', False, '/greet{"from": "us"}'),
    ],
)
def test_it_speaks_first_with_a_message_of_its_authors(
    event_type: EventType, start_message: str | None, is_test: bool, message: str | None
) -> None:
    request = told(make_turn(type=event_type, text=None, is_test=is_test), start_message=start_message)
    assert (request and request["message"]) == message


def test_a_channels_text_for_delegation_goes_before_its_start_message() -> None:
    request = told(make_turn(type=EventType.CONVERSATION_DELEGATED, text="/callback"), start_message="/greet")
    assert request["message"] == "/callback"


@pytest.mark.parametrize("message", ["/contact_silent", "", None])
def test_it_is_told_of_a_silent_contact_in_a_message_of_its_authors(message: str | None) -> None:
    request = told(make_turn(type=EventType.CONTACT_SILENT, text=None), silence_message=message)
    assert (request and request["message"]) == (message or None)
    assert make_bot("rasa", silence_message=message).hears_silence == bool(message)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://rasa.example", "https://rasa.example/webhooks/rest/webhook"),
        ("http://rasa:5005/", "http://rasa:5005/webhooks/rest/webhook"),
        ("https://example.com/bots/one//", "https://example.com/bots/one/webhooks/rest/webhook"),
        ("https://rasa.example?token=x", "https://rasa.example/webhooks/rest/webhook?token=x"),
        ("https://rasa.example/webhooks/rest/webhook", "https://rasa.example/webhooks/rest/webhook"),
        ("https://rasa.example/webhooks/ours/webhook/?a=b", "https://rasa.example/webhooks/ours/webhook?a=b"),
    ],
)
def test_the_address_of_the_server_is_enough(given: str, address: str) -> None:
    bot = make_bot("rasa", answer(200, []), url=given)
    bot.send(make_turn())
    assert calls(bot)[0].url == webhook_address(given) == address


def test_a_token_is_sent_if_there_is_one() -> None:
    for token, headers in (("t-1", {"Authorization": "Bearer t-1"}), ("", {}), (None, {})):
        bot = make_bot("rasa", answer(200, []), token=token)
        bot.send(make_turn())
        assert calls(bot)[0].headers == headers


def test_a_response_with_buttons() -> None:
    options = (
        Option(title="Track a parcel", payload=PARCEL),
        Option(title="Talk to a person", payload="/talk_to_a_person"),
        Option(title="Help page", url="https://help.example/parcels"),
        Option(title="Call us", phone="+32 11 00 00 00"),
    )
    message = Message(text="What can I do for you?", options=options)
    assert replied(payloads.load("rasa", "reply__response_with_buttons")) == Reply(messages=(message,))


def test_everything_that_a_list_may_hold() -> None:
    assert replied(payloads.load("rasa", "reply__everything")) == Reply(
        messages=(
            Message(text="Let me look."),
            Message(attachment=Attachment(url="https://files.example/map.png")),
            Message(attachment=Attachment(url="https://files.example/label.pdf")),
            Message(attachment=Attachment(url="https://files.example/packing.mp4")),
        ),
        topics=("Orders",),
        note="Asked for order A-3301",
        offload=OffloadRequest(reason="asked_for_human", payload={"team": "sales"}),
    )


def test_several_in_one_entry_as_a_channel_of_ones_own_may_send_them() -> None:
    entry = {"text": "Look", "image": "https://a.example/1.png", "attachment": "https://a.example/2.pdf"}
    assert replied([entry | {"buttons": [{"title": "Yes"}], "custom": {"complete": "resolved"}}]) == Reply(
        messages=(
            Message(
                text="Look",
                options=(Option(title="Yes"),),
                attachment=Attachment(url="https://a.example/1.png"),
            ),
            Message(attachment=Attachment(url="https://a.example/2.pdf")),
        ),
        complete=Completion.RESOLVED,
    )


def test_a_number_is_its_digits() -> None:
    """`title: 5` in a domain, and a balance that an action says."""
    buttons = [{"title": stars, "payload": f"/rate{stars}"} for stars in (1, 2.0)]
    assert replied([{"text": 12.5, "buttons": buttons}]) == Reply(
        messages=(
            Message(text="12.5", options=(Option(title="1", payload="/rate1"), Option(title="2", payload="/rate2.0"))),
        )
    )


@pytest.mark.parametrize("document", [[], [{}], [{"recipient_id": SESSION}], [{"text": None}], [{"text": " "}]])
def test_an_empty_list_is_silence(document: Any) -> None:
    assert replied(document) == Reply()


@pytest.mark.parametrize(
    ("custom", "reply"),
    [
        ({"handover": True}, Reply(offload=HUMAN)),
        ({"handover": True, "team": 7}, Reply(offload=OffloadRequest(reason="asked_for_human", payload={"team": 7}))),
        ({"handover": True, "offload": {"reason": "angry"}}, Reply(offload=OffloadRequest(reason="angry"))),
        ({"offload": {"reason": "angry"}}, Reply(offload=OffloadRequest(reason="angry"))),
        ({"messages": [{"text": "Hi"}], "tags": ["Happy"]}, Reply(messages=(Message(text="Hi"),), tags=("Happy",))),
        ({"handover": False}, Reply()),
        ({"handover": "yes"}, Reply()),
        ({"carousel": [], "type": "x"}, Reply(unshown=("custom “carousel”", "custom “type”"))),
        ({}, Reply()),
    ],
)
def test_what_custom_may_say(custom: Any, reply: Reply) -> None:
    assert replied([{"custom": custom}]) == reply


def test_the_words_of_a_handover_are_said() -> None:
    reply = replied([{"text": "One moment, please."}, {"custom": {"handover": True}}])
    assert reply == Reply(messages=(Message(text="One moment, please."),), offload=HUMAN)


@pytest.mark.parametrize(
    ("intent", "payload", "hands_over"),
    [
        ("/talk_to_a_person", "/talk_to_a_person", True),
        ("/talk_to_a_person", '/talk_to_a_person{"team": "sales"}', True),
        ("/talk_to_a_person", "/talk_to_a_person@0.9", True),
        ("talk_to_a_person", "/talk_to_a_person", True),
        ("/talk_to_a_person", "/talk_to_a_person_later", False),
        ("/talk_to_a_person", None, False),
        ("/talk_to_a_person", {"any": "json"}, False),
        ("", "", False),
        ("", "/", False),
        (None, "/talk_to_a_person", False),
    ],
)
def test_a_chosen_button_may_hand_over(intent: str | None, payload: Any, hands_over: bool) -> None:
    bot = make_bot("rasa", answer(200, [{"text": "One moment."}]), handover_intent=intent)
    reply = bot.send(make_turn(payload=payload))
    assert reply == Reply(messages=(Message(text="One moment."),), offload=HUMAN if hands_over else None)
    assert len(calls(bot)) == 1


def test_the_typed_words_of_an_intent_are_the_contacts_own() -> None:
    bot = make_bot("rasa", answer(200, []))
    assert bot.send(make_turn(text="/talk_to_a_person")) == Reply()


@pytest.mark.parametrize(
    ("entry", "unshown"),
    [
        ({"buttons": [{"payload": "/a"}, {"title": "B"}]}, ("button “/a”",)),
        ({"attachment": {"type": "template"}}, ("attachment without an address",)),
    ],
)
def test_what_can_not_be_shown_is_named(entry: Any, unshown: tuple[str, ...]) -> None:
    assert replied([entry]).unshown == unshown


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"messages": []}, "The body must be a JSON list."),
        ("OK", "The body must be a JSON list."),
        ([{}, "Hi"], r"\[1\]: must be an object"),
        ([{"text": True}], r"\[0\].text: must be text"),
        ([{"buttons": {}}], r"\[0\].buttons: must be a list"),
        ([{"buttons": [7]}], r"\[0\].buttons\[0\]: must be an object"),
        ([{"custom": {"topics": [7]}}], r"\[0\].custom.topics\[0\]: must be text"),
    ],
)
def test_a_wrong_type_is_a_failed_try_that_says_where(document: Any, problem: str) -> None:
    with pytest.raises(PayloadError, match=problem):
        replied(document)
