"""A reply becomes rows with all that follows from it, and is sent."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from django.db import transaction

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release
from channels_app.conversations.standing import OpenEvent
from channels_app.deliveries.attempts import may_leave_now
from channels_app.deliveries.plans import plan_deliveries
from channels_app.deliveries.sending import is_of_an_earlier_stint, send_deliveries
from channels_app.deliveries.unsaid import Unsaid, open_messages, unsaid_words
from channels_app.deliveries.writing import NewsError, Writing, write_deliveries
from channels_app.models import Author, EventState
from channels_app.protocol import NOT_CLOSED, Completion, EventType, Message, Reply, options
from channels_app.protocol.visible import is_visible
from offload.models import OffloadReason, OffloadState
from offload.services import Request, hand_over, record_offload, request_offload


def send_reply(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], reply: Reply) -> Release:
    """Send what the bot said, completed by what a wish for a human needs.

    What it had said before by its other way leaves first: what had come by the claim, and if something has come since,
    that too.
    """
    others = [event.facts for event in lease.events if event not in claimed]
    asks = claimed[0].facts.type.asks_bot
    is_ending = bool(reply.complete or reply.offload)
    speaks = is_ending or (asks and any(facts.type.is_from_bot for facts in others))
    before = unsaid_words(lease, channel, claimed) if speaks else Unsaid()
    waits = _is_waited_for(claimed, others)
    try:
        return _send(lease, channel, claimed, reply, before, waits=waits, checks=asks or is_ending)
    except NewsError as news:
        before = unsaid_words(lease, channel, claimed)
        closes = reply.complete or before.reply.complete
        waits = bool(closes) and _is_waited_for(claimed, open_messages(lease, claimed))
        return _send(lease, channel, claimed, reply, before, waits=waits, may_leave=news.may_leave)


def _is_waited_for(claimed: Sequence[ClaimedEvent], others: Iterable[OpenEvent]) -> bool:
    """Whether a message of the contact waits that the bot didn't know of when it said this."""
    messages = [facts for facts in others if facts.type is EventType.MESSAGE_RECEIVED]
    if not claimed[0].facts.type.is_from_bot:
        return any(facts.state == EventState.QUEUED for facts in messages)
    spoken_at = max(event.facts.received_at for event in claimed)
    return any(facts.called_at is None or facts.called_at > spoken_at for facts in messages)


def _send(
    lease: Lease,
    channel: LiveChannel,
    claimed: Sequence[ClaimedEvent],
    reply: Reply,
    before: Unsaid,
    *,
    waits: bool,
    checks: bool = False,
    may_leave: bool = False,
) -> Release:
    """`waits`: a message of the contact does, so the conversation stays open. `checks`: raise NewsError if anything
    has come since the claim. `may_leave`: the permission for its first call is taken."""
    write_and_send = partial(_write_and_send, lease, channel, claimed, may_leave=may_leave)
    reply, reason = _as_shown(lease, channel, before.reply.merged_with(reply)), ""
    if reply.complete is Completion.HANDOVER and reply.offload is None:
        request = Request(reason=OffloadReason.BOT_COMPLETED, by="bot")
        return write_and_send(hand_over(lease, reply, request), before, request)
    if reply.offload is None:
        if reply.complete is Completion.RESOLVED and waits:
            reply, reason = replace(reply, complete=None), NOT_CLOSED
        return write_and_send(reply, before, reason=reason, checks=checks)
    request = Request(
        reason=OffloadReason.ASKED_FOR_HUMAN, by="bot", detail=reply.offload.reason, payload=reply.offload.payload
    )
    reply, state = request_offload(lease, reply, request)
    return write_and_send(reply, before, request, state)


def _as_shown(lease: Lease, channel: LiveChannel, reply: Reply) -> Reply:
    """The reply, its options as the contact sees them: buttons, or with the numbers of a list."""
    if not any(message.options for message in reply.messages):
        return reply
    standing, is_switched_on = lease.offered.in_turn(lease.last_turn_id), lease.inbox_channel.shows_buttons
    if channel.inbox.has_buttons(reply.messages, lease.medium, is_switched_on=is_switched_on):
        return replace(reply, messages=options.with_buttons(reply.messages, standing, lease.last_turn_id))
    return replace(reply, messages=options.numbered(reply.messages, standing))


