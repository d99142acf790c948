"""Gathers what is known about an event of a contact, and explains it: for pages, the API and `manage.py explain`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from channels_app.conversations.claim import count_due
from channels_app.deliveries.inline import TAKEN
from channels_app.lib.attributes import filled
from channels_app.lib.clocks import database_now
from channels_app.models import (
    Author,
    Conversation,
    Delivery,
    DeliveryKind,
    EventState,
    Exchange,
    Failure,
    MessageRow,
    WebhookEvent,
)
from channels_app.operations.explanations import (
    CallFacts,
    Check,
    DeliveryFacts,
    EventFacts,
    Explanation,
    Facts,
    FailureGroupFacts,
    HandOverFacts,
    State,
    Surroundings,
    explain_facts,
)
from channels_app.operations.explanations.arrival import LONG_WAIT
from channels_app.operations.explanations.facts import ANSWERED
from channels_app.operations.explanations.silences import refusing_now
from channels_app.operations.outcome_codes import (
    HAD_BY_AGENTS,
    WISHES,
    culprit_of,
    in_work,
    went_wrong_since,
    worker_seen_at,
)
from channels_app.protocol import ASKS_BOT, EventType
from offload.models import Offload, OffloadReason, OffloadState


def explain(conversation_id: int, event_id: int | None = None) -> Explanation:
    """Why the bot did not answer this event of the conversation, or its latest one. An event of the bot's or of a
    person's stands for the contact's before it, unless it is what went wrong. Raises Conversation.DoesNotExist."""
    related = ("channel__bot", "inbox_channel")
    conversation = Conversation.objects.select_related(*related).get(pk=conversation_id)
    return replace(_told(conversation, event_id), refusing=refusing_now(conversation.channel))


def _told(conversation: Conversation, event_id: int | None) -> Explanation:
    event = _asked_event(conversation, event_id)
    if event is None:
        return _explain_no_message(conversation)
    culprit = None if event.answered_by else culprit_of(event)
    return _explained(conversation, event, _explained_by(conversation, culprit) if culprit else None)


def _explained_by(conversation: Conversation, event_id: int) -> Explanation | None:
    """What befell the event to which another one's fate goes back."""
    event = conversation.events.filter(pk=event_id).first()
    return _explained(conversation, event, None) if event else None


def _explained(conversation: Conversation, event: WebhookEvent, earlier: Explanation | None) -> Explanation:
    answer = WebhookEvent.objects.filter(pk=event.answered_by).first() if event.answered_by else None
    event_ids = [row.pk for row in (event, answer) if row]
    hand_over = _hand_over(conversation, event, event_ids)
    facts = Facts(
        now=database_now(),
        event=_event_facts(event),
        around=_surroundings(conversation, event),
        answer=_event_facts(answer) if answer else None,
        calls=_calls(event_ids),
        deliveries=_deliveries(event_ids),
        hand_over=hand_over,
        failed_by=_failed_by(event, hand_over),
        because=earlier.stop.problem if earlier and earlier.stop else None,
        bot_messages=MessageRow.objects.filter(event_id__in=event_ids, author=Author.BOT).count(),
    )
    ids = _ids(conversation, event, facts)
    if earlier and facts.because:
        ids |= {"earlier_event": earlier.ids["event"]}
        ids |= {name: earlier.ids[name] for name in ("exchange",) if name in earlier.ids}
    return explain_facts(facts, ids, _group(event_ids) or (earlier.group if earlier else None))


def _asked_event(conversation: Conversation, event_id: int | None) -> WebhookEvent | None:
    events = conversation.events.filter(type__in=ASKS_BOT).order_by("-id")
    last = conversation.events.filter(**({} if event_id is None else {"pk": event_id})).order_by("-id").first()
    if last is None:
        return None
    found = last if EventType(last.type).asks_bot else events.filter(answered_by=last.pk).first()
    if found is None and went_wrong_since(last):
        return last
    found = found or events.filter(pk__lt=last.pk).first()
    # A STARTED that reached the bot together with a message shares that message's fate.
    told_with = found.answered_by if found else None
    return (events.filter(pk=told_with).first() if told_with else None) or found


def _ids(conversation: Conversation, event: WebhookEvent, facts: Facts) -> dict[str, int]:
    ids = {"conversation": conversation.pk, "channel": conversation.channel_id, "event": event.pk}
    if conversation.channel.bot_id:
        ids["bot"] = conversation.channel.bot_id
    before = facts.hand_over
    if before and before.event_id and not before.is_own:
        ids["earlier_event"] = before.event_id
    return ids


# --- facts --------------------------------------------------------------------------------------------------------


def _event_facts(row: WebhookEvent) -> EventFacts:
    return filled(EventFacts, row, type=EventType(row.type), outcome=row.outcome or "")


def _calls(event_ids: Sequence[int]) -> tuple[CallFacts, ...]:
    names = ("id", "target", "n", "started_at", "took_ms", "status", "code", "error", "delivery_id")
    rows = Exchange.objects.filter(event_id__in=event_ids).order_by("started_at", "id").values(*names)
    return tuple(CallFacts(**row) for row in rows)


