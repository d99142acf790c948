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

    `is_over`: its answer has been read to the end. `is_proven`: and nothing came behind it.
    """

    deadline: float
    allowed: AllowList
    may_repeat: bool = True
    must_be_fresh: bool = False
    is_fresh: bool = False
    is_answered: bool = False
    is_over: bool = False
    is_proven: bool = False
    sent_at: float | None = None
    status: int = 0

    def remaining(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def met_closed_connection(self, cause: BaseException) -> bool:
        """Whether a kept connection was closed before our request arrived, so that it was not processed."""
        if self.must_be_fresh or self.is_fresh or self.is_answered or isinstance(cause, TimeoutError):
            return False
        return self.sent_at is None or time.monotonic() - self.sent_at < RACE_S


class _Running(threading.local):
    """The thread's call; urllib3 has no way to pass our data down to its sockets."""

    exchange: CallState | None = None

    @property
    def call(self) -> CallState:
        if self.exchange is None:
            raise RuntimeError("no call is in progress in this thread")
        return self.exchange


running = _Running()


class _Reader(io.BufferedReader):
    """Bytes of one answer, read ahead; at its end it tells whether more has come than the answer."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._exchange = running.call

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # a chunk of -1 bytes: Python would read for ever
            raise HTTPException("a length below zero")
        return super().read(size)

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
        self.used_at = time.monotonic()
        if count and not exchange.is_answered:
            if not exchange.is_fresh and exchange.sent_at is None:
                raise UnaskedAnswerError
            exchange.is_answered = True
            if not exchange.is_fresh and _is_on_its_way(self):
                raise UnaskedAnswerError
        return count

    def makefile(self, *args: Any, **kwargs: Any) -> Any:
        return _Reader(super().makefile("rb", buffering=0))

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


def _is_on_its_way(sock: socket.socket) -> bool:
    """Whether our request has not wholly arrived. Who has read it all acknowledges it all with the answer; so what
    comes before that is no answer to it. Only Linux tells."""
    if not sys.platform.startswith("linux"):
        return False
    return any(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))


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
