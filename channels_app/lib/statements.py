"""The hand-written statements that every message passes through, run as prepared ones.

PostgreSQL plans them once a connection instead of each time, which is most of what such a short statement costs.
They pass by the cursors, Django's and psycopg's: the first put the values into the text, and both cost more than the
rest of it. See docs/decisions/0014-where-the-time-went.md. With PLAIN_CURSORS they don't.
"""

import select
import threading
import time
from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from channels_app.lib.clocks import is_reading_due, note_reading, ticks
from channels_app.lib.postgres import Link, limits, watch

if not settings.PLAIN_CURSORS:  # nor is it imported then: a new psycopg may not have what it needs
    from channels_app.lib.prepared import session_of

IDLE_S = 1.0
"""A connection used within this time is assumed alive. A check costs little, but releases Python's lock,
and a busy process waits long to get it back."""


def fetch(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Its rows. Outside of a transaction it is one of its own, committed when this returns.

    The statement names its values as `%(name)s`, has no other `%`, and returns a row for everything it did. Raises
    Django's database errors.
    """
    now, database = time.monotonic(), connections[DEFAULT_DB_ALIAS]
    if (now - _thread.used_at > IDLE_S or watch.silent_at > _thread.used_at) and not database.in_atomic_block:
        _leave_dead_connection(database)
    _thread.used_at = now
    database.ensure_connection()
    database.validate_no_broken_transaction()
    if is_reading_due():
        with database.wrap_database_errors:
            read_clock(database)
    if settings.PLAIN_CURSORS:
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            return cast("list[tuple[Any, ...]]", cursor.fetchall())
    if database.queries_logged:  # for tests that count statements, and a developer's log
        database.queries_log.append({"sql": statement, "time": "0"})
    with database.wrap_database_errors:
        session = session_of(cast(Link, database.connection))
        return session.run(statement, values, min(now + limits.answer_s, limits.until))


class _Thread(threading.local):
    used_at = 0.0
    """When its connection was used last, by the monotonic clock."""


_thread = _Thread()


def read_clock(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Note what time it is there; also of each new connection, which may lead to another machine than the last one."""
    asked_at = ticks()
    [(told,)] = cast(Link, connection.connection).execute("SELECT clock_timestamp()").fetchall()
    note_reading(told, asked_at=asked_at, answered_at=ticks())


def _leave_dead_connection(database: BaseDatabaseWrapper) -> None:
    """Drop a connection that PostgreSQL has closed while it was kept: an idle one has nothing to say but its end.
    So is one as old as another that fell silent."""
    raw = database.connection
    if raw is not None and (raw.is_suspect or raw.closed or _has_something_to_read(raw.fileno())):
        database.close()


def _has_something_to_read(fileno: int) -> bool:
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))
