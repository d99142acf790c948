"""Events become rows, each once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from django.db.models import F

from channels_app.channels.credentials import IS_SHORT_OF_CALLS
from channels_app.channels.milestones import FIRST_EVENT, first_event, note, note_known
from channels_app.lib.clocks import database_now
from channels_app.lib.statements import fetch
from channels_app.models import Conversation, EventSource, Outcome, WebhookEvent
from channels_app.protocol import Event, EventType
from channels_app.protocol.remarks import CANT_BE_SHOWN

OVERHEARD_AFTER = timedelta(seconds=5)
"""Replaying an intercepted request for the contact's next message takes longer. What comes sooner is a bot
that gives two messages the same answer within the second that its signatures name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The result of storing an event. `owes_wakeup`: no wake-up has been sent for this conversation yet."""

    event_id: int
    conversation_id: int
    is_new: bool
    owes_wakeup: bool
    inline_until: datetime | None = None
    """Until when the request may wait for the answer, to carry it in ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineWait:
    """Until when a request may wait for the answer to its event. `account_key`: only if that account's calls for today
    are nearly used up."""

    until: datetime
    account_key: str = ""


# One statement and one commit. The conversation comes first: its row is locked while the event gets its number,
# so that the events of a conversation are numbered in the order of their commits. `wake_at` equals our own tick
# only if no earlier one was set: then, and only then, a wake-up is owed.
_STORE = """
WITH tick AS (SELECT clock_timestamp() AS at
), conversation AS (
    {conversation}
    RETURNING id, wake_at
), event AS (
    INSERT INTO channels_app_webhookevent
        (source, channel_id, idempotency_key, type, conversation_id, sent_at, counter{column})
    SELECT %(source)s, %(channel_id)s, %(key)s, %(type)s, conversation.id, %(sent_at)s, %(counter)s{value}
    FROM conversation
    ON CONFLICT (channel_id, source, idempotency_key) DO UPDATE
        SET duplicates = channels_app_webhookevent.duplicates + 1{repeat}
    RETURNING id, xmax = 0 AS is_new, inline_until
), body AS (
    INSERT INTO channels_app_eventbody (event_id, raw) SELECT id, %(raw)s FROM event WHERE is_new
){more}
SELECT event.id, conversation.id, event.is_new, conversation.wake_at = tick.at, event.inline_until
FROM event, conversation, tick
"""
# Only for the channel as it was when the event was verified: its secret, its address and its being there may change.
_OPEN_CONVERSATION = """
    INSERT INTO channels_app_conversation (channel_id, external_id, wake_at)
    SELECT channel.id, %(external_id)s, tick.at FROM tick, channels_app_channel AS channel
    WHERE channel.id = %(channel_id)s AND channel.revision = %(revision)s
    ON CONFLICT (channel_id, external_id) DO UPDATE
        SET wake_at = LEAST(channels_app_conversation.wake_at, EXCLUDED.wake_at),
            arrivals = channels_app_conversation.arrivals + 1
"""
_KNOWN_CONVERSATION = """
    UPDATE channels_app_conversation SET wake_at = LEAST(wake_at, tick.at), arrivals = arrivals + 1 FROM tick
    WHERE channels_app_conversation.id = %(conversation_id)s
"""
# A bot that retries signs again: each second is kept, because each of its requests can be intercepted.
_SIGNED = {
    "column": ", signed_at",
    "value": ", %(signed_at)s::bigint[]",
    "repeat": """,
            signed_at = CASE WHEN channels_app_webhookevent.signed_at @> EXCLUDED.signed_at
                THEN channels_app_webhookevent.signed_at
                ELSE channels_app_webhookevent.signed_at || EXCLUDED.signed_at END""",
}
_UNSIGNED = dict.fromkeys(_SIGNED, "")
_WAITING = {**_UNSIGNED, "column": ", inline_until", "value": ", %(inline_until)s::timestamptz"}
_WAITING_IF_SHORT = {
    **_WAITING,
    "value": f", CASE WHEN {IS_SHORT_OF_CALLS} THEN %(inline_until)s::timestamptz END",
}
_STORE_IN_CONVERSATION = _STORE.format(conversation=_KNOWN_CONVERSATION, more="", **_SIGNED)


@cache
def _store_from_inbox(*, is_first: bool, waits: bool, if_short: bool) -> str:
    more = f", {note((FIRST_EVENT,), once='event', only_if='event.is_new')}" if is_first else ""
    parts = _WAITING_IF_SHORT if if_short else _WAITING if waits else _UNSIGNED
    return _STORE.format(conversation=_OPEN_CONVERSATION, more=more, **parts)


class ChannelChangedError(Exception):
    """The channel is not as it was when the event was verified; nothing was stored."""


def store_inbox_event(
    channel_id: int, revision: int, event: Event, raw: bytes, wait: InlineWait | None = None
) -> Stored:
    """Keep an event of the inbox, opening its conversation when it is new. Committed when this returns.

    `revision`: of the channel that the event was verified with. `wait`: of its request. Raises ChannelChangedError.
    """
    place: dict[str, Any] = {"channel_id": channel_id, "revision": revision, "external_id": event.conversation_id}
    if wait:
        place |= {"inline_until": wait.until, "account_key": wait.account_key}
    reaches = first_event(channel_id)
    statement = _store_from_inbox(
        is_first=bool(reaches), waits=wait is not None, if_short=wait is not None and bool(wait.account_key)
    )
    stored = _store(statement, place, EventSource.INBOX, event, event.key, raw)
    note_known(channel_id, reaches)
    return stored


