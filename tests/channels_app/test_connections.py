"""Nobody gets another call's answer: what a server may send on a connection that is used again, and when."""

import json
import random
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from mmap import mmap
from pathlib import Path
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

from channels_app.adapters.bots import bot_class
from channels_app.adapters.inboxes import inbox_class
from channels_app.deliveries import media
from channels_app.lib.http import wire
from channels_app.lib.http.recorder import recorded_calls
from channels_app.lib.http.session import AllowList, ApiSession
from channels_app.protocol import EventType, Outgoing, OutgoingMessage, Turn
from channels_app.protocol.errors import BridgeError, Effect, PayloadError, TemporaryError
from tests.bridge import PATIENCE_S
from tests.channels_app.inboxes.cast import OneToken
from tests.raw_servers import Authority, Server, Visit, make_certificate, polite

LOOPBACK = AllowList.parse(["127.0.0.1"])
Serve = Callable[..., Server]


def api(**changes: Any) -> ApiSession:
    return ApiSession(**{"timeout_s": 10, "max_bytes": 100_000, "allow_private": LOOPBACK, **changes})


def packed(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """An answer as it is on the wire."""
    lines = (*lines, f"Content-Length: {len(body)}")
    return f"HTTP/1.1 {status}\r\n".encode() + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def chunked(*chunks: bytes, lines: str = "", end: bytes = b"0\r\n\r\n") -> bytes:
    head = f"HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def interim(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nLink: </style.css>; rel=preload\r\n\r\n".encode()


MINE = b'"mine"'
OTHER = packed(b'"somebody else\'s"')

# What the first call is answered, what it makes of it (None: an error), and whether its connection serves the next.
SHAPES: dict[str, tuple[bytes, bytes | None, bool]] = {
    "100": (interim("100 Continue") + packed(MINE), MINE, True),
    "102": (interim("102 Processing") + packed(MINE), MINE, True),
    "103": (interim("103 Early Hints") + packed(MINE), MINE, True),
    "199": (interim("199 Whatever") + packed(MINE), MINE, True),
    "many interim answers": (interim("103 Early Hints") * 50 + interim("100 Continue") + packed(MINE), MINE, True),
    "interim answer with a length": (packed(b"", status="103 Early Hints") + packed(MINE), MINE, True),
    "interim answer that wants to close": (
        b"HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n" + packed(MINE),
        MINE,
        True,
    ),
    "nothing but an interim answer": (interim("103 Early Hints"), None, False),
    "101": (interim("101 Switching Protocols") + OTHER, b"", False),
    "a length": (packed(MINE), MINE, True),
    "chunks": (chunked(MINE[:2], MINE[2:]), MINE, True),
    "chunks with a trailer": (chunked(MINE, end=b"0\r\nX-Sum: 1\r\n\r\n"), MINE, True),
    "second answer": (packed(MINE) + OTHER, MINE, False),
    "second answer to chunks": (chunked(MINE) + OTHER, MINE, False),
    "beginning of a second answer": (packed(MINE) + OTHER[:12], MINE, False),
    "interim answer behind the answer": (packed(MINE) + interim("103 Early Hints"), MINE, False),
    "longer than told": (packed(MINE) + b"more", MINE, False),
    "a line break too many": (packed(MINE) + b"\r\n", MINE, False),
    "shorter than told": (packed(MINE, "Content-Length: 7")[: -len(MINE)] + b"short", None, False),
    "204 with a body": (packed(MINE, status="204 No Content"), b"", False),
    "304 with a body": (packed(MINE, status="304 Not Modified"), b"", False),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "length and chunks": (chunked(MINE, lines="Content-Length: 6\r\n"), MINE, False),
    "length, chunks and a second answer": (chunked(MINE, lines="Content-Length: 6\r\n") + OTHER, MINE, False),
    "two lengths": (packed(MINE, "Content-Length: 60"), None, False),
    "no length that is a number": (packed(MINE).replace(b": 6", b": six"), MINE, False),
    "a length below zero": (packed(MINE).replace(b": 6", b": -6"), MINE, False),
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n" + MINE, MINE, False),
    "unknown coding": (packed(MINE, "Transfer-Encoding: gzip, chunked"), None, False),
    "a chunk of -1 bytes": (chunked(end=b"-1\r\n" + MINE), None, False),
    "a chunk of -9 bytes": (chunked(end=b"-9\r\n" + MINE), None, False),
    "a chunk of no number": (chunked(end=b"mine\r\n"), None, False),
    "a chunk that breaks off": (chunked(end=b"ff\r\n" + MINE), None, False),
    "chunks without an end": (chunked(MINE, end=b""), None, False),
    "close": (packed(MINE, "Connection: close"), MINE, False),
    "HTTP/1.0": (packed(MINE).replace(b"1.1", b"1.0"), MINE, False),
    "HTTP/1.0, kept": (packed(MINE, "Connection: keep-alive").replace(b"1.1", b"1.0"), MINE, True),
    "HTTP/1.0, kept, second answer": (
        packed(MINE, "Connection: keep-alive").replace(b"1.1", b"1.0") + OTHER,
        MINE,
        False,
    ),
    "packed wrongly": (packed(MINE, "Content-Encoding: gzip") + OTHER, None, False),
    "too long": (packed(b"x" * 200_000), None, False),
}
ENDS = {"no length", "no length that is a number", "a length below zero", "shorter than told"} | {
    name for name, (_, body, _) in SHAPES.items() if body is None
}
"""What only the end of the connection completes, or shows to be incomplete."""


def first(*parts: bytes, ends: bool = False, then: Callable[[Visit], object] | None = None) -> Callable[..., None]:
    """Answers the first request of all with `parts`, and each later one with what it said."""

    def behave(visit: Visit) -> None:
        if visit.number == 1 and visit.read():
            for part in parts:
                visit.sock.sendall(part)
            if then:
                then(visit)
            if ends:
                visit.sock.shutdown(socket.SHUT_WR)
        while request := visit.read():
            visit.answer(request.body)

    return behave


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("name", SHAPES)
def test_whatever_one_call_is_answered_the_next_gets_its_own(
    serve: Serve, trusted: Authority, name: str, is_tls: bool
) -> None:
    wire_bytes, expected, is_kept = SHAPES[name]
    # TLS without its own farewell is an answer that broke off
    server = serve(first(wire_bytes, ends=name in ENDS), trusted.context if is_tls else None)
    session = api()
    try:
        got: bytes | None = session.call("POST", server.url, json="first").body
    except (PayloadError, TemporaryError):
        got = None
    assert got == expected
    for number in range(3):
        assert json.loads(session.call("POST", server.url, json=number).body) == number
    assert server.connections == (1 if is_kept else 2)


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_head_that_is_answered_with_a_body(serve: Serve, trusted: Authority, method: str, is_tls: bool) -> None:
    server = serve(first(packed(MINE)), trusted.context if is_tls else None)
    session = api()
    assert session.call(method, server.url).body == (b"" if method == "HEAD" else MINE)
    assert session.call("POST", server.url, json=2).body == b"2"
    assert server.connections == (2 if method == "HEAD" else 1)


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("late", [OTHER, OTHER[:5], b"\r\n", interim("103 Early Hints")])
def test_what_comes_between_two_calls_reaches_nobody(
    serve: Serve, trusted: Authority, late: bytes, is_tls: bool
) -> None:
    may_come, has_come = threading.Event(), threading.Event()

    def then(visit: Visit) -> None:
        may_come.wait(PATIENCE_S)
        visit.sock.sendall(late)
        has_come.set()

    server = serve(first(packed(MINE), then=then), trusted.context if is_tls else None)
    session = api()
    assert session.call("POST", server.url, json="first").body == MINE
    may_come.set()
    assert has_come.wait(PATIENCE_S)
    assert session.call("POST", server.url, json=2, may_repeat=False).body == b"2"
    assert server.connections == 2


def test_what_comes_while_the_next_request_is_made_ready_reaches_nobody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for when the request leaves, not when the connection is chosen."""
    may_come, has_come = threading.Event(), threading.Event()

    def then(visit: Visit) -> None:
        may_come.wait(PATIENCE_S)
        visit.sock.sendall(OTHER)
        has_come.set()

    make_ready = HTTPConnection.request

    def late(*args: Any, **kwargs: Any) -> None:
        make_ready(*args, **kwargs)
        may_come.set()
        assert has_come.wait(PATIENCE_S)

    server = serve(first(packed(MINE), then=then))
    session = api()
    session.call("POST", server.url, json="first")
    monkeypatch.setattr(HTTPConnection, "request", late)
    assert session.call("POST", server.url, json=2, may_repeat=False).body == b"2"
    assert server.connections == 2


def test_an_answer_that_left_before_the_request_was_there_reaches_nobody(serve: Serve) -> None:
    """The network takes its time: what is on its way to us when our request leaves can't be its answer."""

    def then(visit: Visit) -> None:
        visit.sock.recv(1, socket.MSG_PEEK)  # the first bytes of the request; the rest finds no room
        visit.sock.sendall(OTHER)

    server = serve(first(packed(MINE), then=then))
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    session = api()
    session.call("POST", server.url, json="first")
    with pytest.raises(TemporaryError, match="belongs to no request") as caught:
        session.call("POST", server.url, data=b"x" * 60_000)
    assert caught.value.effect is Effect.UNKNOWN
    assert session.call("POST", server.url, json=3).body == b"3"


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_a_large_request_has_a_connection_of_its_own(serve: Serve, trusted: Authority, is_tls: bool) -> None:
    """It may be answered before it has left; only there that is surely its answer."""

    def behave(visit: Visit) -> None:
        if visit.number == 1:
            polite(visit)
            return
        visit.sock.recv(1000)
        visit.answer(b"", "413 Too Large", Connection="close")
        if not is_tls:
            visit.sock.shutdown(socket.SHUT_WR)
        while visit.sock.recv(1_000_000):
            pass

    server = serve(behave, trusted.context if is_tls else None)
    session = api()
    session.call("POST", server.url, json="first")
    assert session.call("POST", server.url, data=b"x" * 5_000_000).status == 413
    assert server.connections == 2


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", packed(MINE)[:-2], chunked(MINE, end=b"")])
def test_an_answer_that_was_given_up_reaches_nobody_later(serve: Serve, sent: bytes) -> None:
    is_over = threading.Event()

    def then(visit: Visit) -> None:
        is_over.wait(PATIENCE_S)
        visit.sock.sendall(packed(MINE)[len(sent) :] + OTHER)

    server = serve(first(sent, then=then))
    session = api()
    with pytest.raises(TemporaryError):
        session.call("POST", server.url, json="first", timeout_s=0.3)
    is_over.set()
    for number in range(3):
        assert json.loads(session.call("POST", server.url, json=number).body) == number
    assert server.connections == 2


def test_among_many_threads_everybody_gets_their_own(serve: Serve) -> None:
    """Each answer comes with something wrong before or behind it; what is an answer at all is the right one."""

    def behave(visit: Visit) -> None:
        luck = random.Random(visit.number)
        while request := visit.read():
            before = luck.choice([b"", interim("102 Processing"), interim("103 Early Hints")])
            behind = luck.choice([b"", b"", b"\r\n", OTHER, OTHER[:20]])
            whole = packed(request.body) if luck.random() < 0.5 else chunked(request.body)
            for piece in (before, whole[:30], whole[30:] + behind):
                visit.sock.sendall(piece)

    server = serve(behave)
    session = api(timeout_s=30)

    def echo(number: int) -> bool:
        return bool(json.loads(session.call("POST", server.url, json=number).body) == number)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(echo, range(400)))
    assert server.connections < 400


