"""What a contact does: write down how the conversation stands, and ask the bot unless it has no part in it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from channels_app.channels.live import LiveChannel
from channels_app.conversations import contacts
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.lookup import (
    begin_turn,
    last_call_ended_at,
    last_completion_left_at,
    was_told_before,
)
from channels_app.conversations.release import Release
from channels_app.deliveries.briefings import own_words
from channels_app.deliveries.deadlines import soft_deadline
from channels_app.deliveries.replies import Say, hand_over_for, say_instead_of_bot, take_message_for
from channels_app.deliveries.unsaid import has_spoken
from channels_app.models import EventState, FilePolicy, Greeting, Outcome, Owner
from channels_app.protocol import ContactMessage, Event, EventType
from channels_app.protocol.failures import FailureKind
from channels_app.protocol.offered import Offered
from channels_app.protocol.sentences import Occasion
from channels_app.protocol.wishes import asks_for_agent
from channels_app.turns.asking import (
    DOUBTFUL_CALL_WAIT,
    LOSSES,
    NOT_WITH_BOT,
    ask_bot,
    let_it_speak,
    on_lost_bot,
    on_waiting_bot,
)
from channels_app.turns.breaker import may_call_bot
from channels_app.turns.bursts import as_one, choice_of, joined_before
from channels_app.turns.calls import Ask
from channels_app.turns.switched_off import KEPT, KEPT_LOOK, bot_answers_on, is_kept, while_paused, why_off
from offload.left_messages import LEAVES_MESSAGE
from offload.models import OffloadReason
from offload.services import Request, has_bounced_too_often
from offload.waiting import note_return

MAX_TRIES = 6
"""A turn that was begun this often without an end (crashes included) goes to humans without asking the bot."""


def on_contact_event(
    lease: Lease, channel: LiveChannel, claimed: Sequence[ClaimedEvent], events: Sequence[Event]
) -> Release | Say | Ask:
    """STARTED, DELEGATED or a message: the bot is asked, unless it has no part in this conversation.

    A message may bring others with it, and the STARTED of its conversation: then all are one turn, the first's.
    """
    event, first = events[0], claimed[0]
    joined = list(zip(events[1:], claimed[1:], strict=True))
    starts = [pair for pair in joined if pair[0].type.opens]
    if starts and _is_late_start(lease, *starts[0]):
        return on_contact_event(lease, channel, [starts[0][1]], [starts[0][0]])
    if first.facts.state == EventState.BOT_WAIT:
        return on_waiting_bot(lease, channel, first)
    if is_kept(lease, channel, first, event):
        until = min(KEPT_LOOK, soft_deadline(channel, first) - lease.now)
        return Release.putting_off(first, EventState.QUEUED, until, KEPT)
    if _may_still_answer(channel, first):
        return Release.putting_off(first, EventState.BOT_CALL, DOUBTFUL_CALL_WAIT, "The call was cut off.")
    is_late = _is_late_start(lease, event, first)
    is_retry = first.facts.state != EventState.QUEUED
    begun = lease.without(claimed[1:])
    for start, its_claim in starts:
        begun = _stand(begun, channel, start, its_claim.facts.id, takes_over=True)
    takes_over = event.type.opens and not (is_late or is_retry or _was_handed_over_since(begun, event, first))
    is_implied = _is_ours_again(begun, event, first)
    begun = _stand(begun, channel, event, first.facts.id, takes_over=takes_over, is_implied=is_implied)
    messages = [other for other, _ in joined if not other.type.opens]
    for message in messages:
        begun = _stand(begun, channel, message, first.facts.id, takes_over=False)
    choice = choice_of(begun, channel, event.message, first.facts.id) if event.message and not messages else None
    begun = replace(begun, offered=begun.offered.chosen(first.facts.id)) if choice else begun
    if choice and event.message and event.message.text is None:  # a press alone says the button's title
        event = replace(event, message=replace(event.message, text=choice.title))
    begun_with = zip((one.facts.id for one in claimed), (event, *events[1:]), strict=True)
    begin_turn(begun, dict(begun_with), chooses=choice is not None, renews=begun.session_id != lease.session_id)
    if takes_over and event.type is EventType.CONVERSATION_DELEGATED and channel.inbox.tells_locks:
        note_return(lease.conversation_id, event.sent_at)
    if is_late:  # what it tells of the contact is known now
        return Release.ending(claimed, Outcome.IGNORED, "The conversation had already begun.")
    if begun.owner != Owner.BOT:
        return Release.ending([first], Outcome.MOOT, NOT_WITH_BOT)
    request = _reason_against_bot(begun, channel, first)
    if request is not None:
        if request.reason in LOSSES and has_spoken(begun, first.facts.id):
            return let_it_speak(begun, channel, first, request.detail)
        if not channel.is_active:
            return while_paused(begun, channel, first, request)
        return hand_over_for(begun, channel, first, request)
    if choice and choice.payload == LEAVES_MESSAGE:
        return take_message_for(begun, channel, first)
    if event.type.opens and not _is_told_of(channel, event.type):
        return Release.ending([first], Outcome.SILENT, "The bot waits for the contact's first message.")
    if _is_again(first):
        messages = [*joined_before(channel, first), *messages]
    if choice is None and _asks_for_agent(channel, [event, *messages]):
        return hand_over_for(begun, channel, first, Request(reason=OffloadReason.CONTACT_ASKED, by="contact"))
    event = as_one([event, *messages])
    if event.message and event.message.is_only_files and channel.on_contact_file != FilePolicy.ASK_BOT:
        return _on_file(begun, channel, first, event.message)
    if not may_call_bot(begun, channel):
        detail = "It failed several times in a row."
        return on_lost_bot(begun, channel, first, OffloadReason.BOT_DOWN, detail, FailureKind.DOWN)
    if _was_cut_off(first) and channel.bot is not None and not channel.bot.may_repeat:
        return on_lost_bot(begun, channel, first, OffloadReason.BOT_FAILED, CUT_OFF, FailureKind.ERROR)
    is_first = channel.greeting != Greeting.NEVER and _is_first(lease, begun, first)
    return ask_bot(begun, channel, first, event, choice, is_first=is_first)


def _asks_for_agent(channel: LiveChannel, events: Sequence[Event]) -> bool:
    """Whether one of these messages says no more than that. A press of a button is the bot's."""
    texts = (event.message.text or "" for event in events if event.message and event.message.payload is None)
    return bool(channel.agent_phrases) and any(asks_for_agent(text, channel.agent_phrases) for text in texts)


