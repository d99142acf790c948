"""What of a body which person may see."""

import json
from pathlib import Path

import pytest

from channels_app.lib.masking import MASK, Body, body_for, keys_in_query, without_query

PAYLOADS = sorted((Path(__file__).parent.parent / "payloads").glob("*/*.json"))


CONVERSATION, SESSION = "0-01e67a8c216-000-8c9ea98e", "3f0c9a52-6d41-4f0e-9c5e-1f0f6a1d2b77"
TIME = "2022-04-28T09:43:26.635Z"


def hidden_from(text: str) -> str:
    return body_for(text, reads_text=False).text


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ({"type": "message", "text": "I am ill"}, {"type": "message", "text": MASK}),
        ({"version": 1, "payload": {"order": 3301}}, {"version": 1, "payload": {"order": MASK}}),
        ({"messages": [{"text": "a"}, "b"]}, {"messages": [{"text": MASK}, MASK]}),
        ({"id": CONVERSATION, "name": "Johan"}, {"id": CONVERSATION, "name": MASK}),
        ({"id": "+32 470 00 00 00"}, {"id": MASK}),
        ({"type": "what I really wanted to say"}, {"type": MASK}),
        ({"text": None, "vip": True, "payload": ""}, {"text": None, "vip": MASK, "payload": ""}),
        ({"session_id": SESSION, "turn_id": "470123456"}, {"session_id": SESSION, "turn_id": MASK}),
        ({"timestamp": TIME}, {"timestamp": TIME}),
        ({"timestamp": "1961-04-12", "language": "nl"}, {"timestamp": MASK, "language": MASK}),
        ({"+4915112348765": {"Anna Sanders": 1}}, {f"{MASK} 1": {f"{MASK} 1": MASK}}),
        ("I am ill", MASK),
        ({"text": "", "verifyToken": "CANARY"}, {"text": "", "verifyToken": MASK}),
    ],
)
def test_who_may_not_read_texts_sees_only_what_kind_of_body_it_is(document: object, shown: object) -> None:
    assert json.loads(hidden_from(json.dumps(document))) == shown


KEYS = (
    "accepted action actor attribute code complete content_type contentType conversationId counter event id "
    "idempotencyKey language medium message_id messageCounter messageId role senderId session_id sessionId source "
    "status test timestamp turn_id type version text value payload"
)


@pytest.mark.parametrize("key", KEYS.split())
@pytest.mark.parametrize(
    "value", ["pregnant", "4821", 4821, 37.5, True, "NL91ABNA0417164300", "Anna.Sanders", "+3247"]
)
def test_no_name_of_a_key_lets_a_value_through(key: str, value: object) -> None:
    """A bot calls things as it likes: `code` holds a PIN, `status` an illness, `attribute` a name."""
    shown = json.loads(hidden_from(json.dumps({key: value, "inside": [{key: [value]}]})))
    assert shown == {key: MASK, "inside": [{key: [MASK]}]}


