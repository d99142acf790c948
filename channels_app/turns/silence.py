"""What the channel's rule wants when a contact is silent: a question, then an end."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release
from channels_app.deliveries.briefings import own_words
from channels_app.deliveries.replies import Say
from channels_app.models import Author, Outcome, Owner, SilencePolicy
from channels_app.protocol import Completion, Event, Message, Reply
from channels_app.protocol.sentences import Occasion
from channels_app.turns.asking import NOT_WITH_BOT, tell_bot
from channels_app.turns.calls import Ask
from offload.models import OffloadReason
from offload.services import Request

NOT_SILENT = "The conversation has gone on since."
NO_RULE = "The channel's rule for silent contacts has changed."
BECAUSE_SILENT = "The contact was silent."


def on_silent_contact(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Release | Say | Ask:
    """The question, or the end that follows if it has no answer."""
    after, is_last = events[0].details["after"], events[0].details["is_last"]
    if lease.owner != Owner.BOT:
        return Release.ending(claimed, Outcome.MOOT, NOT_WITH_BOT)
    if len(lease.events) > len(claimed) or lease.last_turn_id > after:
        return Release.ending(claimed, Outcome.MOOT, NOT_SILENT)
    if not channel.is_active or channel.on_silence == SilencePolicy.KEEP:
        return Release.ending(claimed, Outcome.MOOT, NO_RULE)
    if not is_last:
        return _say(lease, channel, claimed, Occasion.SILENCE)
    end = partial(_end, lease, channel, claimed)
    if channel.bot is not None and channel.bot.hears_silence:
        return tell_bot(lease, channel, claimed[0], events[0], end)
    return end()


def _end(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent]) -> Say:
    said = replace(_say(lease, channel, claimed, Occasion.SILENCE_END), unless_answered=NOT_SILENT)
    if channel.on_silence == SilencePolicy.HAND_OVER:
        return replace(said, request=Request(reason=OffloadReason.CONTACT_SILENT, by="chatbridge"))
    return replace(said, reply=replace(said.reply, complete=Completion.RESOLVED))


def _say(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], occasion: Occasion) -> Say:
    text = own_words(lease, channel, occasion)
    reply = Reply(messages=(Message(text=text),) if text else ())
    return Say(lease=lease, claimed=claimed, reply=reply, author=Author.BRIDGE, reason=BECAUSE_SILENT)
