"""Replies in flight: stored first, then sent, each try with its result."""

import logging
from dataclasses import replace
from datetime import timedelta

from channels_app.channels.credentials import note_quota
from channels_app.channels.live import LiveChannel
from channels_app.codes import describe
from channels_app.conversations.lease import Lease
from channels_app.deliveries.attachments import lost_files, upload_file, with_links
from channels_app.deliveries.plans import Plan, only_completion, without_extras
from channels_app.deliveries.recording import Attempted, deliveries_of, mark_in_flight, record_crash, tries_of
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
from channels_app.models import (
    Delivery,
    DeliveryKind,
    DeliveryState,
)
from channels_app.protocol import Outgoing
from channels_app.protocol.errors import BridgeError, RefusedError

logger = logging.getLogger(__name__)


def may_leave_now(channel: LiveChannel, plan: Plan) -> bool:
    """Whether the account's limit lets the first call of this plan leave at once: then its permission is taken."""
    if not plan.calls:
        return False
    kind, payload = plan.calls[0]
    completes = kind == DeliveryKind.REPLY and bool(Outgoing.from_json(payload["outgoing"]).complete)
    return take_ticket(channel.inbox.account_key, is_completion=completes) == 0


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
        record_crash(lease, delivery)
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
        mark_in_flight(lease, delivery)
    delivery.state = DeliveryState.IN_FLIGHT
    delivery.tries += 1
    delivery.first_sent_at = delivery.first_sent_at or database_now()
    error, call = _call(lease, channel, delivery)
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
    """A refused call is repeated without what the contact doesn't read, and of one that was partly done only
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
    if delivery.kind == DeliveryKind.ATTACHMENT:
        return Carried(uploads=True)
    outgoing = delivery.outgoing
    return Carried(completes=bool(outgoing.complete), speaks=bool(outgoing.messages), notes=bool(outgoing.note))


def may_have_arrived(delivery: Delivery) -> bool:
    """Whether an earlier try of this delivery may have been done, or one was cut off by a crash."""
    if delivery.state == DeliveryState.IN_FLIGHT:
        return True
    return delivery.tries > 0 and tries_of(delivery).filter(result__in=("unknown", "failed")).exists()


def _was_given_back(lease: Lease, delivery: Delivery) -> bool:
    """Whether agents have given the conversation back since we tried to hand it over: then they had got it.

    A repeat would hand over a conversation that is the bot's again.
    """
    first_sent_at = delivery.first_sent_at
    return first_sent_at is not None and any(facts.sent_at > first_sent_at for facts in lease.returns)


def _call(lease: Lease, channel: LiveChannel, delivery: Delivery) -> tuple[BridgeError | None, Call | None]:
    """Make the call: what went wrong, or None; and the last that was said on the wire."""
    with recorded_calls() as calls:
        try:
            if delivery.kind == DeliveryKind.ATTACHMENT:
                upload_file(lease, channel, delivery)
            else:
                sent = channel.inbox.send(lease.external_id, with_links(delivery))
                note_quota(channel.inbox.account_key, sent.quota_used, sent.quota_limit)
        except BridgeError as error:
            note_quota(channel.inbox.account_key, *error.quota)
            return error, calls[-1] if calls else None
    return None, calls[-1] if calls else None


def _without_words(delivery: Delivery) -> Attempted | None:
    """What comes of a reply whose only words were files that can neither be uploaded nor linked: nothing, if its
    event says something else, or else it isn't sent, so that no contact waits for it."""
    if not delivery.payload.get("links"):
        return None
    outgoing = with_links(delivery)
    if outgoing.messages or not delivery.outgoing.messages:
        return None
    replies = deliveries_of(delivery.event_id)
    others = [row for row in replies if row.kind == DeliveryKind.REPLY and row.pk != delivery.pk]
    if any(with_links(row).messages for row in others):
        is_empty = replace(outgoing, tagged_message_id="") == Outgoing()
        return Attempted(delivery=delivery, verdict=Verdict.SENT, is_try=False) if is_empty else None
    error = RefusedError(describe("CB-518", what=lost_files(delivery)))
    return Attempted(delivery=delivery, verdict=Verdict.REFUSED, error=error, has_no_words=True)
