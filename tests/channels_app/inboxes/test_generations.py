"""What both generations of Sparkcentral keep beyond the contract of every inbox."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels_app.adapters.inboxes import inbox_class
from channels_app.adapters.inboxes.keys import check_keys
from channels_app.lib.clocks import database_now
from channels_app.protocol import Outgoing, OutgoingMessage
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    Effect,
    RefusedError,
    TemporaryError,
    UnusableError,
)
from tests import payloads
from tests.channels_app.inboxes.cast import CONVERSATION, calls, incoming, make_inbox, token_answer
from tests.fakes.api import answer

GENERATIONS = ("sparkcentral", "hootsuite")
KINDS = pytest.mark.parametrize("kind", GENERATIONS)
EVENTS = [
    (kind, name)
    for kind in GENERATIONS
    for prefix in ("conversation_", "message_", "write_back_")
    for name in payloads.names(kind, prefix)
]
HELLO = Outgoing(messages=(OutgoingMessage(text="Hello"),))
ERROR = {"code": 1003, "message": "too long", "id": "trace-1"}


@KINDS
def test_the_account_is_the_client_and_the_server(kind: str) -> None:
    key = make_inbox(kind).account_key
    assert key == make_inbox(kind, client_secret="replaced").account_key
    assert key != make_inbox(kind, base_url="https://proxy.example").account_key


@pytest.mark.parametrize(("kind", "name"), EVENTS)
@pytest.mark.parametrize("version", [2, "2", "1.1", 0, -1, 1.5, 10**400])
def test_a_version_that_we_do_not_know_is_not_swallowed(kind: str, name: str, version: Any) -> None:
    inbox = make_inbox(kind)
    request = incoming(inbox, payloads.raw(kind, name))
    body = json.dumps({**payloads.load(kind, name), "version": version}).encode()
    with pytest.raises(UnusableError) as unusable:
        (inbox.parse_write_back if name.startswith("write_back") else inbox.parse)(replace(request, body=body))
    assert unusable.value.reason == "unknown_version"


# --- what goes out ---


@KINDS
def test_an_attribute_whose_name_they_refuse_is_left_out(kind: str) -> None:
    [call] = make_inbox(kind).split(Outgoing(attributes={"order_number": "A-3301", "not a key!": "A-3301"}))
    assert call.attributes == {"order_number": "A-3301"}


@KINDS
@pytest.mark.parametrize("status", [400, 413, 415, 429, 500, 504])
@pytest.mark.parametrize("act", ["send", "upload"])
def test_their_words_and_trace_id_are_kept(kind: str, act: str, status: int) -> None:
    document = {"errors": [{"code": 1003, "message": "Slow\ndown\x1b", "id": "trace-1"}]}
    inbox = make_inbox(kind, *[answer(status, document)] * 2)
    with pytest.raises(BridgeError) as failed:
        if act == "send":
            inbox.send(CONVERSATION, HELLO)
        else:
            inbox.upload(CONVERSATION, "map.png", "image/png", b"png")
    assert (failed.value.status, failed.value.trace_id) == (status, "trace-1")
    assert "Slow down (code 1003)" in failed.value.detail
    assert len(calls(inbox)) == (2 if (act, status) == ("upload", 415) else 1)


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
    line, *_ = check_keys(make_inbox(kind, reply))
    assert (line.is_ok, line.code) == (False, code)
    assert failed.value.detail in line.detail


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
    [line] = check_keys(make_inbox(kind, answer(401, body)))
    assert line.detail.endswith(f"It says: {words}")


@KINDS
def test_the_token_endpoints_own_words_reach_the_admin(kind: str) -> None:
    refusal = answer(401, {"error_description": "Unknown client", "error_hint": "Copy it again"})
    [line] = check_keys(make_inbox(kind, refusal))
    assert line.detail.endswith("It says: Unknown client Copy it again")


@KINDS
@pytest.mark.parametrize(("skew_s", "is_ok"), [(0, True), (59, True), (-59, True), (62, False), (-62, False)])
def test_the_clocks_are_compared(kind: str, skew_s: int, is_ok: bool, database_clock: Any) -> None:
    theirs = datetime(2022, 4, 28, 9, 43, 27, tzinfo=UTC)
    database_clock(theirs + timedelta(seconds=skew_s))
    keys, clock = check_keys(make_inbox(kind, token_answer()))
    assert keys.is_ok and "12 ms" in keys.detail
    assert clock.is_ok is is_ok


@KINDS
@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_without_their_time_there_is_no_clock_line(kind: str, date: str | None) -> None:
    reply = answer(200, {"access_token": "t1", "expires_in": 60}, headers={} if date is None else {"date": date})
    assert [line.title for line in check_keys(make_inbox(kind, reply))] == ["API keys"]


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
