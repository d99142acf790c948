"""What bots say by their later replies, what operators order, and what the inbox reports of agents."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release
from channels_app.deliveries.replies import Say, hand_over_for
from channels_app.deliveries.unsaid import as_one_reply, count_unsaid
from channels_app.models import Outcome, Owner
from channels_app.protocol import Event, EventType, Message, Reply
from channels_app.turns.asking import NOT_WITH_BOT
from offload.models import OffloadReason, OffloadState
from offload.reports import report_words, take_report, told_until
from offload.services import Request, record_offload


def on_bot_events(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Release | Say:
    """What a bot that calls back said in one breath, perhaps with its wish for a human: one reply."""
    if lease.owner != Owner.BOT:
        replies = sum(event.type is EventType.BOT_REPLIED for event in events)
        moot = Release.ending(claimed, Outcome.MOOT, NOT_WITH_BOT)
        return replace(moot, along=partial(count_unsaid, lease, replies))
    reply = as_one_reply(events)
    if reply.is_unshowable:  # no answer, so an event waiting for one keeps waiting
        return Release.ending(claimed, Outcome.SILENT, reply.remarks)
    return Say(lease=lease, claimed=claimed, reply=reply)


def on_ordered_handover(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Release | Say:
    """An operator wants an agent to take over."""
    request = Request(reason=OffloadReason.ADMIN, by=str(events[0].details.get("by", "")))
    if lease.owner in (Owner.OTHER, Owner.CLOSED):
        moot = Release.ending(claimed, Outcome.MOOT, NOT_WITH_BOT)
        return replace(moot, along=partial(record_offload, lease, claimed[0].facts.id, request, OffloadState.MOOT))
    return hand_over_for(lease, channel, claimed[0], request)


def on_ordered_message(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Release | Say:
    """An operator replies as the bot. Events waiting for the bot keep waiting."""
    if lease.owner != Owner.BOT:
        return Release.ending(claimed, Outcome.MOOT, NOT_WITH_BOT)
    reply = Reply(messages=(Message(text=str(events[0].details["text"])),))
    return Say(lease=lease, claimed=claimed, reply=reply)


def on_report(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]) -> Release:
    """The inbox tells how the conversation went on with the agents."""
    event = events[0]
    ending = Release.ending(claimed, Outcome.SILENT, report_words(event))
    is_over = event.type is EventType.CONVERSATION_RESOLVED and lease.owner == Owner.OTHER
    until = told_until(lease.conversation_id, event, channel.inbox.readable) if is_over else event.sent_at
    is_latest = lease.newest_sent_at is None or until >= lease.newest_sent_at
    return replace(
        ending,
        owner=Owner.CLOSED if is_over and is_latest else None,
        along=partial(take_report, lease.conversation_id, claimed[0].facts.id, event, channel.inbox.readable),
    )