def _on_file(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, message: ContactMessage) -> Say:
    """The channel's owner wants something else than the bot's answer to what no bot can read."""
    text = own_words(lease, channel, Occasion.FILE) if channel.on_contact_file == FilePolicy.SAY_TEXT else ""
    if text:
        return say_instead_of_bot(lease, claimed, text, f"{OffloadReason.CONTACT_FILE.label}: {message.words}")
    request = Request(reason=OffloadReason.CONTACT_FILE, by="chatbridge", detail=message.words)
    return hand_over_for(lease, channel, claimed, request)


def _is_told_of(channel: LiveChannel, opening: EventType) -> bool:
    """Whether the bot is told that it has a conversation, before the contact writes to it."""
    assert channel.bot is not None  # noqa: S101 - _reason_against_bot has looked
    if channel.greeting == Greeting.ALWAYS:
        return True
    if opening is EventType.CONVERSATION_DELEGATED:
        return channel.bot.speaks_when_delegated or bool(channel.delegation_dialog or channel.delegation_text)
    return channel.greeting == Greeting.WITH_FIRST_MESSAGE and channel.bot.speaks_first


def _is_first(lease: Lease, begun: Lease, claimed: ClaimedEvent) -> bool:
    """Whether the bot learns with this message that the conversation has begun: no other event of the stint came
    before it. Looked up only when the message is done again: at its first try it has just begun the stint."""
    if claimed.facts.type is not EventType.MESSAGE_RECEIVED:
        return False
    return not was_told_before(begun, claimed.facts) if _is_again(claimed) else begun.stint != lease.stint


def _is_again(claimed: ClaimedEvent) -> bool:
    """Whether this isn't its first try."""
    return claimed.attempts > 0 or claimed.begun_at != claimed.facts.received_at


RETRIES_LAST = timedelta(seconds=45)
"""The platform tries to deliver an event four times, each for up to 10 seconds, with two seconds of pauses."""


CUT_OFF = "The call was cut off, and this bot may not be told a message twice."


def _was_cut_off(claimed: ClaimedEvent) -> bool:
    """Whether a process died during the call to the bot: no pause was decided, so the call was not judged."""
    return claimed.facts.state == EventState.BOT_CALL and claimed.facts.wait_until is None


def _may_still_answer(channel: LiveChannel, claimed: ClaimedEvent) -> bool:
    """Whether it was cut off, and the bot's answer comes in another way."""
    return _was_cut_off(claimed) and channel.bot is not None and channel.bot.answers_later


