"""A reply becomes rows in one statement, before anything of it leaves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from channels_app.conversations.exchanges import INSERT_EXCHANGE, exchange_values
from channels_app.conversations.lease import MAX_OPEN_EVENTS, Lease, LeaseLostError
from channels_app.deliveries.plans import Plan
from channels_app.deliveries.recording import deliveries_of
from channels_app.lib.statements import fetch
from channels_app.models import (
    Author,
    Delivery,
    DeliveryState,
)

# The reply becomes rows in one statement: nothing has been sent yet, and the next holder can continue
# from here. Rows that exist (the process died behind this statement) stay as they are.
_WRITTEN = """
WITH held AS (
    UPDATE channels_app_conversation AS conversation
    SET options = {options}, bot_counter = coalesce(%(counter)s, conversation.bot_counter){remembered}
    WHERE conversation.id = %(conversation_id)s AND conversation.fence = %(fence)s{only_if} RETURNING conversation.id
), said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT held.id, %(event_id)s, said.author, said.place, said.text, said.url, clock_timestamp()
    FROM held, unnest(%(authors)s::text[], %(places)s::int[], %(texts)s::text[], %(urls)s::text[])
        AS said(author, place, text, url)
    ON CONFLICT DO NOTHING
), planned AS (
    INSERT INTO channels_app_delivery (event_id, conversation_id, seq, kind, payload, state, tries, first_sent_at)
    SELECT %(event_id)s, held.id, call.seq, call.kind, call.payload,
        CASE WHEN call.seq = %(leaving)s::bigint THEN 'in_flight' ELSE 'pending' END,
        CASE WHEN call.seq = %(leaving)s::bigint THEN 1 ELSE 0 END,
        CASE WHEN call.seq = %(leaving)s::bigint THEN clock_timestamp() END
    FROM held, unnest(%(seqs)s::int[], %(kinds)s::text[], %(payloads)s::jsonb[]) AS call(seq, kind, payload)
    ON CONFLICT DO NOTHING
    RETURNING id, seq
), sending AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'sending', wait_until = NULL, reason = %(reason)s, stint = %(stint)s
    FROM held WHERE event.id = %(event_id)s
)"""
_MERGED = """merged AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', outcome = 'merged', reason = 'It became a part of another event''s reply.', wait_until = NULL,
        finished_at = clock_timestamp()
    FROM held WHERE event.id = ANY(%(merged)s::bigint[]) AND event.state <> 'done'
)"""
_ANSWERED = """answered AS (
    UPDATE channels_app_webhookevent AS event SET answered_by = %(event_id)s
    FROM held WHERE event.id = ANY(%(answered)s::bigint[])
)"""


# With an offer goes the newest event that was open then: its contact had not seen it. What has ended chooses nothing.
_OFFERED = """jsonb_set(%(options)s::jsonb, '{after}', to_jsonb(coalesce((
        SELECT max(open.id) FROM (
            SELECT event.id FROM channels_app_webhookevent AS event
            WHERE event.conversation_id = %(conversation_id)s AND event.outcome IS NULL
            ORDER BY event.sent_at, event.id LIMIT %(most)s) AS open), 0)))"""


_REMEMBERED = """,
        remembered = jsonb_build_object('bot', %(bot_id)s::bigint, 'values', %(remembered)s::jsonb)"""


class NewsError(Exception):
    """Something has come since the claim that knows nothing of it; nothing was written.

    `may_leave`: the account's permission for the first call is taken.
    """

    may_leave = False


@cache
def _write(
    *, merges: bool, answers: bool, calls: bool, offers: bool, remembers: bool = False, checks: bool = False
) -> str:
    """The statement with the parts that it needs: one that would change nothing costs as much as one that does."""
    only_if = " AND conversation.arrivals = %(arrivals)s" if checks else ""
    written = _WRITTEN.format(
        options=_OFFERED if offers else "%(options)s",
        remembered=_REMEMBERED if remembers else "",
        only_if=only_if,
    )
    parts = {_MERGED: merges, _ANSWERED: answers, f"called AS ({INSERT_EXCHANGE})": calls}
    wanted = [written, *(part for part, is_wanted in parts.items() if is_wanted)]
    found = "SELECT held.id, planned.id, planned.seq FROM held LEFT JOIN planned ON true ORDER BY planned.seq"
    return f"{', '.join(wanted)} {found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A reply that is to be written down for an event, and what changes together with that."""

    event_id: int
    plan: Plan
    options: Mapping[str, Any]
    reason: str
    first_seq: int = 1
    """Above 1: a second plan of the same event, which says something after what the first one said."""
    author: Author = Author.BOT
    bots_words: int = 0
    """How many of its messages, the first ones, are the bot's, whoever wrote the others."""
    counter: int | None = None
    remembered: Mapping[str, str] = field(default_factory=dict)
    """What the bot wants told with its next turns, beside what it wanted before."""
    merged: Sequence[int] = ()
    """Events that end with this one."""
    answered: Sequence[int] = ()
    """Events that waited for these words of the bot."""


