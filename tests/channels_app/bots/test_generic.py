import hashlib
import hmac
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels_app.adapters.bots.generic import HttpBot
from channels_app.adapters.bots.generic_form import HttpBotForm
from channels_app.protocol import (
    Attachment,
    Completion,
    EventType,
    Message,
    OffloadRequest,
    Option,
    Reply,
)
from channels_app.protocol.errors import PayloadError, SignatureError
from tests import payloads
from tests.channels_app.bots.cast import NOW, SESSION, calls, make_bot, make_turn, request
from tests.fakes.api import answer

EVERYTHING = Reply(
    messages=(
        Message(text="Let me look."),
        Message(
            text="Which one?",
            options=(
                Option(title="Parcel", payload="parcel"),
                Option(title="Help page", url="https://help.example/parcels"),
                Option(title="Call us", phone="+32 11 00 00 00"),
            ),
        ),
        Message(
            text="The map",
            attachment=Attachment(url="https://files.example/map.png", name="map.png", content_type="image/png"),
        ),
    ),
    topics=("Orders",),
    tags=("Happy",),
    attributes={"order_number": "A-3301"},
    note="Asked for order A-3301",
    complete=Completion.HANDOVER,
    offload=OffloadRequest(reason="asked_for_human", payload={"team": "sales"}),
)


def replied(document: Any, status: int = 200) -> Reply | None:
    return make_bot("http", answer(status, document)).send(make_turn())


def test_a_turn_is_told_in_our_contracts_words() -> None:
    bot = make_bot("http", answer(200, {}))
    bot.send(make_turn(payload={"any": "json"}))
    assert json.loads(calls(bot)[0].request["data"]) == {
        "version": 1,
        "type": "message",
        "turn_id": "turn-1",
        "session_id": SESSION,
        "text": "Where is my parcel?",
        "payload": {"any": "json"},
        "message_id": "m1",
        "language": "en",
        "medium": "whatsapp",
        "contact": {
            "id": "c1",
            "primary_identifier": "Johan",
            "secondary_identifier": "",
            "picture_url": "",
            "vip": True,
        },
        "attributes": [{"attribute": "company", "value": "Acme", "source": "AGENT"}],
        "inbox_channel": {"id": "ic1", "name": "Support"},
        "topics": ["Orders"],
        "trigger": None,
    }


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        (EventType.CONVERSATION_STARTED, "conversation_started"),
        (EventType.CONVERSATION_DELEGATED, "conversation_delegated"),
        (EventType.MESSAGE_RECEIVED, "message"),
    ],
)
def test_the_type_of_a_turn(event_type: EventType, name: str) -> None:
    bot = make_bot("http", answer(204))
    bot.send(make_turn(type=event_type, text=None, is_test=True))
    document = json.loads(calls(bot)[0].request["data"])
    assert (document["type"], document["text"], document["test"]) == (name, None, True)


def test_a_turn_carries_token_key_and_the_signature_of_the_very_bytes() -> None:
    bot = make_bot("http", answer(200, {}))
    bot.send(make_turn(text="Où est mon colis ?"))
    [call] = calls(bot)
    assert call.headers == {
        "Content-Type": "application/json",
        "Idempotency-Key": "turn-1",
        "Authorization": "Bearer demo-token",
        "X-Chatbridge-Signature": hmac.new(b"demo words", call.request["data"], hashlib.sha256).hexdigest(),
    }


def test_without_token_and_secret_nothing_is_presented() -> None:
    bot = make_bot("http", answer(200, {}), token="", signing_secret=None)
    bot.send(make_turn())
    assert set(calls(bot)[0].headers) == {"Content-Type", "Idempotency-Key"}


def test_a_reply_can_hold_everything() -> None:
    assert replied(payloads.load("http", "reply__everything")) == EVERYTHING