def _is_late_start(lease: Lease, event: Event, claimed: ClaimedEvent) -> bool:
    """A STARTED that comes when messages had opened the stint belongs to that stint.

    Greeting now would follow the answer, and after a handover it would take the conversation back. A retry may be
    stamped again, so a newer timestamp proves nothing while retries last.
    """
    if event.type is not EventType.CONVERSATION_STARTED:
        return False
    is_older = lease.newest_sent_at is not None and event.sent_at < lease.newest_sent_at
    if not lease.stint_is_implied:
        return is_older and lease.owner == Owner.BOT
    began_at = lease.stint_began_at
    return is_older or (began_at is not None and claimed.facts.received_at < began_at + RETRIES_LAST)


def _was_handed_over_since(lease: Lease, event: Event, claimed: ClaimedEvent) -> bool:
    """Whether the bot has handed over what agents had returned by this event, while that waited behind other events.

    It had been stored when the handover left, so it can't be the return from it: that comes by an event of its own.
    """
    if event.type is not EventType.CONVERSATION_DELEGATED or lease.owner not in (Owner.OTHER, Owner.CLOSED):
        return False
    left_at = last_completion_left_at(lease)
    return left_at is not None and claimed.facts.received_at < left_at


def _is_ours_again(lease: Lease, event: Event, claimed: ClaimedEvent) -> bool:
    """Whether this message shows that agents gave the conversation back, and the event that does so is lost.

    The platform sends messages only to the virtual agent that has the conversation. Right after we had it, one
    may be the retry of an earlier one; later it can't. Should it be theirs all the same, our answer meets a 404.
    """
    if event.type is not EventType.MESSAGE_RECEIVED or lease.owner not in (Owner.OTHER, Owner.CLOSED):
        return False
    had_until = last_call_ended_at(lease)
    return had_until is None or claimed.facts.received_at > had_until + RETRIES_LAST


def _stand(
    lease: Lease, channel: LiveChannel, event: Event, event_id: int, *, takes_over: bool, is_implied: bool = False
) -> Lease:
    """The conversation as it stands with this event: whose it is, who writes, and from where.

    `takes_over`: the event gives the conversation to the bot, and this is the first time that it is handled;
    `is_implied`: it does so although it is none that says so.
    """
    owner, stint, stint_is_implied = lease.owner, lease.stint, lease.stint_is_implied
    if takes_over:
        owner, stint, stint_is_implied = Owner.BOT, stint + 1, False
    elif is_implied or owner == Owner.UNKNOWN:  # STARTED is lost or late; only the virtual agent gets messages
        owner, stint, stint_is_implied = Owner.BOT, stint + 1, True
    if _comes_back(lease, event, takes_over=takes_over, is_implied=is_implied):
        lease = replace(lease, session_id=uuid4(), session_since=event_id, offered=Offered(), remembered={})
    return replace(
        lease,
        owner=owner,
        stint=stint,
        stint_is_implied=stint_is_implied,
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


def _comes_back(lease: Lease, event: Event, *, takes_over: bool, is_implied: bool) -> bool:
    """Whether the contact begins anew after the end of the conversation: no form that was half filled in then, no
    option and nothing that was said counts any more. What an agent delegates goes on."""
    if takes_over and event.type is EventType.CONVERSATION_STARTED:
        return lease.owner in (Owner.OTHER, Owner.CLOSED)
    return is_implied and lease.owner == Owner.CLOSED


def _reason_against_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> Request | None:
    """Why humans get this event without the bot being asked; None: the bot is asked."""
    if not channel.is_active:
        return Request(reason=why_off(channel), by="chatbridge")
    if not bot_answers_on(channel, lease):
        return Request(reason=OffloadReason.INBOX_CHANNEL_OFF, by="chatbridge", detail=lease.inbox_channel.name)
    if channel.bot is None:
        return Request(reason=OffloadReason.NO_BOT, by="chatbridge")
    if claimed.attempts >= MAX_TRIES:
        return Request(reason=OffloadReason.BOT_FAILED, by="chatbridge", detail=claimed.reason)
    if lease.now >= soft_deadline(channel, claimed):
        return Request(reason=OffloadReason.OUT_OF_TIME, by="chatbridge", detail=claimed.reason)
    if claimed.facts.type is EventType.CONVERSATION_DELEGATED and has_bounced_too_often(lease, channel.max_bounces):
        return Request(reason=OffloadReason.BOUNCED, by="chatbridge")
    return None
