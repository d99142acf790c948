"""Connections to PostgreSQL with bounded waits.

A server that falls silent (frozen, or cut off by a proxy or a virtual address that has moved) says nothing at all, so
the client has to end the wait. One thread of the process looks at all connections and shuts the socket of any that
owes an answer for too long: who waits there gets an error at once, as if the server had closed it. That costs a
statement nothing; a wait with its own timeout would release Python's lock several more times.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, Self
from weakref import WeakSet

import psycopg

ANSWER_S = 20.0
"""The longest wait for an answer, if nothing shorter is asked for: PostgreSQL itself ends a statement after 15."""
LOOK_S = 0.25
"""Between two looks for silent connections; a wait may last that much longer."""


class _Limits(threading.local):
    """How long this thread waits for PostgreSQL: seconds for one answer, and until when at all (monotonic)."""

    answer_s = ANSWER_S
    until = inf


limits = _Limits()


@contextmanager
def waiting_at_most(answer_s: float) -> Iterator[None]:
    """This thread waits so many seconds for each answer."""
    before, limits.answer_s = limits.answer_s, answer_s
    try:
        yield
    finally:
        limits.answer_s = before


class Link(psycopg.Connection[Any]):
    """A connection whose waits end. `answer_by`: when its answer is overdue; set around each wait."""

    answer_by = inf
    is_cut = False
    _socket: socket.socket | None = None
    _made_at = 0.0

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> Self:
        link = super().connect(*args, **kwargs)
        # A copy of our own: the other descriptor's number may be reused by the time it is shut.
        link._socket = socket.socket(fileno=os.dup(link.fileno()))
        link._made_at = time.monotonic()
        watch.add(link)
        return link

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        self.answer_by = min(time.monotonic() + limits.answer_s, limits.until)
        try:
            return super().wait(*args, **kwargs)
        except psycopg.OperationalError as error:
            if self.is_cut:
                raise silence() from error
            raise
        finally:
            self.answer_by = inf

    def close(self) -> None:
        super().close()
        if self._socket is not None:
            self._socket.close()

    def cut(self) -> None:
        """End the wait of the thread waiting here."""
        self.is_cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def is_suspect(self) -> bool:
        """It is older than the latest silence that this process met: it may be as dead as that one."""
        return self._made_at < watch.silent_at


def silence() -> psycopg.OperationalError:
    return psycopg.OperationalError("PostgreSQL did not answer in time, so the connection was closed")


class _Watch:
    """The thread that looks, begun with the first connection of the process."""

    def __init__(self) -> None:
        self.silent_at = -inf
        self._lock = threading.Lock()
        self._links: WeakSet[Link] = WeakSet()
        self._thread: threading.Thread | None = None

    def add(self, link: Link) -> None:
        with self._lock:
            self._links.add(link)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="postgres-silence", daemon=True)
                self._thread.start()

    def reset(self) -> None:
        """In a child process, where no thread of its parent lives."""
        self._lock, self._links, self._thread = threading.Lock(), WeakSet(), None

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_S)
            with self._lock:
                now = time.monotonic()
                overdue = [link for link in self._links if link.answer_by < now]
            for link in overdue:
                self.silent_at = now
                link.cut()


watch = _Watch()


os.register_at_fork(after_in_child=watch.reset)