@pytest.mark.parametrize(
    ("document", "reply"),
    [
        ({}, None),
        ({"mood": "good"}, None),
        ({"messages": None}, None),
        ({"messages": []}, Reply()),
        ({"note": ""}, Reply()),
        ({"messages": [{"text": "Hi", "mood": "good"}]}, Reply(messages=(Message(text="Hi"),))),
        ({"messages": [{}, {"text": ""}, {"text": None}]}, Reply()),
        ({"messages": [{"options": [{"title": "Yes"}]}]}, Reply(messages=(Message(options=(Option(title="Yes"),)),))),
        ({"complete": "resolved"}, Reply(complete=Completion.RESOLVED)),
        ({"offload": {}}, Reply(offload=OffloadRequest())),
        ({"attributes": {"city": None}}, Reply()),
        ({"messages": [{"body": "Hi"}]}, Reply(unshown=("message with “body”",))),
        (
            {"messages": [{"text": None, "type": "text", "body": "Hi"}]},
            Reply(unshown=("message with “type”, “body”",)),
        ),
        ({"messages": [{"text": "", "id": "5"}]}, Reply()),
        (
            {"messages": [{"text": "Hi"}, {"content": "Yo"}]},
            Reply(messages=(Message(text="Hi"),), unshown=("message with “content”",)),
        ),
    ],
)
def test_nothing_now_and_silent_on_purpose_are_not_the_same(document: Any, reply: Reply | None) -> None:
    assert replied(document) == reply


MAP, PLAN = (
    Attachment(url="https://files.example/map.png", name="map"),
    Attachment(url="https://files.example/plan.png"),
)
YES = Option(title="Yes")


@pytest.mark.parametrize("key", ["attachment", "attachments"])
@pytest.mark.parametrize(
    ("files", "messages"),
    [
        (MAP, (Message(text="Here", attachment=MAP, options=(YES,)),)),
        ([MAP], (Message(text="Here", attachment=MAP, options=(YES,)),)),
        ([MAP, PLAN], (Message(text="Here", attachment=MAP), Message(attachment=PLAN, options=(YES,)))),
        ([], (Message(text="Here", options=(YES,)),)),
        (None, (Message(text="Here", options=(YES,)),)),
    ],
)
def test_one_file_or_several_by_either_name(key: str, files: Any, messages: tuple[Message, ...]) -> None:
    told = [asdict(file) for file in files] if isinstance(files, list) else files and asdict(files)
    document = {"messages": [{"text": "Here", key: told, "options": [{"title": "Yes"}]}]}
    assert replied(document) == Reply(messages=messages)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((status, b"") for status in (200, 201, 202, 203, 204, 205, 206)),
        *((status, b" \r\n") for status in (200, 203)),
        *((status, body) for status in (201, 202) for body in (b"OK", b"<html>", b'{"messages": [{"text": "Hi"}]}')),
    ],
)
@pytest.mark.parametrize("token", ["demo-token", ""])
def test_an_acknowledgement_means_later(status: int, body: bytes, token: str) -> None:
    bot = make_bot("http", answer(status, body=body), token=token, signing_secret="")
    assert bot.send(make_turn()) is None


NO_DOCUMENT = (b"OK", b'"OK"', b"true", b"null", b"5", b"<html>", b'{"messages": [', b"\xff", b'{"note": NaN}')


