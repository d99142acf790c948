"""The way out, against real servers that misbehave on loopback."""

import errno
import gzip
import json
import logging
import socket
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.lib.http import addresses, sockets, wire
from channels_app.lib.http.recorder import MAX_LIMITS, recorded_calls
from channels_app.lib.http.session import AllowList, ApiSession
from channels_app.protocol.errors import ConfigError, Effect, PayloadError, TemporaryError
from tests.bridge import PATIENCE_S
from tests.raw_servers import LONG_S, Server, Visit, polite

LOOPBACK = AllowList.parse(["127.0.0.1"])
SECRET = "s3cr3t-canary"
SHORT_S = 2.0  # a deadline that is met, and yet enough to send a request on a busy machine


def api(**changes: Any) -> ApiSession:
    return ApiSession(**{"timeout_s": 60, "max_bytes": 100_000, "allow_private": LOOPBACK, **changes})


@contextmanager
def failing(effect: Effect) -> Iterator[pytest.ExceptionInfo[TemporaryError]]:
    with pytest.raises(TemporaryError) as caught:
        yield caught
    assert caught.value.effect is effect


# --- what is sent, what comes back ---


def test_json_goes_out_and_comes_back(serve):
    server = serve(polite)
    answer = api().call("POST", f"{server.url}/a?b=1", json={"text": "Grüß Gott 👋"}, params={"c": "2 3"})
    assert (answer.status, json.loads(answer.body)) == (200, {"ok": True})
    [request] = server.requests
    assert request.head.startswith("POST /a?b=1&c=2+3 HTTP/1.1")
    assert json.loads(request.body) == {"text": "Grüß Gott 👋"}
    assert request.header("content-type") == "application/json"
    assert request.header("host") == f"127.0.0.1:{server.port}"
    assert (request.header("user-agent") or "").startswith("chatbridge/")


def test_a_form_goes_out_with_basic_authentication(serve):
    server = serve(polite)
    api().call("POST", server.url, data={"grant_type": "x y"}, auth=("id", "päss"))
    [request] = server.requests
    assert request.body == b"grant_type=x+y"
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.header("authorization") == "Basic aWQ6cMOkc3M="


def test_a_callers_header_takes_the_place_of_ours(serve):
    server = serve(polite)
    api().call("PUT", server.url, data=b"\x00\xff", headers={"content-TYPE": "image/png", "USER-agent": "me"})
    [request] = server.requests
    assert request.body == b"\x00\xff"
    assert request.head.lower().count("content-type") == 1
    assert request.header("user-agent") == "me"


@pytest.mark.parametrize("status", ["204 No Content", "401 Unauthorized", "404 Not Found", "429 Wait", "503 Busy"])
def test_every_status_is_an_answer(serve, status):
    server = serve(lambda visit: visit.read() and visit.answer(b"", status, Retry_After="1", X_Two="a"))
    answer = api().call("POST", server.url)
    assert answer.status == int(status[:3])
    assert answer.headers["retry-after"] == "1"
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(serve, status):
    target = serve(polite)
    server = serve(lambda visit: visit.read() and visit.answer(b"", status, Location=target.url))
    assert api().call("GET", server.url).headers["location"] == target.url
    assert target.connections == 0


def test_cookies_are_not_kept(serve):
    def behave(visit: Visit) -> None:
        while visit.read():
            visit.answer(Set_Cookie="session=1; Path=/")

    server = serve(behave)
    session = api()
    for _ in range(2):
        session.call("GET", server.url)
    assert server.requests[1].header("cookie") is None


def test_proxies_and_passwords_of_the_environment_are_ignored(serve, monkeypatch, tmp_path):
    server, proxy = serve(polite), serve(polite)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NETRC", str(netrc))
    assert api().call("GET", server.url).status == 200
    assert proxy.connections == 0
    assert server.requests[0].header("authorization") is None


