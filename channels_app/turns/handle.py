"""What happens on an event: ask the bot, send its reply, or hand the conversation to humans.

Every function that ends a step gives the lease back and returns when the conversation wants to be woken again.
Whatever is decided is written down first; so a process that dies anywhere is followed by one that goes on.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

from django.db import transaction

from channels_app.channels.live import LiveChannel, live_channel
from channels_app.conversations import contacts
from channels_app.conversations.events import unshown_since
from channels_app.conversations.exchanges import exchange_row
from channels_app.conversations.lease import ClaimedEvent, Lease, hold
from channels_app.conversations.lookup import Beginning, begin_turn, was_told_before
from channels_app.conversations.release import Ended, PutOff, let_go
from channels_app.deliveries.deadlines import soft_deadline
from channels_app.deliveries.replies import hand_over_for, say_instead_of_bot, send_reply
from channels_app.deliveries.sending import Woken, send_deliveries
from channels_app.deliveries.showable import UNSEEN, visible_part
from channels_app.deliveries.unsaid import as_one_reply, count_unsaid, has_spoken, read_event
from channels_app.deliveries.verdicts import Verdict
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call, recorded_calls
from channels_app.models import EventState, FailurePolicy, Greeting, Outcome, Owner, Target
from channels_app.protocol import CANT_BE_SHOWN, ContactMessage, Event, EventType, Message, Option, Reply, Turn
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, TemporaryError
from channels_app.protocol.visible import is_visible
from channels_app.turns.breaker import may_call_bot, note_failure, note_success
from channels_app.turns.steps import Idle, Run, Wait, next_step
from offload.models import OffloadReason, OffloadState
from offload.services import Request, close_offload, has_bounced_too_often, record_offload

logger = logging.getLogger(__name__)

RETRY_WAIT = timedelta(seconds=1)
"""Between two tries to reach the bot: long enough for a restart of a process, short for a contact."""
DOUBTFUL_CALL_WAIT = timedelta(seconds=5)
"""For a bot that calls back and may have got a message although we don't know: it has no key to tell a second
call from a new message, so its answer is waited for before it is asked again."""
TRIES_MOST = 6
"""A turn that was begun this often without an end (crashes included) goes to humans without asking the bot."""


def take_step(lease: Lease) -> Woken:
    """Do the one thing that is next in this conversation, and give it back."""
    channel = live_channel(lease.channel_id, lease.channel_revision, lease.bot_id, lease.bot_revision)
    standing = lease.standing(joins_start=channel.greeting == Greeting.WITH_FIRST_MESSAGE)
    match next_step([event.facts for event in lease.events], standing, lease.now):
        case Idle():
            return let_go(lease)
        case Wait(until):
            return let_go(lease, until=until)
        case Run(ids):
            return _handle(lease, channel, [lease.event(event_id) for event_id in ids])


def _handle(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent]) -> Woken:
    first = claimed[0]
    if first.facts.state == EventState.SENDING:
        return send_deliveries(lease, channel, first)
    try:
        events = [read_event(channel, event.facts, event.source, event.raw) for event in claimed]
    except BridgeError as error:
        # It could be read when it was accepted: the bot or the inbox of the channel was exchanged meanwhile.
        return _finish(lease, claimed, Outcome.IGNORED, f"Can't be read any more: {error.detail}")
    return _HANDLERS[first.facts.type](lease, channel, claimed, events)


def _finish(lease: Lease, claimed: Sequence[ClaimedEvent], outcome: Outcome, reason: str = "") -> Woken:
    return let_go(lease, ended=[Ended(event_ids=_ids(claimed), outcome=outcome, reason=reason)])


def _ids(claimed: Sequence[ClaimedEvent]) -> list[int]:
    return [event.facts.id for event in claimed]


def _put_off(lease: Lease, event_id: int, state: EventState, wait: timedelta, reason: str | None = None) -> Woken:
    return let_go(lease, put_off=PutOff(event_id=event_id, state=state, wait=wait, reason=reason))


# --- the contact's side -------------------------------------------------------------------------------------------


def _on_contact_event(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Woken:
    """STARTED, DELEGATED or a message: the bot is asked, unless it has no part in this conversation.

    A message may bring the STARTED of its conversation with it: then both are one turn, the message's.
    """
    event, first = events[0], claimed[0]
    starts = list(zip(events[1:], claimed[1:], strict=True))
    if starts and _is_late_start(lease, *starts[0]):
        return _on_contact_event(lease, channel, claimed[1:], events[1:])
    if first.facts.state == EventState.BOT_WAIT:
        return _on_silent_bot(lease, channel, first)
    if _may_still_answer(channel, first):
        return _put_off(lease, first.facts.id, EventState.BOT_CALL, DOUBTFUL_CALL_WAIT, "The call was cut off.")
    is_late = _is_late_start(lease, event, first)
    is_retry = first.facts.state != EventState.QUEUED
    begun = lease
    for start, its_claim in starts:
        begun = _stand(begun, channel, start, its_claim.facts.id, takes_over=True)
    begun = _stand(begun, channel, event, first.facts.id, takes_over=event.type.opens and not (is_late or is_retry))
    choice = _choice(begun, channel, event, first)
    begun = replace(begun, offered=begun.offered.chosen(first.facts.id)) if choice else begun
    begin_turn(lease, _beginning(begun, event, first, joined=_ids(claimed[1:]), chooses=choice is not None))
    if is_late:  # what it tells of the contact is known now
        return _finish(begun, claimed, Outcome.IGNORED, "The conversation had begun without it.")
    if begun.owner != Owner.BOT:
        return _finish(begun, [first], Outcome.MOOT, "The conversation is not with the bot.")
    request = _reason_against_bot(begun, channel, first)
    if request is not None:
        if request.reason in _LOSSES and has_spoken(begun, first.facts.id):
            return _let_it_speak(begun, channel, first, request.detail)
        return hand_over_for(begun, channel, first, request)
    if event.type is EventType.CONVERSATION_STARTED and not _greets(channel):
        return _finish(begun, [first], Outcome.SILENT, "The bot waits for the contact's first message.")
    if not may_call_bot(begun):
        return _on_lost_bot(begun, channel, first, OffloadReason.BOT_DOWN, "It failed several times in a row.")
    is_first = channel.greeting != Greeting.NEVER and _is_first(lease, begun, first)
    return _ask_bot(begun, channel, first, event, choice, is_first=is_first)


def _greets(channel: LiveChannel) -> bool:
    """Whether the bot is told of a conversation in which the contact has not written yet."""
    if channel.greeting == Greeting.WITH_FIRST_MESSAGE:
        return channel.bot is not None and channel.bot.speaks_first
    return channel.greeting == Greeting.ALWAYS


def _is_first(lease: Lease, begun: Lease, claimed: ClaimedEvent) -> bool:
    """Whether the bot learns with this message that the conversation has begun: no other event of the stint came
    before it. Looked up only when the message is done again: at its first try it has just begun the stint."""
    if claimed.facts.type is not EventType.MESSAGE_RECEIVED:
        return False
    is_again = claimed.attempts > 0 or claimed.begun_at != claimed.facts.received_at
    return not was_told_before(begun, claimed.facts) if is_again else begun.stint != lease.stint


RETRIES_LAST = timedelta(seconds=45)
"""The platform tries to deliver an event four times, each for up to 10 seconds, with two seconds of pauses."""


def _may_still_answer(channel: LiveChannel, claimed: ClaimedEvent) -> bool:
    """Whether a process ended over the call to a bot that calls back: no pause was decided on, so nobody judged it."""
    was_cut_off = claimed.facts.state == EventState.BOT_CALL and claimed.facts.wait_until is None
    return was_cut_off and channel.bot is not None and channel.bot.answers_later


def _is_late_start(lease: Lease, event: Event, claimed: ClaimedEvent) -> bool:
    """A STARTED that comes when messages had opened the stint belongs to that stint.

    Greeting now would follow the answer, and after a handover it would take the conversation back. A retry may be
    stamped anew, so a younger timestamp proves nothing as long as retries last.
    """
    if event.type is not EventType.CONVERSATION_STARTED:
        return False
    is_older = lease.newest_sent_at is not None and event.sent_at < lease.newest_sent_at
    if not lease.stint_is_implied:
        return is_older and lease.owner == Owner.BOT
    began_at = lease.stint_began_at
    return is_older or (began_at is not None and claimed.facts.received_at < began_at + RETRIES_LAST)


def _stand(lease: Lease, channel: LiveChannel, event: Event, event_id: int, *, takes_over: bool) -> Lease:
    """The conversation as it stands with this event: whose it is, who writes, and from where.

    `takes_over`: the event gives the conversation to the bot, and this is the first time that it is handled.
    """
    owner, stint, is_implied = lease.owner, lease.stint, lease.stint_is_implied
    if takes_over:
        owner, stint, is_implied = Owner.BOT, stint + 1, False
    elif owner == Owner.UNKNOWN:  # its STARTED is lost or late; nobody but the virtual agent gets messages
        owner, stint, is_implied = Owner.BOT, stint + 1, True
    return replace(
        lease,
        owner=owner,
        stint=stint,
        stint_is_implied=is_implied,
        newest_sent_at=max(lease.newest_sent_at or event.sent_at, event.sent_at),
        contact=contacts.learn_contact(channel.id, lease.contact, event),
        inbox_channel=contacts.learn_inbox_channel(
            channel.id, lease.inbox_channel, event, is_enabled=channel.covers_all_inbox_channels
        ),
        medium=event.medium or lease.medium,
        language=event.language or lease.language,
        topics=list(event.topics) or lease.topics,
        last_turn_id=event_id,
        last_message_id=event.message.external_id if event.message else lease.last_message_id,
    )


def _choice(lease: Lease, channel: LiveChannel, event: Event, claimed: ClaimedEvent) -> Option | None:
    """What the contact chooses from the bot's latest offer."""
    if event.message is None or lease.owner != Owner.BOT:
        return None
    return lease.offered.choice(
        event.message, claimed.facts.id, stint=lease.stint, now=lease.now, lasts=channel.offer_lasts
    )


