"""One worker at a time works on a conversation: claim it with its open events. `release` gives it back.

Hand-written SQL, because each of these is one short statement whose locks matter. All times are the database's
clock, so that machines with different clocks agree. Nothing here is held over a network call but the lease.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now

from channels_app.conversations.contacts import CONTACT_COLUMNS, INBOX_CHANNEL_COLUMNS, KnownContact, KnownInboxChannel
from channels_app.conversations.lease import LEASE_S, MAX_OPEN_EVENTS, ClaimedEvent, Lease, Onward
from channels_app.conversations.standing import OpenEvent
from channels_app.lib.statements import fetch
from channels_app.models import Conversation, WebhookEvent
from channels_app.protocol import EventType
from channels_app.protocol.offered import Offered

# The conversation is leased in the same statement that finds it; its open events come along. An event that is
# committed while we lock the row is not seen here. `arrivals` is therefore read as of the same moment as the events,
# and not from the row that was locked: then the release notices the difference. Fence and lease of that moment tell
# whether another worker had the conversation then or since, and may have handled these events in between.
_OF_CONVERSATION = (
    *("id", "fence", "channel_id", "external_id", "session_id", "owner", "stint", "stint_is_implied"),
    *("session_since", "stint_began_at", "newest_sent_at", "last_turn_id", "last_message_id", "bot_counter", "medium"),
    *("language", "options", "topics", "remembered", "contact_id", "inbox_channel_id"),
)
_OF_EVENT = (
    *("id", "type", "state", "sent_at", "received_at", "counter", "wait_until", "called_at", "source", "attempts"),
    *("reason", "inline_until"),
)
_COLUMNS = {
    "now": "clock_timestamp()",
    "arrivals": "seen.arrivals",
    "is_outdated": "seen.fence + 1 <> claimed.fence OR seen.lease_until IS NOT NULL",
    "channel_revision": "channel.revision",
    "bot_id": "channel.bot_id",
    "bot_revision": "bot.revision",
    "bot_failures": "bot.failures",
    "bot_paused_until": "bot.paused_until",
    **{name: f"claimed.{name}" for name in _OF_CONVERSATION},
    **{f"contact_{name}": f"contact.{name}" for name in CONTACT_COLUMNS},
    **{f"inbox_channel_{name}": f"inbox_channel.{name}" for name in INBOX_CHANNEL_COLUMNS},
    **{f"event_{name}": f"event.{name}" for name in _OF_EVENT},
    "event_begun_at": "coalesce(event.retried_at, event.received_at)",
    "event_raw": "body.raw",
}
_NAMES = tuple(_COLUMNS)
# What comes out is named, never "*": a statement that is prepared must not change its form when a migration adds one.
_CLAIMED = f"""claimed AS (
    UPDATE channels_app_conversation AS conversation
    SET lease_slot = %(slot)s, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
        fence = conversation.fence + 1
    WHERE conversation.id = {{which}}
    RETURNING {", ".join(f"conversation.{name}" for name in _OF_CONVERSATION)}
)
"""
CLAIM_COLUMNS = ", ".join(_COLUMNS.values())
# A row to each is looked up by its id. As a plain join the planner may prefer to read a table through while it is
# small, and the plan is kept when it no longer is; it looks into nothing that has a LIMIT.
CLAIM_SOURCE = """
    claimed
    JOIN LATERAL (
        SELECT * FROM channels_app_conversation WHERE id = claimed.id LIMIT 1) AS seen ON true
    JOIN LATERAL (
        SELECT * FROM channels_app_channel WHERE id = claimed.channel_id LIMIT 1) AS channel ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_bot WHERE id = channel.bot_id LIMIT 1) AS bot ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_contact WHERE id = claimed.contact_id LIMIT 1) AS contact ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_inboxchannel WHERE id = claimed.inbox_channel_id LIMIT 1) AS inbox_channel ON true
    LEFT JOIN LATERAL (
        SELECT open.* FROM channels_app_webhookevent AS open
        WHERE open.conversation_id = claimed.id AND open.outcome IS NULL
        ORDER BY open.sent_at, open.id LIMIT %(most)s) AS event ON true
    LEFT JOIN LATERAL (
        SELECT * FROM channels_app_eventbody WHERE event_id = event.id LIMIT 1) AS body ON true