@pytest.mark.parametrize("body", NO_DOCUMENT)
@pytest.mark.parametrize("settings", [{"token": ""}, {"signing_secret": ""}, {}])
def test_words_that_are_no_document_mean_later_from_a_bot_that_can_call_back(
    body: bytes, settings: dict[str, str]
) -> None:
    assert make_bot("http", answer(200, body=body), **settings).send(make_turn()) is None


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "The body must be a JSON object."),
        ({"messages": {}}, "messages: must be a list"),
        ({"messages": ["Hi"]}, "messages[0]: must be an object"),
        ({"messages": [{"text": "Hi"}, {"text": 5}]}, "messages[1].text: must be text"),
        ({"messages": [{"options": [{"title": 7}]}]}, "messages[0].options[0].title: must be text"),
        ({"messages": [{"options": [{"payload": 1}]}]}, "messages[0].options[0].title: is missing"),
        ({"messages": [{"attachment": {}}]}, "messages[0].attachment.url: is missing"),
        ({"messages": [{"attachment": "https://files.example"}]}, "messages[0].attachment: must be an object"),
        ({"messages": [{"attachment": ["x"]}]}, "messages[0].attachment[0]: must be an object"),
        ({"messages": [{"attachments": [{"name": "x"}]}]}, "messages[0].attachments[0].url: is missing"),
        ({"topics": "Orders"}, "topics: must be a list"),
        ({"tags": [1]}, "tags[0]: must be text"),
        ({"attributes": ["a"]}, "attributes: must be an object"),
        ({"attributes": {"order_number": 3301}}, "attributes.order_number: must be text"),
        ({"note": ["x"]}, "note: must be text"),
        ({"complete": "closed"}, "complete: must be handover or resolved"),
        ({"complete": True}, "complete: must be text"),
        ({"offload": True}, "offload: must be an object"),
        ({"offload": {"reason": 1}}, "offload.reason: must be text"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place_and_not_its_content(document: Any, problem: str) -> None:
    with pytest.raises(PayloadError) as refused:
        replied(document)
    assert refused.value.detail == problem


@pytest.mark.parametrize("body", NO_DOCUMENT)
def test_an_answer_that_is_no_json_is_a_failed_try_of_a_bot_that_can_not_call_back(body: bytes) -> None:
    with pytest.raises(PayloadError):
        make_bot("http", answer(200, body=body), token="", signing_secret="").send(make_turn())


def test_the_check_says_how_many_messages_came() -> None:
    [line] = make_bot("http", answer(200, payloads.load("http", "reply__everything"))).check()
    assert line.is_ok and line.detail.startswith("HTTP bot answered our test with 3 messages in ")
    [line] = make_bot("http", answer(200, {"messages": []})).check()
    assert line.is_ok and "without a message" in line.detail


# --- later replies ---

LATER = payloads.raw("http", "callback__later_reply")
TIME = str(int(NOW.timestamp()))


def signed(*parts: str, body: bytes = LATER) -> str:
    """By the demo bot, over these parts, dots and the body."""
    told = "".join(f"{part}." for part in parts).encode()
    return hmac.new(b"demo words", told + body, hashlib.sha256).hexdigest()


def timed(told: str, signature: str | None = None) -> dict[str, str]:
    return {"x-chatbridge-timestamp": told, "x-chatbridge-signature": signature or signed(told)}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer demo-token"},
        {"authorization": "bearer  demo-token"},
        timed(TIME),
        {"authorization": "Bearer demo-token", **timed(TIME, signed(TIME).upper())},
    ],
)
def test_token_or_signature_is_enough(headers: dict[str, str]) -> None:
    make_bot("http").verify(request(LATER, headers=headers))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no_signature"),
        ({"authorization": ""}, "no_signature"),
        ({"authorization": "Bearer other"}, "bad_signature"),
        ({"authorization": "Basic demo-token"}, "bad_signature"),
        ({"authorization": "demo-token"}, "bad_signature"),
        ({"x-chatbridge-signature": "00" * 32}, "bad_signature"),
        ({"authorization": "Bearer demo-token", "x-chatbridge-signature": "00" * 32}, "bad_signature"),
        ({"authorization": "Bearer other", **timed(TIME)}, "bad_signature"),
        (timed(TIME, signed(str(int(TIME) + 1))), "bad_signature"),
        (timed(TIME, signed()), "body_signed"),
        ({"x-chatbridge-signature": signed()}, "body_signed"),
        ({"x-chatbridge-signature": signed(TIME)}, "bad_signature"),
        ({"authorization": "Bearer demo-token", "x-chatbridge-signature": signed()}, "body_signed"),
        *((timed(told), "bad_time") for told in ("soon", "-5", "1.5", f" {TIME}", f"{TIME}000", "٣", "9" * 13)),
        *((timed(str(int(TIME) + away)), "bad_time") for away in (-301, 301)),
    ],
)
def test_a_wrong_proof_is_refused_even_beside_a_right_one(headers: dict[str, str], reason: str) -> None:
    with pytest.raises(SignatureError) as refused:
        make_bot("http").verify(request(LATER, headers=headers))
    assert refused.value.reason == reason


@pytest.mark.parametrize("away_s", [-300, 0, 300])
def test_a_signature_counts_for_five_minutes_by_either_clock(away_s: int) -> None:
    make_bot("http").verify(request(LATER, headers=timed(str(int(TIME) + away_s))))


@pytest.mark.parametrize("headers", [{"x-chatbridge-signature": signed()}, timed(TIME, signed()), timed(TIME)])
def test_a_bot_of_the_older_form_may_sign_the_body_alone(headers: dict[str, str]) -> None:
    make_bot("http", reply_signature="body").verify(request(LATER, headers=headers))