def _beginning(
    lease: Lease, event: Event, claimed: ClaimedEvent, joined: Sequence[int], *, chooses: bool
) -> Beginning:
    said = (event.message.text or "") if event.message else None
    return Beginning(
        event_id=claimed.facts.id,
        state=EventState.BOT_CALL,
        owner=lease.owner,
        stint=lease.stint,
        stint_is_implied=lease.stint_is_implied,
        newest_sent_at=lease.newest_sent_at or event.sent_at,
        medium=lease.medium,
        language=lease.language,
        topics=lease.topics,
        contact_id=lease.contact.id,
        inbox_channel_id=lease.inbox_channel.id,
        last_message_id=lease.last_message_id,
        said=said,
        said_at=event.sent_at,
        joined=joined,
        offered=lease.offered.to_json() if chooses else None,
    )


def _reason_against_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> Request | None:
    """Why humans get this event without the bot being asked; None: the bot is asked."""
    if not channel.is_active:
        return Request(reason=OffloadReason.CHANNEL_OFF, by="chatbridge")
    if not channel.covers_all_inbox_channels and not lease.inbox_channel.is_enabled:
        return Request(reason=OffloadReason.INBOX_CHANNEL_OFF, by="chatbridge", detail=lease.inbox_channel.name)
    if channel.bot is None:
        return Request(reason=OffloadReason.NO_BOT, by="chatbridge")
    if claimed.attempts >= TRIES_MOST:
        return Request(reason=OffloadReason.BOT_FAILED, by="chatbridge", detail=claimed.reason)
    if lease.now >= soft_deadline(channel, claimed):
        return Request(reason=OffloadReason.OUT_OF_TIME, by="chatbridge", detail=claimed.reason)
    if claimed.facts.type is EventType.CONVERSATION_DELEGATED and has_bounced_too_often(lease):
        return Request(reason=OffloadReason.BOUNCED, by="chatbridge")
    return None


