"""gunicorn's worker with threads, where a thread gets a request only when all of it is there.

A stock thread reads the request by itself, so a few strangers who send half of one hold all of them. Here the main
loop collects what arrives; a slow sender costs only a little memory. See docs/decisions/0017.
"""

import errno
import resource
import socket
import struct
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.http.errors import InvalidChunkSize
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import TConn, ThreadWorker

from chatbridge.arrival import Arrival, State
from chatbridge.later import Later, answer_or_later
from chatbridge.logs import OneAMinute

REQUEST_S = 20.0
"""For a whole request. Platforms need some milliseconds, and give up after ten seconds."""
SEND_S = 30
"""For one piece of an answer; most answers fit into what the system takes at once."""
SEND_LIMIT = struct.pack("ll", SEND_S, 0)
LINGER_S = 2.0
"""After an answer that closes: what is still on its way is read over, or the sender would lose the answer."""
MAX_LATE_BYTES = 4 * 1024 * 1024
READ_BYTES = 64 * 1024
MAX_HELD_BYTES = 64 * 1024 * 1024
"""Of unfinished requests in one process."""
MAX_OPEN_FILES = 16_384
PEOPLE_THREADS = 4
"""For pages, log-ins, the API and static files; events never wait behind them."""
SHORT_WAYS = ("/webhooks/", "/healthz", "/readyz")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(TConn):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.arrival = Arrival()
        self.is_open = True
        self.late_bytes = 0