# --- every way out ---


def _ask_bot(kind: str, url: str) -> None:
    settings = {"url": f"{url}/bot", "token": "t", "access_token": "t", "verify_token": "v"}
    turn = Turn(type=EventType.MESSAGE_RECEIVED, turn_id="1", session_id="s" * 32, text="Hi")
    bot_class(kind)(settings).send(turn)


def _inbox(kind: str, url: str) -> Any:
    settings = {"base_url": url, "client_id": "id", "client_secret": "key", "organization_id": "1"}
    return inbox_class(kind)(settings, token_source=lambda inbox: OneToken())


WAYS: dict[str, Callable[[str], object]] = {
    "HTTP bot": lambda url: _ask_bot("http", url),
    "Chatlayer": lambda url: _ask_bot("chatlayer", url),
    "classic": lambda url: _inbox("sparkcentral", url).send("c", Outgoing(messages=(OutgoingMessage(text="Hi"),))),
    "Inbox 2.0": lambda url: _inbox("hootsuite", url).send("c", Outgoing(messages=(OutgoingMessage(text="Hi"),))),
    "token of classic": lambda url: _inbox("sparkcentral", url).fetch_token(),
    "token of Inbox 2.0": lambda url: _inbox("hootsuite", url).fetch_token(),
    "upload": lambda url: _inbox("hootsuite", url).upload("c", "a.txt", "text/plain", b"words"),
    "file": lambda url: media.fetch_media(f"{url}/a.txt"),
}
ANSWERS = json.dumps({"messages": [], "access_token": "t", "token_type": "bearer", "expires_in": 3600}).encode()


