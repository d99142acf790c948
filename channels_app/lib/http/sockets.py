"""Sockets that end with the call that they serve, and what they saw of its answer."""

import errno
import fcntl
import io
import socket
import ssl
import sys
import termios
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from channels_app.lib.http.addresses import AllowList

RACE_S = 1.0  # a server that closed before our request came shows it within a round trip; later, it was working on it
CONNECT_S = 5.0  # for one address, so that a dead one leaves time for the next
LATE_S = 0.05  # how far a wait may miss the deadline: each setting of a timeout releases Python's lock


class UnaskedAnswerError(ConnectionError):
    """What came on a kept connection can't be the answer to our request: perhaps it is another contact's."""


@dataclass(slots=True)
class CallState:
    """What our sockets and connections must know of the call in progress, and what they saw of it.

    `is_over`: its answer has been read to the end. `is_proven`: and nothing came behind it. `is_unread`: the other
    side closed the connection before the request had arrived whole. `is_read`: it closed in order after that.
    """

    deadline: float
    allowed: AllowList
    may_repeat: bool = True
    must_be_fresh: bool = False
    is_fresh: bool = False
    is_answered: bool = False
    is_over: bool = False
    is_proven: bool = False
    is_unread: bool = False
    is_read: bool = False
    sent_at: float | None = None
    status: int = 0

    def remaining(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def met_closed_connection(self, cause: BaseException) -> bool:
        """Whether a kept connection was closed before our request was read, as far as can be told."""
        if self.must_be_fresh or self.is_fresh or self.is_answered or isinstance(cause, TimeoutError):
            return False
        return self.was_not_sent or (not self.is_read and time.monotonic() - (self.sent_at or 0.0) < RACE_S)

    @property
    def was_not_sent(self) -> bool:
        """Whether the other side certainly has not all of the request, so that it did nothing."""
        return self.sent_at is None or self.is_unread


class _Running(threading.local):
    """The thread's call; urllib3 has no way to pass our data down to its sockets."""

    exchange: CallState | None = None

    @property
    def call(self) -> CallState:
        if self.exchange is None:
            raise RuntimeError("no call is in progress in this thread")
        return self.exchange


running = _Running()


class Reader(io.BufferedReader):
    """Bytes of one answer, read ahead; at its end it tells whether more has come than the answer.

    `is_cut`: the last line that was read has no end.
    """

    is_cut = False

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._exchange = running.call

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # a chunk of -1 bytes: Python would read for ever
            raise HTTPException("a length below zero")
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.is_cut = not line.endswith(b"\n")
        return line

    def close(self) -> None:
        if not self.closed and self._exchange is running.exchange:
            self._exchange.is_over = True  # so that `peek` doesn't wait for more
            with suppress(OSError):  # it was given up in the middle
                self._exchange.is_proven = not self.peek(1)
        super().close()


class BoundedSocket(socket.socket):
    """Every wait ends at the deadline of the call; with a time-out per read a server could drip for ever."""

    used_at = 0.0

    def recv_into(self, *args: Any) -> int:
        exchange = running.call
        if exchange.is_over:
            raise BlockingIOError(errno.EAGAIN, "the answer is over")
        self._bound()
        count = super().recv_into(*args)
        if not count and not exchange.is_answered:
            left = _unacknowledged(self)
            exchange.is_unread, exchange.is_read = bool(left), left == 0
        self.used_at = time.monotonic()
        if count and not exchange.is_answered:
            if not exchange.is_fresh and exchange.sent_at is None:
                raise UnaskedAnswerError
            exchange.is_answered = True
            if not exchange.is_fresh and _unacknowledged(self):
                raise UnaskedAnswerError
        return count

    def makefile(self, *args: Any, **kwargs: Any) -> Any:
        return Reader(super().makefile("rb", buffering=0))

    def send(self, *args: Any) -> int:
        self._bound()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self._bound()
        super().sendall(*args)

    def _bound(self) -> None:
        left, bound = running.call.remaining(), self.gettimeout()
        if bound is None or abs(bound - left) > LATE_S:
            self.settimeout(left)


class BoundedTlsSocket(BoundedSocket, ssl.SSLSocket):
    pass


def _unacknowledged(sock: socket.socket) -> int | None:
    """Bytes of our request that have not arrived; None: only Linux tells. Who has read it all acknowledges it all with
    the answer, and with the end: so what comes before that is no answer to it, and who closes before that did nothing.
    A reset acknowledges nothing.
    """
    if not sys.platform.startswith("linux"):
        return None
    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def connect(address: str, port: int, exchange: CallState) -> socket.socket:
    sock = BoundedSocket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(min(exchange.remaining(), CONNECT_S))
        sock.connect((address, port))
        sock.settimeout(exchange.remaining())  # bounds the TLS handshake as a whole
    except OSError:
        sock.close()
        raise
    return sock
