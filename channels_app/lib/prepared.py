"""Statements that PostgreSQL plans once a connection instead of each time: psycopg's parts without its cursors.

It alone knows what psycopg does not promise. If a new psycopg breaks it, PLAIN_CURSORS=1 does without it.
"""

import re
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from math import inf
from typing import Any, NamedTuple, cast

import psycopg
from psycopg.adapt import Dumper, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.numeric import Int8Dumper

from channels_app.lib.postgres import Link, silence

MAX_PREPARED = 200
"""Statements that a connection keeps, each mixture of types counted: several times what there is, and an end of it
should a statement ever get a new mixture each time."""
PLANS_KEPT_S = 60.0
"""A plan that was made while a table was a page long may ask by the wrong index, for there all cost the same; and
only autovacuum, which may be late or turned off, notices that the table has grown. Replanning all
statements of a thread costs some milliseconds."""

PLAN_FAILED = (b"0A000", b"26000")
"""A prepared statement is no longer usable: a migration changed a column, or it was deallocated. Other errors say
nothing against it, and to prepare it again after each of them would leave one more plan in PostgreSQL's memory."""


class Numbered(NamedTuple):
    """A statement as PostgreSQL takes it: with numbers for its values, whose names follow in their order."""

    text: bytes
    names: Sequence[str]
    formats: Sequence[PyFormat]


_VALUE = re.compile(r"%\((\w+)\)s")


@cache
def numbered_statement(statement: str) -> Numbered:
    names = list(dict.fromkeys(_VALUE.findall(statement)))
    text = _VALUE.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    return Numbered(text.encode(), names, [PyFormat.AUTO] * len(names))


class _ListDumper(Dumper):
    """A list of texts and whole numbers in PostgreSQL's notation; the statement says of what (`::text[]`).

    psycopg's own finds out about each element, in Python, and that cost more than all other values of a statement.
    """

    oid = 0

    def dump(self, obj: list[str | int | None]) -> bytes:
        return f"{{{','.join(map(_element, obj))}}}".encode()


def _element(value: str | int | None) -> str:
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("PostgreSQL can't store text with a NUL character.")
        return '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))
    return "NULL" if value is None else str(int(value))


class Session:
    """A connection of this thread, and what PostgreSQL has prepared there."""

    def __init__(self, raw: Link) -> None:
        self.raw = raw
        context = psycopg.Cursor(raw)
        context.adapters.register_loader("timestamptz", TimestamptzLoader)  # the fast one; Django's is Python
        context.adapters.register_dumper(int, Int8Dumper)  # one type for all: each mixture needs its own plan
        context.adapters.register_dumper(list, _ListDumper)
        self._transformer = Transformer(context)
        self._prepared: dict[tuple[str, Sequence[int]], bytes] = {}
        self._may_prepare = raw.prepare_threshold is not None
        self._planned_at = time.monotonic()

    def run(self, statement: str, values: Mapping[str, Any], answer_by: float) -> list[tuple[Any, ...]]:
        """Its rows. Raises psycopg's errors; also when there is no answer by then, by the monotonic clock."""
        numbered, transformer, server = numbered_statement(statement), self._transformer, self.raw.pgconn
        if not self.raw.autocommit and server.transaction_status == TransactionStatus.IDLE:
            self.raw.execute("")  # psycopg begins a transaction with the first statement that it sees
        params = transformer.dump_sequence([values[name] for name in numbered.names], numbered.formats)
        types = transformer.types or ()
        self.raw.answer_by = answer_by
        try:
            self._forget_old_plans()
            name = self._prepare(statement, numbered.text, types)
            if name is None:
                found = server.exec_params(numbered.text, params, types, transformer.formats)
            else:
                found = server.exec_prepared(name, cast(Any, params), transformer.formats)
        finally:
            self.raw.answer_by = inf
        if found.status != ExecStatus.TUPLES_OK:
            if found.error_field(DiagnosticField.SQLSTATE) in PLAN_FAILED:
                self._prepared.pop((statement, types), None)
            raise self._error(found)
        transformer.set_pgresult(found)
        return cast("list[tuple[Any, ...]]", transformer.load_rows(0, found.ntuples, tuple))

    def _forget_old_plans(self) -> None:
        """The statements stay prepared; PostgreSQL replans each when it next runs."""
        now = time.monotonic()
        if self._prepared and now - self._planned_at > PLANS_KEPT_S:
            self.raw.pgconn.exec_(b"DISCARD PLANS")
            self._planned_at = now

    def _prepare(self, statement: str, text: bytes, types: Sequence[int]) -> bytes | None:
        """The name that it is kept under, for values of these types; None: it isn't."""
        name = self._prepared.get((statement, types))
        if name is None and self._may_prepare and len(self._prepared) < MAX_PREPARED:
            name = b"chatbridge_%x" % time.monotonic_ns()
            done = self.raw.pgconn.prepare(name, text, types)
            if done.status != ExecStatus.COMMAND_OK:
                raise self._error(done)
            self._prepared[statement, types] = name
        return name

    def _error(self, result: Any) -> psycopg.Error:
        # What the server says has a code; libpq's own words are about the connection, even if it looks good still.
        if not result.error_field(DiagnosticField.SQLSTATE):
            return silence() if self.raw.is_cut else psycopg.OperationalError(self.raw.pgconn.get_error_message())
        return error_from_result(result)


class _Thread(threading.local):
    session: Session | None = None


_thread = _Thread()


def session_of(raw: Link) -> Session:
    """This thread's, on this connection."""
    if _thread.session is None or _thread.session.raw is not raw:
        _thread.session = Session(raw)
    return _thread.session
