"""All calls, newest first: what came in at a door is an event, what went out an exchange. Two streams, one page."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from django.db.models import F

from channels_app.codes import CODES
from channels_app.lib.times import ALWAYS, TimeRange
from channels_app.models import (
    Channel,
    Conversation,
    DeliveryKind,
    EventSource,
    Exchange,
    Outcome,
    Target,
    WebhookEvent,
)
from channels_app.models.periods import Numbers, next_id, numbers_during, rows_during
from channels_app.operations.outcome_codes import codes_of_events
from channels_app.operations.search.ids import row_number
from channels_app.protocol.labels import HARMLESS_CODES, event_word, is_trouble, result_word

IN = "in"
PAGE = 50
WINDOW = 50_000
"""Calls one page searches for a filter without an index; the next page continues from there."""
SLOW_MS = 3000
"""Three seconds: a contact begins to wonder."""
MAX_EVENTS = 500
"""Events of a conversation whose calls are listed, the latest."""
STATUSES = {"2xx": (200, 300), "3xx": (300, 400), "4xx": (400, 500), "5xx": (500, 600), "none": (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls; what is not given selects nothing away. `direction`: in, bot or inbox; `status`: 2xx … or none;
    `during`: when it came in, or was begun.

    Code, status and slowness are known of calls that we make: with them, nothing that came in is shown.
    """

    channel_id: int | None = None
    conversation_id: int | None = None
    direction: str = ""
    errors_only: bool = False
    code: str = ""
    status: str = ""
    is_slow: bool = False
    during: TimeRange = ALWAYS

    @property
    def is_about_answers(self) -> bool:
        return bool(self.code or self.status or self.is_slow)

    @property
    def has_window(self) -> bool:
        """Whether no index knows what is wanted of the calls that we make: then one page looks through so many."""
        return self.is_about_answers or self.direction not in ("", IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call in a list. `direction`: in, bot or inbox; `id` is an event's for `in`, else an exchange's."""

    direction: str
    id: int
    event_id: int
    at: datetime
    channel: Channel
    conversation: Conversation
    what: str
    result: str
    code: str
    is_failed: bool
    status: int = 0
    took_ms: int | None = None
    n: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    """`before` continues where the page ended, "" at the end. `is_cut`: the page ended before it was full, because it
    looked through enough."""

    lines: tuple[CallLine, ...] = ()
    before: str = ""
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Below this event and this exchange; as text "812-4093"."""

    event: int
    exchange: int

    @classmethod
    def parse(cls, text: str, ends: "_Range") -> Self:
        """From what `str` gave; from the end of the range when it is anything else."""
        event, _, exchange = text.partition("-")
        below, before = row_number(event), row_number(exchange)
        if below is not None and before is not None:
            return cls(below, before)
        return cls(
            ends.events.end or next_id(WebhookEvent),
            ends.exchanges.end or next_id(Exchange),
        )

    def __str__(self) -> str:
        return f"{self.event}-{self.exchange}"


@dataclass(frozen=True, slots=True)
class _Range:
    """The numbers of a time range, of both kinds of rows."""

    events: Numbers
    exchanges: Numbers

    @classmethod
    def of(cls, during: TimeRange) -> Self:
        return cls(numbers_during(WebhookEvent, during), numbers_during(Exchange, during))


def list_exchanges(which: CallFilter, before: str = "") -> CallPage:
    """A page of calls of both directions, newest first; `before` is that of the page before."""
    ends = _Range.of(which.during)
    cursor = _Cursor.parse(before, ends)
    asks_in = which.direction in ("", IN) and not which.is_about_answers
    came = _came(which, cursor.event, ends.events) if asks_in else []
    went = _went(which, cursor.exchange, ends.exchanges) if which.direction != IN else []
    merged = heapq.merge(came, went, key=lambda line: line.at, reverse=True)
    lines = tuple(line for _, line in zip(range(PAGE), merged, strict=False))
    if len(came) + len(went) > PAGE:
        return CallPage(lines=lines, before=str(_after(cursor, lines)))
    start = cursor.exchange - WINDOW
    if which.has_window and start > max(ends.exchanges.first, 1):
        return CallPage(lines=lines, before=str(replace(cursor, exchange=start)), is_cut=True)
    return CallPage(lines=lines)


def _after(cursor: _Cursor, lines: Sequence[CallLine]) -> _Cursor:
    events = [line.id for line in lines if line.direction == IN]
    exchanges = [line.id for line in lines if line.direction != IN]
    return _Cursor(min(events, default=cursor.event), min(exchanges, default=cursor.exchange))


# --- what came in -------------------------------------------------------------------------------------------------


def _came(which: CallFilter, end: int, numbers: Numbers) -> list[CallLine]:
    events = WebhookEvent.objects.filter(pk__lt=end).exclude(source=EventSource.ADMIN)
    events = rows_during(events, which.during, numbers)
    if which.channel_id:
        events = events.filter(channel_id=which.channel_id)
    if which.conversation_id:
        events = events.filter(conversation_id=which.conversation_id)
    if which.errors_only:
        events = events.filter(outcome=Outcome.DEAD)
    rows = list(events.select_related("channel", "conversation__contact").order_by("-pk")[: PAGE + 1])
    codes = codes_of_events(rows)
    return [_line_of_event(row, codes.get(row.pk, "")) for row in rows]


def _line_of_event(row: WebhookEvent, code: str) -> CallLine:
    return CallLine(
        direction=IN,
        id=row.pk,
        event_id=row.pk,
        at=row.received_at,
        channel=row.channel,
        conversation=row.conversation,
        what=event_word(row.type),
        result=row.get_outcome_display() or row.get_state_display(),
        code=code,
        is_failed=row.outcome == Outcome.DEAD,
        status=200,
        n=row.duplicates + 1,
    )


# --- what went out ------------------------------------------------------------------------------------------------


def _went(which: CallFilter, end: int, numbers: Numbers) -> list[CallLine]:
    rows = rows_during(Exchange.objects.filter(pk__lt=end), which.during, numbers)
    if which.has_window:
        rows = rows.filter(pk__gte=end - WINDOW)
    if which.direction:
        rows = rows.filter(target=which.direction)
    if which.channel_id:
        rows = rows.filter(channel_id=which.channel_id)
    if which.conversation_id:
        events = WebhookEvent.objects.filter(conversation_id=which.conversation_id).order_by("-pk")
        rows = rows.filter(event_id__in=list(events.values_list("pk", flat=True)[:MAX_EVENTS]))
    if which.errors_only or which.code:
        rows = rows.exclude(code="")
    if which.errors_only:
        rows = rows.exclude(code__in=HARMLESS_CODES)
    if which.code:
        rows = rows.filter(code=which.code)
    if which.status in STATUSES:
        least, below = STATUSES[which.status]
        rows = rows.filter(status__gte=least, status__lt=below)
    if which.is_slow:
        rows = rows.filter(took_ms__gt=SLOW_MS)
    rows = rows.select_related("channel", "event__conversation__contact").defer("request", "response")
    parts = {"kind": F("delivery__kind"), "completes": F("delivery__payload__outgoing__complete")}
    return [_line_of_exchange(row) for row in rows.annotate(**parts).order_by("-pk")[: PAGE + 1]]


def _line_of_exchange(row: Any) -> CallLine:
    known = CODES.get(row.code)
    return CallLine(
        direction=row.target,
        id=row.pk,
        event_id=row.event_id,
        at=row.started_at,
        channel=row.channel,
        conversation=row.event.conversation,
        what=_what_went(row),
        result=known.name if known else result_word(row.result),
        code=row.code,
        is_failed=is_trouble(row.code, row.error),
        status=row.status,
        took_ms=row.took_ms,
        n=row.n,
    )


def _what_went(row: Any) -> str:
    """With what of its delivery is in the row: its kind, and how it completes."""
    if row.target == Target.BOT:
        return event_word(row.event.type)
    if row.kind == DeliveryKind.ATTACHMENT:
        return "file"
    return {"handover": "handover", "resolved": "reply and end"}.get(row.completes or "", "reply")
