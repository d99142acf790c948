"""The messages of a transcript: who said what, and how long the contact had waited for it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from channels_app.models import Author, EventSource, MessageRow, WebhookEvent
from channels_app.operations.transcripts.lines import Line, Rows, Text, Voice
from channels_app.protocol import EventType

_VOICES = {
    Author.CONTACT: (Voice.CONTACT, "Contact"),
    Author.BOT: (Voice.BOT, "Bot"),
    Author.AGENT: (Voice.AGENT, "Agent"),
    Author.NOTE: (Voice.NOTE, "Note"),
    Author.BRIDGE: (Voice.SYSTEM, "chatbridge"),
}


UNTIMED = "time of the report"
"""Of what agents and contacts said among themselves."""
_NOTHING: Iterator[str] = iter(())


def said_lines(rows: Rows) -> Iterator[Line]:
    """What was said, and what the contact said that is not handled yet."""
    yield from _messages(rows)
    yield from _waiting(rows)


def _messages(rows: Rows) -> Iterator[Line]:
    events = {event.pk: event for event in rows.events}
    asked_at = _asked_at(rows.events)
    timed = set[int]()
    fates = {event_id: iter(words) for event_id, words in rows.fates.items()}
    for message in rows.messages:
        event = events[message.event_id]
        is_contact = message.author == Author.CONTACT
        is_reported = event.source == EventSource.WRITE_BACK
        took_ms = None
        if not is_contact and not is_reported and event.pk not in timed and event.finished_at:
            timed.add(event.pk)
            took_ms = _milliseconds(event.finished_at - asked_at.get(event.pk, event.received_at))
        voice, name = _VOICES[Author(message.author)]
        by = rows.ordered_by.get(event.pk, "")
        name = f"{name}: {message.name}" if message.name else name
        calls = () if is_contact else tuple(call.pk for call in rows.exchanges if call.event_id == event.pk)
        yield Line(
            at=event.received_at if is_contact and not is_reported else message.said_at,
            voice=voice,
            name=f"{name}, written by {by}" if by else name,
            detail=UNTIMED if is_reported and message.author != Author.NOTE else "",
            text=message.text if rows.reads_text else "",
            state=_state(message, rows),
            attachment_url=message.attachment_url if rows.reads_text else "",
            is_message=True,
            fate="" if is_contact else next(fates.get(event.pk, _NOTHING), ""),
            took_ms=took_ms,
            event_id=event.pk if is_contact or event.type == EventType.BOT_REPLIED else None,
            asked_id=event.pk if is_contact and not is_reported else None,
            exchange_ids=calls,
        )


def _asked_at(events: Iterable[WebhookEvent]) -> dict[int, datetime]:
    """When the contact had asked what an event of the bot answers."""
    return {event.answered_by: event.received_at for event in reversed(list(events)) if event.answered_by}


def _state(message: MessageRow, rows: Rows) -> Text:
    if message.text or message.attachment_url:
        return Text.SHOWN if rows.reads_text else Text.MASKED
    return Text.DELETED if message.said_at < rows.texts_end_at else Text.NONE


def _waiting(rows: Rows) -> Iterator[Line]:
    """Messages of the contact that no worker has begun with."""
    begun = {message.event_id for message in rows.messages}
    for event in rows.events:
        if event.type == EventType.MESSAGE_RECEIVED and event.pk not in begun:
            yield Line(
                at=event.received_at,
                voice=Voice.CONTACT,
                name="Contact",
                state=Text.WAITING if event.outcome is None else Text.NONE,
                is_message=True,
                event_id=event.pk,
                asked_id=event.pk,
            )


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