_FAILURES = frozenset(
    {
        *(OffloadReason.BOT_FAILED, OffloadReason.BOT_SILENT, OffloadReason.BOT_UNSHOWABLE, OffloadReason.BOT_DOWN),
        OffloadReason.OUT_OF_TIME,
    }
)
"""Handovers that the contact had no reason to expect."""


def say_instead_of_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, text: str, reason: str) -> Release:
    """The channel's owner wants the contact to read this when the bot fails, and the bot to go on."""
    before = unsaid_words(lease, channel, [claimed])
    reply = _as_shown(lease, channel, before.reply.merged_with(Reply(messages=(Message(text=text),))))
    return _write_and_send(lease, channel, [claimed], reply, before, reason=reason, author=Author.BRIDGE)


def hand_over_for(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, request: Request) -> Release:
    """Humans take over because the bot can't or shouldn't answer. What it had said before leaves first."""
    before = unsaid_words(lease, channel, [claimed])
    has_words = request.reason in _FAILURES and is_visible(channel.fallback_text)
    words = (Message(text=channel.fallback_text),) if has_words else ()
    wish = before.reply.offload
    if wish is not None and request.payload is None:
        request = replace(request, payload=wish.payload)
    said = _as_shown(lease, channel, before.reply.merged_with(Reply(messages=words)))
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
    checks: bool = False,
    may_leave: bool = False,
) -> Release:
    """Write the reply down, with all that follows from it, at one stroke; then send it. `before`: what of it the bot
    had said by its other way. `checks`, `may_leave`: see `_send`."""
    first, others = claimed[0], claimed[1:]
    unique = f"{first.facts.id:x}"
    plan = plan_deliveries(channel, reply, medium=lease.medium, message_id=lease.last_message_id, unique=unique)
    counters = [event.facts.counter for event in claimed if event.facts.counter is not None]
    is_leaving = not is_of_an_earlier_stint(lease, first) and (may_leave or may_leave_now(channel, plan))
    writing = Writing(
        event_id=first.facts.id,
        plan=plan,
        options=lease.offered.followed_by(lease.last_turn_id, lease.stint, plan.options, lease.now).to_json(),
        reason=" · ".join(filter(None, (request.reason.label if request else reason, plan.remarks))),
        author=author,
        bots_words=plan.said_with(len(before.reply.messages)),
        counter=counters[-1] if counters else None,
        merged=[*before.event_ids, *(event.facts.id for event in others)],
        answered=_answered(lease, claimed, before),
    )
    if request is None:
        try:
            deliveries = write_deliveries(lease, writing, is_leaving=is_leaving, if_nothing_came=checks)
        except NewsError as news:
            news.may_leave = is_leaving
            raise
        return send_deliveries(lease, channel, first, deliveries, is_leaving=is_leaving)
    with transaction.atomic():
        deliveries = write_deliveries(lease, writing, is_leaving=is_leaving)
        record_offload(lease, first.facts.id, request, state)
    return send_deliveries(lease, channel, first, deliveries, is_leaving=is_leaving)


def _answered(lease: Lease, claimed: Sequence[ClaimedEvent], before: Unsaid) -> list[int]:
    """The events that waited for these words of the bot: those that it had been given before it spoke.

    For what it was given since, it speaks again; so a bot that dies in between leaves nobody without a deadline.
    """
    spoken_at = before.spoken_at
    if claimed[0].facts.type is EventType.BOT_REPLIED:
        spoken_at = max(event.facts.received_at for event in claimed)
    if spoken_at is None:
        return []
    waiting = [event.facts for event in lease.events if event not in claimed and _is_with_bot(event)]
    return [facts.id for facts in waiting if facts.called_at is None or facts.called_at <= spoken_at]


def _is_with_bot(event: ClaimedEvent) -> bool:
    """Whether the bot has it: it said "later", or was called and may have got the call: a call under way holds the
    lease, so whoever reads this follows a failed call, or a process that died over one."""
    return event.facts.state in (EventState.BOT_CALL, EventState.BOT_WAIT)