def test_many_threads_share_the_connections(serve):
    def behave(visit: Visit) -> None:
        while request := visit.read():
            visit.answer(request.body)

    server = serve(behave)
    session = api()
    wire.forget_adapters()  # their first calls come together

    def echo(number: int) -> bool:
        return bool(json.loads(session.call("POST", server.url, json=number).body) == number)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(echo, range(400)))
    assert server.connections <= 16


# --- bodies that are too much ---


def test_a_body_is_unpacked(serve):
    packed = gzip.compress(b'{"a": 1}')
    server = serve(lambda visit: visit.read() and visit.answer(packed, Content_Encoding="gzip"))
    assert json.loads(api().call("GET", server.url).body) == {"a": 1}


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gzip_bomb_is_not_unpacked(serve, layers):
    bomb = b"\0" * 50_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb)
    encoding = ", ".join(["gzip"] * layers)
    server = serve(lambda visit: visit.read() and visit.answer(bomb, Content_Encoding=encoding))
    with pytest.raises(PayloadError, match="more than 1000 bytes"):
        api().call("GET", server.url, max_bytes=1000)


def test_a_body_without_end_is_cut_off(serve):
    def behave(visit: Visit) -> None:
        visit.read()
        visit.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            visit.sock.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    with pytest.raises(PayloadError, match="more than 100000 bytes") as caught:
        api().call("GET", serve(behave).url)
    assert caught.value.status == 200


def test_a_body_of_exactly_the_limit_is_taken(serve):
    server = serve(lambda visit: visit.read() and visit.answer(b"x" * 1000))
    assert len(api().call("GET", server.url, max_bytes=1000).body) == 1000
    with pytest.raises(PayloadError):
        api().call("GET", server.url, max_bytes=999)


def test_a_body_that_is_packed_wrongly_is_refused(serve):
    server = serve(lambda visit: visit.read() and visit.answer(b"not gzip", Content_Encoding="gzip"))
    with pytest.raises(PayloadError, match="wrongly compressed"):
        api().call("GET", server.url)


# --- time ---


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["status", "header", "interim", "body", "chunks"],
)
@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_a_server_that_drips_meets_the_deadline(serve, trusted, start, piece, is_tls):
    def behave(visit: Visit) -> None:
        visit.read()
        visit.sock.sendall(start)
        visit.drip(piece)

    server = serve(behave, trusted.context if is_tls else None)
    with failing(Effect.UNKNOWN) as caught:
        api().call("POST", server.url, timeout_s=SHORT_S)
    assert caught.value.timed_out and "in time" in str(caught.value)
    assert not server.patience_ended


def test_a_server_that_never_answers_leaves_the_effect_unknown(serve):
    server = serve(lambda visit: visit.read() and visit.wait(LONG_S))
    with failing(Effect.UNKNOWN) as caught:
        api(timeout_s=SHORT_S).call("POST", server.url, json={})
    assert caught.value.timed_out
    assert not server.patience_ended


def test_a_tls_server_that_never_greets_has_done_nothing(serve):
    server = serve(lambda visit: visit.wait(LONG_S))
    with failing(Effect.NONE):
        api(timeout_s=0.2).call("POST", server.url.replace("http", "https"), json={})
    assert not server.patience_ended


@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
def test_a_request_that_could_not_be_written_in_time_has_done_nothing(serve, trusted, is_tls):
    server = serve(Visit.sip, trusted.context if is_tls else None)
    with failing(Effect.NONE):
        api().call("POST", server.url, data=b"x" * 50_000_000, timeout_s=0.4)
    assert not server.patience_ended
    assert server.connections == 1


# --- connections that break ---


def test_a_connection_refused_has_done_nothing():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with failing(Effect.NONE) as caught:
        api().call("POST", f"http://127.0.0.1:{port}/path?token={SECRET}")
    assert str(caught.value) == "POST 127.0.0.1/path: connection refused."


@pytest.mark.parametrize("end", [Visit.close, Visit.reset])
def test_a_connection_closed_after_the_request_leaves_the_effect_unknown(serve, end):
    server = serve(lambda visit: visit.read() and end(visit))
    with failing(Effect.UNKNOWN) as caught:
        api().call("POST", f"{server.url}/x?key={SECRET}", json={"text": SECRET}, headers={"X-Key": SECRET})
    assert len(server.requests) == 1
    assert not caught.value.timed_out
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__  # a traceback would show urllib3's errors, which quote the URL
    assert caught.value.__cause__ is None