def write_deliveries(
    lease: Lease, writing: Writing, *, is_leaving: bool = False, if_nothing_came: bool = False
) -> list[Delivery]:
    """Write a reply down and set its event to SENDING; the event's deliveries, in order. Raises LeaseLostError.

    `is_leaving`: its first call is made at once, and is marked so, see `attempt_delivery`. `if_nothing_came`: since
    the claim, or else NewsError is raised.
    """
    event_id, calls = writing.event_id, writing.plan.calls
    statement = _write(
        merges=bool(writing.merged),
        answers=bool(writing.answered),
        calls=bool(lease.unwritten),
        offers=bool(writing.plan.options),
        remembers=bool(writing.remembered),
        checks=if_nothing_came,
    )
    rows = fetch(statement, {**_values(lease, writing), "leaving": writing.first_seq if is_leaving else None})
    if not rows:
        raise NewsError if if_nothing_came else LeaseLostError
    lease.unwritten.clear()
    if writing.first_seq > 1 or len(rows) != len(calls):
        return deliveries_of(event_id)
    return [
        _written(delivery_id, event_id, lease.conversation_id, seq, kind, payload)
        for (_, delivery_id, seq), (kind, payload) in zip(rows, calls, strict=True)
    ]


def _values(lease: Lease, writing: Writing) -> dict[str, Any]:
    """What `_write` asks for, but `leaving`."""
    said, calls = writing.plan.said, writing.plan.calls
    first_place = (writing.first_seq - 1) * 100
    return {
        "conversation_id": lease.conversation_id,
        "channel_id": lease.channel_id,
        "fence": lease.fence,
        "arrivals": lease.arrivals,
        "event_id": writing.event_id,
        "options": json.dumps(writing.options),
        "counter": writing.counter,
        "bot_id": lease.bot_id,
        "remembered": json.dumps({**lease.remembered, **writing.remembered}),
        "authors": [Author.BOT if place < writing.bots_words else writing.author for place in range(len(said))],
        "places": list(range(first_place, first_place + len(said))),
        "texts": [text for text, _ in said],
        "urls": [url for _, url in said],
        "seqs": list(range(writing.first_seq, writing.first_seq + len(calls))),
        "kinds": [kind.value for kind, _ in calls],
        "payloads": [json.dumps(payload) for _, payload in calls],
        "most": MAX_OPEN_EVENTS,
        "reason": writing.reason,
        "stint": lease.stint,
        "merged": list(writing.merged),
        "answered": list(writing.answered),
        **exchange_values(lease),
    }


_AS_WRITTEN: dict[str, Any] = {
    "state": DeliveryState.PENDING,
    "tries": 0,
    **dict.fromkeys(("first_sent_at", "finished_at")),
    "last_status": 0,
    **dict.fromkeys(("last_error", "trace_id"), ""),
}
_WRITTEN_FIELDS = ("id", "event_id", "conversation_id", "seq", "kind", "payload", *_AS_WRITTEN)


def _written(*facts: Any) -> Delivery:
    """A row that has just been written, as if it had been read: Django's look for defaults costs more than a query."""
    return Delivery.from_db(None, _WRITTEN_FIELDS, (*facts, *_AS_WRITTEN.values()))
