"""An answer in our response to the inbox's own request, which costs no call.

The worker offers it as a row; the web process whose request waits takes it, or the worker takes back the offer when
the time is up and calls as usual. One row decides, so it is never both. What was taken is given again to a request
that comes again: the platform repeats what it got no answer to.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from channels_app.adapters.inboxes import Inbox
from channels_app.conversations.lease import MAX_OPEN_EVENTS, ClaimedEvent
from channels_app.deliveries.plans import Plan
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call
from channels_app.lib.statements import fetch
from channels_app.models import Delivery, DeliveryKind
from channels_app.protocol import Outgoing

LEAST_LEFT = timedelta(milliseconds=300)
"""With less time left no request would take it."""
ON_ITS_WAY = timedelta(seconds=1)
"""After it was taken, until the platform has it: nothing may overtake it meanwhile."""
NEWEST, NEWEST_OF_REPEATED = 5, 100
"""Deliveries of a conversation among which its answer is looked for. Few are written within the seconds of a wait; a
request that the platform repeats may come half a minute after its answer."""
METHOD, PLACE = "200", "our response to Sparkcentral's request, which costs no call"
"""As what it stands among the calls."""

_OFFERED, TAKEN = "offered", "taken"
_SETTLES = "make_interval(secs => %(settle_s)s::double precision)"
_FIND = """
SELECT asked.event_id, event.outcome IS NOT NULL, delivery.id, delivery.state, delivery.outgoing
FROM unnest(%(event_ids)s::bigint[]) AS asked(event_id)
JOIN LATERAL (
    SELECT * FROM channels_app_webhookevent WHERE id = asked.event_id LIMIT 1) AS event ON true
LEFT JOIN LATERAL (
    SELECT newest.id, newest.payload #>> '{inline,state}' AS state, newest.payload ->> 'outgoing' AS outgoing FROM (
        SELECT * FROM channels_app_delivery WHERE conversation_id = event.conversation_id
        ORDER BY id DESC LIMIT %(newest)s) AS newest
    WHERE (newest.payload #>> '{inline,event}')::bigint = asked.event_id LIMIT 1) AS delivery ON true
"""
# Only once the worker has put it off: before that, its release would undo what is written here. `arrivals`: a worker
# that holds the conversation just now looks again when the response has arrived, not when the time is up. What should
# not leave any more, because the contact has written again or agents have returned the conversation, is the worker's.
_TAKE = f"""
WITH offer AS (
    SELECT delivery.id, delivery.event_id, delivery.conversation_id
    FROM (SELECT * FROM channels_app_delivery WHERE id = %(delivery_id)s LIMIT 1) AS delivery
    JOIN LATERAL (
        SELECT * FROM channels_app_webhookevent WHERE id = delivery.event_id LIMIT 1) AS event ON true
    WHERE event.state = 'sending' AND event.wait_until > clock_timestamp() AND NOT EXISTS (
        SELECT FROM (
            SELECT * FROM channels_app_webhookevent
            WHERE conversation_id = delivery.conversation_id AND outcome IS NULL
            ORDER BY sent_at, id LIMIT {MAX_OPEN_EVENTS}) AS open
        WHERE open.state = 'queued' AND (
            open.type = 'conversation_delegated' AND open.sent_at > event.sent_at
            OR open.type = 'message_received' AND delivery.payload #>> '{{outgoing,complete}}' = 'resolved'))
), held AS (
    UPDATE channels_app_conversation AS conversation
    SET wake_at = least(wake_at, clock_timestamp() + {_SETTLES}), arrivals = arrivals + 1
    WHERE conversation.id = (SELECT conversation_id FROM offer) RETURNING conversation.id
), taken AS (
    UPDATE channels_app_delivery AS delivery
    SET state = 'in_flight', tries = delivery.tries + 1, first_sent_at = clock_timestamp(),
        payload = jsonb_set(delivery.payload, '{{inline,state}}', '"{TAKEN}"')
    WHERE delivery.id = (SELECT offer.id FROM offer, held) AND delivery.state = 'pending'
        AND delivery.payload #>> '{{inline,state}}' = '{_OFFERED}'
    RETURNING delivery.event_id, delivery.payload ->> 'outgoing' AS outgoing
), settled AS (
    UPDATE channels_app_webhookevent AS event SET wait_until = clock_timestamp() + {_SETTLES}
    WHERE event.id = (SELECT event_id FROM taken)
)
SELECT taken.outgoing FROM taken
"""
_TAKE_BACK = f"""
UPDATE channels_app_delivery AS delivery SET payload = delivery.payload - 'inline'
WHERE delivery.id = %(delivery_id)s AND delivery.payload #>> '{{inline,state}}' = '{_OFFERED}'
RETURNING delivery.id
"""


def waits_until(events: Sequence[ClaimedEvent]) -> tuple[int, datetime] | None:
    """The event among these whose request waits longest for the answer, and until when; None: no request waits."""
    waiting = [(event.inline_until, event.facts.id) for event in events if event.inline_until]
    if not waiting:
        return None
    until, event_id = max(waiting)
    return (event_id, until) if until - database_now() > LEAST_LEFT else None


def offered(plan: Plan, event_id: int) -> Plan | None:
    """The plan as an offer to the request of this event; None: it takes more than one call."""
    if len(plan.calls) != 1:
        return None
    ((kind, payload),) = plan.calls
    if kind != DeliveryKind.REPLY or payload.get("pause_ms"):
        return None
    return replace(plan, calls=((kind, {**payload, "inline": {"event": event_id, "state": _OFFERED}}),))


def is_taken(delivery: Delivery) -> bool:
    return _state(delivery) == TAKEN


def settle_offer(delivery: Delivery) -> None:
    """Withdraw an offer that no request has taken; the row as it is then."""
    if _state(delivery) != _OFFERED:
        return
    if fetch(_TAKE_BACK, {"delivery_id": delivery.pk}):
        delivery.payload = {key: value for key, value in delivery.payload.items() if key != "inline"}
    else:
        delivery.refresh_from_db()


def _state(delivery: Delivery) -> str | None:
    state: str | None = delivery.payload.get("inline", {}).get("state")
    return state


def as_call(delivery: Delivery, inbox: Inbox) -> Call:
    """What operators see of it among the calls."""
    body = json.dumps(inbox.inline_answer(delivery.outgoing), ensure_ascii=False).encode()
    return Call(method=METHOD, url=PLACE, request=body, status=200, took_ms=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of the answer to an event. `is_over`: what can't be taken here goes, or went, another way."""

    event_id: int
    is_over: bool
    delivery_id: int | None
    state: str | None
    outgoing: str | None

    def take(self) -> Outgoing | None:
        """The answer, on its way from now on in the response of the event's request: nothing may lie between this and
        that. Taken before, it is given again. None: it isn't ready, or goes another way."""
        outgoing = self.outgoing if self.state == TAKEN else None
        if self.state == _OFFERED:
            values = {"delivery_id": self.delivery_id, "settle_s": ON_ITS_WAY.total_seconds()}
            outgoing = next((row[0] for row in fetch(_TAKE, values)), None)
        return None if outgoing is None else Outgoing.from_json(json.loads(outgoing))


def find_answers(event_ids: Sequence[int], *, newest: int = NEWEST) -> list[Found]:
    """What is known of the answers to these events."""
    return [
        Found(event_id=event_id, is_over=has_ended, delivery_id=delivery_id, state=state, outgoing=outgoing)
        for event_id, has_ended, delivery_id, state, outgoing in fetch(
            _FIND, {"event_ids": list(event_ids), "newest": newest}
        )
    ]