def test_a_connection_closed_within_the_request_has_done_nothing(serve):
    def behave(visit: Visit) -> None:
        visit.sock.recv(1000)
        visit.reset()

    with failing(Effect.NONE):
        api().call("POST", serve(behave).url, data=b"x" * 20_000_000)


def test_an_early_answer_to_a_request_half_written_is_an_answer(serve):
    def behave(visit: Visit) -> None:
        visit.sock.recv(1000)
        visit.answer(b"", "413 Too Large", Connection="close")
        visit.sock.shutdown(socket.SHUT_WR)
        while visit.sock.recv(1_000_000):
            pass

    assert api().call("POST", serve(behave).url, data=b"x" * 5_000_000).status == 413


def test_an_answer_that_breaks_off_leaves_the_effect_unknown_and_tells_the_status(serve):
    server = serve(lambda visit: visit.read() and visit.answer(b"half", Content_Length="1000"))
    with failing(Effect.UNKNOWN) as caught:
        api().call("POST", server.url)
    assert caught.value.status == 200


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\x00\xff" * 99 + b"\r\n\r\n"]
)
def test_an_answer_that_is_not_http_is_a_failure_without_its_content(serve, garbage):
    server = serve(lambda visit: visit.read() and visit.sock.sendall(garbage))
    with failing(Effect.UNKNOWN) as caught:
        api().call("GET", server.url)
    assert "not valid HTTP" in str(caught.value)
    assert "SSH" not in str(caught.value)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
@pytest.mark.parametrize("end", [Visit.close, Visit.reset])
def test_an_answer_that_ends_amid_its_headers_is_none(serve, interim, head, end):
    server = serve(lambda visit: visit.read() and visit.sock.sendall(interim + head) is None and end(visit))
    with failing(Effect.UNKNOWN):
        api().call("POST", server.url)


PACKED = {"gzip": gzip.compress(b'{"ok": true}'), "deflate": zlib.compress(b'{"ok": true}')}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("length", [1, 5, -1])
def test_a_compressed_answer_that_ends_before_its_content_broke_off(serve, coding, length):
    part = PACKED[coding][:length]
    server = serve(lambda visit: visit.read() and visit.answer(part, Content_Encoding=coding))
    with failing(Effect.UNKNOWN) as caught:
        api().call("POST", server.url)
    assert "the answer broke off" in str(caught.value)
    with failing(Effect.UNKNOWN), tempfile.TemporaryFile() as file:
        api().call("GET", server.url, into=file)


@pytest.mark.parametrize("coding", PACKED)
def test_a_compressed_answer_of_nothing_is_empty(serve, coding):
    server = serve(lambda visit: visit.read() and visit.answer(b"", Content_Encoding=coding))
    assert api().call("POST", server.url).body == b""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "broke off"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "broke off"),
        (b"Long: " + b"x" * 70_000 + b"\r\n\r\n", "more than 64 kB"),
    ],
)
def test_why_an_answer_is_none(serve, answer, reason):
    server = serve(lambda visit: visit.read() and visit.sock.sendall(b"HTTP/1.1 200 OK\r\n" + answer))
    with failing(Effect.UNKNOWN) as caught:
        api().call("POST", server.url)
    assert reason in str(caught.value)


@pytest.mark.parametrize("status", ["301 Moved", "401 Unauthorized", "503 Service Unavailable"])
def test_a_refusal_says_enough_without_its_text(serve, status):
    server = serve(
        lambda visit: visit.read() and visit.answer(b"half", status=status, Content_Length="1000", Retry_After="3")
    )
    answer = api().call("POST", server.url)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (int(status[:3]), "3", b"")
    server = serve(lambda visit: visit.read() and visit.answer(b"x" * 2000, status=status))
    assert api().call("POST", server.url, max_bytes=1000).body == b""


