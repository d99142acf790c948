"""What a search term names outright: an id of Sparkcentral's or of ours, in an address or alone. All by indexes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from channels_app.models import (
    Channel,
    ContactRow,
    Conversation,
    Delivery,
    EventSource,
    Exchange,
    WebhookEvent,
)

HITS_MOST = 50
WORDS_MOST = 20
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


def named_by(term: str) -> list[Hit]:
    """Each conversation once, by the first thing that names it."""
    hits: dict[int, Hit] = {}
    for hit in _all_named(term):
        hits.setdefault(hit.conversation_id, hit)
    return list(hits.values())


def _all_named(term: str) -> Iterator[Hit]:
    words = _WORD.findall(term)[:WORDS_MOST]
    channels = list(Channel.objects.values_list("pk", flat=True))
    external = Conversation.objects.filter(channel__in=channels, external_id__in=words)
    yield from _hits(external, "its id in Sparkcentral", "pk")
    sessions = [word for word in words if _is_uuid(word)]
    yield from _hits(Conversation.objects.filter(session_id__in=sessions), "its session", "pk")
    if numbered := _NUMBERED.fullmatch(term):
        yield from _by_number(int(numbered[2]), (numbered[1] or "").lower())
    if len(words) == 1:
        yield from _by_key(words[0], channels)


def _is_uuid(word: str) -> bool:
    try:
        return bool(UUID(word))
    except ValueError:
        return False


def _by_number(number: int, kind: str) -> Iterator[Hit]:
    """Our own numbers, as they stand on pages: with their word, or of whatever has this number."""
    if kind in ("", "conversation"):
        yield from _hits(Conversation.objects.filter(pk=number), f"conversation {number}", "pk")
    if kind in ("", "event"):
        yield from _hits(WebhookEvent.objects.filter(pk=number), f"event {number}", "conversation_id", "pk")
    if kind in ("", "delivery"):
        yield from _hits(Delivery.objects.filter(pk=number), f"delivery {number}", "conversation_id", "event_id")
    if kind in ("", "call", "exchange"):
        calls = Exchange.objects.filter(pk=number)
        yield from _hits(calls, f"call {number}", "event__conversation_id", "event_id")


def _by_key(word: str, channels: Sequence[int]) -> Iterator[Hit]:
    """What platforms call an event, a failed call, or a contact."""
    events = WebhookEvent.objects.filter(channel__in=channels, source__in=EventSource.values, idempotency_key=word)
    yield from _hits(events, "the key of its event", "conversation_id", "pk")
    traced = Exchange.objects.filter(trace_id=word).exclude(trace_id="")
    yield from _hits(traced, "a trace id", "event__conversation_id", "event_id")
    contacts = ContactRow.objects.filter(channel__in=channels, external_id=word).values("pk")
    yield from _hits(Conversation.objects.filter(contact__in=contacts).order_by("-id"), "its contact's id", "pk")


def _hits(rows: QuerySet[Any], match: str, conversation: str, event: str = "") -> Iterator[Hit]:
    if not event:
        yield from (Hit(pk, match) for pk in rows.values_list(conversation, flat=True)[:HITS_MOST])
        return
    yield from (Hit(pk, match, event_id) for pk, event_id in rows.values_list(conversation, event)[:HITS_MOST])
