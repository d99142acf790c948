"""The transcript of a conversation for people: messages, and in between what happened and how long it took."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q

from channels_app.lib.clocks import database_now
from channels_app.lib.masking import masked_name
from channels_app.models import (
    Conversation,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EventBody,
    EventSource,
    Exchange,
    MessageRow,
    WebhookEvent,
)
from channels_app.operations.transcripts.happened import happened_lines
from channels_app.operations.transcripts.lines import Line, Rows, Text, Voice
from channels_app.operations.transcripts.said import said_lines
from offload.models import Offload

__all__ = ["Line", "Text", "Transcript", "Voice", "load_transcript"]

MAX_EVENTS = 100
"""Events on a page: more than most conversations have. Of a longer one the latest, and a way to those before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A part of a conversation. `before`: the number of an event, to go on with what was earlier."""

    conversation: Conversation
    contact: str
    topics: tuple[str, ...] = ()
    lines: tuple[Line, ...]
    before: int | None = None
    reads_text: bool = False
    keep_days: int = 0


def load_transcript(
    conversation_id: int, *, before: int | None = None, reads_text: bool = False, events_most: int | None = None
) -> Transcript:
    """The latest lines, or those of events before `before`. Without `reads_text` it contains no message texts.

    Raises Conversation.DoesNotExist.
    """
    related = ("channel__bot", "contact", "inbox_channel")
    conversation = Conversation.objects.select_related(*related).get(pk=conversation_id)
    found = conversation.events.order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    events_most = events_most or MAX_EVENTS
    newest = list(found[: events_most + 1])
    events = newest[:events_most][::-1]
    keep_days = conversation.channel.keep_days
    fates, notes = _sent(events)
    rows = Rows(
        events=events,
        messages=_messages(events),
        exchanges=_exchanges(events),
        offloads=_offloads(conversation, events, is_newest=before is None),
        fates=fates,
        notes=notes if reads_text else {},
        ordered_by=_ordered_by(events),
        reads_text=reads_text,
        texts_end_at=database_now() - timedelta(days=keep_days),
    )
    name = str(conversation.contact or "")
    return Transcript(
        conversation=conversation,
        contact=name if reads_text or not name else masked_name(name),
        topics=tuple(conversation.topics) if reads_text else (),
        lines=tuple(make_lines(rows)),
        before=events[0].pk if len(newest) > events_most else None,
        reads_text=reads_text,
        keep_days=keep_days,
    )


def _messages(events: Sequence[WebhookEvent]) -> list[MessageRow]:
    return list(MessageRow.objects.filter(event__in=events).order_by("said_at", "position"))


def _exchanges(events: Sequence[WebhookEvent]) -> list[Exchange]:
    return list(Exchange.objects.filter(event__in=events).defer("request", "response").order_by("pk"))


def _offloads(conversation: Conversation, events: Sequence[WebhookEvent], *, is_newest: bool) -> list[Offload]:
    """Of these events, and those that a bot asked for in vain, which belong to none, in the same time."""
    if not events:
        return []
    loose = Q(event=None, requested_at__gte=events[0].received_at)
    if not is_newest:
        loose &= Q(requested_at__lt=events[-1].received_at)
    return list(Offload.objects.filter(Q(event__in=events) | loose, conversation=conversation).order_by("pk"))


def _sent(events: Sequence[WebhookEvent]) -> tuple[dict[int, list[str]], dict[int, str]]:
    """Each message's fate, from the calls that carried them, and the notes that agents got with them; unknown once
    their texts are deleted."""
    rows = Delivery.objects.filter(event__in=events, kind=DeliveryKind.REPLY).order_by("event_id", "seq")
    fates: dict[int, list[str]] = {}
    notes: dict[int, str] = {}
    names = ("event_id", "state", "payload__outgoing__messages", "payload__in_doubt", "payload__outgoing__note")
    for event_id, state, said, in_doubt, note in rows.values_list(*names):
        word = "" if state == DeliveryState.SENT else DeliveryState(state).label
        words = [DeliveryState.UNCONFIRMED.label] * (in_doubt or 0) + [word] * len(said or ())
        fates.setdefault(event_id, []).extend(words)
        if note and state == DeliveryState.SENT:
            notes[event_id] = note
    return fates, notes


def _ordered_by(events: Sequence[WebhookEvent]) -> dict[int, str]:
    ordered = [event.pk for event in events if event.source == EventSource.ADMIN]
    bodies = EventBody.objects.filter(event__in=ordered).values_list("event_id", "raw") if ordered else ()
    return {event_id: _by(bytes(raw)) for event_id, raw in bodies}


def _by(raw: bytes) -> str:
    """Who ordered it; "" when the body is deleted."""
    return str(json.loads(raw).get("by", "")) if raw else ""


# --- lines --------------------------------------------------------------------------------------------------------

GAP_S = 5.0
"""A silence that is worth to be seen, in seconds."""


def make_lines(rows: Rows) -> list[Line]:
    """All lines in the order in which things happened."""
    found = sorted([*said_lines(rows), *happened_lines(rows)], key=lambda line: line.at)
    return list(_with_gaps(found))


def _with_gaps(lines: Iterable[Line]) -> Iterator[Line]:
    before: datetime | None = None
    for line in lines:
        gap_s = (line.at - before).total_seconds() if before else 0.0
        yield replace(line, gap_s=gap_s) if gap_s > GAP_S else line
        before = line.at
