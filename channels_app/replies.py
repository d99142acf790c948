"""A reply becomes rows with all that follows from it, and is sent."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from django.db import transaction

from channels_app import options
from channels_app.channels import LiveChannel
from channels_app.deliveries import may_leave_now, write_deliveries
from channels_app.leases import ClaimedEvent, Lease
from channels_app.models import Author, EventState
from channels_app.plans import plan_deliveries
from channels_app.protocol import Completion, EventType, Message, Reply
from channels_app.sending import Woken, is_of_an_earlier_stint, send_deliveries
from channels_app.unsaid import Unsaid, unsaid_words
from channels_app.visible import is_visible
from offload.models import OffloadReason, OffloadState
from offload.services import Request, hand_over, record_offload, request_offload


def send_reply(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], reply: Reply) -> Woken:
    """Send what the bot said, completed by what a wish for a human needs.

    When it ends the bot's part, what the bot had said before by its other way leaves first.
    """
    before = unsaid_words(lease, channel, claimed) if reply.complete or reply.offload else Unsaid()
    reply = _with_numbers(lease, before.reply.merged_with(reply))
    if reply.complete is Completion.HANDOVER and reply.offload is None:
        request = Request(reason=OffloadReason.BOT_COMPLETED, by="bot")
        return _write_and_send(lease, channel, claimed, hand_over(lease, reply, request), before, request)
    if reply.offload is None:
        return _write_and_send(lease, channel, claimed, reply, before)
    request = Request(
        reason=OffloadReason.ASKED_FOR_HUMAN, by="bot", detail=reply.offload.reason, payload=reply.offload.payload
    )
    reply, state = request_offload(lease, reply, request)
    return _write_and_send(lease, channel, claimed, reply, before, request, state)


def _with_numbers(lease: Lease, reply: Reply) -> Reply:
    """The reply, its options with the numbers that the contact reads."""
    if not any(message.options for message in reply.messages):
        return reply
    standing = lease.offered.in_turn(lease.last_turn_id)
    return replace(reply, messages=options.numbered(reply.messages, standing))


_FAILURES = frozenset(
    {
        *(OffloadReason.BOT_FAILED, OffloadReason.BOT_SILENT, OffloadReason.BOT_UNSHOWABLE, OffloadReason.BOT_DOWN),
        OffloadReason.OUT_OF_TIME,
    }
)
"""Handovers that the contact had no reason to expect."""


def say_instead_of_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, text: str, reason: str) -> Woken:
    """The channel's owner wants the contact to read this when the bot fails, and the bot to go on."""
    reply = Reply(messages=(Message(text=text),))
    return _write_and_send(lease, channel, [claimed], reply, Unsaid(), reason=reason, author=Author.BRIDGE)


def hand_over_for(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, request: Request) -> Woken:
    """Humans take over because the bot can't or shouldn't answer. What it had said before leaves first."""
    before = unsaid_words(lease, channel, [claimed])
    has_words = request.reason in _FAILURES and is_visible(channel.fallback_text)
    words = (Message(text=channel.fallback_text),) if has_words else ()
    wish = before.reply.offload
    if wish is not None and request.payload is None:
        request = replace(request, payload=wish.payload)
    said = _with_numbers(lease, before.reply.merged_with(Reply(messages=words)))
    reply = hand_over(lease, said, request)
    return _write_and_send(lease, channel, [claimed], reply, before, request, author=Author.BRIDGE)


def _write_and_send(
    lease: Lease,
    channel: LiveChannel,
    claimed: Sequence[ClaimedEvent],
    reply: Reply,
    before: Unsaid,
    request: Request | None = None,
    state: OffloadState = OffloadState.REQUESTED,
    *,
    author: Author = Author.BOT,
    reason: str = "",
) -> Woken:
    """Write the reply down, with all that follows from it, at one stroke; then send it. `before`: what of it the bot
    had said by its other way."""
    first, others = claimed[0], claimed[1:]
    plan = plan_deliveries(channel, reply, message_id=lease.last_message_id, unique=f"{first.facts.id:x}")
    counters = [event.facts.counter for event in claimed if event.facts.counter is not None]
    is_leaving = not is_of_an_earlier_stint(lease, first) and may_leave_now(channel, plan)
    write = partial(
        write_deliveries,
        lease,
        first.facts.id,
        plan,
        options=lease.offered.followed_by(lease.last_turn_id, lease.stint, plan.options, lease.now).to_json(),
        reason=" · ".join(filter(None, (request.reason.label if request else reason, plan.unshown_words))),
        author=author,
        bots_words=plan.said_with(len(before.reply.messages)),
        counter=counters[-1] if counters else None,
        merged=[*before.event_ids, *(event.facts.id for event in others)],
        answered=_answered(lease, claimed),
        is_leaving=is_leaving,
    )
    if request is None:
        return send_deliveries(lease, channel, first, write(), is_leaving=is_leaving)
    with transaction.atomic():
        deliveries = write()
        record_offload(lease, first.facts.id, request, state)
    return send_deliveries(lease, channel, first, deliveries, is_leaving=is_leaving)


def _answered(lease: Lease, claimed: Sequence[ClaimedEvent]) -> list[int]:
    """The events that waited for these words of the bot: those that it had been given before it spoke.

    For what it was given since, it speaks again; so a bot that dies in between leaves nobody without a deadline.
    """
    if claimed[0].facts.type is not EventType.BOT_REPLIED:
        return []
    spoken_at = max(event.facts.received_at for event in claimed)
    waiting = [event.facts for event in lease.events if _is_with_bot(event)]
    return [facts.id for facts in waiting if facts.called_at is None or facts.called_at <= spoken_at]


def _is_with_bot(event: ClaimedEvent) -> bool:
    """Whether the bot has it: it said "later", or was called and may have got the call: a call under way holds the
    lease, so whoever reads this follows a failed call, or a process that died over one."""
    return event.facts.state in (EventState.BOT_CALL, EventState.BOT_WAIT)
