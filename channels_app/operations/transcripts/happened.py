"""What happened around the messages: handovers, failed calls, how events ended. In the voice of the system."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from channels_app.codes import CODES
from channels_app.models import EventSource, Outcome, Target, WebhookEvent
from channels_app.operations.outcome_codes import WISHES
from channels_app.operations.transcripts.lines import Line, Rows, Voice
from channels_app.protocol import EventType
from channels_app.protocol.labels import duration, event_word, is_trouble
from channels_app.protocol.remarks import (
    CANT_BE_SHOWN,
    LEFT_OUT,
    NOT_CLOSED,
    NOT_UNDERSTOOD,
    OVERTAKEN,
    UNDERSTOOD,
    remark,
)
from offload.models import OffloadReason, OffloadState
from offload.reports import RECORDED


def happened_lines(rows: Rows) -> Iterator[Line]:
    """All that is no message."""
    yield from _events(rows)
    yield from _failed_calls(rows)
    yield from _hand_overs(rows)


_TOLD_BY_MESSAGES = frozenset({EventType.MESSAGE_RECEIVED, EventType.BOT_REPLIED, EventType.MESSAGE_ORDERED})
_ENDS = {
    Outcome.MOOT: "Not answered: the conversation was no longer with the bot",
    Outcome.DEAD: "Failed for good: no answer",
    Outcome.IGNORED: "Not handled",
    Outcome.SILENT: "No message",
    Outcome.REPLIED_UNCONFIRMED: "Sparkcentral did not confirm that it accepted the message",
    Outcome.RESOLVED: "The bot closed the conversation",
}
"""Ends of an event that no message tells of."""


def _events(rows: Rows) -> Iterator[Line]:
    for event in rows.events:
        if event.type not in _TOLD_BY_MESSAGES:
            asked = event.pk if EventType(event.type).asks_bot else None
            by = _by(rows, event)
            at = event.sent_at if event.source == EventSource.WRITE_BACK else event.received_at
            yield _system(at, event_word(event.type), by, event_id=event.pk, asked_id=asked)
        if event.type == EventType.BOT_REPLIED and event.duplicates:
            times = f"{event.duplicates + 1} times, treated as repeats"
            yield _system(
                event.received_at, "The bot sent the same message again: delivered once", times, event_id=event.pk
            )
        if NOT_CLOSED in event.reason:
            because = "the contact has written again, and is answered first"
            yield _system(
                event.finished_at or event.received_at, "The bot asked to close the conversation: not done", because
            )
        if OVERTAKEN in event.reason:
            at, because = event.finished_at or event.received_at, "the contact had written again"
            if not event.answered_by:
                yield _system(at, "The bot's answer was not sent", because, code="CB-525")
            continue
        if understood := remark(event.reason, UNDERSTOOD):
            yield _system(event.received_at, "The bot understood", understood)
        if remark(event.reason, NOT_UNDERSTOOD):
            yield _system(event.received_at, "The bot did not understand")
        if left_out := remark(event.reason, LEFT_OUT):
            yield _system(event.received_at, "Part of what the bot asked for was left out", left_out)
        named = remark(event.reason, CANT_BE_SHOWN)
        if named and (event.type == EventType.BOT_REPLIED or event.outcome != Outcome.SILENT):
            yield _system(
                event.received_at, "The bot sent something that can't be shown", named, is_bad=True, code="CB-518"
            )
            if event.outcome == Outcome.SILENT:
                continue
        is_report = event.type in (EventType.CONVERSATION_RESOLVED, EventType.CONVERSATION_PENDING)
        if event.outcome in _ENDS and event.finished_at and not is_report:
            yield _end(event, Outcome(event.outcome), event.finished_at)


def _end(event: WebhookEvent, outcome: Outcome, at: datetime) -> Line:
    """Words of the bot that we accepted and that agents came before are more than an event without an answer."""
    if outcome is Outcome.MOOT and event.type == EventType.BOT_REPLIED:
        return _system(
            at, "The bot's message was not sent", event.reason, is_bad=True, code="CB-519", event_id=event.pk
        )
    is_rule = outcome is Outcome.RESOLVED and event.type == EventType.CONTACT_SILENT
    return _system(
        at, "The conversation was closed" if is_rule else _ENDS[outcome], event.reason, is_bad=outcome is Outcome.DEAD
    )


def _by(rows: Rows, event: WebhookEvent) -> str:
    """Who ordered it; or what the inbox told of the agents."""
    if event.source != EventSource.WRITE_BACK:
        return rows.ordered_by.get(event.pk, "")
    ended = [row for row in rows.offloads if row.ended_at == event.sent_at]
    told = [row.ended_by for row in ended] if event.reason in ("", RECORDED) else [event.reason]
    said = [row.end_comment for row in ended if rows.reads_text]
    return " · ".join(filter(None, (*told, *said)))


def _failed_calls(rows: Rows) -> Iterator[Line]:
    for call in rows.exchanges:
        if call.code or call.error:
            known = CODES.get(call.code)
            what = "Bot" if call.target == Target.BOT else "Sparkcentral"
            yield _system(
                call.started_at + timedelta(milliseconds=call.took_ms),
                f"{what}, try {call.n}: {known.name if known else 'failed'}",
                call.error,
                is_bad=is_trouble(call.code, call.error),
                code=call.code,
                took_ms=call.took_ms,
                exchange_ids=(call.pk,),
            )


_ASKED: Mapping[str, str] = {
    OffloadReason.CONTACT_ASKED: "The contact asked",
    OffloadReason.NOT_UNDERSTOOD: "The channel's rule asked",
}


def _hand_overs(rows: Rows) -> Iterator[Line]:
    for row in rows.offloads:
        # Why a bot asks is in its own words, which may hold the contact's.
        is_open = rows.reads_text or row.reason not in WISHES
        detail = " · ".join(filter(None, (row.get_reason_display(), row.detail if is_open else "")))
        match row.state:
            case OffloadState.REQUESTED | OffloadState.MOOT:
                continue  # shown when it is done; or it had no effect
            case OffloadState.CLOSED:
                asked = _ASKED.get(row.reason, "The bot asked")
                text, is_bad = f"{asked} for an agent, but none took over", False
            case OffloadState.REFUSED | OffloadState.FAILED:
                text, is_bad = "The handover to the agents failed", True
            case _:
                text, is_bad = "Handed over to the agents", row.reason not in WISHES
        note = rows.notes.get(row.event_id or 0, "")
        yield _system(row.finished_at or row.requested_at, text, detail, is_bad=is_bad, note=note)
        if row.taken_at and row.taken_by and row.finished_at:  # else it is told by its return
            waited = duration((row.taken_at - row.finished_at).total_seconds())
            yield _system(row.taken_at, "An agent opened the conversation", f"after {waited}")


def _system(at: datetime, text: str, detail: str = "", **more: Any) -> Line:
    words = text[:1].upper() + text[1:]
    return Line(at=at, voice=Voice.SYSTEM, name="System", text=words, detail=detail, **more)