def test_no_content_has_none_whatever_it_announces(serve):
    def behave(visit: Visit) -> None:
        while visit.read():
            visit.sock.sendall(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")

    server = serve(behave)
    session = api()
    assert [session.call("POST", server.url).status for _ in range(2)] == [204, 204]
    assert server.connections == 2


def test_who_resets_each_connection_at_once_was_not_reached(serve):
    """Whether the reset comes while we connect or after the request: an error of ours, and never another."""
    server = serve(Visit.reset)
    for _ in range(100):
        with pytest.raises(TemporaryError):
            api().call("POST", server.url)


def test_a_reset_while_connecting_is_a_failure_without_an_effect(serve, monkeypatch):
    def reset(*args: Any) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(wire, "connect", reset)
    with failing(Effect.NONE) as caught:
        api().call("POST", "http://127.0.0.1:1/")
    assert "the connection was closed" in str(caught.value)


def test_a_token_that_comes_back_among_the_limits_is_covered(serve):
    server = serve(lambda visit: visit.read() and visit.answer(X_RateLimit_Token=f"{'-' * 190}{SECRET}"))
    with recorded_calls() as calls:
        api().call("POST", server.url, headers={"Authorization": f"Bearer {SECRET}"})
    assert SECRET[:4] not in calls[0].limits and len(calls[0].limits) == MAX_LIMITS


def test_nothing_of_a_call_gets_into_the_log(serve, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(lambda visit: visit.read() and visit.answer(**{"No colon": "", "Bad header": "x", "": "y"}))
    api().call("POST", f"{server.url}/x?key={SECRET}", json={"text": SECRET}, headers={"X-Key": SECRET})
    assert SECRET not in caplog.text


def once_then(later: Callable[[Visit], object]) -> Callable[[Visit], object]:
    """Answers the first request of the first connection and does `later` with the second; then is polite."""

    def behave(visit: Visit) -> None:
        if visit.number > 1:
            polite(visit)
        elif visit.read():
            visit.answer()
            later(visit)

    return behave


def whose_connection_is_closed(serve: Callable[..., Server]) -> tuple[Server, ApiSession]:
    """A server that has closed the connection which its first answer left, and the session that keeps it."""
    closed = threading.Event()

    def close(visit: Visit) -> None:
        visit.close()
        closed.set()

    server, session = serve(once_then(close)), api()
    session.call("POST", server.url, json=1)
    assert closed.wait(PATIENCE_S)
    return server, session


PERHAPS_UNREAD = pytest.mark.parametrize("end", [Visit.leave, lambda visit: visit.read() and visit.reset()])
"""Ways to end a kept connection that look the same from here."""


@PERHAPS_UNREAD
def test_a_kept_connection_that_closes_without_a_byte_is_replaced_once(serve, end):
    server = serve(once_then(end))
    session = api()
    session.call("POST", server.url, json=1)
    assert session.call("POST", server.url, json=2).status == 200
    assert server.requests[-1].body == b"2"
    assert server.connections == 2


@PERHAPS_UNREAD
def test_what_a_contact_would_read_twice_is_not_repeated_in_silence(serve, end):
    server = serve(once_then(end))
    session = api()
    session.call("POST", server.url, json=1, may_repeat=False)
    with failing(Effect.FAILED):
        session.call("POST", server.url, json=2, may_repeat=False)
    assert server.connections == 1


@pytest.mark.parametrize("may_repeat", [True, False])
def test_what_was_read_before_the_connection_was_closed_is_not_repeated(serve, may_repeat):
    def read_and_close(visit: Visit) -> None:
        visit.read()
        visit.close()

    server = serve(once_then(read_and_close))
    session = api()
    session.call("POST", server.url, json=1, may_repeat=may_repeat)
    with failing(Effect.UNKNOWN):
        session.call("POST", server.url, json=2, may_repeat=may_repeat)
    assert len(server.requests) == 2


@pytest.mark.parametrize("may_repeat", [True, False])
def test_what_came_after_the_connection_was_closed_is_repeated_whatever_it_is(serve, monkeypatch, may_repeat):
    server, session = whose_connection_is_closed(serve)
    monkeypatch.setattr(wire, "wait_for_read", lambda *args, **kwargs: False)  # the end is on its way to us
    assert session.call("POST", server.url, json=2, may_repeat=may_repeat).status == 200
    assert [request.body for request in server.requests] == [b"1", b"2"]


def test_a_kept_connection_that_the_server_had_closed_is_not_used(serve):
    server, session = whose_connection_is_closed(serve)
    assert session.call("POST", server.url, json=2).status == 200
    assert len(server.requests) == 2


def test_the_replacement_that_closes_too_leaves_the_effect_unknown(serve):
    def behave(visit: Visit) -> None:
        if visit.number == 1 and visit.read():
            visit.answer()
            visit.leave()
        else:
            visit.read()

    server = serve(behave)
    session = api()
    session.call("POST", server.url, json=1)
    with failing(Effect.UNKNOWN):
        session.call("POST", server.url, json=2)
    assert len(server.requests) == 2


@pytest.mark.parametrize("later", [lambda visit: visit.sock.sendall(b"HT"), lambda visit: visit.wait(1)])
def test_a_kept_connection_is_not_replaced_when_the_request_may_have_been_processed(serve, monkeypatch, later):
    monkeypatch.setattr(sockets, "RACE_S", 0.5)
    server = serve(once_then(lambda visit: visit.read() and later(visit)))
    session = api()
    session.call("POST", server.url, json=1)
    with failing(Effect.UNKNOWN):
        session.call("POST", server.url, json=2)
    assert len(server.requests) == 2


def test_a_kept_connection_that_does_not_answer_in_time_is_not_replaced(serve):
    server = serve(once_then(lambda visit: visit.read() and visit.wait(LONG_S)))
    session = api()
    session.call("POST", server.url, json=1)
    with failing(Effect.UNKNOWN):
        session.call("POST", server.url, json=2, timeout_s=SHORT_S)
    assert len(server.requests) == 2


def test_the_replacement_is_not_another_kept_connection(serve):
    both_are_here = threading.Barrier(2)

    def behave(visit: Visit) -> None:
        if visit.number > 2:
            polite(visit)
        elif visit.read():
            both_are_here.wait(PATIENCE_S)
            visit.answer()
            visit.leave()

    server = serve(behave)
    session = api()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: session.call("POST", server.url, json=number), range(2)))
    assert session.call("POST", server.url, json=2).status == 200
    assert server.connections == 3


