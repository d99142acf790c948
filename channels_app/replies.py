"""A reply becomes rows with all that follows from it, and is sent."""

from collections.abc import Sequence

from django.db import transaction

from channels_app.channels import LiveChannel
from channels_app.deliveries import write_deliveries
from channels_app.events import finish_events
from channels_app.leases import ClaimedEvent, Lease
from channels_app.models import Author, Outcome
from channels_app.plans import plan_deliveries
from channels_app.protocol import Completion, Message, Reply
from channels_app.sending import Woken, send_deliveries
from offload.models import OffloadReason, OffloadState
from offload.services import Request, hand_over, record_offload, request_offload


def send_reply(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], reply: Reply) -> Woken:
    """Send what the bot said, completed by what a wish for a human needs."""
    if reply.complete is Completion.HANDOVER and reply.offload is None:
        request = Request(reason=OffloadReason.BOT_COMPLETED, by="bot")
        return _write_and_send(lease, channel, claimed, hand_over(lease, reply, request), request)
    if reply.offload is None:
        return _write_and_send(lease, channel, claimed, reply)
    request = Request(
        reason=OffloadReason.ASKED_FOR_HUMAN, by="bot", detail=reply.offload.reason, payload=reply.offload.payload
    )
    reply, state = request_offload(lease, reply, request)
    return _write_and_send(lease, channel, claimed, reply, request, state)


def hand_over_for(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, request: Request) -> Woken:
    """Humans take over because the bot can't or shouldn't answer."""
    failed = request.reason in (OffloadReason.BOT_FAILED, OffloadReason.BOT_SILENT)
    words = (Message(text=channel.fallback_text),) if failed and channel.fallback_text else ()
    reply = hand_over(lease, Reply(messages=words), request)
    return _write_and_send(lease, channel, [claimed], reply, request, author=Author.BRIDGE)


def _write_and_send(
    lease: Lease,
    channel: LiveChannel,
    claimed: Sequence[ClaimedEvent],
    reply: Reply,
    request: Request | None = None,
    state: OffloadState = OffloadState.REQUESTED,
    *,
    author: Author = Author.BOT,
) -> Woken:
    """Write the reply down, with all that follows from it, in one transaction; then send it."""
    first, others = claimed[0], claimed[1:]
    offered = lease.offered
    plan = plan_deliveries(
        channel,
        reply,
        first_number=len(offered.in_turn(lease.last_turn_id)) + 1,
        message_id=lease.last_message_id,
        unique=f"{first.facts.id:x}",
    )
    counters = [event.facts.counter for event in claimed if event.facts.counter is not None]
    reason = request.reason.label if request else ""
    with transaction.atomic():
        write_deliveries(
            lease,
            first.facts.id,
            plan,
            options=offered.after(lease.last_turn_id, plan.options, has_spoken=bool(reply.messages)).to_json(),
            reason=reason,
            author=author,
            counter=counters[-1] if counters else None,
        )
        finish_events([event.facts.id for event in others], Outcome.MERGED, "Sent with the message before it.")
        if request is not None:
            record_offload(lease, first.facts.id, request, state)
    return send_deliveries(lease, channel, first)
