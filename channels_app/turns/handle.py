"""What happens on an event: ask the bot, send its reply, or hand the conversation to humans.

A handler returns a value: what is to be said, how the conversation is released, or what the bot is asked. The first
two are carried out only here, the call by the pump. What is to leave is stored first, so if a process dies at any
point another continues.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from channels_app.channels.live import LiveChannel, live_channel
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release, release
from channels_app.deliveries.replies import Say, say
from channels_app.deliveries.sending import send_deliveries
from channels_app.deliveries.unsaid import read_event
from channels_app.models import EventState, Greeting, Outcome
from channels_app.protocol import Event, EventType
from channels_app.protocol.errors import BridgeError
from channels_app.turns.bursts import facts_of
from channels_app.turns.calls import Ask, Flight
from channels_app.turns.contact import on_contact_event
from channels_app.turns.ordered import on_bot_events, on_ordered_handover, on_ordered_message, on_report
from channels_app.turns.silence import on_silent_contact
from channels_app.turns.steps import Idle, Run, Wait, next_step


def take_step(lease: Lease) -> datetime | Ask | None:
    """Do the one thing that is next in this conversation, and release it; or up to where the bot is to be asked.

    Returns when it wants to be woken again. Raises LeaseLostError.
    """
    step = _step(lease)
    return step if isinstance(step, Ask) else release(lease, step)


def end_step(lease: Lease, flight: Flight) -> datetime | None:
    """Go on with the bot's answer, and release the conversation. As `take_step`."""
    return release(lease, _said(flight.ask.channel, flight.land()))


def _step(lease: Lease) -> Release | Ask:
    channel = live_channel(lease.channel_id, lease.channel_revision, lease.bot_id, lease.bot_revision)
    joins_start = channel.greeting == Greeting.WITH_FIRST_MESSAGE
    standing = lease.standing(joins_start=joins_start, burst_quiet=channel.burst_quiet)
    match next_step(facts_of(lease, channel), standing, lease.now):
        case Idle():
            return Release()
        case Wait(until):
            return Release(until=until)
        case Run(ids):
            return _handle(lease, channel, [lease.event(event_id) for event_id in ids])


def _handle(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent]) -> Release | Ask:
    first = claimed[0]
    if first.facts.state == EventState.SENDING:
        return send_deliveries(lease, channel, first)
    try:
        events = [read_event(channel, event.facts, event.source, event.raw) for event in claimed]
    except BridgeError as error:
        # It was readable when accepted: the channel's bot or inbox has been replaced since.
        return Release.ending(claimed, Outcome.IGNORED, f"Can no longer be read: {error.detail}")
    wanted = _HANDLERS[first.facts.type](lease, channel, claimed, events)
    return wanted if isinstance(wanted, Ask) else _said(channel, wanted)


def _said(channel: LiveChannel, wanted: Release | Say) -> Release:
    return say(channel, wanted) if isinstance(wanted, Say) else wanted


_Handler = Callable[[Lease, LiveChannel, Sequence[ClaimedEvent], Sequence[Event]], Release | Say | Ask]
_HANDLERS: dict[EventType, _Handler] = {
    EventType.CONVERSATION_STARTED: on_contact_event,
    EventType.CONVERSATION_DELEGATED: on_contact_event,
    EventType.MESSAGE_RECEIVED: on_contact_event,
    EventType.BOT_REPLIED: on_bot_events,
    EventType.OFFLOAD_REQUESTED: on_bot_events,
    EventType.HANDOVER_ORDERED: on_ordered_handover,
    EventType.MESSAGE_ORDERED: on_ordered_message,
    EventType.CONTACT_SILENT: on_silent_contact,
    EventType.CONVERSATION_RESOLVED: on_report,
    EventType.CONVERSATION_PENDING: on_report,
}
