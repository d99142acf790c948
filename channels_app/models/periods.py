"""Rows of a time range, found by their numbers: rows are numbered in the order of their times, nearly.

No index of times is needed for that, which each message would have to pay for; and however long the table is, a page
reads what it shows: the numbers at which a range begins and ends are searched for as in a telephone book.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Max, Model, Q, QuerySet

from channels_app.lib.times import TimeRange
from channels_app.models import AuditEntry, BulkRetry, Delivery, Exchange, WebhookEvent

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class _Order:
    """The column with a row's time, and how much later its number may be given than that time."""

    column: str
    slack: timedelta = timedelta(minutes=1)
    """None of our statements takes as long: see `statement_timeout` in the settings."""


_ORDERS: Mapping[type[Model], _Order] = {
    WebhookEvent: _Order("received_at"),
    Exchange: _Order("started_at", timedelta(minutes=5)),  # written when it is over: a file's call takes a while
    Delivery: _Order("created_at"),
    AuditEntry: _Order("at"),
    BulkRetry: _Order("planned_at"),
}
_NOTHING_BEFORE, _NOTHING_AFTER = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_NUMBERS = """
WITH RECURSIVE search (moment, low, high) AS (
    SELECT moment, (SELECT coalesce(min(id), 1) FROM {table}), (SELECT coalesce(max(id), 0) + 1 FROM {table})
    FROM unnest(%(moments)s::timestamptz[]) AS moment
    UNION ALL
    SELECT moment, CASE WHEN found.at < moment THEN found.id + 1 ELSE low END,
        CASE WHEN found.at < moment THEN high ELSE (low + high) / 2 END
    FROM search CROSS JOIN LATERAL (
        SELECT id, {column} AS at FROM {table} WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1) AS found
    WHERE low < high
)
SELECT moment, low FROM search WHERE low >= high
"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows of a range have numbers from `first` on and below `end` (None: all from there on)."""

    first: int = 0
    end: int | None = None


def numbers_during(model: type[Model], during: TimeRange) -> Numbers:
    """In one statement; in none for a range that has no ends."""
    if not during:
        return Numbers()
    order = _ORDERS[model]
    since = during.since and max(during.since, _NOTHING_BEFORE) - order.slack
    until = during.until and min(during.until, _NOTHING_AFTER) + order.slack
    moments = [moment for moment in (since, until) if moment is not None]
    sql = _NUMBERS.format(table=model._meta.db_table, column=order.column)
    with connection.cursor() as cursor:
        cursor.execute(sql, {"moments": moments})
        found: dict[datetime, int] = dict(cursor.fetchall())
    return Numbers(found[since] if since else 0, found[until] if until else None)


def next_id(model: type[Model]) -> int:
    """Behind the newest row."""
    newest: int | None = model._default_manager.aggregate(newest=Max("pk"))["newest"]
    return (newest or 0) + 1


def rows_during(rows: QuerySet[Row], during: TimeRange, numbers: Numbers | None = None) -> QuerySet[Row]:
    """Those of the range. `numbers`: of this model in this range, if they are known already."""
    if not during:
        return rows
    numbers = numbers or numbers_during(rows.model, during)
    column = _ORDERS[rows.model].column
    return rows.filter(within("pk", numbers.first, numbers.end) & within(column, during.since, during.until))


def within(column: str, first: Any, end: Any) -> Q:
    """From `first` on and before `end`; None: no bound."""
    bounds = {f"{column}__gte": first, f"{column}__lt": end}
    return Q(**{name: bound for name, bound in bounds.items() if bound is not None})
