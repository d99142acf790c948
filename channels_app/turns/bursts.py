"""Several messages of a contact as one turn: which may be a part of one, and what the bot gets then."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from channels_app.channels.live import LiveChannel
from channels_app.conversations.events import joined_with
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.standing import OpenEvent
from channels_app.deliveries.unsaid import read_event
from channels_app.models import EventState, Owner
from channels_app.protocol import ContactMessage, Event, EventType, Option
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.options import is_number


def facts_of(lease: Lease, channel: LiveChannel) -> list[OpenEvent]:
    """The facts of all open events."""
    if not channel.burst_quiet or lease.owner in (Owner.OTHER, Owner.CLOSED):
        return [event.facts for event in lease.events]
    return [replace(event.facts, joins=_joins(lease, channel, event)) for event in lease.events]


def _joins(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> bool:
    """Whether it may wait for others: it has not been tried before, and isn't what is to be answered at once, a press
    of a button, a number, or something else that chooses from what the bot offered."""
    facts = claimed.facts
    is_new = not claimed.attempts and claimed.begun_at == facts.received_at and facts.state == EventState.QUEUED
    if facts.type is not EventType.MESSAGE_RECEIVED or not is_new:
        return False
    try:
        message = read_event(channel, facts, claimed.source, claimed.raw).message or ContactMessage()
    except BridgeError:
        return False
    return (
        message.payload is None
        and not is_number(message.text or "")
        and choice_of(lease, channel, message, facts.id) is None
    )


def choice_of(lease: Lease, channel: LiveChannel, message: ContactMessage, event_id: int) -> Option | None:
    """What the contact chooses from the bot's latest offer."""
    if lease.owner != Owner.BOT:
        return None
    return lease.offered.choice(message, event_id, stint=lease.stint, now=lease.now, lasts=channel.offer_lasts)


def joined_before(channel: LiveChannel, claimed: ClaimedEvent) -> list[Event]:
    """The contact's messages that became one turn with this one at an earlier try."""
    found = []
    for row in joined_with(claimed.facts.id):
        facts = replace(claimed.facts, id=row.pk, sent_at=row.sent_at, received_at=row.received_at)
        with suppress(BridgeError):  # it was readable then: the channel's inbox has been replaced since
            found.append(read_event(channel, facts, row.source, bytes(row.body.raw)))
    return found


def as_one(events: Sequence[Event]) -> Event:
    """Messages of the contact as the bot gets them: their texts as lines, their files together."""
    messages = [event.message for event in events if event.message]
    if len(messages) <= 1:
        return events[0]
    texts = [message.text for message in messages if message.text]
    message = ContactMessage(
        text="\n".join(texts) or None,
        external_id=messages[-1].external_id,
        files=tuple(file for message in messages for file in message.files),
    )
    return replace(events[0], message=message)
