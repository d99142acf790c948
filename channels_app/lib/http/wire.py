"""requests' adapter with connections of our own: to checked addresses only, within the call's deadline, and used
again only when it can't deliver another call's answer."""

import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, cast

import certifi
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.wait import wait_for_read

from channels_app.lib.http.addresses import AllowList, Target, reachable_addresses
from channels_app.lib.http.sockets import BoundedSocket, BoundedTlsSocket, CallState, Reader, connect, running

KEEP_ALIVE_S = 4.0  # below the 5 s after which common servers close an idle connection, perhaps while we write
MAX_JOINED = 64 * 1024  # bytes of a request that are copied to leave at once; beyond it the copy costs more
POOL_HOSTS = 128  # hosts whose connections are kept: more than bots and inboxes together

# urllib3's records hold whole URLs, and a query may hold a token.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class _Response(HTTPResponse):
    """An answer. Python takes every interim answer (1xx) but 100 for the final one, and an end amid the headers for
    theirs."""

    def begin(self) -> None:
        reader = cast("Reader", self.fp)
        super().begin()
        while 100 <= self.status < 200 and self.status != 101 and not reader.is_cut:
            vars(self).update(headers=None, msg=None)  # else Python takes it as begun
            super().begin()
        if reader.is_cut:
            raise IncompleteRead(b"")
        if self.status == HTTPStatus.NO_CONTENT:  # it has no body, whatever its headers announce
            self.will_close, self.chunked = self.will_close or self.chunked, False
            del self.headers["transfer-encoding"]
        coding = self.headers.get("transfer-encoding")
        if coding and not self.chunked:
            raise HTTPException("an unknown transfer coding")
        if self.status == 101 or (coding and "content-length" in self.headers):
            self.will_close = True


class _Connection(HTTPConnection):
    """Connects to the address that was checked, not to what the name means a moment later."""

    response_class = _Response
    allowed: AllowList | None = None
    _last: CallState | None = None
    _parts: list[bytes] | None = None

    def _new_conn(self) -> socket.socket:
        exchange = running.call
        exchange.is_fresh, self.allowed = True, exchange.allowed
        failure = OSError("no address")
        for address in reachable_addresses(self.host, exchange.allowed, exchange.remaining()):
            try:
                return connect(address, self.port, exchange)
            except OSError as error:
                failure = error
        raise NewConnectionError(self, "") from failure  # urllib3 would go on after a reset, without a socket

    @property
    def is_connected(self) -> bool:
        """Whether it may be reused; late data is checked for when the next request is sent."""
        sock, exchange = self.sock, running.call
        if not isinstance(sock, BoundedSocket) or exchange.must_be_fresh or self.allowed != exchange.allowed:
            return False
        if self._last is None or not self._last.is_proven or (isinstance(sock, ssl.SSLSocket) and sock.pending()):
            return False
        return time.monotonic() - sock.used_at < KEEP_ALIVE_S

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Head and body leave together: apart they would wake the other side twice."""
        self._last = exchange = running.call
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
        context.sslsocket_class = BoundedTlsSocket
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
        running.exchange = exchange
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
