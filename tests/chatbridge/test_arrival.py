"""When all of a request is there, however it is cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbridge.arrival import MAX_HEAD_BYTES, Arrival, State
from chatbridge.limits import MAX_BODY_BYTES, MAX_BOT_BODY_BYTES, MAX_INBOX_BODY_BYTES

INBOX = b"POST /webhooks/inbox/5b784e97-34fa-41e9-bf33-f1b7c89708ca/ HTTP/1.1\r\nHost: a\r\n"
BOT = b"POST /webhooks/bot/5b784e97-34fa-41e9-bf33-f1b7c89708ca/ HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    BOT + b"content-length: 4\r\n\r\n{  }",
    BOT + b"Content-Length:\t0004 \r\nX: content-length: 9\r\n\r\n{  }",
    BOT + CHUNKED + b"4\r\n{  }\r\n0\r\n\r\n",
    BOT + CHUNKED + b"1\r\n{\r\n003\r\n  }\r\n000\r\n\r\n",
    BOT + CHUNKED + b"0\r\n\r\n",
    BOT + CHUNKED + b"8\r\n0\r\n\r\n\r\n \r\n0\r\n\r\n",
]


def states(request: bytes, cuts: list[int]) -> list[State]:
    arrival, at, found = Arrival(), 0, []
    for cut in sorted({*(cut % len(request) for cut in cuts), len(request)}):
        if cut > at:
            found.append(arrival.add(request[at:cut]))
            at = cut
    return found


@pytest.mark.parametrize("request_bytes", WHOLE)
@given(cuts=st.lists(st.integers(0, 500), max_size=20))
def test_a_request_is_whole_with_its_last_byte_and_not_before(request_bytes: bytes, cuts: list[int]) -> None:
    *before, last = states(request_bytes, cuts)
    assert last is State.WHOLE
    assert set(before) <= {State.PARTIAL}


@pytest.mark.parametrize("request_bytes", WHOLE)
def test_each_byte_may_come_alone(request_bytes: bytes) -> None:
    *before, last = states(request_bytes, list(range(len(request_bytes))))
    assert (set(before), last) == ({State.PARTIAL}, State.WHOLE)


@pytest.mark.parametrize(
    "request_bytes",
    [
        BOT + CHUNKED + b"zz\r\n",
        BOT + CHUNKED + b"-1\r\n",
        BOT + CHUNKED + b"\r\n",
        BOT + CHUNKED + b"4;name=value\r\n",
        BOT + CHUNKED + b"1234567890",
        BOT + CHUNKED + b"99999999999999999999999",
        BOT + CHUNKED + b"1\r\n{XX",
        BOT + CHUNKED + b"0\r\nField: value\r\n\r\n",
        BOT + b"Transfer-Encoding: gzip\r\n\r\n\x1f\x8b garbage\r\n",
    ],
)
def test_chunks_that_are_none_are_told_at_once(request_bytes: bytes) -> None:
    assert states(request_bytes, [])[-1] is State.BROKEN
    assert State.BROKEN in states(request_bytes, list(range(len(request_bytes))))


@pytest.mark.parametrize(
    ("head", "most"),
    [
        (INBOX, MAX_INBOX_BODY_BYTES),
        (INBOX.replace(b"/inbox/", b"/Inbox/"), MAX_INBOX_BODY_BYTES),
        (BOT, MAX_BOT_BODY_BYTES),
        (BOT.replace(b"/webhooks/", b"/admin/"), MAX_BODY_BYTES),
    ],
)
def test_a_body_above_its_limit_is_not_waited_for(head: bytes, most: int) -> None:
    for length, state in ((most, State.PARTIAL), (most + 1, State.CUT), (10**300, State.CUT)):
        assert Arrival().add(head + b"Content-Length: %d\r\n\r\n{" % length) is state
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    found = states(head + CHUNKED + chunk * (most // 0x10000 + 1), [])
    assert found == [State.CUT]


def test_a_head_without_an_end_is_cut() -> None:
    arrival = Arrival()
    assert arrival.add(b"GET / HTTP/1.1\r\n" + b"x" * MAX_HEAD_BYTES) is State.CUT
    assert Arrival().add(b"\r\n\r\n") is State.WHOLE  # what it is, the parser says


def test_who_waits_for_a_word_is_told_once_to_go_on() -> None:
    arrival = Arrival()
    arrival.add(BOT + b"Expect: 100-continue\r\nContent-Length: 2\r\n")
    assert not arrival.take_continue()
    assert arrival.add(b"\r\n") is State.PARTIAL
    assert (arrival.take_continue(), arrival.take_continue()) == (True, False)
    assert arrival.add(b"{}") is State.WHOLE
