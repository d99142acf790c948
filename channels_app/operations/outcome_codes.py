"""The code of what went wrong with events, for lists: a few statements for a whole page.

It is the code that `explaining` comes to for the same event; a test holds both together.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Max, OuterRef, Subquery

from channels_app.lib.clocks import database_now
from channels_app.models import (
    Conversation,
    Delivery,
    EventState,
    Exchange,
    Outcome,
    Target,
    WebhookEvent,
    WorkerSlot,
)
from channels_app.operations.explanations import waiting_code
from channels_app.protocol import ASKS_BOT, EventType
from channels_app.protocol.causes import code_of_outcome
from channels_app.protocol.labels import is_trouble
from offload.models import Offload, OffloadReason, OffloadState

WISHES = (
    *(OffloadReason.ASKED_FOR_HUMAN, OffloadReason.CONTACT_ASKED, OffloadReason.BOT_COMPLETED, OffloadReason.ADMIN),
    *(OffloadReason.CONTACT_SILENT, OffloadReason.NOT_UNDERSTOOD, OffloadReason.MESSAGE_LEFT),
)
"""The end of the bot's part was wanted, or it has answered; all other reasons mean that the bot did not answer."""
HAD_BY_AGENTS = (OffloadState.REQUESTED, OffloadState.HANDED_OVER, OffloadState.ENDED)
"""Of a handover that took the conversation from the bot, or is about to."""
_ENDS = frozenset({Outcome.DEAD, Outcome.MOOT, Outcome.HANDED_OVER, Outcome.REPLIED_UNCONFIRMED})
"""Ends of an event that have a code; others ended as they should, unless their reason says that the bot failed."""


def codes_of_events(events: Sequence[WebhookEvent]) -> dict[int, str]:
    """By event, where there is one. An event that is still open has the code of its latest failed call, or of what
    it waits for; one that an earlier event's failure left without the bot has that one's."""
    reasons = _reasons(events)
    found = _own_codes(events, reasons)
    blamed = _culprits(events, reasons)
    earlier = list(WebhookEvent.objects.filter(pk__in=set(blamed.values())))
    theirs = _own_codes(earlier, _reasons(earlier))
    found |= {event_id: theirs[culprit] for event_id, culprit in blamed.items() if culprit in theirs}
    return {event_id: code for event_id, code in found.items() if code}


def codes_of_latest(latest: Sequence[WebhookEvent]) -> dict[int, str]:
    """By a conversation's latest event what is told of the conversation: the code of the contact's latest event,
    unless something went wrong since."""
    asked = _asked_before([event for event in latest if not EventType(event.type).asks_bot])
    codes = codes_of_events([*latest, *asked.values()])
    told = {event.pk: asked[event.pk] if _is_quiet(event, codes) and event.pk in asked else event for event in latest}
    return {last: codes[event.pk] for last, event in told.items() if event.pk in codes}


def went_wrong_since(event: WebhookEvent) -> bool:
    """Whether an event that isn't the contact's is told of in place of the contact's before it."""
    return not _is_quiet(event, codes_of_events([event]))


def _is_quiet(event: WebhookEvent, codes: Mapping[int, str]) -> bool:
    return not EventType(event.type).asks_bot and not is_trouble(codes.get(event.pk, ""))


def _asked_before(events: Sequence[WebhookEvent]) -> dict[int, WebhookEvent]:
    """By event the contact's latest one before it, in the same conversation."""
    if not events:
        return {}
    before = WebhookEvent.objects.filter(conversation=OuterRef("conversation"), pk__lt=OuterRef("pk"))
    asked = before.filter(type__in=ASKS_BOT).order_by("-pk").values("pk")[:1]
    rows = WebhookEvent.objects.filter(pk__in=[event.pk for event in events]).annotate(asked=Subquery(asked))
    ids = {pk: found for pk, found in rows.values_list("pk", "asked") if found}
    found = WebhookEvent.objects.in_bulk(ids.values())
    return {pk: found[asked_id] for pk, asked_id in ids.items()}


def _reasons(events: Sequence[WebhookEvent]) -> dict[int, str]:
    """Why agents got or should get the conversation, by the event that led to it."""
    ended = [event.pk for event in events if event.outcome]
    return dict(Offload.objects.filter(event_id__in=ended).values_list("event_id", "reason"))


def _own_codes(events: Sequence[WebhookEvent], reasons: Mapping[int, str]) -> dict[int, str]:
    told = {event.pk: OffloadReason.told_by(event.reason) for event in events}
    judged = [event.pk for event in events if event.outcome in _ENDS or (event.outcome and told[event.pk])]
    calls = _latest_calls([*judged, *(event.pk for event in events if event.outcome is None)])
    rows = Delivery.objects.filter(event_id__in=judged).order_by("seq")
    states = dict(rows.values_list("event_id", "state"))
    waiting = _waiting_codes([event for event in events if event.outcome is None and event.called_at is None])
    found = {}
    for event in events:
        call = calls.get((event.pk, Target.BOT), "")
        sent = calls.get((event.pk, Target.INBOX), "")
        if event.outcome is None:
            found[event.pk] = sent or call or waiting.get(event.pk, "")
        elif event.outcome in _ENDS:
            reason, state = reasons.get(event.pk, ""), states.get(event.pk, "")
            code = code_of_outcome(event.outcome, offload=reason, delivery=state, call=call, sent=sent)
            found[event.pk] = str(code or "")
        elif told[event.pk]:
            found[event.pk] = str(code_of_outcome(Outcome.HANDED_OVER, offload=told[event.pk] or "", call=call) or "")
    return found