def test_the_older_form_makes_no_wrong_time_right() -> None:
    with pytest.raises(SignatureError) as refused:
        make_bot("http", reply_signature="body").verify(request(LATER, headers=timed("1")))
    assert refused.value.reason == "bad_time"


def test_the_example_of_the_guide_is_right() -> None:
    guide = Path("docs/adding-a-bot.md").read_text()
    [line] = [line for line in guide.splitlines() if line.startswith("1795860000.{")]
    told, _, body = line.partition(".")
    signature = hmac.new(b"tell-nobody", line.encode(), hashlib.sha256).hexdigest()
    assert f"`{signature}`" in guide
    incoming = request(body.encode(), headers=timed(told, signature))
    received_at = datetime.fromtimestamp(int(told), UTC)
    make_bot("http", signing_secret="tell-nobody").verify(replace(incoming, received_at=received_at))


def test_a_proof_of_a_kind_that_is_not_configured_proves_nothing() -> None:
    headers = {"authorization": "Bearer demo-token"}
    with pytest.raises(SignatureError) as refused:
        make_bot("http", token="").verify(request(LATER, headers=headers))
    assert refused.value.reason == "no_signature"


def test_without_token_and_secret_no_later_reply_can_be_trusted() -> None:
    with pytest.raises(SignatureError, match="Set a token") as refused:
        make_bot("http", token=None, signing_secret="").verify(request(LATER))
    assert refused.value.reason == "no_secret"


def test_a_later_reply_counts_once_by_its_id() -> None:
    [event] = make_bot("http").parse(request(LATER))
    assert (event.key, event.conversation_id, event.reply) == ("reply-1", SESSION, EVERYTHING)


def test_without_an_id_the_same_body_counts_once_a_minute() -> None:
    def key(
        passed_s: int = 0, body: bytes = payloads.raw("http", "callback__without_reply_id"), **headers: str
    ) -> str:
        incoming = request(body, headers={name.replace("_", "-"): text for name, text in headers.items()})
        [event] = make_bot("http").parse(replace(incoming, received_at=NOW + timedelta(seconds=passed_s)))
        return event.key

    assert key() == key(20)
    assert key() != key(60)
    assert key() != key(body=payloads.raw("http", "callback__without_reply_id") + b" ")
    # a replay keeps the time that was signed, and so the key, however late it comes
    assert key(x_chatbridge_timestamp=TIME) == key(290, x_chatbridge_timestamp=TIME)
    assert key(x_chatbridge_timestamp=TIME) != key(x_chatbridge_timestamp=str(int(TIME) + 60))
    assert key(x_chatbridge_timestamp="soon") == key()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"messages": []}, "session_id: is missing"),
        ({"session_id": " "}, "session_id: is missing"),
        ({"session_id": 5}, "session_id: must be text"),
        ({"session_id": SESSION, "reply_id": 5}, "reply_id: must be text"),
        ({"session_id": SESSION, "reply_id": "x" * 101}, "reply_id: has more than 100 characters"),
    ],
)
def test_a_later_reply_needs_its_session(document: Any, problem: str) -> None:
    with pytest.raises(PayloadError) as refused:
        make_bot("http").parse(request(document))
    assert refused.value.detail == problem


def test_the_answers_to_a_later_reply() -> None:
    bot = make_bot("http")
    assert bot.accepted() == (202, {"accepted": True})
    assert bot.unknown_session() == (404, {"accepted": False, "code": "unknown_session"})
    assert bot.not_assigned() == (409, {"accepted": False, "code": "not_assigned"})


def test_an_http_bot_has_no_offloading_webhook() -> None:
    with pytest.raises(PayloadError):
        make_bot("http").parse_offload(request({"event": "offload"}))


# --- settings ---


@pytest.mark.parametrize(("timeout_s", "is_valid"), [(None, True), (1, True), ("45", True), (0, False), (46, False)])
def test_the_timeout_has_bounds(timeout_s: Any, is_valid: bool) -> None:
    assert HttpBotForm({"url": "http://bot:9001/turns", "timeout_s": timeout_s}).is_valid() is is_valid


@pytest.mark.parametrize(("timeout_s", "expected"), [(None, 20.0), (7, 7.0)])
def test_the_timeout_is_twenty_seconds_unless_said(timeout_s: Any, expected: float) -> None:
    assert HttpBot({"timeout_s": timeout_s}).timeout_s == expected
