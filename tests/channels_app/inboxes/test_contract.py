"""What every inbox platform keeps, whatever its words are: runs for each kind in INBOXES."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.inboxes import INBOXES, choices, inbox_class, secret_keys
from channels_app.adapters.inboxes.signing import MAX_AGE
from channels_app.lib.clocks import database_now
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
    CONVERSATION,
    OLD_SECRET,
    SECRET,
    calls,
    incoming,
    make_inbox,
    token_answer,
)
from tests.fakes.api import answer

KINDS = pytest.mark.parametrize("kind", INBOXES)
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
    return [(kind, name) for kind in INBOXES for prefix in prefixes for name in payloads.names(kind, prefix)]


# --- the registry and the form ---


@KINDS
def test_the_registry_names_the_class_by_its_kind(kind: str) -> None:
    assert inbox_class(kind).kind == kind
    assert (kind, inbox_class(kind).label) in choices()


def test_an_unknown_kind_is_the_admins_to_put_right() -> None:
    with pytest.raises(ConfigError, match="Known kinds: sparkcentral"):
        inbox_class("fax")


@KINDS
def test_the_form_hides_secrets_and_takes_none_for_what_is_not_required(kind: str) -> None:
    form_class = inbox_class(kind).settings_form
    assert secret_keys(form_class)
    form = form_class(dict.fromkeys(form_class.base_fields))
    assert set(form.errors) <= {name for name, field in form.fields.items() if field.required} | {"region"}


@KINDS
def test_an_inbox_without_settings_can_be_made_and_says_what_is_missing(kind: str) -> None:
    inbox = inbox_class(kind)({})
    assert inbox.account_key
    assert [line.is_ok for line in inbox.check()] == [False]


@KINDS
def test_the_account_is_the_credentials_and_the_server(kind: str) -> None:
    key = make_inbox(kind).account_key
    assert key == make_inbox(kind).account_key == make_inbox(kind, client_secret="replaced").account_key
    assert key != make_inbox(kind, client_id="another").account_key
    assert key != make_inbox(kind, base_url="https://proxy.example").account_key
    assert len({make_inbox(each).account_key for each in INBOXES}) == len(INBOXES)


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
    assert event.key == payloads.load(kind, name)["idempotencyKey"]
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


@pytest.mark.parametrize(("kind", "name"), files("conversation_", "message_", "write_back_"))
@pytest.mark.parametrize("version", [2, "2", "1.1", 0, -1, 1.5, 10**400])
def test_a_version_that_we_do_not_know_is_not_swallowed(kind: str, name: str, version: Any) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, name))
    body = json.dumps({**payloads.load(kind, name), "version": version}).encode()
    with pytest.raises(UnusableError) as unusable:
        (inbox.parse_write_back if name.startswith("write_back") else inbox.parse)(replace(request, body=body))
    assert unusable.value.reason == "unknown_version"


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
    assert read > 50  # lenient about what a turn can do without


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
    assert all(set(call.attributes) <= {"order_number"} for call in calls)
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
    document = {"errors": [{"code": 1003, "message": "Slow\ndown\x1b", "id": "trace-1"}]}
    for act in ("send", "upload"):
        inbox = make_inbox(kind, *[answer(status, document)] * 2)
        with pytest.raises(error) as failed:
            if act == "send":
                inbox.send(CONVERSATION, HELLO)
            else:
                inbox.upload(CONVERSATION, "map.png", "image/png", b"png")
        assert (failed.value.status, failed.value.trace_id) == (status, "trace-1")
        assert "Slow down (code 1003)" in failed.value.detail
        assert getattr(failed.value, "effect", None) == effect
        assert len(calls(inbox)) == (2 if (act, status) == ("upload", 415) else 1)


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
@pytest.mark.parametrize("filename", ["", "..", "a b.png", "a/b.png", "é.png", "a.png\n"])
def test_a_name_that_would_be_refused_is_not_sent(kind: str, filename: str) -> None:
    inbox = make_inbox(kind)
    with pytest.raises(RefusedError):
        inbox.upload(CONVERSATION, filename, "image/png", b"png")


PUT, POST = ("PUT", "image/png"), ("POST", "image/png")
PUT_ANY, POST_ANY = ("PUT", "application/octet-stream"), ("POST", "application/octet-stream")


@KINDS
@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([200], [PUT]),
        ([405, 200], [PUT, POST]),
        ([415, 200], [PUT, PUT_ANY]),
        ([405, 415, 200], [PUT, POST, POST_ANY]),
        ([415, 405, 200], [PUT, PUT_ANY, POST_ANY]),
        ([405, 405], [PUT, POST]),
        ([415, 415], [PUT, PUT_ANY]),
        ([405, 415, 415], [PUT, POST, POST_ANY]),
        ([415, 405, 405], [PUT, PUT_ANY, POST_ANY]),
        ([400], [PUT]),
        ([405, 413], [PUT, POST]),
    ],
)
def test_an_upload_is_tried_as_their_prose_says_then_as_their_schema_says(
    kind: str, statuses: list[int], expected: list[tuple[str, str]]
) -> None:
    inbox = make_inbox(kind, *map(answer, statuses))
    if statuses[-1] == 200:
        inbox.upload(CONVERSATION, "map.png", "image/png", b"png")
    else:
        with pytest.raises(RefusedError):
            inbox.upload(CONVERSATION, "map.png", "image/png", b"png")
    assert [(call.method, call.headers["Content-Type"]) for call in calls(inbox)] == expected


@KINDS
def test_a_file_of_ten_megabytes_is_not_sent(kind: str) -> None:
    with pytest.raises(RefusedError, match="10000000"):
        make_inbox(kind).upload(CONVERSATION, "map.png", "image/png", bytes(10_000_000))


# --- the token and Test connection ---


@KINDS
def test_a_token_lives_as_long_as_it_says(kind: str) -> None:
    token = make_inbox(kind, token_answer(expires_in=1000)).fetch_token()
    assert token.value == "t1"
    left = token.expires_at - database_now()
    assert timedelta(seconds=990) < left <= timedelta(seconds=1000)
    assert token.refresh_at < token.expires_at


@KINDS
@pytest.mark.parametrize("expires_in", [None, "soon", -1, 0, 10**15])
def test_a_token_without_a_sane_life_has_the_documented_hour(kind: str, expires_in: Any) -> None:
    token = make_inbox(kind, token_answer(expires_in=expires_in)).fetch_token()
    assert timedelta(minutes=59) < token.expires_at - database_now() <= timedelta(hours=1)


@KINDS
@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (answer(400, {"error": "invalid_request"}), ConfigError, "CB-201"),
        (answer(401, {"error_description": "Unknown client", "error_hint": "Copy it again"}), ConfigError, "CB-201"),
        (answer(403, body=b"<html>"), ConfigError, "CB-201"),
        (answer(404, body=b"<html>"), ConfigError, "CB-206"),
        (answer(408), TemporaryError, "CB-203"),
        (answer(429), TemporaryError, "CB-203"),
        (answer(500), TemporaryError, "CB-203"),
        (answer(503), TemporaryError, "CB-203"),
        (answer(200, body=b"<html>"), TemporaryError, "CB-206"),
        (answer(200, {"access_token": 5}), TemporaryError, "CB-206"),
        (answer(200, {}), TemporaryError, "CB-206"),
        (TemporaryError("no answer in time", effect=Effect.UNKNOWN), TemporaryError, "CB-203"),
        (ConfigError("address not allowed"), ConfigError, "CB-206"),
    ],
)
def test_no_token_is_an_error_without_effect_and_a_failed_line(
    kind: str, reply: Any, error: type[BridgeError], code: str
) -> None:
    with pytest.raises(error) as failed:
        make_inbox(kind, reply).fetch_token()
    assert getattr(failed.value, "effect", Effect.NONE) is Effect.NONE
    line, *_ = make_inbox(kind, reply).check()
    assert (line.is_ok, line.code) == (False, code)
    assert failed.value.detail in line.detail


ERROR = {"code": 1003, "message": "too long", "id": "trace-1"}


@KINDS
@pytest.mark.parametrize(
    ("body", "words", "trace_id"),
    [
        ({"errors": [ERROR]}, ": too long (code 1003)", "trace-1"),
        ({"errors": ERROR}, ": too long (code 1003)", "trace-1"),
        ({"errors": ["too long"]}, ": too long", ""),
        ({"errors": "too long"}, ": too long", ""),
        ({"errors": ["text: too long", ERROR, None, {}]}, ": text: too long; too long (code 1003)", "trace-1"),
        ({"errors": [{"code": "1003", "message": None}]}, ": (code 1003)", ""),
        ({"errors": [{"message": ["x"], "id": 5}, 7]}, "", ""),
        ({"errors": ["a", "a", "b"]}, ": a; b", ""),
        ({"errors": None, "message": "too long"}, ": too long", ""),
        ({"errors": []}, "", ""),
        ({"message": "too long", "code": 1003}, ": too long (code 1003)", ""),
        ({"error": "Bad Request"}, ": Bad Request", ""),
        ([ERROR], ": too long (code 1003)", "trace-1"),
        (["too long"], ": too long", ""),
        ({"errors": {"text": "x"}}, "", ""),
        ("too long", ": too long", ""),
        (7, "", ""),
        (None, "", ""),
    ],
)
def test_errors_are_read_in_every_form(kind: str, body: Any, words: str, trace_id: str) -> None:
    problem = make_inbox(kind).problem_of(answer(400, body))
    assert isinstance(problem, RefusedError)
    assert problem.detail == f"{make_inbox(kind).label} answered 400{words}"
    assert problem.trace_id == trace_id


@KINDS
@given(document=JSON, status=st.sampled_from([200, 204, 400, 401, 403, 404, 500]))
def test_any_error_body_is_survived(kind: str, document: Any, status: int) -> None:
    inbox = make_inbox(kind)
    for body in (document, {"errors": document}, {"errors": [document]}):
        problem = inbox.problem_of(answer(status, body))
        assert problem is not None or status < 300


@KINDS
@pytest.mark.parametrize("body", [{}, None, {"errors": []}, {"errors": None}, {"errors": ""}, {"errors": [None]}, []])
def test_an_acceptance_without_errors_is_one(kind: str, body: Any) -> None:
    assert make_inbox(kind).problem_of(answer(200, body)) is None


@KINDS
@pytest.mark.parametrize("errors", [["x"], [ERROR], ERROR, "x", [{}, "x"], [7]])
def test_an_acceptance_with_errors_is_in_doubt(kind: str, errors: Any) -> None:
    problem = make_inbox(kind).problem_of(answer(200, {"errors": errors}))
    assert isinstance(problem, TemporaryError)
    assert (problem.effect, problem.status) == (Effect.UNKNOWN, 200)
    assert problem.problem is not None
    assert str(problem.problem.code) == "CB-612"


@KINDS
@pytest.mark.parametrize(
    ("status", "code", "is_missing"),
    [
        (403, 4002, True),
        (403, "4010", True),
        (403, 4001, False),
        (403, 4011, False),
        (403, None, False),
        (400, 4005, False),
    ],
)
def test_a_missing_permission_has_its_own_code(kind: str, status: int, code: Any, is_missing: bool) -> None:
    reply = answer(status, {"errors": ["x", {"code": code, "message": "no access", "id": "t"}]})
    problem = make_inbox(kind).problem_of(reply)
    assert problem is not None
    assert (problem.problem is not None and str(problem.problem.code) == "CB-209") is is_missing
    assert isinstance(problem, ConfigError if is_missing else RefusedError)
    with pytest.raises(ConfigError) as failed:
        make_inbox(kind, reply).fetch_token()
    assert failed.value.problem is not None
    assert str(failed.value.problem.code) == ("CB-209" if is_missing else "CB-201")


@KINDS
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errors": ["Unknown client"]}, "Unknown client"),
        ({"errors": {"message": "Unknown client", "code": 12}}, "Unknown client (code 12)"),
        ({"error": "invalid_client"}, "invalid_client"),
        ({"error": "invalid_client", "error_description": "Unknown client"}, "Unknown client"),
    ],
)
def test_the_token_endpoints_errors_are_read_in_every_form(kind: str, body: Any, words: str) -> None:
    [line] = make_inbox(kind, answer(401, body)).check()
    assert line.detail.endswith(f"It says: {words}")


@KINDS
def test_the_token_endpoints_own_words_reach_the_admin(kind: str) -> None:
    refusal = answer(401, {"error_description": "Unknown client", "error_hint": "Copy it again"})
    [line] = make_inbox(kind, refusal).check()
    assert line.detail.endswith("It says: Unknown client Copy it again")


@KINDS
@pytest.mark.parametrize(("skew_s", "is_ok"), [(0, True), (59, True), (-59, True), (62, False), (-62, False)])
def test_the_clocks_are_compared(kind: str, skew_s: int, is_ok: bool, database_clock: Any) -> None:
    theirs = datetime(2022, 4, 28, 9, 43, 27, tzinfo=UTC)
    database_clock(theirs + timedelta(seconds=skew_s))
    keys, clock = make_inbox(kind, token_answer()).check()
    assert keys.is_ok and "12 ms" in keys.detail
    assert clock.is_ok is is_ok


@KINDS
@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_without_their_time_there_is_no_clock_line(kind: str, date: str | None) -> None:
    reply = answer(200, {"access_token": "t1", "expires_in": 60}, headers={} if date is None else {"date": date})
    assert [line.title for line in make_inbox(kind, reply).check()] == ["API keys"]


@KINDS
def test_without_a_shared_source_an_inbox_keeps_its_own_token(kind: str) -> None:
    inbox = inbox_class(kind)({"client_id": "demo-client", "client_secret": "demo-client-key"})
    inbox.api = make_inbox(
        kind, token_answer(), answer(200), answer(401), token_answer(access_token="t9"), answer(200)
    ).api
    inbox.send(CONVERSATION, HELLO)
    inbox.send(CONVERSATION, HELLO)
    bearers = [call.headers.get("Authorization") for call in calls(inbox)]
    assert bearers == [None, "Bearer t1", "Bearer t1", None, "Bearer t9"]
