"""Send what a turn has stored, call by call, and end its event with the result."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.db import transaction

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent, Lease, hold
from channels_app.conversations.release import Release
from channels_app.deliveries.attachments import drop_attachments, left_out, lost_files
from channels_app.deliveries.attempts import attempt_delivery, carried_by, may_have_arrived
from channels_app.deliveries.briefings import briefing_of, own_words
from channels_app.deliveries.deadlines import hard_deadline, soft_deadline
from channels_app.deliveries.ending import close
from channels_app.deliveries.inline import as_call, is_taken, settle_offer
from channels_app.deliveries.plans import plan_deliveries, with_extras
from channels_app.deliveries.recording import Attempted, cancel_deliveries, deliveries_of, record_attempt, settle
from channels_app.deliveries.unsaid import Unsaid, unsaid_words
from channels_app.deliveries.verdicts import Verdict
from channels_app.deliveries.writing import Writing, write_deliveries
from channels_app.lib.clocks import database_now
from channels_app.models import Author, Delivery, DeliveryKind, DeliveryState, EventState, MessageRow, WebhookEvent
from channels_app.protocol import Completion, EventType, Message, Outgoing, Reply
from channels_app.protocol.remarks import NOT_CLOSED
from channels_app.protocol.sentences import Occasion
from offload.models import OffloadReason, OffloadState
from offload.services import Request, hand_over, record_offload

logger = logging.getLogger(__name__)
UPLOAD_TRIES = 3
"""Then the contact gets the link: words must not wait for a picture."""


def send_deliveries(
    lease: Lease,
    channel: LiveChannel,
    first: ClaimedEvent,
    deliveries: Sequence[Delivery] | None = None,
    *,
    is_leaving: bool = False,
) -> Release:
    """Send what is written for this event, in order: how it ends then, or is put off to the next try.

    `deliveries`: what has just been written; `is_leaving`: the first of them is marked as on its way already.
    """
    if deliveries is None:
        deliveries = deliveries_of(first.facts.id)
        for delivery in deliveries:
            settle_offer(delivery)
        _stay_open(lease, first, deliveries)
    left = [delivery for delivery in deliveries if delivery.state in (DeliveryState.PENDING, DeliveryState.IN_FLIGHT)]
    for place, delivery in enumerate(left):
        is_proved = carried_by(delivery).completes and may_have_arrived(delivery)  # then its coming back proves it
        if is_taken(delivery):
            attempted = Attempted(delivery=delivery, verdict=Verdict.SENT, call=as_call(delivery, channel.inbox))
        elif is_of_an_earlier_stint(lease, first) and not is_proved:
            attempted = Attempted(delivery=delivery, verdict=Verdict.GONE, is_try=False)
        else:
            is_marked = is_leaving and delivery is left[0]
            attempted = attempt_delivery(lease, channel, delivery, is_leaving=is_marked)
            attempted = _within_budget(channel, first, attempted)
        if delivery.kind == DeliveryKind.ATTACHMENT:
            attempted = _upload_or_link(attempted)
        match attempted.verdict:
            case Verdict.RETRY:
                return _put_off(lease, first, attempted)
            case Verdict.REFUSED | Verdict.FAILED if delivery.kind == DeliveryKind.REPLY:
                return _on_lost_reply(lease, channel, first, deliveries, attempted)
            case Verdict.GONE:
                return close(lease, first, deliveries, attempted)
        if delivery is left[-1]:
            return close(lease, first, deliveries, attempted)
        pause = _pause_before(channel, first, left[place + 1])
        if pause:
            return _put_off(lease, first, replace(attempted, retry_in=pause))
        record_attempt(lease, attempted)
    return close(lease, first, deliveries, None)


def _stay_open(lease: Lease, first: ClaimedEvent, deliveries: Sequence[Delivery]) -> None:
    """A pending retry must not close the conversation if the contact has written again: no one would
    answer. If it may already have been closed, no one can answer them."""
    queued = (event.facts.type for event in lease.events if event.facts.state == EventState.QUEUED)
    if EventType.MESSAGE_RECEIVED not in queued:
        return
    waiting = [one for one in deliveries if one.kind == DeliveryKind.REPLY and one.state == DeliveryState.PENDING]
    last = waiting[-1] if waiting else None
    if last is None or last.outgoing.complete is not Completion.RESOLVED or may_have_arrived(last):
        return
    with transaction.atomic():
        hold(lease)
        for delivery in waiting:
            if not may_have_arrived(delivery):
                _without_end(delivery)
        WebhookEvent.objects.filter(pk=first.facts.id).update(reason=NOT_CLOSED)


def _without_end(delivery: Delivery) -> None:
    """The call without what ends the conversation, and what is said only then. Nor does the transcript have it."""
    outgoing = delivery.outgoing
    closing = min(delivery.payload.get("closing", 0), len(outgoing.messages))
    kept = outgoing.messages[: len(outgoing.messages) - closing]
    delivery.payload = {name: value for name, value in delivery.payload.items() if name != "closing"}
    delivery.outgoing = replace(outgoing, messages=kept, complete=None)
    if delivery.outgoing == Outgoing():
        delivery.state, delivery.finished_at = DeliveryState.CANCELLED, database_now()
    delivery.save(update_fields=["payload", "state", "finished_at"])
    said = MessageRow.objects.filter(event_id=delivery.event_id).exclude(author=Author.CONTACT)
    unsaid = said.order_by("-position").values_list("pk", flat=True)[:closing]
    MessageRow.objects.filter(pk__in=list(unsaid)).delete()


def is_of_an_earlier_stint(lease: Lease, first: ClaimedEvent) -> bool:
    """Whether agents have had the conversation since this event and gave it back: then its answer is theirs.

    Sent now, a handover of then would take the conversation away from the bot again.
    """
    return any(facts.sent_at > first.facts.sent_at for facts in lease.returns)


def _within_budget(channel: LiveChannel, first: ClaimedEvent, attempted: Attempted) -> Attempted:
    """A try that could only be repeated when its time is up has failed for good."""
    if attempted.verdict is not Verdict.RETRY:
        return attempted
    completes = carried_by(attempted.delivery).completes
    deadline = hard_deadline(channel, first) if completes else soft_deadline(channel, first)
    if database_now() + attempted.retry_in <= deadline:
        return attempted
    return replace(attempted, verdict=Verdict.FAILED)


def _upload_or_link(attempted: Attempted) -> Attempted:
    if attempted.verdict is Verdict.RETRY and attempted.is_try and attempted.delivery.tries >= UPLOAD_TRIES:
        attempted = replace(attempted, verdict=Verdict.FAILED)
    is_lost = attempted.verdict in (Verdict.REFUSED, Verdict.FAILED) and attempted.error is not None
    error = left_out(attempted.delivery, attempted.error) if is_lost and attempted.error else None
    return replace(attempted, error=error) if error else attempted


def _pause_before(channel: LiveChannel, first: ClaimedEvent, delivery: Delivery) -> timedelta:
    """How long the bot wants to wait before this call. No thread waits: the conversation is released."""
    pause = timedelta(milliseconds=delivery.payload.get("pause_ms", 0))
    return max(min(pause, soft_deadline(channel, first) - database_now()), timedelta(0))


def _put_off(lease: Lease, first: ClaimedEvent, attempted: Attempted) -> Release:
    """What follows has to wait, and the result of this try is written."""
    later = Release.putting_off(first, EventState.SENDING, attempted.retry_in)
    return replace(later, tried=settle(lease, attempted))


def _on_lost_reply(
    lease: Lease, channel: LiveChannel, first: ClaimedEvent, deliveries: Sequence[Delivery], attempted: Attempted
) -> Release:
    """The inbox won't take a reply: as links without its files, else humans, else only the bare handover."""
    delivery = attempted.delivery
    outgoing = delivery.outgoing
    logger.warning("delivery %s of %s: %s", delivery.pk, channel.name, attempted.error or attempted.verdict)
    if attempted.verdict is Verdict.REFUSED and drop_attachments(delivery):
        whole = with_extras(delivery.payload)  # it may have been the files that were refused
        return _put_off(lease, first, replace(attempted, verdict=Verdict.RETRY, payload=whole))
    if attempted.has_no_words:
        return _on_lost_files(lease, channel, first, deliveries, attempted)
    if not outgoing.messages and not outgoing.complete:
        return close(lease, first, deliveries, attempted)  # no contact waits for it, and agents couldn't fix it
    bare = Outgoing(complete=Completion.HANDOVER)
    if (attempted.verdict is Verdict.FAILED and outgoing.complete) or outgoing == bare:
        return close(lease, first, deliveries, attempted)
    if outgoing.complete is Completion.HANDOVER:
        bare_reply = Reply(complete=Completion.HANDOVER)
        return _say_instead(lease, channel, first, attempted, bare_reply, Unsaid(), None, first.reason)
    detail = attempted.error.detail if attempted.error else ""
    request = Request(reason=OffloadReason.REPLY_REFUSED, by="chatbridge", detail=detail)
    told = WebhookEvent.objects.values_list("reason", flat=True).get(pk=first.facts.id)
    if cause := OffloadReason.told_by(told):  # it was a text of the channel's, said because this had come first
        request = replace(request, reason=cause, detail=f"the channel's text could not be sent: {detail}")
    before = unsaid_words(lease, channel, [first])
    reply = hand_over(lease, before.reply, request, briefing_of(lease, channel))
    return _say_instead(
        lease, channel, first, attempted, reply, before, request, told if cause else request.reason.label
    )


