"""The web server: one process with one thread for events, and strangers who would hold it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.bridge import BASE_DIR, PATIENCE_S, eventually, free_port

HEAD = b"POST /webhooks/x HTTP/1.1\r\nHost: a\r\n"


class Server:
    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port = port
        self.process = process

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def answers(self) -> bool:
        try:
            return ask(self, HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi").endswith(b"\r\n\r\nhi")
        except OSError:
            return False


def ask(server: Server, request: bytes) -> bytes:
    """Everything that is answered until the server closes."""
    with server.connect() as asking:
        asking.sendall(request)
        return rest_of(asking)


def rest_of(asking: socket.socket) -> bytes:
    found = b""
    while data := asking.recv(65536):
        found += data
    return found


def read_until(asking: socket.socket, end: bytes) -> bytes:
    found = b""
    while not found.endswith(end):
        data = asking.recv(65536)
        assert data, found
        found += data
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("server")) as found:
        yield found


@contextmanager
def served(directory: Path) -> Iterator[Server]:
    port = free_port()
    options = ("--workers", "1", "--threads", "1", "--worker-connections", "100", "--bind", f"127.0.0.1:{port}")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "tests.chatbridge.little_app", *options],
            cwd=BASE_DIR,
            env=os.environ,
            stdout=log,
            stderr=log,
        )
    found = Server(port, process)
    try:
        eventually(found.answers)
        yield found
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


PARTS = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\nx",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
}


@pytest.mark.parametrize("part", PARTS)
def test_half_a_request_holds_no_thread(server: Server, part: str) -> None:
    with ExitStack() as held:
        for _ in range(50):
            held.enter_context(server.connect()).sendall(PARTS[part])
        assert server.answers()


def test_when_there_are_too_many_the_oldest_go(server: Server) -> None:
    with ExitStack() as held:
        strangers = [held.enter_context(server.connect()) for _ in range(250)]
        for stranger in strangers:
            stranger.sendall(PARTS["half a body"])
        assert server.answers()
        assert strangers[0].recv(1) == b""


def test_who_does_not_close_after_an_answer_holds_nobody_up(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(50):
            stranger = held.enter_context(server.connect())
            stranger.sendall(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi")
            assert read_until(stranger, b"hi")
        assert server.answers()


def test_who_does_not_read_an_answer_holds_up_no_event(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(20):
            stranger = held.enter_context(socket.socket())
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            stranger.connect(("127.0.0.1", server.port))
            stranger.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        assert server.answers()


def test_a_connection_is_kept_for_many_requests_however_they_come(server: Server) -> None:
    with server.connect() as asking:
        for text in (b"one", b"two"):
            asking.sendall(HEAD + b"Content-Length: 3\r\n\r\n" + text)
            assert read_until(asking, b"\r\n\r\n" + text)
        chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        for byte in chunks:
            asking.sendall(bytes([byte]))
        assert read_until(asking, b"abcde")
        one_behind_the_other = HEAD + b"Content-Length: 1\r\n\r\n1" + HEAD + b"Content-Length: 1\r\n\r\n2"
        asking.sendall(one_behind_the_other + HEAD + b"Content-Length: 4\r\n\r\nla")
        assert read_until(asking, b"\r\n\r\n2").count(b"200 OK") == 2
        asking.sendall(b"st")
        assert read_until(asking, b"last")


def test_who_asks_whether_to_go_on_is_told_so(server: Server) -> None:
    with server.connect() as asking:
        asking.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert read_until(asking, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        asking.sendall(b"body")
        assert read_until(asking, b"body")


LATER = b"POST /webhooks/later HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


def now(server: Server, body: bytes = b"") -> bytes:
    """Ends what waits; how many these were."""
    request = b"GET /webhooks/now?" + body + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    return ask(server, request).partition(b"\r\n\r\n")[2]


def test_many_wait_for_their_answers_and_hold_no_thread(server: Server) -> None:
    with ExitStack() as held:
        patient = [held.enter_context(server.connect()) for _ in range(40)]
        for one in patient:
            one.sendall(LATER)
        eventually(lambda: now(server) == b"40")
        assert server.answers()
        assert now(server, b"the+answer") == b"40"
        for one in patient:
            assert b"Content-Length: 10\r\n" in read_until(one, b"\r\n\r\nthe+answer")
        patient[0].sendall(HEAD + b"Content-Length: 3\r\n\r\nand")  # the connection is kept
        assert read_until(patient[0], b"\r\n\r\nand")


def test_who_goes_away_while_waiting_is_missed_by_nobody(server: Server) -> None:
    for _ in range(3):
        with server.connect() as gone:
            gone.sendall(LATER)
            eventually(lambda: now(server) == b"1")
        assert now(server, b"nobody") == b"1"
    assert server.answers()


def is_refused(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_who_comes_while_a_stopped_server_ends_what_it_has_begun_is_refused_and_may_go_elsewhere(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as server, server.connect() as patient, server.connect() as kept:
        patient.sendall(LATER)
        eventually(lambda: now(server) == b"1")
        kept.sendall(HEAD + b"Content-Length: 2\r\n\r\nhi")
        assert read_until(kept, b"hi")
        server.process.terminate()
        eventually(lambda: is_refused(server))
        assert server.process.poll() is None
        kept.sendall(b"GET /webhooks/now?the+answer HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"Connection: close" in rest_of(kept)
        assert rest_of(patient).endswith(b"\r\n\r\nthe+answer")
        server.process.wait(PATIENCE_S)


@pytest.mark.parametrize("size", [b"zz", b"-1", b"", b"0x4", b"4;x", b"99999999999999999999"])
def test_chunks_that_are_none_are_a_bad_request(server: Server, size: bytes) -> None:
    answer = ask(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabcd\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_that_is_too_large_is_refused_unread_and_the_connection_closed(server: Server) -> None:
    with server.connect() as asking:
        asking.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
        answer = rest_of(asking)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_a_request_without_sense_is_a_bad_one(server: Server) -> None:
    assert ask(server, b"Hello?\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert server.answers()
