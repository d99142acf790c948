"""What every inbox keeps, whatever its platform: runs for each kind in INBOXES, and for the example of the guide."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.inboxes import INBOXES, choices, inbox_class, secret_keys
from channels_app.adapters.inboxes.keys import check_keys
from channels_app.adapters.inboxes.signing import MAX_AGE
from channels_app.protocol import Completion, Event, EventType, Outgoing, OutgoingMessage
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    ConversationGoneError,
    Effect,
    PayloadError,
    RefusedError,
    SignatureError,
    TemporaryError,
    UnusableError,
)
from channels_app.protocol.visible import is_visible
from tests import payloads
from tests.channels_app.inboxes.cast import (
    CASTS,
    CONVERSATION,
    OLD_SECRET,
    SECRET,
    adapter,
    calls,
    incoming,
    make_inbox,
)
from tests.fakes.api import answer

KINDS = pytest.mark.parametrize("kind", CASTS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
STRANGERS: tuple[Any, ...] = (
    None,
    True,
    7,
    1e300,
    "",
    "..",
    "a/b",
    "x" * 300,
    "\x00\ud800",
    [],
    [None],
    {},
    {"id": 1},
    [[["deep"]]],
)


def files(*prefixes: str) -> list[tuple[str, str]]:
    return [(kind, name) for kind in CASTS for prefix in prefixes for name in payloads.names(kind, prefix)]


# --- the registry and the form ---


@pytest.mark.parametrize("kind", INBOXES)
def test_the_registry_names_the_class_by_its_kind(kind: str) -> None:
    assert inbox_class(kind).kind == kind
    assert (kind, inbox_class(kind).label) in choices()


def test_an_unknown_kind_is_the_admins_to_put_right() -> None:
    with pytest.raises(ConfigError, match="Known kinds: sparkcentral"):
        inbox_class("fax")


@KINDS
def test_the_form_hides_secrets_and_takes_none_for_what_is_not_required(kind: str) -> None:
    form_class = adapter(kind).settings_form
    assert secret_keys(form_class)
    form = form_class(dict.fromkeys(form_class.base_fields))
    assert set(form.errors) <= {name for name, field in form.fields.items() if field.required} | {"region"}


@KINDS
def test_an_inbox_without_settings_can_be_made_and_says_what_is_missing(kind: str) -> None:
    inbox = adapter(kind)({})
    assert inbox.account_key
    assert [line.is_ok for line in check_keys(inbox)] == [False]


@KINDS
def test_the_account_is_the_credentials_and_the_server(kind: str) -> None:
    key = make_inbox(kind).account_key
    assert key == make_inbox(kind).account_key
    assert key != make_inbox(kind, **CASTS[kind].another_account).account_key
    assert len({make_inbox(each).account_key for each in CASTS}) == len(CASTS)


# --- signature ---


@KINDS
def test_a_signed_event_is_verified_and_tells_which_secret_matched(kind: str) -> None:
    inbox = make_inbox(kind)
    body = payloads.raw(kind, "conversation_started")
    assert inbox.verify(incoming(inbox, body)) == 0
    assert inbox.verify(incoming(inbox, body, secret=OLD_SECRET), secrets=[SECRET, OLD_SECRET]) == 1
    with pytest.raises(SignatureError):
        inbox.verify(incoming(inbox, body, secret=OLD_SECRET))


@KINDS
@given(place=st.integers(min_value=0), change=st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_refused(kind: str, place: int, change: int) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, "conversation_started"))
    body = bytearray(request.body)
    body[place % len(body)] ^= change
    with pytest.raises(SignatureError) as refused:
        inbox.verify(replace(request, body=bytes(body)))
    assert refused.value.reason == "bad_signature"


@KINDS
@given(header=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_header_can_break_the_verification(kind: str, header: str) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, "conversation_started"))
    with pytest.raises(SignatureError) as refused:
        inbox.verify(replace(request, headers={inbox.signature_header: header}))
    assert refused.value.reason == ("bad_signature" if header else "no_signature")


@KINDS
def test_the_form_of_the_signature_is_exact(kind: str) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, "conversation_started"))
    good = request.headers[inbox.signature_header]
    inbox.verify(replace(request, headers={inbox.signature_header: good.upper()}))
    for odd in (f" {good}", f"{good}\n", f"{good},{good}", f"sha256={good}", good[:-1], good[:-1] + "０"):
        with pytest.raises(SignatureError):
            inbox.verify(replace(request, headers={inbox.signature_header: odd}))


@KINDS
@pytest.mark.parametrize("secrets", [[], [""], ["not hexadecimal"], ["abc"]])
def test_without_a_usable_secret_nothing_is_verified(kind: str, secrets: list[str]) -> None:
    inbox = make_inbox(kind)
    with pytest.raises(SignatureError) as refused:
        inbox.verify(incoming(inbox, payloads.raw(kind, "conversation_started")), secrets=secrets)
    assert refused.value.reason == "no_secret"


# --- events ---


@KINDS
def test_there_is_a_payload_for_each_event_that_asks_the_bot(kind: str) -> None:
    asked = {name.partition("__")[0] for name in payloads.names(kind)}
    assert {event_type.value for event_type in EventType if event_type.asks_bot} <= asked


@pytest.mark.parametrize(("kind", "name"), files("conversation_", "message_"))
def test_an_event_becomes_what_its_file_is_named_after(kind: str, name: str) -> None:
    inbox = make_inbox(kind)
    [event] = inbox.parse(incoming(inbox, payloads.raw(kind, name)))
    assert event.type == name.partition("__")[0]
    assert event.conversation_id == CONVERSATION
    assert event.key == payloads.load(kind, name)[CASTS[kind].key]
    assert event.sent_at.utcoffset() == timedelta(0)
    assert (event.message is not None) == (event.type is EventType.MESSAGE_RECEIVED)


@pytest.mark.parametrize(("kind", "name"), files("write_back_"))
def test_a_write_back_becomes_what_its_file_is_named_after_however_late_it_comes(kind: str, name: str) -> None:
    inbox = make_inbox(kind)
    body = payloads.raw(kind, name)
    [event] = inbox.parse_write_back(incoming(inbox, body, received_at=datetime(2030, 1, 1, tzinfo=UTC)))
    assert event.type == name.partition("__")[2]
    assert event.conversation_id == CONVERSATION
    assert json.dumps(event.details)


@pytest.mark.parametrize(("kind", "name"), files("ignored_"))
def test_what_we_do_not_know_is_no_event_and_no_error(kind: str, name: str) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, name))
    assert inbox.parse(request) == inbox.parse_write_back(request) == []


@KINDS
@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(301, "too_old"), (1800, "too_old"), (299, ""), (0, ""), (-299, ""), (-301, ""), (-86_400, "")],
)
def test_an_event_is_taken_until_five_minutes_after_its_time(kind: str, seconds: int, reason: str) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, "conversation_started"))
    sent_at = request.received_at - timedelta(seconds=1)
    request = replace(request, received_at=sent_at + timedelta(seconds=seconds))
    if not reason:
        [event] = inbox.parse(request)
        assert event.sent_at == min(sent_at, request.received_at + MAX_AGE)
        return
    with pytest.raises(SignatureError) as refused:
        inbox.parse(request)
    assert refused.value.reason == reason


@KINDS
@given(document=JSON)
def test_any_json_is_read_or_refused(kind: str, document: Any) -> None:
    inbox = make_inbox(kind)
    request = replace(incoming(inbox, payloads.raw(kind, "conversation_started")), body=json.dumps(document).encode())
    for parse in (inbox.parse, inbox.parse_write_back):
        try:
            assert all(isinstance(event, Event) for event in parse(request))
        except PayloadError as error:
            assert error.detail
            assert isinstance(error, UnusableError) or not isinstance(document, dict)


@KINDS
@given(body=st.binary())
def test_bytes_that_are_no_object_are_refused(kind: str, body: bytes) -> None:
    inbox = make_inbox(kind)
    request = replace(incoming(inbox, payloads.raw(kind, "conversation_started")), body=body)
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        with pytest.raises(PayloadError):
            inbox.parse(request)


@pytest.mark.parametrize(("kind", "name"), files("conversation_", "message_", "write_back_"))
def test_a_strange_value_anywhere_breaks_nothing(kind: str, name: str) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, name))
    parse = inbox.parse_write_back if name.startswith("write_back") else inbox.parse
    read = 0
    for variant in payloads.variants(payloads.load(kind, name), STRANGERS):
        try:
            events = parse(replace(request, body=json.dumps(variant).encode()))
        except UnusableError:
            continue
        except BridgeError as error:
            assert not isinstance(variant, dict) or getattr(error, "reason", "") == "too_old"
            continue
        read += len(events)
        assert all("\x00" not in repr(event) and repr(event).isprintable() for event in events)
    assert read > CASTS[kind].lenient  # about what a turn can do without


# --- what goes out ---

TEXTS = st.lists(st.text(max_size=5).map(lambda text: OutgoingMessage(text=text)), max_size=5)
OUTGOING = st.builds(
    Outgoing,
    messages=TEXTS.map(tuple),
    topics=st.lists(st.sampled_from(["Orders", "", "Shops"])).map(tuple),
    tags=st.lists(st.sampled_from(["Happy"]), max_size=1).map(tuple),
    tagged_message_id=st.sampled_from(["", "m1"]),
    attributes=st.dictionaries(st.sampled_from(["order_number", "not a key!"]), st.just("A-3301")),
    note=st.sampled_from(["", "For the agent"]),
    complete=st.sampled_from([None, *Completion]),
)


@KINDS
@given(outgoing=OUTGOING)
def test_split_keeps_all_messages_in_order_and_the_rest_for_the_last_call(kind: str, outgoing: Outgoing) -> None:
    inbox = make_inbox(kind)
    calls = inbox.split(outgoing)
    assert [message for call in calls for message in call.messages] == [
        one for one in outgoing.messages if is_visible(one.text)
    ]
    assert all(len(call.messages) <= (inbox.max_messages_per_call or 100) for call in calls)
    assert all(call == Outgoing(messages=call.messages) for call in calls[:-1])
    assert (calls[-1].complete if calls else None) == outgoing.complete
    assert all(inbox.attribute_key.fullmatch(name) for call in calls for name in call.attributes)
    assert all(call != Outgoing() for call in calls)


@KINDS
def test_nothing_to_say_is_no_call(kind: str) -> None:
    inbox = make_inbox(kind)
    assert (
        inbox.split(Outgoing()) == inbox.split(Outgoing(messages=(OutgoingMessage(),), tagged_message_id="m1")) == []
    )


HELLO = Outgoing(messages=(OutgoingMessage(text="Hello"),))


@KINDS
@pytest.mark.parametrize(
    ("status", "error", "effect"),
    [
        (300, RefusedError, None),
        (302, RefusedError, None),
        (400, RefusedError, None),
        (403, RefusedError, None),
        (404, ConversationGoneError, None),
        (413, RefusedError, None),
        (415, RefusedError, None),
        (422, RefusedError, None),
        (429, TemporaryError, Effect.NONE),
        (500, TemporaryError, Effect.FAILED),
        (502, TemporaryError, Effect.FAILED),
        (503, TemporaryError, Effect.NONE),
        (504, TemporaryError, Effect.UNKNOWN),
        (520, TemporaryError, Effect.UNKNOWN),
    ],
)
def test_their_status_tells_what_may_have_been_done(
    kind: str, status: int, error: type[BridgeError], effect: Effect | None
) -> None:
    inbox = make_inbox(kind, answer(status, {"errors": "Slow down"}))
    with pytest.raises(error) as failed:
        inbox.send(CONVERSATION, HELLO)
    assert failed.value.status == status
    assert failed.value.detail.startswith(f"{inbox.label} answered {status}")
    assert getattr(failed.value, "effect", None) == effect
    assert len(calls(inbox)) == 1


@KINDS
def test_a_page_of_a_proxy_instead_of_an_error_is_an_error_all_the_same(kind: str) -> None:
    inbox = make_inbox(kind, answer(502, body=b"<html>Bad gateway"))
    with pytest.raises(TemporaryError):
        inbox.send(CONVERSATION, HELLO)


@KINDS
def test_a_refused_token_is_replaced_once_and_the_call_replayed(kind: str) -> None:
    inbox = make_inbox(kind, answer(401), answer(200, {}))
    assert inbox.send(CONVERSATION, HELLO).status == 200
    first, second = calls(inbox)
    assert [call.headers["Authorization"] for call in (first, second)] == ["Bearer t1", "Bearer t2"]
    assert first.request["json"] == second.request["json"]


@KINDS
def test_a_second_refusal_is_the_admins_to_put_right(kind: str) -> None:
    inbox = make_inbox(kind, answer(401), answer(401))
    with pytest.raises(ConfigError):
        inbox.send(CONVERSATION, HELLO)


@KINDS
@pytest.mark.parametrize("error", [PayloadError, TemporaryError])
def test_a_good_status_with_a_body_that_can_not_be_read_is_sent(kind: str, error: type[BridgeError]) -> None:
    more: dict[str, Any] = {"effect": Effect.UNKNOWN} if error is TemporaryError else {}
    assert make_inbox(kind, error("broke off", status=200, **more)).send(CONVERSATION, HELLO).status == 200
    with pytest.raises(error):
        make_inbox(kind, error("no answer", **more)).send(CONVERSATION, HELLO)


@KINDS
@given(document=JSON, status=st.sampled_from([200, 204, 400, 401, 403, 404, 500]))
def test_any_error_body_is_survived(kind: str, document: Any, status: int) -> None:
    inbox = make_inbox(kind)
    for body in (document, {"errors": document}, {"errors": [document]}):
        problem = inbox.problem_of(answer(status, body))
        assert problem is not None or status < 300