def _ask_bot(
    lease: Lease,
    channel: LiveChannel,
    claimed: ClaimedEvent,
    event: Event,
    choice: Option | None,
    *,
    is_first: bool,
) -> Woken:
    assert channel.bot is not None  # noqa: S101 - _reason_against_bot has looked
    with recorded_calls() as calls:
        try:
            reply = channel.bot.send(replace(_turn(lease, channel, event, claimed, choice), is_first=is_first))
        except BridgeError as error:
            _note_call(lease, claimed, calls, error)
            note_failure(lease)
            return _on_failed_bot(lease, channel, claimed, error)
    _note_call(lease, claimed, calls, None)
    note_success(lease)
    if reply is None:
        return _put_off(lease, claimed.facts.id, EventState.BOT_WAIT, _time_left(channel, claimed))
    reply = visible_part(reply)
    if reply.is_unshowable and UNSEEN not in reply.unshown:
        return _on_lost_bot(lease, channel, claimed, OffloadReason.BOT_UNSHOWABLE, ", ".join(reply.unshown))
    return send_reply(lease, channel, [claimed], reply)


def _note_call(lease: Lease, claimed: ClaimedEvent, calls: Sequence[Call], error: BridgeError | None) -> None:
    """Keep what was said on the wire; the next statement of this lease writes it."""
    effect = getattr(error, "effect", Verdict.REFUSED)
    row = exchange_row(
        Target.BOT,
        calls[-1] if calls else None,
        event_id=claimed.facts.id,
        n=claimed.attempts + 1,
        result=Verdict.SENT if error is None else effect,
        error=error,
    )
    lease.unwritten.append(row)