class WholeRequestWorker(ThreadWorker):
    """All methods run in the main loop but `handle` and `handle_request`, which run in a thread.

    A connection is in one place: among the unfinished, in a thread, kept alive, or closing.
    """

    people: ThreadPoolExecutor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unfinished: OrderedDict[Connection, None] = OrderedDict()
        self.closing: OrderedDict[Connection, None] = OrderedDict()
        self.held_bytes = 0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            raise RuntimeError("This worker doesn't speak TLS: put a proxy in front.")

    def init_process(self) -> None:
        allow_open_files()
        self.log.error_log.addFilter(OneAMinute())
        self.people = ThreadPoolExecutor(PEOPLE_THREADS)
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi: Any = partial(answer_or_later, self.app.wsgi())

    def run(self) -> None:
        super().run()
        self.people.shutdown(wait=False)

    # --- connections ---

    def accept(self, listener: socket.socket) -> None:
        """One at a time, so that the processes share what comes at once."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._drop_oldest()
            elif error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_LIMIT)
        connection = Connection(self.cfg, client, address, listener.getsockname())
        self._await_request(connection)
        self.poller.register(client, EVENT_READ, partial(self._on_readable, connection))
        if self.nr_conns >= self.worker_connections:  # otherwise no client could connect
            self._drop_oldest()

    def _await_request(self, connection: Connection) -> None:
        connection.timeout = time.monotonic() + REQUEST_S
        self.unfinished[connection] = None

    def _on_readable(self, connection: Connection, _: object) -> None:
        if not connection.is_open:  # dropped by what came just before
            return
        data = _received(connection)
        if data is None:
            return
        if not data:
            self._drop(connection)
            return
        is_idle = connection not in self.unfinished
        if is_idle:
            self.keepalived_conns.remove(connection)
        self._look(connection, data, is_first=is_idle)

    def _look(self, connection: Connection, data: bytes, *, is_first: bool) -> None:
        """Begin with the request when all of it is there. `data` has just come, as the first of it or as more."""
        state = connection.arrival.add(data)
        if is_first and state is State.PARTIAL:
            self._await_request(connection)
        if connection in self.unfinished:
            self.held_bytes += len(data)
        if state is not State.PARTIAL:
            self._forget(connection)
            self._begin(connection)
        elif connection.arrival.take_continue() and not _sent(connection, CONTINUE):
            self._drop(connection)
        while self.held_bytes > MAX_HELD_BYTES and self.unfinished:
            self._drop(next(iter(self.unfinished)))

    def _begin(self, connection: Connection) -> None:
        arrival = connection.arrival
        connection.parser = RequestParser(self.cfg, [bytes(arrival.data)], connection.client)
        connection.initialized = True
        arrival.data.clear()
        threads = self.tpool if arrival.target.startswith(SHORT_WAYS) else self.people
        done = threads.submit(self.handle, connection)
        done.add_done_callback(lambda ended: self.method_queue.defer(self.finish_request, connection, ended))

    def finish_request(self, connection: Connection, ended: "Future[bool]") -> None:
        """Wait for the next request of this connection, or close it; or wait for the body of the response."""
        if not ended.cancelled() and isinstance(later := ended.exception(), Later):
            later.with_traceback(None)  # or the frames in it would keep the request alive
            later.body.add_done_callback(lambda _: self.method_queue.defer(self._go_on, connection, later))
            return
        is_kept = not ended.cancelled() and ended.exception() is None and ended.result() is True
        if not is_kept:
            self._hang_up(connection)
            return
        more = connection.parser.unreader.take_buffered()
        connection.arrival = Arrival()
        self.poller.register(connection.sock, EVENT_READ, partial(self._on_readable, connection))
        if more:  # a request that was sent without waiting for our answer
            self._look(connection, more, is_first=True)
            return
        connection.set_timeout()
        if not self.alive:
            connection.timeout = min(connection.timeout, time.monotonic() + LINGER_S)
        self.keepalived_conns.append(connection)

    def _go_on(self, connection: Connection, later: Later) -> None:
        done = self.tpool.submit(self.handle_later, connection, later)
        done.add_done_callback(lambda ended: self.method_queue.defer(self.finish_request, connection, ended))

    # --- ends ---

    def _hang_up(self, connection: Connection) -> None:
        """Close after an answer; at once when the sender has closed already, as most have."""
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
            return
        connection.timeout = time.monotonic() + LINGER_S
        self.closing[connection] = None
        self.poller.register(connection.sock, EVENT_READ, partial(self._on_late_bytes, connection))
        self._on_late_bytes(connection, None)

    def _on_late_bytes(self, connection: Connection, _: object) -> None:
        data = _received(connection) if connection.is_open else None
        connection.late_bytes += len(data or b"")
        if data == b"" or connection.late_bytes > MAX_LATE_BYTES:
            self._drop(connection)

    def murder_pending(self) -> None:
        """Close what took too long to send its request, or to close."""
        now = time.monotonic()
        for waiting in (self.unfinished, self.closing):
            while waiting and (oldest := next(iter(waiting))).timeout <= now:
                self._drop(oldest)

    def _cap_keepalive(self, deadline: float) -> None:
        """This process stops: no client may prevent that. Who has connected is served; who comes from now on is
        refused at once and tries elsewhere, or again, instead of waiting until the last request has ended."""
        for listener in self.sockets:
            known = -1
            while known != self.nr_conns:
                known = self.nr_conns
                self.accept(listener)
            listener.close()
        super()._cap_keepalive(deadline)
        for connection in self.unfinished:
            connection.timeout = min(connection.timeout, deadline)

    def _drop_oldest(self) -> None:
        for waiting in (self.closing, self.unfinished, self.keepalived_conns):
            if waiting:
                self._drop(next(iter(waiting)))
                return

    def _drop(self, connection: Connection) -> None:
        if connection in self.keepalived_conns:
            self.keepalived_conns.remove(connection)
        self._forget(connection)
        self.nr_conns -= 1
        connection.is_open = False
        connection.close()

    def _forget(self, connection: Connection) -> None:
        """Not waited for any more."""
        if connection in self.unfinished:
            del self.unfinished[connection]
            self.held_bytes -= len(connection.arrival.data)
        self.closing.pop(connection, None)
        with suppress(KeyError, ValueError):
            self.poller.unregister(connection.sock)

    # --- in a thread ---

    def handle(self, connection: Connection) -> bool:
        if connection.arrival.state is State.BROKEN:
            self.handle_error(None, connection.sock, connection.client, InvalidChunkSize(b""))
            return False
        is_kept: bool = super().handle(connection)
        return is_kept

    def handle_request(self, request: Any, connection: Connection) -> bool:
        if connection.arrival.state is State.CUT:
            request.force_close()
        try:
            kept: bool = super().handle_request(request, connection)
        except BlockingIOError as error:
            raise StopIteration from error  # a client that doesn't read the answer: gunicorn just closes
        except Later as later:
            later.request = request
            raise
        return kept

    def handle_later(self, connection: Connection, later: Later) -> bool:
        """The rest of a request whose body has come; whether the connection is kept."""
        body, answer = later.body.result(), Response(later.request, connection.sock, self.cfg)
        if not self.alive or not self.cfg.keepalive or len(self.keepalived_conns) >= self.max_keepalived:
            answer.force_close()
        answer.start_response(later.status, [*later.headers, ("Content-Length", str(len(body)))])
        answer.write(body)
        answer.close()
        self.log.access(answer, later.request, later.environ, datetime.now() - later.began_at)
        return not answer.should_close()


def _received(connection: Connection) -> bytes | None:
    """What has come: nothing (None), or the end (b"")."""
    try:
        data: bytes = connection.sock.recv(READ_BYTES, socket.MSG_DONTWAIT)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
    return data


def _sent(connection: Connection, data: bytes) -> bool:
    try:
        return bool(connection.sock.send(data, socket.MSG_DONTWAIT) == len(data))
    except OSError:
        return False


def allow_open_files() -> None:
    """As many as the system allows: an attacker can open more than the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
