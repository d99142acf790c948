"""The hand-written statements that every message passes through, run as prepared ones.

PostgreSQL plans them once a connection instead of each time, which is most of what such a short statement costs.
Django's own cursors can't: they put the values into the text. See docs/decisions/0014-where-the-time-went.md.
"""

import select
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from django.db import connection
from psycopg.types.numeric import Int8


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Its rows. Outside of a transaction it is one of its own, committed when this returns.

    The statement returns a row for whatever it did. Raises Django's database errors.
    """
    if not connection.in_atomic_block:
        _leave_dead_connection()
    connection.ensure_connection()
    cursor = cast(Any, psycopg.Cursor(cast("psycopg.Connection[Any]", connection.connection)))
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrap(cursor) as wrapped:
        # One type for all numbers: else each mixture of small and large ones would be planned anew.
        typed = {name: Int8(value) if type(value) is int else value for name, value in values.items()}
        wrapped.execute(statement, typed)
        return cast("list[tuple[Any, ...]]", wrapped.fetchall())


def _leave_dead_connection() -> None:
    """Drop a connection that PostgreSQL has closed while it was kept: an idle one has nothing to say but its end."""
    raw = connection.connection
    if raw is None:
        return
    if raw.closed or _has_something_to_read(raw.fileno()):
        connection.close()


def _has_something_to_read(fileno: int) -> bool:
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))
