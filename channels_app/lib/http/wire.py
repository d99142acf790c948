"""requests' adapter with connections of our own: to checked addresses only, within the call's deadline, and used
again only when it can't deliver another call's answer."""

import errno
import fcntl
import io
import logging
import os
import socket
import ssl
import sys
import termios
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

import certifi
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.wait import wait_for_read

from channels_app.lib.http.addresses import AllowList, Target, reachable_addresses

KEEP_ALIVE_S = 4.0  # below the 5 s after which common servers close an idle connection, perhaps while we write
RACE_S = 1.0  # a server that closed before our request came shows it within a round trip; later, it was working on it
CONNECT_S = 5.0  # for one address, so that a dead one leaves time for the next
MAX_JOINED = 64 * 1024  # bytes of a request that are copied to leave at once; beyond it the copy costs more
LATE_S = 0.05  # how far a wait may miss the deadline: each setting of a timeout releases Python's lock
POOL_HOSTS = 128  # hosts whose connections are kept: more than bots and inboxes together

# urllib3's records hold whole URLs, and a query may hold a token.
logging.getLogger("urllib3").setLevel(logging.ERROR)


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


_running = _Running()


class _Reader(io.BufferedReader):
    """Bytes of one answer, read ahead; at its end it tells whether more has come than the answer."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._exchange = _running.call

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # a chunk of -1 bytes: Python would read for ever
            raise HTTPException("a length below zero")
        return super().read(size)

    def close(self) -> None:
        if not self.closed and self._exchange is _running.exchange:
            self._exchange.is_over = True  # so that `peek` doesn't wait for more
            with suppress(OSError):  # it was given up in the middle
                self._exchange.is_proven = not self.peek(1)
        super().close()


class _Response(HTTPResponse):
    """An answer. Python takes every interim answer (1xx) but 100 for the final one."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != 101:
            vars(self).update(headers=None, msg=None)  # else Python takes it as begun
            super().begin()
        coding = self.headers.get("transfer-encoding")
        if coding and not self.chunked:
            raise HTTPException("an unknown transfer coding")
        if self.status == 101 or (coding and "content-length" in self.headers):
            self.will_close = True


class _BoundedSocket(socket.socket):
    """Every wait ends at the deadline of the call; with a time-out per read a server could drip for ever."""

    used_at = 0.0

    def recv_into(self, *args: Any) -> int:
        exchange = _running.call
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
        left, bound = _running.call.remaining(), self.gettimeout()
        if bound is None or abs(bound - left) > LATE_S:
            self.settimeout(left)


class _BoundedTlsSocket(_BoundedSocket, ssl.SSLSocket):
    pass


def _is_on_its_way(sock: socket.socket) -> bool:
    """Whether our request has not wholly arrived. Who has read it all acknowledges it all with the answer; so what
    comes before that is no answer to it. Only Linux tells."""
    if not sys.platform.startswith("linux"):
        return False
    return any(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))


def _connect(address: str, port: int, exchange: CallState) -> socket.socket:
    sock = _BoundedSocket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(min(exchange.remaining(), CONNECT_S))
        sock.connect((address, port))
        sock.settimeout(exchange.remaining())  # bounds the TLS handshake as a whole
    except OSError:
        sock.close()
        raise
    return sock


class _Connection(HTTPConnection):
    """Connects to the address that was checked, not to what the name means a moment later."""

    response_class = _Response
    allowed: AllowList | None = None
    _last: CallState | None = None
    _parts: list[bytes] | None = None

    def _new_conn(self) -> socket.socket:
        exchange = _running.call
        exchange.is_fresh, self.allowed = True, exchange.allowed
        failure = OSError("no address")
        for address in reachable_addresses(self.host, exchange.allowed, exchange.remaining()):
            try:
                return _connect(address, self.port, exchange)
            except OSError as error:
                failure = error
        raise failure

    @property
    def is_connected(self) -> bool:
        """Whether it may be reused; late data is checked for when the next request is sent."""
        sock, exchange = self.sock, _running.call
        if not isinstance(sock, _BoundedSocket) or exchange.must_be_fresh or self.allowed != exchange.allowed:
            return False
        if self._last is None or not self._last.is_proven or (isinstance(sock, ssl.SSLSocket) and sock.pending()):
            return False
        return time.monotonic() - sock.used_at < KEEP_ALIVE_S

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Head and body leave together: apart they would wake the other side twice."""
        self._last = exchange = _running.call
        self._parts = []
        super().request(*args, **kwargs)
        parts, self._parts = self._parts, None
        if self.sock is not None and not exchange.is_fresh and wait_for_read(self.sock, timeout=0.0):
            raise ConnectionAbortedError  # closed, or unrequested data arrived
        for part in parts if sum(map(len, parts)) > MAX_JOINED else [b"".join(parts)]:
            super().send(part)
        exchange.sent_at = time.monotonic()

    def send(self, data: Any) -> None:
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Adapter(HTTPAdapter):
    """Entered at `open`, below requests' own `send`, whose cookies, proxies and look-ups cost more than the call."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_connections=POOL_HOSTS, pool_maxsize=pool_size, max_retries=Retry(total=False))

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        context = create_urllib3_context()
        context.load_verify_locations(certifi.where())
        context.set_default_verify_paths()  # the system's, or those that SSL_CERT_FILE and SSL_CERT_DIR name
        context.sslsocket_class = _BoundedTlsSocket
        super().init_poolmanager(connections, maxsize, block, ssl_context=context, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def open(
        self,
        exchange: CallState,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: bytes | memoryview | None,
    ) -> BaseHTTPResponse:
        """The answer's head; its body is still to be read, in this thread and before its next call.

        A large request has a connection of its own: it may be answered before it has left, and only there it is
        certain whose answer that is.
        """
        exchange.must_be_fresh = exchange.must_be_fresh or len(body or b"") > MAX_JOINED
        _running.exchange = exchange
        pool: HTTPConnectionPool = self.poolmanager.connection_from_host(target.host, target.port, target.scheme)
        response = pool.urlopen(
            method,
            f"{target.path}?{target.query}" if target.query else target.path,
            body=cast("bytes | None", body),  # anything that holds bytes is sent unchanged
            headers=headers,
            retries=self.max_retries,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            timeout=Timeout.DEFAULT_TIMEOUT,
        )
        exchange.status = response.status
        return response


_adapters: dict[int, Adapter] = {}
_making = threading.Lock()


def shared_adapter(pool_size: int) -> Adapter:
    """One for all threads, also for those whose first calls come together: each new one reads all certificates."""
    adapter = _adapters.get(pool_size)
    if adapter is None:
        with _making:
            adapter = _adapters.get(pool_size) or _adapters.setdefault(pool_size, Adapter(pool_size))
    return adapter


def forget_adapters() -> None:
    _adapters.clear()


def _begin_anew() -> None:
    _making.release()
    forget_adapters()


# Two processes must not speak on one connection.
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_begin_anew)