def _on_lost_files(
    lease: Lease, channel: LiveChannel, first: ClaimedEvent, deliveries: Sequence[Delivery], attempted: Attempted
) -> Release:
    """All that the bot said were files that can't be shown: agents take over, which the contact is told. What it did
    beside that is done, and rides on the last of its calls."""
    lost, what = deliveries[-1].outgoing, lost_files(attempted.delivery)
    text = own_words(lease, channel, Occasion.HANDOVER)
    said = Reply(
        messages=(Message(text=text),) if text else (),
        topics=lost.topics,
        tags=lost.tags,
        attributes=lost.attributes,
        note=lost.note,
        complete=lost.complete,
        unshown=(what,),
    )
    before = unsaid_words(lease, channel, [first])
    reply = before.reply.merged_with(said)
    if lost.complete is Completion.HANDOVER:  # with its own reason, written down already
        return _say_instead(lease, channel, first, attempted, reply, before, None, first.reason)
    request = Request(reason=OffloadReason.BOT_UNSHOWABLE, by="chatbridge", detail=what)
    reply = hand_over(lease, reply, request, briefing_of(lease, channel))
    return _say_instead(lease, channel, first, attempted, reply, before, request, request.reason.label)


def _say_instead(
    lease: Lease,
    channel: LiveChannel,
    first: ClaimedEvent,
    attempted: Attempted,
    reply: Reply,
    before: Unsaid,
    request: Request | None,
    reason: str,
) -> Release:
    """Record the loss and write down what is said instead of all that is left of the reply. `before`: what of it the
    bot had said since."""
    message_id, unique = lease.last_message_id, f"{first.facts.id:x}-instead"
    plan = plan_deliveries(channel, reply, medium=lease.medium, message_id=message_id, unique=unique)
    with transaction.atomic():
        record_attempt(lease, attempted)
        cancel_deliveries(lease.conversation_id)
        writing = Writing(
            event_id=first.facts.id,
            plan=plan,
            options={},
            reason=" · ".join(filter(None, (reason, plan.remarks))),
            first_seq=max(delivery.seq for delivery in deliveries_of(first.facts.id)) + 1,
            author=Author.BRIDGE,
            bots_words=plan.said_with(len(before.reply.messages)),
            merged=before.event_ids,
        )
        write_deliveries(lease, writing)
        if request is not None:
            record_offload(lease, first.facts.id, request, OffloadState.REQUESTED)
    return send_deliveries(lease, channel, first)
