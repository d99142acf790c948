"""A worker releases a conversation, and writes down with it what has ended.

One statement and one commit for every kind of end: a step that dies before it changes nothing, one that dies after it
has nothing left to do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Self

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Least, Now

from channels_app.channels.milestones import Milestones, note, note_known, reached_by
from channels_app.conversations.claim import CLAIM_COLUMNS, CLAIM_NEXT, CLAIM_SOURCE, claim_values, claimed_lease
from channels_app.conversations.exchanges import INSERT_EXCHANGE, exchange_values
from channels_app.conversations.lease import MAX_OPEN_EVENTS, ClaimedEvent, Lease, LeaseLostError, hold
from channels_app.lib.clocks import database_now
from channels_app.lib.statements import fetch
from channels_app.models import Conversation, EventState, Outcome, WebhookEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Events that ended together. `reason` None keeps the one that was written down before."""

    event_ids: Sequence[int]
    outcome: Outcome
    reason: str | None = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """An event that waits in this state for a while. `reason` None keeps the one that was written down before."""

    event_id: int
    state: EventState
    wait: timedelta
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The result of a step: how its conversation is released, and what is written in the same statement."""

    ended: Sequence[Ended] = ()
    put_off: PutOff | None = None
    until: datetime | None = None
    """When it is to be woken; None: as soon as something that is left open can be done."""
    owner: str | None = None
    """Whose it is from now on; None: as before."""
    tried: Mapping[str, Any] | None = None
    """The result of a try, see `recording.settle`."""
    along: Callable[[], object] | None = None
    """Writes other rows in the same transaction, once the conversation's row is locked."""

    @classmethod
    def ending(cls, claimed: Sequence[ClaimedEvent], outcome: Outcome, reason: str = "") -> Self:
        """These events have ended."""
        return cls(ended=[Ended(event_ids=[event.facts.id for event in claimed], outcome=outcome, reason=reason)])

    @classmethod
    def putting_off(cls, claimed: ClaimedEvent, state: EventState, wait: timedelta, reason: str | None = None) -> Self:
        """This event waits in this state."""
        return cls(put_off=PutOff(event_id=claimed.facts.id, state=state, wait=wait, reason=reason))


UPDATE_DELIVERY = """
    UPDATE channels_app_delivery AS delivery
    SET state = %(tried_state)s, finished_at = CASE WHEN %(tried_is_final)s THEN clock_timestamp() END,
        last_status = %(tried_status)s::bigint, last_error = %(tried_error)s, trace_id = %(tried_trace_id)s,
        payload = coalesce(%(tried_payload)s::jsonb, delivery.payload)
    FROM held WHERE delivery.id = %(tried_id)s::bigint
"""

# An event that is committed while this waits for the row isn't seen by the look for open events: `arrivals` of the
# row as it is then tells of it, because a row that was waited for is looked at again.
# Open events that wait for a moment of their own wake the conversation then, others at once. After a decision to
# wait only what arrived since the claim is a reason to look before that moment. The look for open events is in their
# order, as in a claim, so that no planner finds another index better; and an event's end is not asked for as
# `outcome IS NULL`, or a plan made without statistics goes through all open events.
_HELD = """held AS (
    UPDATE channels_app_conversation AS conversation
    SET lease_slot = NULL, lease_until = NULL, owner = coalesce(%(owner)s, conversation.owner),
        wake_at = CASE
            WHEN conversation.arrivals <> %(arrivals)s THEN clock_timestamp()
            WHEN %(until)s::timestamptz IS NOT NULL THEN %(until)s::timestamptz
            ELSE least(%(put_off_until)s::timestamptz, (
                SELECT min(greatest(open.wait_until, clock_timestamp()))
                FROM (
                    SELECT event.wait_until FROM channels_app_webhookevent AS event
                    WHERE event.conversation_id = %(conversation_id)s AND event.outcome IS NULL
                        AND event.id <> ALL(%(settled)s::bigint[])
                    ORDER BY event.sent_at, event.id LIMIT %(most)s) AS open))
            END
    WHERE conversation.id = %(conversation_id)s AND conversation.fence = %(fence)s
    RETURNING conversation.id, conversation.wake_at
)"""
_ENDED = """ended AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', wait_until = NULL, finished_at = clock_timestamp(),
        outcome = (%(outcomes)s::text[])[array_position(%(ended)s::bigint[], event.id)],
        reason = coalesce((%(reasons)s::text[])[array_position(%(ended)s::bigint[], event.id)], event.reason)
    FROM held WHERE event.id = ANY(%(ended)s::bigint[]) AND event.state <> 'done'
)"""
_PUT_OFF = """put_off AS (
    UPDATE channels_app_webhookevent AS event
    SET state = %(state)s, reason = coalesce(%(reason)s, event.reason), wait_until = %(put_off_until)s::timestamptz
    FROM held WHERE event.id = %(put_off_id)s::bigint
)"""
_AND_CLAIMED = f"""
SELECT held.wake_at, held.wake_at <= clock_timestamp(), claimed.id, {CLAIM_COLUMNS}
FROM held LEFT JOIN ({CLAIM_SOURCE}) ON true
"""