def _turn(lease: Lease, channel: LiveChannel, event: Event, claimed: ClaimedEvent, choice: Option | None) -> Turn:
    message = event.message or ContactMessage()
    text, payload = message.text, message.payload
    if choice is not None and payload is None:
        text, payload = choice.title, choice.payload
    return Turn(
        type=event.type,
        turn_id=str(uuid5(lease.session_id, str(claimed.facts.id))),
        session_id=str(lease.session_id),
        text=text,
        payload=payload,
        message_id=message.external_id,
        language=lease.language,
        medium=lease.medium,
        contact=lease.contact.contact,
        attributes=lease.contact.attributes,
        inbox_channel=lease.inbox_channel.ref,
        topics=tuple(lease.topics),
        trigger=event.trigger,
        time_left_s=_time_left(channel, claimed).total_seconds(),
    )


def _on_failed_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, error: BridgeError) -> Woken:
    """Another try while there is time, or it is lost. A wrong configuration doesn't mend itself."""
    logger.warning("bot of channel %s failed: %s", channel.name, error.detail)
    may_try = claimed.attempts + 1 < channel.bot_tries and not isinstance(error, ConfigError)
    is_doubtful = isinstance(error, TemporaryError) and error.effect is not Effect.NONE
    wait = DOUBTFUL_CALL_WAIT if is_doubtful and channel.bot and channel.bot.answers_later else RETRY_WAIT
    if may_try and _time_left(channel, claimed) > wait:
        return _put_off(lease, claimed.facts.id, EventState.BOT_CALL, wait, error.detail)
    return _on_lost_bot(lease, channel, claimed, OffloadReason.BOT_FAILED, error.detail)


def _time_left(channel: LiveChannel, claimed: ClaimedEvent) -> timedelta:
    """How long the bot may still take: the channel's patience from its first call on, and never beyond the time
    that a handover needs."""
    now = database_now()
    patience_ends = (claimed.facts.called_at or now) + channel.answer_within
    return min(patience_ends, soft_deadline(channel, claimed)) - now


def _on_lost_bot(
    lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, reason: OffloadReason, detail: str
) -> Woken:
    """There will be no answer: what the channel's owner wants to follow.

    A bot that has spoken is not lost, whatever became of its call. An agent who delegated gets the conversation back
    in any case: the contact didn't ask for the bot.
    """
    if has_spoken(lease, claimed.facts.id):
        return _let_it_speak(lease, channel, claimed, detail)
    request = Request(reason=reason, by="chatbridge", detail=detail)
    is_delegated = claimed.facts.type is EventType.CONVERSATION_DELEGATED
    has_text = is_visible(channel.fallback_text) or channel.on_bot_failure != FailurePolicy.SAY_TEXT
    if channel.on_bot_failure == FailurePolicy.HAND_OVER or is_delegated or not has_text:
        return hand_over_for(lease, channel, claimed, request)
    said = f"{request.reason.label}: {detail}"
    if channel.on_bot_failure == FailurePolicy.SAY_TEXT:
        return say_instead_of_bot(lease, channel, claimed, channel.fallback_text, said)
    return _finish(lease, [claimed], Outcome.SILENT, said)


