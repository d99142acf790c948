"""The rows of calls: found, marked before they are sent, and stored with their results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from channels_app.conversations.exchanges import INSERT_EXCHANGE, exchange_row, exchange_values
from channels_app.conversations.lease import Lease, LeaseLostError
from channels_app.conversations.release import UPDATE_DELIVERY, wake_at_once
from channels_app.deliveries.plans import with_extras
from channels_app.deliveries.verdicts import (
    Verdict,
)
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call
from channels_app.lib.statements import fetch
from channels_app.models import (
    RETRYABLE,
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
from channels_app.protocol.causes import INBOX, UPLOAD
from channels_app.protocol.errors import BridgeError, Effect, RefusedError, TemporaryError

_STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.UNCONFIRMED: DeliveryState.UNCONFIRMED,
    Verdict.RETRY: DeliveryState.PENDING,
    Verdict.GONE: DeliveryState.CANCELLED,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.FAILED: DeliveryState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """The result of one delivery; `retry_in` when it has to wait. `is_try`: a call was made, now or by a process
    that died over it; else the account's limit did not allow one."""

    delivery: Delivery
    verdict: Verdict
    error: BridgeError | None = None
    retry_in: timedelta = timedelta(0)
    is_try: bool = True
    call: Call | None = None
    payload: dict[str, Any] | None = None
    """What the next try carries, if it is less than this one did."""
    has_no_words: bool = False
    """Nothing was called: what it should have said were files that can't be shown."""


def deliveries_of(event_id: int) -> list[Delivery]:
    """All calls of an event, in order."""
    return list(Delivery.objects.filter(event_id=event_id).order_by("seq"))


def tries_of(delivery: Delivery) -> QuerySet[Exchange]:
    """Its calls, in order. Found by its event, because no index knows deliveries."""
    return Exchange.objects.filter(event_id=delivery.event_id, delivery_id=delivery.pk).order_by("id")


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


def mark_in_flight(lease: Lease, delivery: Delivery) -> None:
    """Committed before the first byte leaves, so that a crash leaves no doubt about which calls are in doubt."""
    facts = {"conversation_id": lease.conversation_id, "fence": lease.fence}
    if not fetch(_MARK_IN_FLIGHT, {**facts, "delivery_id": delivery.pk}):
        raise LeaseLostError


def record_crash(lease: Lease, delivery: Delivery) -> None:
    """The try that a process died over is a try that may have arrived."""
    detail = "The process that made this call ended before the answer arrived."
    crash = TemporaryError(detail, effect=Effect.UNKNOWN)
    _note_call(lease, delivery, None, result=Effect.UNKNOWN, error=crash)
    delivery.state = DeliveryState.PENDING
    _record(lease, _tried(delivery))


def settle(lease: Lease, attempted: Attempted) -> dict[str, Any]:
    """The result of a try, for the statement that stores it: the delivery's new state, and the call."""
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
    """Store the result of a try, in a separate statement. Raises LeaseLostError."""
    _record(lease, settle(lease, attempted))


def _record(lease: Lease, tried: Mapping[str, Any]) -> None:
    facts = {"conversation_id": lease.conversation_id, "channel_id": lease.channel_id, "fence": lease.fence}
    statement = _RECORD_WITH_CALL if lease.unwritten else _RECORD
    if not fetch(statement, {**facts, **tried, **exchange_values(lease)}):
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
        judged_as=UPLOAD if delivery.kind == DeliveryKind.ATTACHMENT else INBOX,
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
        whole = with_extras(delivery.payload)  # the reason for leaving something out may be fixed by now
        if not Delivery.objects.filter(pk=delivery.pk, state__in=RETRYABLE).update(
            state=DeliveryState.PENDING, finished_at=None, payload=whole
        ):
            return False
        now = database_now()
        WebhookEvent.objects.filter(pk=delivery.event_id).update(
            state=EventState.SENDING, outcome=None, finished_at=None, wait_until=None, retried_at=now
        )
        wake_at_once(conversation.pk)
    return True
