"""What becomes of an event while the bot is switched off: kept until it is on again, a text, or agents."""

from datetime import timedelta

from channels_app.channels.live import LiveChannel
from channels_app.conversations import contacts
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release
from channels_app.deliveries.briefings import own_words
from channels_app.deliveries.deadlines import soft_deadline
from channels_app.deliveries.replies import Say, hand_over_for, say_instead_of_bot
from channels_app.models import Outcome, Owner, PausePolicy
from channels_app.protocol import Event, EventType
from channels_app.protocol.sentences import Occasion
from offload.models import OffloadReason
from offload.services import Request

KEPT = "Kept until the bot is switched on."
KEPT_LOOK = timedelta(seconds=10)
"""Between two looks whether it is, so that resuming a channel needs to wake nothing."""


def is_kept(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, event: Event) -> bool:
    """Whether this waits for the bot, which is switched off. What agents delegated goes back to them at once."""
    is_off = not channel.is_active and channel.when_paused == PausePolicy.KEEP and channel.bot is not None
    if not is_off or event.type is EventType.CONVERSATION_DELEGATED or lease.now >= soft_deadline(channel, claimed):
        return False
    if event.type is EventType.MESSAGE_RECEIVED and lease.owner in (Owner.OTHER, Owner.CLOSED):
        return False
    if channel.covers_all_inbox_channels:
        return True
    return contacts.learn_inbox_channel(channel.id, lease.inbox_channel, event, is_enabled=False).is_enabled


def while_paused(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, request: Request) -> Release | Say:
    """What the channel's owner wants to follow while the bot is switched off. A message alone gets an answer: to the
    start of a conversation nobody waits for one."""
    is_delegated = claimed.facts.type is EventType.CONVERSATION_DELEGATED
    text = own_words(lease, channel, Occasion.PAUSED) if channel.when_paused == PausePolicy.SAY_TEXT else ""
    if not text or is_delegated or not bot_answers_on(channel, lease):
        return hand_over_for(lease, channel, claimed, request)
    reason = f"{request.reason.label}: the channel's text instead of the bot's answer."
    if claimed.facts.type is EventType.CONVERSATION_STARTED:
        return Release.ending([claimed], Outcome.SILENT, reason)
    return say_instead_of_bot(lease, claimed, text, reason)


def bot_answers_on(channel: LiveChannel, lease: Lease) -> bool:
    return channel.covers_all_inbox_channels or lease.inbox_channel.is_enabled


def why_off(channel: LiveChannel) -> OffloadReason:
    if channel.is_archived:
        return OffloadReason.CHANNEL_ARCHIVED
    return OffloadReason.CHANNEL_PAUSED if channel.is_paused else OffloadReason.CHANNEL_OFF