def test_a_connection_is_kept_but_not_for_long(serve, monkeypatch):
    server = serve(polite)
    session = api()
    for _ in range(3):
        session.call("GET", server.url)
    assert server.connections == 1
    monkeypatch.setattr(wire, "KEEP_ALIVE_S", 0.0)
    session.call("GET", server.url)
    assert server.connections == 2


def test_a_connection_with_an_unread_rest_is_not_used_again(serve):
    def behave(visit: Visit) -> None:
        while visit.read():
            visit.answer(b"x" * 2000)

    server = serve(behave)
    session = api()
    for _ in range(2):
        with pytest.raises(PayloadError):
            session.call("GET", server.url, max_bytes=1000)
    assert server.connections == 2


# --- where it may go ---


def test_an_internal_host_is_refused_before_a_connection(serve):
    server = serve(polite)
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1.*ALLOWED_PRIVATE_HOSTS"):
        api(allow_private=AllowList()).call("GET", server.url)
    assert server.connections == 0


def test_the_setting_allows_internal_hosts_and_is_read_at_each_call(serve, settings):
    server = serve(polite)
    session = api(allow_private=None)
    settings.ALLOWED_PRIVATE_HOSTS = ["127.0.0.0/8"]
    assert session.call("GET", server.url).status == 200
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(ConfigError):
        session.call("GET", server.url)
    assert server.connections == 1