"""
_DUE = """(
        SELECT due.id FROM channels_app_conversation AS due
        WHERE due.wake_at <= clock_timestamp()
            AND (due.lease_until IS NULL OR due.lease_until < clock_timestamp())
            AND due.channel_id <> ALL(%(passing_over)s::bigint[]){more}
        ORDER BY due.wake_at LIMIT 1 FOR UPDATE SKIP LOCKED)"""
_CLAIM = f"WITH {_CLAIMED}SELECT {CLAIM_COLUMNS}\nFROM {CLAIM_SOURCE}"
_CLAIM_DUE = _CLAIM.format(which=_DUE.format(more=""))
_TAKE = _CLAIM.format(which="%(conversation_id)s")
CLAIM_NEXT = _CLAIMED.format(
    which=_DUE.format(more="\n            AND due.id <> %(conversation_id)s AND EXISTS (SELECT FROM held)")
)
"""`claimed`, in a statement that gives a conversation back (`held`): the next one, if that was ours to give.
Its values: `claim_values`; its columns and rows: CLAIM_COLUMNS, CLAIM_SOURCE, `claimed_lease`."""


def claim_values(slot: str, passing_over: Sequence[int] = ()) -> dict[str, Any]:
    """`passing_over`: channels whose conversations are left to others."""
    return {"slot": slot, "lease_s": LEASE_S, "most": MAX_OPEN_EVENTS, "passing_over": list(passing_over)}


def claim_due_conversation(slot: str, *, goes_on: bool = False, passing_over: Sequence[int] = ()) -> Lease | None:
    """Lease the conversation that waits longest, or None when none is due. `goes_on`: see `Lease.onward`;
    `passing_over`: see `claim_values`."""
    return claimed_lease(slot, fetch(_CLAIM_DUE, claim_values(slot, passing_over)), goes_on=goes_on)


def steal_conversation(slot: str, conversation_id: int) -> Lease | None:
    """Lease a conversation even if another process holds it: that holder can change nothing from now on."""
    return claimed_lease(slot, _take(slot, conversation_id))


def _take(slot: str, conversation_id: int) -> list[tuple[Any, ...]]:
    return fetch(_TAKE, {**claim_values(slot), "conversation_id": conversation_id})


def repair_lost_wakeups() -> int:
    """Wake conversations that have something open and would never be woken; 0 unless the bridge has a defect."""
    opened = WebhookEvent.objects.filter(outcome=None).values("conversation_id")
    return Conversation.objects.filter(wake_at=None, pk__in=opened).update(wake_at=Now())


def claimed_lease(slot: str, found: Sequence[Sequence[Any]], *, goes_on: bool = False) -> Lease | None:
    """The lease of a claim's rows, one for each open event. If these may be outdated they are read again: now that
    it is ours, no other process changes them."""
    if found and found[0][_NAMES.index("is_outdated")]:
        found = _take(slot, found[0][_NAMES.index("id")])
    rows = [dict(zip(_NAMES, row, strict=True)) for row in found]
    if not rows:
        return None
    events = tuple(_claimed_event(row) for row in rows if row["event_id"] is not None)
    return _lease(slot, rows[0], events, Onward() if goes_on else None)


_AS_THEY_ARE = (
    *(
        "now",
        "fence",
        "arrivals",
        "channel_id",
        "channel_revision",
        "bot_id",
        "bot_revision",
        "bot_failures",
        "bot_paused_until",
    ),
    *("external_id", "session_id", "owner", "stint", "stint_is_implied", "stint_began_at", "newest_sent_at"),
    *("session_since", "last_turn_id", "last_message_id", "bot_counter", "medium", "language"),
)


def _lease(slot: str, row: Mapping[str, Any], events: tuple[ClaimedEvent, ...], onward: Onward | None) -> Lease:
    return Lease(
        **{name: row[name] for name in _AS_THEY_ARE},
        slot=slot,
        conversation_id=row["id"],
        offered=Offered.from_json(json.loads(row["options"])),
        topics=json.loads(row["topics"]),
        remembered=_remembered(json.loads(row["remembered"]), row["bot_id"]),
        contact=KnownContact.from_row({name: row[f"contact_{name}"] for name in CONTACT_COLUMNS}),
        inbox_channel=KnownInboxChannel.from_row(
            {name: row[f"inbox_channel_{name}"] for name in INBOX_CHANNEL_COLUMNS}
        ),
        events=events,
        onward=onward,
    )


def _remembered(kept: Mapping[str, Any], bot_id: int | None) -> Mapping[str, str]:
    """What the channel's bot of today wanted remembered; another one's means nothing to it."""
    return kept["values"] if kept.get("bot") == bot_id and bot_id is not None else {}


def _claimed_event(row: Mapping[str, Any]) -> ClaimedEvent:
    facts = OpenEvent(
        id=row["event_id"],
        type=EventType(row["event_type"]),
        state=row["event_state"],
        sent_at=row["event_sent_at"],
        received_at=row["event_received_at"],
        counter=row["event_counter"],
        wait_until=row["event_wait_until"],
        called_at=row["event_called_at"],
    )
    return ClaimedEvent(
        facts=facts,
        source=row["event_source"],
        raw=bytes(row["event_raw"] or b""),
        attempts=row["event_attempts"],
        reason=row["event_reason"],
        begun_at=row["event_begun_at"],
        inline_until=row["event_inline_until"],
    )


def count_due(*, older_than_s: float = 0.0) -> int:
    """Conversations that wait for a worker longer than this many seconds."""
    due = Conversation.objects.filter(wake_at__lte=Now() - timedelta(seconds=older_than_s))
    return due.filter(Q(lease_until=None) | Q(lease_until__lt=Now())).count()
