"""Replies on their way: written down first, then sent, each try with what came of it."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from channels_app.channels.credentials import note_quota
from channels_app.channels.live import LiveChannel
from channels_app.codes import describe
from channels_app.conversations.exchanges import INSERT_EXCHANGE, exchange_row, exchange_values
from channels_app.conversations.leases import OPEN_EVENTS_MOST, Lease, LeaseLostError
from channels_app.conversations.release import UPDATE_DELIVERY, wake_at_once
from channels_app.deliveries.attachments import upload_file, with_links
from channels_app.deliveries.plans import Plan, only_completion, with_extras, without_extras
from channels_app.deliveries.throttle import pause, take_ticket
from channels_app.deliveries.verdicts import (
    REFUSALS,
    TOO_MANY_REQUESTS,
    Carried,
    Verdict,
    is_done_in_part,
    judge,
    judge_crash,
    wait_before_retry,
)
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call, recorded_calls
from channels_app.lib.statements import fetch
from channels_app.models import (
    Author,
    Conversation,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EventState,
    Exchange,
    Owner,
    Target,
    WebhookEvent,
)
from channels_app.protocol import Outgoing
from channels_app.protocol.errors import BridgeError, Effect, RefusedError, TemporaryError

logger = logging.getLogger(__name__)

NOTHING_LEFT = "The reply was only files that could not be uploaded, at addresses that no contact could open."

_STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.UNCONFIRMED: DeliveryState.UNCONFIRMED,
    Verdict.RETRY: DeliveryState.PENDING,
    Verdict.GONE: DeliveryState.CANCELLED,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.FAILED: DeliveryState.FAILED,
}


# The reply becomes rows in one statement: nothing has left yet, and whoever has the conversation next can go on
# from here. Rows that exist (the process died behind this statement) stay as they are.
_WRITTEN = """
WITH held AS (
    UPDATE channels_app_conversation AS conversation
    SET options = {options}, bot_counter = coalesce(%(counter)s, conversation.bot_counter)
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


class NewsError(Exception):
    """Something has come since the claim that knows nothing of it; nothing was written.

    `may_leave`: the account's permission for the first call is taken.
    """

    may_leave = False


@cache
def _write(*, merges: bool, answers: bool, calls: bool, offers: bool, checks: bool = False) -> str:
    """The statement with the parts that it needs: one that would change nothing costs as much as one that does."""
    only_if = " AND conversation.arrivals = %(arrivals)s" if checks else ""
    written = _WRITTEN.format(options=_OFFERED if offers else "%(options)s", only_if=only_if)
    parts = {_MERGED: merges, _ANSWERED: answers, f"called AS ({INSERT_EXCHANGE})": calls}
    wanted = [written, *(part for part, is_wanted in parts.items() if is_wanted)]
    found = "SELECT held.id, planned.id, planned.seq FROM held LEFT JOIN planned ON true ORDER BY planned.seq"
    return f"{', '.join(wanted)} {found}"


def write_deliveries(
    lease: Lease,
    event_id: int,
    plan: Plan,
    *,
    options: dict[str, Any],
    reason: str,
    first_seq: int = 1,
    author: Author = Author.BOT,
    bots_words: int = 0,
    counter: int | None = None,
    merged: Sequence[int] = (),
    answered: Sequence[int] = (),
    is_leaving: bool = False,
    if_nothing_came: bool = False,
) -> list[Delivery]:
    """Write a reply down and set its event to SENDING; the event's deliveries, in order. Raises LeaseLostError.

    `bots_words`: how many of its messages, the first ones, are the bot's, whoever is the author of the others;
    `merged`: events that end with this one; `answered`: events that waited for these words of the bot.
    `is_leaving`: its first call is made at once, and is marked so, see `attempt_delivery`. `if_nothing_came`: since
    the claim, or else NewsError is raised.
    """
    seqs = list(range(first_seq, first_seq + len(plan.calls)))
    # A second plan of the same event (a fallback) says something after what the first one said.
    first_place = (first_seq - 1) * 100
    values = {
        "conversation_id": lease.conversation_id,
        "channel_id": lease.channel_id,
        "fence": lease.fence,
        "event_id": event_id,
        "options": json.dumps(options),
        "counter": counter,
        "authors": [Author.BOT if place < bots_words else author for place in range(len(plan.said))],
        "places": list(range(first_place, first_place + len(plan.said))),
        "texts": [text for text, _ in plan.said],
        "urls": [url for _, url in plan.said],
        "seqs": seqs,
        "kinds": [kind.value for kind, _ in plan.calls],
        "payloads": [json.dumps(payload) for _, payload in plan.calls],
        "leaving": first_seq if is_leaving else None,
        "most": OPEN_EVENTS_MOST,
        "arrivals": lease.arrivals,
        "reason": reason,
        "stint": lease.stint,
        "merged": list(merged),
        "answered": list(answered),
        **exchange_values(lease.unwritten),
    }
    statement = _write(
        merges=bool(merged),
        answers=bool(answered),
        calls=bool(lease.unwritten),
        offers=bool(plan.options),
        checks=if_nothing_came,
    )
    rows = fetch(statement, values)
    if not rows:
        raise NewsError if if_nothing_came else LeaseLostError
    lease.unwritten.clear()
    if first_seq > 1 or len(rows) != len(plan.calls):
        return deliveries_of(event_id)
    return [
        _written(delivery_id, event_id, lease.conversation_id, seq, kind, payload)
        for (_, delivery_id, seq), (kind, payload) in zip(rows, plan.calls, strict=True)
    ]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """What came of one delivery; `retry_in` when it has to wait. `is_try`: a call was made, now or by a process
    that died over it; else the account's limit did not allow one."""

    delivery: Delivery
    verdict: Verdict
    error: BridgeError | None = None
    retry_in: timedelta = timedelta(0)
    is_try: bool = True
    call: Call | None = None
    payload: dict[str, Any] | None = None
    """What the next try carries, if it is less than this one did."""


def deliveries_of(event_id: int) -> list[Delivery]:
    """All calls of an event, in order."""
    return list(Delivery.objects.filter(event_id=event_id).order_by("seq"))


def tries_of(delivery: Delivery) -> QuerySet[Exchange]:
    """Its calls, in order. Found by its event, because no index knows deliveries."""
    return Exchange.objects.filter(event_id=delivery.event_id, delivery_id=delivery.pk).order_by("id")


def may_leave_now(channel: LiveChannel, plan: Plan) -> bool:
    """Whether the account's limit lets the first call of this plan leave at once: then its permission is taken."""
    if not plan.calls:
        return False
    kind, payload = plan.calls[0]
    return take_ticket(channel.inbox.account_key, is_completion=_carried(kind, payload).completes) == 0


def attempt_delivery(lease: Lease, channel: LiveChannel, delivery: Delivery, *, is_leaving: bool = False) -> Attempted:
    """Try once: ask for the account's permission, write down that it leaves, call, and judge what came back.

    `is_leaving`: the first two are done already. The result is not recorded yet: the caller does that together with
    what follows from it.
    """
    carried = carried_by(delivery)
    if delivery.state == DeliveryState.IN_FLIGHT:  # the process that sent it died before it could record the result
        verdict = judge_crash(carried, tries=_tries_that_count(delivery))
        if verdict is not Verdict.RETRY:
            return Attempted(delivery=delivery, verdict=verdict)
        _record_crash(lease, delivery)
    is_doubtful = may_have_arrived(delivery)
    if carried.completes and is_doubtful and _was_given_back(lease, delivery):
        return Attempted(delivery=delivery, verdict=Verdict.SENT, is_try=False)
    if unsayable := _without_words(delivery):
        return unsayable
    if not is_leaving:
        wait_s = take_ticket(channel.inbox.account_key, is_completion=carried.completes)
        if wait_s > 0:
            wait = timedelta(seconds=wait_s)
            return Attempted(delivery=delivery, verdict=Verdict.RETRY, retry_in=wait, is_try=False)
        _mark_in_flight(lease, delivery)
    delivery.state = DeliveryState.IN_FLIGHT
    delivery.tries += 1
    delivery.first_sent_at = delivery.first_sent_at or database_now()
    error, call = _call(channel, lease.external_id, delivery)
    if error is not None and error.status == TOO_MANY_REQUESTS:
        pause(channel.inbox.account_key, 1.0)
    verdict = judge(error, carried, tries=_tries_that_count(delivery), may_have_arrived=is_doubtful)
    retry_in = wait_before_retry(error, delivery.tries) if verdict is Verdict.RETRY else timedelta(0)
    attempted = Attempted(delivery=delivery, verdict=verdict, error=error, retry_in=retry_in, call=call)
    return attempted if error is None or delivery.kind != DeliveryKind.REPLY else _with_less(attempted, error)


def _tries_that_count(delivery: Delivery) -> int:
    """Without those that were refused: they had no effect, and what was refused left the call."""
    refusals: int = delivery.payload.get("refusals", 0)
    return delivery.tries - refusals


def _with_less(attempted: Attempted, error: BridgeError) -> Attempted:
    """A refused call goes once more without what the contact doesn't read, and of one that was done in part only
    the completion: neither may cost the message or double it."""
    payload = attempted.delivery.payload
    if error.status in REFUSALS:
        lighter = without_extras(payload)
        if lighter is None:
            return attempted
        problem = describe("CB-611", parts=lighter.without, problem=error.detail.rstrip("."))
        error = RefusedError(problem, status=error.status, trace_id=error.trace_id)
        if lighter.is_empty:
            return replace(attempted, verdict=Verdict.REFUSED, error=error)
        return replace(attempted, verdict=Verdict.RETRY, error=error, retry_in=timedelta(0), payload=lighter.payload)
    if is_done_in_part(error) and (less := only_completion(payload)):
        return replace(attempted, verdict=Verdict.RETRY, retry_in=timedelta(0), payload=less)
    return attempted


def carried_by(delivery: Delivery) -> Carried:
    return _carried(delivery.kind, delivery.payload)


def _carried(kind: str, payload: dict[str, Any]) -> Carried:
    if kind == DeliveryKind.ATTACHMENT:
        return Carried(uploads=True)
    outgoing = payload["outgoing"]
    return Carried(
        completes=bool(outgoing["complete"]), speaks=bool(outgoing["messages"]), notes=bool(outgoing["note"])
    )


def may_have_arrived(delivery: Delivery) -> bool:
    """Whether an earlier try of this delivery may have been done, or one was cut off by a crash."""
    if delivery.state == DeliveryState.IN_FLIGHT:
        return True
    return delivery.tries > 0 and tries_of(delivery).filter(result__in=("unknown", "failed")).exists()


def _was_given_back(lease: Lease, delivery: Delivery) -> bool:
    """Whether agents have given the conversation back since we tried to hand it over: then they had got it.

    Once more would hand over what is the bot's again.
    """
    first_sent_at = delivery.first_sent_at
    return first_sent_at is not None and any(facts.sent_at > first_sent_at for facts in lease.returns)


_HOLD = "SELECT id FROM channels_app_conversation WHERE id = %(conversation_id)s AND fence = %(fence)s FOR UPDATE"
_MARK_IN_FLIGHT = f"""
WITH held AS ({_HOLD})
UPDATE channels_app_delivery AS delivery
SET state = 'in_flight', tries = delivery.tries + 1,
    first_sent_at = coalesce(delivery.first_sent_at, clock_timestamp())
FROM held WHERE delivery.id = %(delivery_id)s RETURNING delivery.id
"""
_RECORD = f"WITH held AS ({_HOLD}), tried AS ({UPDATE_DELIVERY}) SELECT held.id FROM held"
_RECORD_WITH_CALL = f"""
WITH held AS ({_HOLD}), tried AS ({UPDATE_DELIVERY}), called AS ({INSERT_EXCHANGE}) SELECT held.id FROM held
"""


def _mark_in_flight(lease: Lease, delivery: Delivery) -> None:
    """Committed before the first byte leaves, so that a crash leaves no doubt about which calls are in doubt."""
    facts = {"conversation_id": lease.conversation_id, "fence": lease.fence}
    if not fetch(_MARK_IN_FLIGHT, {**facts, "delivery_id": delivery.pk}):
        raise LeaseLostError


def _record_crash(lease: Lease, delivery: Delivery) -> None:
    """The try that a process died over is a try that may have arrived."""
    detail = "The process that made this call ended before the answer came."
    crash = TemporaryError(detail, effect=Effect.UNKNOWN)
    _note_call(lease, delivery, None, result=Effect.UNKNOWN, error=crash)
    delivery.state = DeliveryState.PENDING
    _record(lease, _tried(delivery))


def _call(channel: LiveChannel, conversation_id: str, delivery: Delivery) -> tuple[BridgeError | None, Call | None]:
    """Make the call: what went wrong, or None; and the last that was said on the wire."""
    with recorded_calls() as calls:
        try:
            if delivery.kind == DeliveryKind.ATTACHMENT:
                upload_file(channel, conversation_id, delivery)
            else:
                sent = channel.inbox.send(conversation_id, with_links(delivery))
                note_quota(channel.inbox.account_key, sent.quota_used, sent.quota_limit)
        except BridgeError as error:
            return error, calls[-1] if calls else None
    return None, calls[-1] if calls else None


def _without_words(delivery: Delivery) -> Attempted | None:
    """What comes of a reply whose only words were files that can neither be uploaded nor linked: nothing, if its
    event says something else, or else it is refused, so that nobody waits for it."""
    if not delivery.payload.get("links"):
        return None
    outgoing = with_links(delivery)
    if outgoing.messages or outgoing.complete:
        return None
    replies = deliveries_of(delivery.event_id)
    others = [row for row in replies if row.kind == DeliveryKind.REPLY and row.pk != delivery.pk]
    if any(with_links(row).messages for row in others):
        is_empty = replace(outgoing, tagged_message_id="") == Outgoing()
        return Attempted(delivery=delivery, verdict=Verdict.SENT, is_try=False) if is_empty else None
    return Attempted(delivery=delivery, verdict=Verdict.REFUSED, error=RefusedError(NOTHING_LEFT))


def settle(lease: Lease, attempted: Attempted) -> dict[str, Any]:
    """What became of a try, for the statement that writes it: the delivery as it stands now, and the call."""
    delivery, error = attempted.delivery, attempted.error
    delivery.state = _STATES[attempted.verdict]
    delivery.finished_at = None if attempted.verdict is Verdict.RETRY else database_now()
    if attempted.is_try:
        delivery.last_status = error.status if error else attempted.call.status if attempted.call else 0
        delivery.last_error = error.detail if error else ""
        delivery.trace_id = error.trace_id if error else ""
        _note_call(lease, delivery, attempted.call, result=_result(attempted), error=error)
    if attempted.payload is not None:
        delivery.payload = attempted.payload
        return {**_tried(delivery), "tried_payload": json.dumps(attempted.payload)}
    return _tried(delivery)


def record_attempt(lease: Lease, attempted: Attempted) -> None:
    """Keep what came of a try, in a statement of its own. Raises LeaseLostError."""
    _record(lease, settle(lease, attempted))


def _record(lease: Lease, tried: Mapping[str, Any]) -> None:
    facts = {"conversation_id": lease.conversation_id, "channel_id": lease.channel_id, "fence": lease.fence}
    statement = _RECORD_WITH_CALL if lease.unwritten else _RECORD
    if not fetch(statement, {**facts, **tried, **exchange_values(lease.unwritten)}):
        raise LeaseLostError
    lease.unwritten.clear()


def _tried(delivery: Delivery) -> dict[str, Any]:
    return {
        "tried_id": delivery.pk,
        "tried_state": delivery.state,
        "tried_is_final": delivery.state != DeliveryState.PENDING,
        "tried_status": delivery.last_status,
        "tried_error": delivery.last_error,
        "tried_trace_id": delivery.trace_id,
        "tried_payload": None,
    }


def _note_call(lease: Lease, delivery: Delivery, call: Call | None, *, result: str, error: BridgeError | None) -> None:
    row = exchange_row(
        Target.INBOX,
        call,
        event_id=delivery.event_id,
        n=delivery.tries,
        result=result,
        error=error,
        delivery_id=delivery.pk,
    )
    lease.unwritten.append(row)


def _result(attempted: Attempted) -> str:
    """What the try did, as far as we know: `effect` of an error, else the verdict."""
    if attempted.error is None and attempted.verdict is Verdict.UNCONFIRMED:
        return "unknown"
    if isinstance(attempted.error, RefusedError):
        return Verdict.REFUSED
    effect = getattr(attempted.error, "effect", None)
    return str(effect or attempted.verdict)


def cancel_deliveries(conversation_id: int) -> int:
    """Drop what is left to say in a conversation that isn't ours any more; how much that was."""
    states = (DeliveryState.PENDING, DeliveryState.IN_FLIGHT)
    rows = Delivery.objects.filter(conversation_id=conversation_id, state__in=states)
    return rows.update(state=DeliveryState.CANCELLED, finished_at=database_now())


def retry_delivery(delivery: Delivery) -> bool:
    """Send it again because a person wants so; False when the conversation isn't with the bot any more.

    Its event is open again, and with it the platform's time: who asks for a late message knows that it is late.
    """
    if delivery.kind != DeliveryKind.REPLY:
        return False  # its message has left with the link instead
    if "purged" in delivery.payload:
        return False  # the time for its texts is over, and what is left of it says nothing
    with transaction.atomic():
        conversation = Conversation.objects.select_for_update().get(pk=delivery.conversation_id)
        if conversation.owner != Owner.BOT:
            return False
        lost = (DeliveryState.FAILED, DeliveryState.REFUSED, DeliveryState.UNCONFIRMED)
        whole = with_extras(delivery.payload)  # why something was left out may be mended by now
        if not Delivery.objects.filter(pk=delivery.pk, state__in=lost).update(
            state=DeliveryState.PENDING, finished_at=None, payload=whole
        ):
            return False
        now = database_now()
        WebhookEvent.objects.filter(pk=delivery.event_id).update(
            state=EventState.SENDING, outcome=None, finished_at=None, wait_until=None, retried_at=now
        )
        wake_at_once(conversation.pk)
    return True