def _latest_calls(event_ids: Sequence[int]) -> dict[tuple[int, str], str]:
    rows = Exchange.objects.filter(event_id__in=event_ids).exclude(code="").order_by("id")
    return {(event_id, target): code for event_id, target, code in rows.values_list("event_id", "target", "code")}


# --- another event's failure --------------------------------------------------------------------------------------


def culprit_of(event: WebhookEvent) -> int | None:
    """The event of the same conversation on which bot or inbox had failed, so that this one had no part of the bot."""
    return _culprits([event], _reasons([event])).get(event.pk)


def _culprits(events: Sequence[WebhookEvent], reasons: Mapping[int, str]) -> dict[int, int]:
    return {**_handed_over_before(events), **_held_up(events, reasons), **_joined(events)}


def _joined(events: Sequence[WebhookEvent]) -> dict[int, int]:
    """A STARTED that reached the bot with a message shares that message's fate, and a message its answer's."""
    return {event.pk: event.answered_by for event in events if event.outcome == Outcome.MERGED and event.answered_by}


def _handed_over_before(events: Sequence[WebhookEvent]) -> dict[int, int]:
    """Agents had the conversation already, because the bot had failed in the same stint."""
    lost = [event for event in events if _was_not_ours(event)]
    if not lost:
        return {}
    conversations = {event.conversation_id for event in lost}
    asked = set(Exchange.objects.filter(event__in=lost, target=Target.BOT).values_list("event_id", flat=True))
    rows = Offload.objects.filter(conversation__in=conversations, state__in=HAD_BY_AGENTS, event__isnull=False)
    hand_overs = list(rows.order_by("id").values_list("conversation_id", "event__stint", "event_id", "reason"))
    found = {}
    for event in lost:
        if event.outcome == Outcome.MOOT and event.pk in asked:
            continue  # it was the bot's, until an agent took the conversation
        place = (event.conversation_id, event.stint)
        latest = next(((by, why) for *at, by, why in reversed(hand_overs) if tuple(at) == place), None)
        if latest and latest[0] != event.pk and latest[1] not in WISHES:
            found[event.pk] = latest[0]
    return found


def _was_not_ours(event: WebhookEvent) -> bool:
    is_contacts = EventType(event.type).asks_bot
    return is_contacts and (
        event.outcome == Outcome.MOOT or (event.outcome == Outcome.MERGED and not event.answered_by)
    )


def _held_up(events: Sequence[WebhookEvent], reasons: Mapping[int, str]) -> dict[int, int]:
    """Its time was over before it was its turn, because an earlier message's reply could not be sent."""
    held = [event for event in events if event.called_at and reasons.get(event.pk) == OffloadReason.OUT_OF_TIME]
    if not held:
        return {}
    conversations = {event.conversation_id for event in held}
    dead = list(WebhookEvent.objects.filter(conversation__in=conversations, outcome=Outcome.DEAD).order_by("id"))
    found = {}
    for event in held:
        before = [row.pk for row in dead if row.conversation_id == event.conversation_id and _ended_during(row, event)]
        if before:
            found[event.pk] = before[-1]
    return found


def _ended_during(row: WebhookEvent, event: WebhookEvent) -> bool:
    """Whether it ended while the other one waited for its turn."""
    if row.pk == event.pk or row.finished_at is None or event.called_at is None:
        return False
    return event.received_at <= row.finished_at <= event.called_at


# --- what waits ---------------------------------------------------------------------------------------------------


def worker_seen_at() -> datetime | None:
    """When a worker last said that it lives."""
    seen: datetime | None = WorkerSlot.objects.filter(kind="worker", ended_at=None).aggregate(seen=Max("beat_at"))[
        "seen"
    ]
    return seen


def in_work(conversation_ids: Iterable[int]) -> set[int]:
    """Of these conversations those in which an event is begun with: others of them wait for it, not for a worker."""
    states = (EventState.BOT_CALL, EventState.SENDING)
    rows = WebhookEvent.objects.filter(conversation__in=list(conversation_ids), outcome=None, state__in=states)
    return set(rows.values_list("conversation_id", flat=True))


def _waiting_codes(events: Sequence[WebhookEvent]) -> dict[int, str]:
    if not events:
        return {}
    now, seen_at = database_now(), worker_seen_at()
    conversation_ids = {event.conversation_id for event in events}
    leased = set(
        Conversation.objects.filter(pk__in=conversation_ids, lease_until__gt=now).values_list("pk", flat=True)
    )
    busy = in_work(conversation_ids)
    return {
        event.pk: waiting_code(
            now=now,
            since=event.retried_at or event.received_at,
            wait_until=event.wait_until,
            silent=now - seen_at if seen_at else timedelta.max,
            is_leased=event.conversation_id in leased,
            is_busy=event.conversation_id in busy,
        )
        for event in events
        if EventType(event.type).asks_bot
    }
