"""Until when a reply may be tried, and from when the handover goes first."""

from datetime import datetime, timedelta

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent
from channels_app.protocol import EventType

DELEGATED_LIMIT = timedelta(seconds=120)
"""The platform takes a conversation away 2 minutes after an agent delegated it, if the bot says nothing. After a
message the channel's own limit applies, 5 minutes unless it was changed there."""
MARGIN = timedelta(seconds=60)
"""This long before, the handover takes priority: room for a new token, some tries and the rate limit."""
DELEGATED_MARGIN = timedelta(seconds=40)


def hard_deadline(channel: LiveChannel, claimed: ClaimedEvent) -> datetime:
    """When the platform takes the conversation away."""
    is_delegated = claimed.facts.type is EventType.CONVERSATION_DELEGATED
    return claimed.begun_at + (DELEGATED_LIMIT if is_delegated else channel.reply_limit)


def soft_deadline(channel: LiveChannel, claimed: ClaimedEvent) -> datetime:
    """When the handover must begin, regardless of pending answers."""
    return handover_begins_at(claimed.facts.type, claimed.begun_at, channel.reply_limit)


def handover_begins_at(type_: EventType, begun_at: datetime, reply_limit: timedelta) -> datetime:
    """The same of an event as a row."""
    if type_ is EventType.CONVERSATION_DELEGATED:
        return begun_at + DELEGATED_LIMIT - DELEGATED_MARGIN
    return begun_at + reply_limit - MARGIN
