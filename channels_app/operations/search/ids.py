"""What a search term names directly: one of Sparkcentral's ids or ours, in an address or alone. All by indexes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, Value

from channels_app.models import (
    Channel,
    ContactRow,
    Conversation,
    Delivery,
    EventSource,
    Exchange,
    WebhookEvent,
)

MAX_HITS = 50
MAX_WORDS = 20
"""Parts of a pasted address that may be an id."""
_WORD = re.compile(r"[^\s/?#&=]+")
_NUMBERED = re.compile(r"(conversation|event|delivery|call|exchange)?\s*#?\s*([0-9]{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hit:
    """A conversation, why it was found, and the event that the term named."""

    conversation_id: int
    match: str
    event_id: int | None = None


def row_number(text: str) -> int | None:
    """The number of a row, if it is one that a row can have."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def named_by(term: str, *, reads_text: bool) -> list[Hit]:
    """Each conversation once, by the first thing that names it. One statement, however many things may."""
    parts = [_columns(place, *named) for place, named in enumerate(_all_named(term, reads_text=reads_text))]
    hits: dict[int, Hit] = {}
    for _, conversation_id, match, event_id in sorted(parts[0].union(*parts[1:], all=True), key=_by_place):
        hits.setdefault(conversation_id, Hit(conversation_id, match, event_id or None))
    return list(hits.values())


Named = tuple[QuerySet[Any], str, str, str]
"""Rows, in words why they were found, and their columns with the conversation and the event ("" for none)."""


def _columns(place: int, rows: QuerySet[Any], match: str, conversation: str, event: str) -> QuerySet[Any, Any]:
    """The same columns of all kinds of rows; the event is 0 where none is meant."""
    found = rows.annotate(
        place=Value(place),
        conversation_found=F(conversation),
        match=Value(match),
        event_found=F(event) if event else Value(0),
    )
    columns: QuerySet[Any, Any] = found.values_list("place", "conversation_found", "match", "event_found")
    return columns[:MAX_HITS]


def _by_place(row: tuple[int, int, str, int]) -> tuple[int, int]:
    """In the order of what names them, and the newest first."""
    return row[0], -row[1]


def _all_named(term: str, *, reads_text: bool) -> Iterator[Named]:
    words = _WORD.findall(term)[:MAX_WORDS]
    channels = list(Channel.objects.values_list("pk", flat=True))
    yield Conversation.objects.filter(channel__in=channels, external_id__in=words), "its id in Sparkcentral", "pk", ""
    sessions = [word for word in words if _is_uuid(word)]
    yield Conversation.objects.filter(session_id__in=sessions), "its session", "pk", ""
    if numbered := _NUMBERED.fullmatch(term):
        yield from _by_number(int(numbered[2]), (numbered[1] or "").lower())
    if len(words) == 1:
        yield from _by_key(words[0], channels)
        if reads_text:  # what a platform calls a contact may be their number
            contacts = ContactRow.objects.filter(channel__in=channels, external_id=words[0]).values("pk")
            yield Conversation.objects.filter(contact__in=contacts).order_by("-id"), "its contact's id", "pk", ""


def _is_uuid(word: str) -> bool:
    try:
        return bool(UUID(word))
    except ValueError:
        return False


def _by_number(number: int, kind: str) -> Iterator[Named]:
    """Our own numbers, as shown on pages: with their type, or of anything with this number."""
    if kind in ("", "conversation"):
        yield Conversation.objects.filter(pk=number), f"conversation {number}", "pk", ""
    if kind in ("", "event"):
        yield WebhookEvent.objects.filter(pk=number), f"event {number}", "conversation_id", "pk"
    if kind in ("", "delivery"):
        yield Delivery.objects.filter(pk=number), f"delivery {number}", "conversation_id", "event_id"
    if kind in ("", "call", "exchange"):
        yield Exchange.objects.filter(pk=number), f"call {number}", "event__conversation_id", "event_id"


def _by_key(word: str, channels: Sequence[int]) -> Iterator[Named]:
    """What platforms call an event or a failed call."""
    events = WebhookEvent.objects.filter(channel__in=channels, source__in=EventSource.values, idempotency_key=word)
    yield events, "the key of its event", "conversation_id", "pk"
    traced = Exchange.objects.filter(trace_id=word).exclude(trace_id="")
    yield traced, "a trace id", "event__conversation_id", "event_id"
