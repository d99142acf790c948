"""The hand-written statements that every message passes through, run as prepared ones.

PostgreSQL plans them once a connection instead of each time, which is most of what such a short statement costs.
Django's own cursors can't: they put the values into the text. See docs/decisions/0014-where-the-time-went.md.
"""

import select
import threading
import time
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from django.db import connection
from psycopg.types.numeric import Int8

IDLE_S = 1.0
"""A connection that was used within this is taken for living. To look costs little, but lets go of Python's lock,
and a busy process waits long to get it back."""


class _Used(threading.local):
    """When this thread's connection was used last, by the monotonic clock."""

    at = 0.0


_used = _Used()


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Its rows. Outside of a transaction it is one of its own, committed when this returns.

    The statement returns a row for whatever it did. Raises Django's database errors.
    """
    now = time.monotonic()
    if now - _used.at > IDLE_S and not connection.in_atomic_block:
        _leave_dead_connection()
    _used.at = now
    connection.ensure_connection()
    cursor = cast(Any, psycopg.Cursor(cast("psycopg.Connection[Any]", connection.connection)))
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(cursor) as wrapped:
        wrapped.execute(statement, {name: _typed(value) for name, value in values.items()})
        return cast("list[tuple[Any, ...]]", wrapped.fetchall())


def _typed(value: Any) -> Any:
    """One type for all numbers: else each mixture of small and large ones would be planned anew."""
    if type(value) is int:
        return Int8(value)
    if type(value) is list and value and type(value[0]) is int:
        return [Int8(item) for item in value]
    return value


def _leave_dead_connection() -> None:
    """Drop a connection that PostgreSQL has closed while it was kept: an idle one has nothing to say but its end."""
    raw = connection.connection
    if raw is not None and (raw.closed or _has_something_to_read(raw.fileno())):
        connection.close()


def _has_something_to_read(fileno: int) -> bool:
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))