def stub_resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Answers in turn, the last one for ever; returns the list of names asked for."""
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    monkeypatch.setattr(addresses, "resolve", resolve)
    return asked


def test_the_checked_address_is_the_one_connected_to(serve, monkeypatch):
    server = serve(polite)
    asked = stub_resolver(monkeypatch, ["10.255.255.1", "127.0.0.1"], ["10.255.255.1"])
    api().call("GET", f"http://rebinding.test:{server.port}/")
    assert asked == ["rebinding.test"]
    assert server.requests[0].header("host") == f"rebinding.test:{server.port}"


def test_a_name_that_turns_internal_is_refused_on_the_next_connection(serve, monkeypatch):
    server = serve(polite)
    monkeypatch.setattr(wire, "KEEP_ALIVE_S", 0.0)
    stub_resolver(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    session = api()
    session.call("GET", f"http://rebinding.test:{server.port}/")
    with pytest.raises(ConfigError, match=r"rebinding\.test"):
        session.call("GET", f"http://rebinding.test:{server.port}/")


def test_a_dead_address_is_followed_by_the_next(serve, monkeypatch):
    server = serve(polite)
    stub_resolver(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    allowed = AllowList.parse(["127.0.0.0/8"])
    assert api(allow_private=allowed).call("GET", f"http://two.test:{server.port}/").status == 200


def test_a_name_that_can_not_be_resolved_has_done_nothing(monkeypatch):
    def resolve(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(addresses, "resolve", resolve)
    with failing(Effect.NONE) as caught:
        api().call("GET", "http://gone.test/x")
    assert str(caught.value) == "GET gone.test/x: the host name can't be resolved."


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "http://me:pw@127.0.0.1/", "http://127.0.0.1/\r\nX: 1", "http://a b/"]
)
def test_a_url_that_is_not_one_is_refused(url):
    with pytest.raises(ConfigError):
        api().call("GET", url)


@given(st.text(), st.sampled_from("\r\n\0"), st.text())
def test_a_line_break_in_a_header_is_refused(before, breaker, after):
    for headers in ({"X-Key": before + breaker + after}, {"X" + breaker + after: "value"}):
        with pytest.raises(ConfigError) as caught:
            api().call("GET", "http://127.0.0.1:9/", headers=headers)
        assert len(before) < 4 or before not in str(caught.value)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection", "X Key", "X:Key", ""])
def test_headers_that_would_redirect_or_reframe_the_request_are_refused(name):
    with pytest.raises(ConfigError):
        api().call("GET", "http://127.0.0.1:9/", headers={name: "value"})


@pytest.mark.parametrize("method", ["GET /x HTTP/1.1\r\nX:", "get", ""])
def test_a_method_that_is_not_one_is_refused(method):
    with pytest.raises(ConfigError):
        api().call(method, "http://127.0.0.1:9/")


# --- TLS ---


def test_tls_keeps_the_name_and_the_connection(serve, trusted, monkeypatch):
    server = serve(polite, trusted.context)
    stub_resolver(monkeypatch, ["127.0.0.1"])
    session = api()
    for _ in range(3):
        assert session.call("POST", f"https://bot.test:{server.port}/", json={}).status == 200
    assert trusted.names == ["bot.test"]
    assert server.requests[0].header("host") == f"bot.test:{server.port}"


def test_a_certificate_for_another_name_is_refused(serve, trusted, monkeypatch):
    server = serve(polite, trusted.context)
    stub_resolver(monkeypatch, ["127.0.0.1"])
    with failing(Effect.NONE) as caught:
        api().call("POST", f"https://other.test:{server.port}/", json={})
    assert "certificate is not valid" in str(caught.value)
    assert server.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(serve, authority):
    server = serve(polite, authority.context)
    with failing(Effect.NONE) as caught:
        api().call("POST", server.url, json={})
    assert "certificate is not valid" in str(caught.value)


def test_plain_http_on_a_tls_port_has_done_nothing(serve):
    server = serve(lambda visit: visit.sock.recv(100) and visit.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with failing(Effect.NONE) as caught:
        api().call("POST", server.url.replace("http", "https"), json={})
    assert "TLS failed" in str(caught.value)