@cache
def _give_back(*, ends: bool, puts_off: bool, tries: bool, calls: bool, claims: bool, reaches: Milestones = ()) -> str:
    """The statement with the parts that it needs: one that would change nothing costs as much as one that does.

    `claims`: a round trip and a commit less than the claim of the next conversation apart.
    """
    parts = {
        _ENDED: ends,
        _PUT_OFF: puts_off,
        f"tried AS ({UPDATE_DELIVERY})": tries,
        f"called AS ({INSERT_EXCHANGE})": calls,
        note(reaches, once="held"): bool(reaches),
        CLAIM_NEXT: claims,
    }
    wanted = [_HELD, *(part for part, is_wanted in parts.items() if is_wanted)]
    return f"WITH {', '.join(wanted)} {_AND_CLAIMED if claims else 'SELECT held.wake_at FROM held'}"


def release(lease: Lease, given: Release) -> datetime | None:
    """Give the conversation back, and write down what the step came to.

    Returns when the conversation wants to be woken, None: not before something comes. With `lease.onward` the next
    conversation is claimed as well. Raises LeaseLostError.
    """
    if given.along is None:
        return _write(lease, given)
    with transaction.atomic():
        hold(lease)
        given.along()
        return _write(lease, given)


def _write(lease: Lease, given: Release) -> datetime | None:
    reaches = reached_by(lease.channel_id, (group.outcome for group in given.ended if group.event_ids))
    claims = lease.onward is not None and lease.onward.is_wanted
    statement = _give_back(
        ends=any(group.event_ids for group in given.ended),
        puts_off=given.put_off is not None,
        tries=given.tried is not None,
        calls=bool(lease.unwritten),
        claims=claims,
        reaches=reaches,
    )
    rows = fetch(statement, _values(lease, given))
    if not rows:
        raise LeaseLostError
    note_known(lease.channel_id, reaches)
    lease.unwritten.clear()
    if lease.onward and claims:
        _, is_due, next_id, *_ = rows[0]
        following = [row[3:] for row in rows] if next_id else []
        lease.onward.lease = claimed_lease(lease.slot, following, goes_on=True)
        lease.onward.found_nothing = next_id is None and not is_due
    wake_at: datetime | None = rows[0][0]
    return wake_at


def _values(lease: Lease, given: Release) -> dict[str, Any]:
    """What `_give_back` asks for."""
    endings = [(event_id, group) for group in given.ended for event_id in group.event_ids]
    settled = [event_id for event_id, _ in endings]
    put_off = given.put_off
    values: dict[str, Any] = {
        "conversation_id": lease.conversation_id,
        "channel_id": lease.channel_id,
        "fence": lease.fence,
        "arrivals": lease.arrivals,
        "owner": given.owner,
        "until": given.until,
        "settled": [*settled, put_off.event_id] if put_off else settled,
        "ended": settled,
        "outcomes": [group.outcome.value for _, group in endings],
        "reasons": [group.reason for _, group in endings],
        "put_off_until": database_now() + put_off.wait if put_off else None,
        "most": MAX_OPEN_EVENTS,
    }
    if put_off:
        values |= {"put_off_id": put_off.event_id, "state": put_off.state, "reason": put_off.reason}
    values |= given.tried or {}
    values |= exchange_values(lease)
    if lease.onward and lease.onward.is_wanted:
        values |= claim_values(lease.slot, lease.onward.passing_over)
    return values


def wake_at_once(conversation_id: int) -> None:
    """Something in the conversation is open again: a current holder must notice that too.

    Inside the transaction that opens it.
    """
    rows = Conversation.objects.filter(pk=conversation_id)
    rows.update(wake_at=Least(Coalesce("wake_at", Now()), Now()), arrivals=F("arrivals") + 1)


STUMBLE_WAIT = timedelta(seconds=2)
MAX_STUMBLES = 6
"""An event whose handling failed unforeseen this often is left to an operator instead of blocking the next ones."""


def after_stumble(lease: Lease) -> Release:
    """Something unforeseen happened in a step: count it against the events that may have caused it.

    The runnable events wait a moment; one that stumbled too often is dead.
    """
    runnable = [event for event in lease.events if event.facts.state != EventState.BOT_WAIT]
    dead = [event for event in runnable if event.attempts >= MAX_STUMBLES]
    others = WebhookEvent.objects.filter(
        pk__in=[event.facts.id for event in runnable if event.attempts < MAX_STUMBLES]
    )
    ending = Release.ending(dead, Outcome.DEAD, "Handling it failed repeatedly; see the log.")
    return replace(ending, until=lease.now + STUMBLE_WAIT, along=lambda: others.update(attempts=F("attempts") + 1))