def store_session_event(conversation: Conversation, source: str, event: Event, raw: bytes) -> Stored:
    """Store events from a bot or an operator for a known conversation, each once.

    A bot's key is its own within a session; one that counts per turn, within what it was told last.
    """
    if event.signed_at is not None and (known := _replayed(conversation, source, event.key, event.signed_at)):
        return Stored(event_id=known, conversation_id=conversation.pk, is_new=False, owes_wakeup=False)
    key = event.key
    if source in (EventSource.BOT, EventSource.OFFLOAD):
        turn = f"{conversation.last_turn_id}:" if event.counts_per_turn else ""
        key = f"{conversation.session_id}:{turn}{key}"
    place = {"channel_id": conversation.channel_id, "conversation_id": conversation.pk}
    return _store(_STORE_IN_CONVERSATION, place, source, event, key, raw)


def _replayed(conversation: Conversation, source: str, key: str, signed_at: int) -> int | None:
    """The event this very request created, in any turn of the session; now the request has arrived again."""
    rows = WebhookEvent.objects.filter(conversation=conversation.pk, source=source, signed_at__contains=[signed_at])
    rows = rows.filter(idempotency_key__endswith=f":{key}", received_at__lt=database_now() - OVERHEARD_AFTER)
    event_id = rows.order_by("id").values_list("pk", flat=True).first()
    if event_id is not None:
        WebhookEvent.objects.filter(pk=event_id).update(duplicates=F("duplicates") + 1)
    return event_id


def _store(statement: str, place: Mapping[str, Any], source: str, event: Event, key: str, raw: bytes) -> Stored:
    facts: dict[str, Any] = {"key": key, "type": event.type, "sent_at": event.sent_at, "counter": event.counter}
    facts["signed_at"] = None if event.signed_at is None else [event.signed_at]
    rows = fetch(statement, {**place, **facts, "source": source, "raw": raw})
    if not rows:
        raise ChannelChangedError
    event_id, conversation_id, is_new, owes_wakeup, inline_until = rows[0]
    return Stored(
        event_id=event_id,
        conversation_id=conversation_id,
        is_new=is_new,
        owes_wakeup=owes_wakeup,
        inline_until=inline_until,
    )


def order_handover(conversation: Conversation, by: str) -> Stored:
    """An operator wants an agent to take over: an event like any other, so it waits for deliveries in flight."""
    now = database_now()
    key = f"handover:{uuid4()}"
    event = Event(type=EventType.HANDOVER_ORDERED, key=key, conversation_id=conversation.external_id, sent_at=now)
    return store_session_event(conversation, EventSource.ADMIN, event, json.dumps({"by": by}).encode())


def order_message(conversation: Conversation, text: str, by: str, once: str = "") -> Stored:
    """Say this as the bot; the caller wakes a worker. Nothing is said if agents have the conversation by then.

    `once`: what is the same when the same order comes again, because a button was pressed twice.
    """
    event = Event(
        type=EventType.MESSAGE_ORDERED,
        key=f"message:{conversation.pk}:{once}" if once else f"message:{uuid4()}",
        conversation_id=conversation.external_id,
        sent_at=database_now(),
    )
    return store_session_event(conversation, EventSource.ADMIN, event, json.dumps({"by": by, "text": text}).encode())


def note_silence(conversation: Conversation, after: int, *, is_last: bool) -> Stored:
    """The contact has been silent since the event `after` for as long as the channel's rule allows; once for each.

    `is_last`: the question, if there is one, had no answer.
    """
    event = Event(
        type=EventType.CONTACT_SILENT,
        key=f"silence:{after}:{'end' if is_last else 'ask'}",
        conversation_id=conversation.external_id,
        sent_at=database_now(),
    )
    raw = json.dumps({"after": after, "is_last": is_last}).encode()
    return store_session_event(conversation, EventSource.BRIDGE, event, raw)


def unshown_since(conversation_id: int, moment: datetime) -> str:
    """What a bot that calls back has said since then in forms that can't be shown, if that was all it said."""
    events = WebhookEvent.objects.filter(conversation_id=conversation_id, source=EventSource.BOT)
    silent = events.filter(received_at__gte=moment, outcome=Outcome.SILENT, reason__startswith=CANT_BE_SHOWN)
    return silent.order_by("-id").values_list("reason", flat=True).first() or ""


def joined_with(event_id: int) -> list[WebhookEvent]:
    """The contact's messages that the bot got in one turn with this one, in order, with their bodies."""
    rows = WebhookEvent.objects.filter(answered_by=event_id, type=EventType.MESSAGE_RECEIVED, outcome=Outcome.MERGED)
    own = WebhookEvent.objects.filter(pk=event_id).values("conversation_id")
    rows = rows.filter(conversation_id__in=own, body__isnull=False)
    return list(rows.select_related("body").order_by("sent_at", "id"))


def answered_by(event_id: int) -> list[int]:
    """The open events that this event of the bot answers."""
    return list(WebhookEvent.objects.filter(answered_by=event_id, outcome=None).values_list("pk", flat=True))