SPEAKING_WAIT = timedelta(seconds=5)
"""For words that are here and only have to be sent: they settle within GAP_PATIENCE, and then end what they answer."""
_LOSSES = frozenset({OffloadReason.BOT_FAILED, OffloadReason.OUT_OF_TIME})
"""Of the reasons against asking the bot: those for which it may have been asked, and have spoken, before."""


def _let_it_speak(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, reason: str) -> Woken:
    """The bot has spoken since it was called, and its words wait to be sent: they are the answer."""
    wait = max(_time_left(channel, claimed), SPEAKING_WAIT)
    return _put_off(lease, claimed.facts.id, EventState.BOT_WAIT, wait, reason)


def _on_silent_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> Woken:
    """A bot that acknowledged and said nothing. A greeting may fail to come; whoever asked must not wait."""
    if lease.owner != Owner.BOT:
        return _finish(lease, [claimed], Outcome.MOOT, "The conversation is not with the bot.")
    unshown = unshown_since(lease.conversation_id, claimed.facts.called_at or claimed.begun_at)
    if claimed.facts.type is EventType.CONVERSATION_STARTED and not has_spoken(lease, claimed.facts.id):
        return _finish(lease, [claimed], Outcome.SILENT, unshown or "The bot had no greeting.")
    if unshown:
        named = unshown.removeprefix(f"{CANT_BE_SHOWN}: ")
        return _on_lost_bot(lease, channel, claimed, OffloadReason.BOT_UNSHOWABLE, named)
    detail = f"No answer within {channel.answer_within.seconds} seconds."
    return _on_lost_bot(lease, channel, claimed, OffloadReason.BOT_SILENT, detail)


# --- the bot's side -----------------------------------------------------------------------------------------------


def _on_bot_events(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Woken:
    """What a bot that calls back said in one breath, perhaps with its wish for a human: one reply."""
    if lease.owner != Owner.BOT:
        count_unsaid(lease, sum(event.type is EventType.BOT_REPLIED for event in events))
        return _finish(lease, claimed, Outcome.MOOT, "The conversation is not with the bot.")
    reply = as_one_reply(events)
    if reply.is_unshowable:  # no answer, so whoever waits for one goes on waiting
        return _finish(lease, claimed, Outcome.SILENT, reply.unshown_words)
    return send_reply(lease, channel, claimed, reply)


def _on_ordered_handover(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Woken:
    """A person of ours wants an agent to take over."""
    request = Request(reason=OffloadReason.ADMIN, by=str(events[0].details.get("by", "")))
    if lease.owner in (Owner.OTHER, Owner.CLOSED):
        with transaction.atomic():
            hold(lease)
            record_offload(lease, claimed[0].facts.id, request, OffloadState.MOOT)
        return _finish(lease, claimed, Outcome.MOOT, "The conversation is not with the bot.")
    return hand_over_for(lease, channel, claimed[0], request)


def _on_ordered_message(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Woken:
    """A person of ours speaks for the bot. Whoever waits for the bot goes on waiting for it."""
    if lease.owner != Owner.BOT:
        return _finish(lease, claimed, Outcome.MOOT, "The conversation is not with the bot.")
    reply = Reply(messages=(Message(text=str(events[0].details["text"])),))
    return send_reply(lease, channel, claimed, reply)


def _on_report(lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]) -> Woken:
    """The inbox tells how the conversation went on with the agents."""
    with transaction.atomic():
        hold(lease)
        close_offload(lease.conversation_id, events[0])
        return _finish(lease, claimed, Outcome.SILENT, "Noted with the hand-over.")


_HANDLERS: dict[EventType, Callable[[Lease, LiveChannel, Sequence[ClaimedEvent], Sequence[Event]], Woken]] = {
    EventType.CONVERSATION_STARTED: _on_contact_event,
    EventType.CONVERSATION_DELEGATED: _on_contact_event,
    EventType.MESSAGE_RECEIVED: _on_contact_event,
    EventType.BOT_REPLIED: _on_bot_events,
    EventType.OFFLOAD_REQUESTED: _on_bot_events,
    EventType.HANDOVER_ORDERED: _on_ordered_handover,
    EventType.MESSAGE_ORDERED: _on_ordered_message,
    EventType.CONVERSATION_RESOLVED: _on_report,
    EventType.CONVERSATION_PENDING: _on_report,
}