def _deliveries(event_ids: Sequence[int]) -> tuple[DeliveryFacts, ...]:
    names = ("id", "state", "kind", "tries", "created_at", "finished_at", "last_error")
    rows = Delivery.objects.filter(event_id__in=event_ids).order_by("id")
    told = {"completes": F("payload__outgoing__complete"), "inline": F("payload__inline__state")}
    return tuple(_delivery(row) for row in rows.values(*names, **told))


def _delivery(row: dict[str, Any]) -> DeliveryFacts:
    uploads, error = row.pop("kind") == DeliveryKind.ATTACHMENT, row.pop("last_error")
    told = {"completes": row.pop("completes") or "", "is_in_response": row.pop("inline") == TAKEN}
    return DeliveryFacts(**row, **told, uploads=uploads, error=error)


def _hand_over(conversation: Conversation, event: WebhookEvent, event_ids: Sequence[int]) -> HandOverFacts | None:
    """The one that this event led to; else the latest before its end, which may be why the bot had no part in it."""
    before = Q(requested_at__lte=event.finished_at or event.received_at)
    before &= Q(event__stint=event.stint, state__in=HAD_BY_AGENTS)
    found = conversation.offloads.filter(Q(event_id__in=event_ids) | before).order_by("-id")[:5]
    rows = [row for row in found if not _is_past(row, event)]
    own = next((row for row in rows if row.event_id in event_ids), None)
    row = own or next(iter(rows), None)
    return _hand_over_facts(row, is_own=own is not None) if row else None


def _is_past(row: Offload, event: WebhookEvent) -> bool:
    """It failed before the event was retried, and that went well."""
    is_failed = row.state in (OffloadState.REFUSED, OffloadState.FAILED)
    is_before = event.retried_at is not None and row.requested_at < event.retried_at
    return is_failed and is_before and event.outcome in ANSWERED


def _hand_over_facts(row: Offload, *, is_own: bool) -> HandOverFacts:
    return filled(HandOverFacts, row, label=row.get_reason_display(), by=row.requested_by, is_own=is_own)


def _failed_by(event: WebhookEvent, hand_over: HandOverFacts | None) -> str:
    """Why the bot's part ended without an answer. A channel that does not hand over writes the reason down only."""
    if hand_over and hand_over.is_own:
        return "" if hand_over.reason in WISHES else hand_over.reason
    return OffloadReason.told_by(event.reason) or ""


def _surroundings(conversation: Conversation, event: WebhookEvent) -> Surroundings:
    channel, bot = conversation.channel, conversation.channel.bot
    around: dict[str, Any] = {"owner": conversation.owner, "channel": channel.name}
    if channel.paused_at and channel.paused_at <= (event.finished_at or database_now()):
        around |= {"paused_by": channel.paused_by}
    if event.outcome is None:
        around |= _who_works(conversation, event)
    if event.called_at and event.called_at - event.received_at > LONG_WAIT:
        around |= {"busy_until": _busy_until(conversation, event)}
    return Surroundings(
        **around,
        bot=bot.name if bot else "no bot",
        bot_failures=bot.failures if bot else 0,
        answer_within_s=channel.answer_within_s,
        inbox_channel=str(conversation.inbox_channel or ""),
    )


MAX_OTHERS = 50
"""Neighbouring events searched for calls that one waited for: more than a contact writes in that time."""


def _busy_until(conversation: Conversation, event: WebhookEvent) -> datetime | None:
    """When the last call for another message of the conversation ended, before this one was begun with."""
    others = conversation.events.exclude(pk=event.pk).filter(received_at__lt=event.called_at).order_by("-pk")
    ids = list(others.values_list("pk", flat=True)[:MAX_OTHERS])
    calls = Exchange.objects.filter(event_id__in=ids, started_at__lt=event.called_at)
    ends = (at + timedelta(milliseconds=took_ms) for at, took_ms in calls.values_list("started_at", "took_ms"))
    return max(ends, default=None)


def _who_works(conversation: Conversation, event: WebhookEvent) -> dict[str, Any]:
    """For an event that is still open: who has it, and what comes first."""
    now = database_now()
    earlier = conversation.events.filter(outcome=None, pk__lt=event.pk).exclude(state=EventState.BOT_WAIT)
    return {
        "is_leased": conversation.lease_until is not None and conversation.lease_until > now,
        "is_behind": earlier.exists(),
        "is_busy": bool(in_work([conversation.pk])),
        "worker_seen_at": worker_seen_at(),
        "waiting": count_due(),
    }


def _group(event_ids: Sequence[int]) -> FailureGroupFacts | None:
    failure = Failure.objects.filter(event_id__in=event_ids).select_related("group").order_by("-at").first()
    return filled(FailureGroupFacts, failure.group) if failure else None


def _explain_no_message(conversation: Conversation) -> Explanation:
    detail = "The contact has not written in this conversation."
    return Explanation(
        headline="There is no message from the contact.",
        checks=(Check(name="received", state=State.STOPPED, detail=detail),),
        ids={"conversation": conversation.pk, "channel": conversation.channel_id},
    )