@pytest.mark.parametrize("file", PAYLOADS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_nothing_that_a_person_said_is_left_of_a_platforms_bodies(file: Path) -> None:
    shown = hidden_from(file.read_text())
    for said in ("parcel", "Johan", "470 00", "Acme", "http", "Anna", "Hello", "agent@"):
        assert said not in shown


@pytest.mark.parametrize("text", ["I am ill", '{"text": "I am ill", "cu', "[" * 100_000, "a=1&text=ill"])
def test_what_is_not_json_is_hidden_as_a_whole(text: str) -> None:
    assert body_for(text, reads_text=False) == Body(is_hidden=True)


def test_a_reader_gets_it_pretty_and_as_it_came() -> None:
    body = body_for('{"text":"I am ill"}', reads_text=True)
    assert body == Body(text='{\n  "text": "I am ill"\n}', raw='{"text":"I am ill"}', is_json=True)


@pytest.mark.parametrize(
    "text", ['{"token": {"x": "CANARY"}}', '{"token": "CANARY", "token": ""}', '{"to\\u006ben": "CANARY"}']
)
def test_nobody_gets_a_body_as_it_came_when_it_holds_a_secret(text: str) -> None:
    body = body_for(text, reads_text=True)
    assert "CANARY" not in body.text + body.raw


def test_masks_are_counted() -> None:
    assert body_for('{"text": "a", "token": "b"}', reads_text=False).masks == 2


def test_half_a_character_is_no_trouble() -> None:
    assert body_for('{"text": "\\ud83d"}', reads_text=True).text.encode()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"verifyToken": "CANARY"}', '"verifyToken": "••••"'),
        (b'{"a": [{"access_token": "CANARY"}]}', '"access_token": "••••"'),
        (b'{"clientSecret": {"x": "CANARY"}}', '"clientSecret": "••••"'),
        (b'{"api_key": 12345678, "password": null}', '"password": null'),
        (b'{"verifyToken": "CANARY", "cut', '"verifyToken": "••••"'),
        (b'{"verifyToken": "CANARY', '"verifyToken": "••••"'),
        (b'{"verifyToken": "CAN\\"ARY", x', '"verifyToken": "••••"'),
        (b'\xff{"verifyToken": "CANARY"}', '"verifyToken": "••••"'),
        (b"[" * 100_000 + b'{"verifyToken": "CANARY"}', '"verifyToken": "••••"'),
        ("grüß \x00".encode(), "grüß"),
    ],
)
def test_bodies_are_readable_whatever_they_are(raw: bytes, shown: str) -> None:
    text = body_for(raw.decode(errors="replace"), reads_text=True).text
    assert shown in text
    assert "CANARY" not in text and "12345678" not in text and "ARY" not in text


@pytest.mark.parametrize(
    ("address", "keys", "shown"),
    [
        ("https://b.example/api", [], "https://b.example/api"),
        ("https://b.example/?code=abc==", ["code"], f"https://b.example/?code={MASK}"),
        ("https://b.example/?a=1&api-key=x#y", ["api-key"], f"https://b.example/?a={MASK}&api-key={MASK}"),
        ("http://b/?Token=x", ["Token"], f"http://b/?Token={MASK}"),
        ("https://b/?sig=x&se=1", ["sig"], f"https://b/?sig={MASK}&se={MASK}"),
        ("https://b/?subscription-key=x", ["subscription-key"], f"https://b/?subscription-key={MASK}"),
        ("https://b/?access%5Ftoken=x", ["access_token"], f"https://b/?access%5Ftoken={MASK}"),
        ("https://b/?x-goog-signature=x", ["x-goog-signature"], f"https://b/?x-goog-signature={MASK}"),
        ("https://b/?code=", [], f"https://b/?code={MASK}"),
        ("https://b/?0123456789abcdef", [""], f"https://b/?{MASK}"),
        ("https://b/?zipcode=1&keyword=2&signal=3", [], f"https://b/?zipcode={MASK}&keyword={MASK}&signal={MASK}"),
        ("HTTPS://b/?code=x", ["code"], f"HTTPS://b/?code={MASK}"),
        ("https://b/#code=x", ["code"], f"https://b/#code={MASK}"),
        ("https://b/?a=1;code=x", ["code"], f"https://b/?a={MASK}"),
        ("https://b/?to=https://c/?code=x", ["code"], f"https://b/?to={MASK}"),
        ("https://b/?to=https%3A%2F%2Fc%2F%3Fcode%3Dx", ["code"], f"https://b/?to={MASK}"),
        ("https://b/?x=1#KEY-OF-THE-BOT", [""], f"https://b/?x={MASK}"),
        ("https://b/?wsdl&streaming&a=1", [], f"https://b/?{MASK}&{MASK}&a={MASK}"),
        ("", [], ""),
    ],
)
def test_a_key_in_an_address(address: str, keys: list[str], shown: str) -> None:
    assert (keys_in_query(address), without_query(address)) == (keys, shown)