@pytest.mark.parametrize("hint", ["100 Continue", "102 Processing", "103 Early Hints"])
@pytest.mark.parametrize("way", WAYS)
def test_on_every_way_out_interim_answers_are_read_over(serve: Serve, way: str, hint: str) -> None:
    def behave(visit: Visit) -> None:
        while visit.read():
            visit.sock.sendall(interim(hint))
            visit.sock.sendall(interim(hint) + packed(ANSWERS, "Content-Type: text/plain"))

    server = serve(behave)
    for _ in range(2):
        WAYS[way](server.url)
    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.parametrize("way", WAYS)
def test_on_every_way_out_interim_answers_do_not_move_the_deadline(
    serve: Serve, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behave(visit: Visit) -> None:
        visit.read()
        visit.drip(interim("103 Early Hints"))

    answer = ApiSession._answer
    monkeypatch.setattr(
        ApiSession,
        "_answer",
        lambda session, request, **limits: answer(session, request, **{**limits, "timeout_s": 0.5}),
    )
    server = serve(behave)
    with pytest.raises(BridgeError, match="in time"):
        WAYS[way](server.url)
    assert not server.patience_ended


@pytest.mark.parametrize("way", WAYS)
def test_on_every_way_out_a_second_answer_reaches_nobody(serve: Serve, way: str) -> None:
    forbidden = packed(b"{}", status="418 Teapot")

    def behave(visit: Visit) -> None:
        while visit.read():
            visit.sock.sendall(packed(ANSWERS, "Content-Type: text/plain") + forbidden)

    server = serve(behave)
    for _ in range(3):
        WAYS[way](server.url)
    assert server.connections == 3


# --- an authority of one's own ---


@pytest.mark.parametrize("way", WAYS)
def test_on_every_way_out_a_private_authority_is_believed(
    serve: Serve, authority: Authority, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behave(visit: Visit) -> None:
        while visit.read():
            visit.sock.sendall(packed(ANSWERS, "Content-Type: text/plain"))

    server = serve(behave, authority.context)
    with pytest.raises(BridgeError, match="certificate is not valid"):
        WAYS[way](server.url)
    monkeypatch.setenv("SSL_CERT_FILE", authority.pem)
    wire.forget_adapters()
    WAYS[way](server.url)
    wire.forget_adapters()


def test_the_public_authorities_are_believed_beside_it(
    serve: Serve, trusted: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`trusted` stands for the public ones."""
    own = tmp_path / "own.pem"
    own.write_text(make_certificate())
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert api().call("GET", serve(polite, trusted.context).url).status == 200


# --- files, which are in no memory as a whole -----------------------------------------------------------------------


@pytest.mark.parametrize("is_tls", [False, True])
@pytest.mark.parametrize("size", [1_000, 60_000, 3_000_000], ids=["joined with the head", "nearly too large", "apart"])
def test_a_file_is_passed_on_whole_and_again(serve: Serve, trusted: Authority, size: int, is_tls: bool) -> None:
    file = b"\x89PNG\r\n\x1a\n" + random.Random(size).randbytes(size)

    def behave(visit: Visit) -> None:
        while request := visit.read():
            method = request.head.partition(" ")[0]
            visit.answer(file if method == "GET" else b"{}", "405 No" if method == "PUT" else "200 OK")

    server = serve(behave, trusted.context if is_tls else None)
    with recorded_calls() as calls, media.fetch_media(f"{server.url}/a.png") as found:
        assert isinstance(found.data.obj, mmap)
        _inbox("hootsuite", server.url).upload("c", "a.png", found.type.name, found.data)
    assert [(request.head.partition(" ")[0], request.body == file) for request in server.requests[1:]] == [
        ("PUT", True),
        ("POST", True),
    ]
    told = b"[file of %d bytes]" % len(file)
    assert [(call.request, call.response) for call in calls] == [(b"", told), (told, b"{}"), (told, b"{}")]
