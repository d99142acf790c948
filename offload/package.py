"""What agents get with a conversation: topics, tags and attributes by the channel's rules, and a note."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from channels_app.models import Author, Delivery, DeliveryState, WebhookEvent
from channels_app.protocol import Completion, ContactAttribute, Message, Reply
from channels_app.protocol.intents import named_in
from channels_app.protocol.remarks import UNDERSTOOD, remark
from channels_app.protocol.visible import is_visible
from offload.models import OffloadProvider
from offload.note import newest_messages, transcript_lines, write_note
from offload.routing import Case, Condition, Routed, Row, route

DOUBTFUL_REMARK = "Not certain: one of the bot's messages may not have reached the contact."
MAX_EVENTS = 50
"""Newest events of the conversation, in which the bot may have named an intent."""
MAX_CALLS = 100
"""Newest calls, in which it may have set a contact's attributes."""
MAX_WORDS = 5
"""Newest messages of the contact, in which rules look for words."""
_SOURCES = ("MEDIUM", "AGENT", "CRM_CONFIRMED")
"""Of a contact's attributes; the later one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What is known of the conversation beside its messages, and what its channel does with it."""

    rules: Sequence[Row] = ()
    language: str = ""
    medium: str = ""
    inbox_channel: tuple[str, ...] = ()
    topics: Sequence[str] = ()
    attributes: Sequence[ContactAttribute] = ()
    takes_no_notes: str = ""
    """The inbox's name, if agents get no note there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Which conversation, and why."""

    conversation_id: int
    channel_id: int
    now: datetime
    reason: str
    reason_words: str
    detail: str = ""
    payload: Any = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What earlier calls of the conversation tell."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    is_doubtful: bool = False


def pack(handed: Handed, reply: Reply, briefing: Briefing) -> Reply:
    """The reply with `complete: HANDOVER` and all that agents need: it leaves in one call with the last words."""
    messages, said = newest_messages(handed.conversation_id), _said_before(handed.conversation_id)
    case = Case(
        reason=handed.reason,
        intents=[*(intent.name for intent in reply.intents), *intents_named(handed.conversation_id)],
        topics=[*reply.topics, *briefing.topics],
        payload=handed.payload,
        language=briefing.language,
        medium=briefing.medium,
        inbox_channel=briefing.inbox_channel,
        attributes={**best_values(briefing.attributes), **said.attributes, **reply.attributes},
        words=[row.text for row in messages if row.author == Author.CONTACT][:MAX_WORDS],
        at=_local_time(handed, briefing.rules),
    )
    routed = route(briefing.rules, case)
    text = (Message(text=routed.text),) if routed.text else ()
    full = replace(
        reply,
        offload=None,
        complete=Completion.HANDOVER,
        messages=(*reply.messages, *text),
        topics=tuple(dict.fromkeys((*reply.topics, *routed.topics))),
        tags=tuple(dict.fromkeys((*reply.tags, *routed.tags))),
        attributes={**routed.attributes, **reply.attributes},
        dropped=(*reply.dropped, *_unread(reply, routed, briefing)),
    )
    remarks = _remarks(handed, reply, briefing, case, routed, said)
    lines = transcript_lines(messages, full)
    return replace(full, note=write_note(handed.reason_words, handed.detail, list(remarks), lines))


def _unread(reply: Reply, routed: Routed, briefing: Briefing) -> Iterator[str]:
    """What agents should have read, where the inbox takes no notes."""
    if briefing.takes_no_notes:
        yield from (f"for the agents' note, which {briefing.takes_no_notes} doesn't take: {line}"
                    for line in filter(is_visible, (reply.note, *routed.notes)))  # fmt: skip


def _remarks(
    handed: Handed, reply: Reply, briefing: Briefing, case: Case, routed: Routed, said: _Said
) -> Iterator[str]:
    """What stands in the note above the conversation."""
    topics = ", ".join(dict.fromkeys((*case.topics, *routed.topics)))
    known = {"Language": briefing.language, "Topics": topics, "Understood": ", ".join(dict.fromkeys(case.intents[:3]))}
    facts = " · ".join(f"{name}: {value}" for name, value in known.items() if value)
    if facts:
        yield facts
    yield from routed.notes
    if handed.payload:
        yield f"From the bot:{_in_lines(handed.payload)}"
    collected = {**said.attributes, **routed.attributes, **reply.attributes}
    if collected:
        yield f"Collected:{_in_lines(collected)}"
    if reply.note:
        yield reply.note
    if said.is_doubtful:
        yield DOUBTFUL_REMARK
    if settings.PUBLIC_BASE_URL:
        path = reverse("ops:conversation", args=[handed.conversation_id])
        yield f"Whole conversation: {settings.PUBLIC_BASE_URL}{path}"


def best_values(attributes: Sequence[ContactAttribute]) -> dict[str, str]:
    """One value for each attribute: the CRM's before the agents' before the medium's."""
    ranks = {source: rank for rank, source in enumerate(_SOURCES)}
    ordered = sorted(attributes, key=lambda one: ranks.get(one.source, -1))
    return {one.attribute: one.value for one in ordered}


def intents_named(conversation_id: int) -> list[str]:
    """What the bot understood in this conversation, the latest first."""
    newest = WebhookEvent.objects.filter(conversation_id=conversation_id).order_by("-id")
    reasons = newest.values_list("reason", flat=True)[:MAX_EVENTS]
    return [name for reason in reasons for name in named_in(remark(reason, UNDERSTOOD))]


def _said_before(conversation_id: int) -> _Said:
    newest = Delivery.objects.filter(conversation_id=conversation_id).order_by("-id")
    calls = list(newest.values_list("state", "payload__outgoing__attributes")[:MAX_CALLS])
    attributes = {name: value for _, found in reversed(calls) for name, value in (found or {}).items()}
    return _Said(attributes, any(state == DeliveryState.UNCONFIRMED for state, _ in calls))


def _local_time(handed: Handed, rules: Sequence[Row]) -> datetime | None:
    """By the opening hours' clock, if a rule asks for the hour."""
    if not any(row["condition"] == Condition.HOUR for row in rules):
        return None
    provider = OffloadProvider.objects.filter(channel_id=handed.channel_id).first()
    zone = (provider.opening_hours or {}).get("timezone") if provider else None
    return handed.now.astimezone(ZoneInfo(zone or settings.TIME_ZONE))


def _in_lines(payload: Any) -> str:
    """What the bot collected, in its order, a line each."""
    if isinstance(payload, dict) and len(payload) > 1:
        return "".join(f"\n  {key}: {_in_words(value)}" for key, value in payload.items())
    return f" {_in_words(payload)}"


def _in_words(payload: Any) -> str:
    """What the bot's author configured, readable for an agent."""
    if isinstance(payload, dict):
        return ", ".join(f"{key}: {_in_words(value)}" for key, value in payload.items())
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
