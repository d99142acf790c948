"""Ask the bot for one event, and what follows when it answers, fails or keeps silent."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid5

from channels_app.channels.live import LiveChannel
from channels_app.conversations.events import unshown_since
from channels_app.conversations.exchanges import exchange_row
from channels_app.conversations.history import history_of
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.lookup import remember
from channels_app.conversations.release import Release
from channels_app.deliveries.briefings import language_of, own_words
from channels_app.deliveries.deadlines import soft_deadline
from channels_app.deliveries.replies import Say, hand_over_for, say_instead_of_bot
from channels_app.deliveries.showable import UNSEEN, visible_part
from channels_app.deliveries.typing import EVERY, end_typing, show_typing
from channels_app.deliveries.unsaid import has_spoken
from channels_app.deliveries.verdicts import Verdict
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call
from channels_app.models import EventState, FailurePolicy, Outcome, Owner, Target
from channels_app.protocol import ContactMessage, Event, EventType, Option, Turn
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, TemporaryError
from channels_app.protocol.failures import FailureKind, kind_of_failure
from channels_app.protocol.options import is_token
from channels_app.protocol.remarks import CANT_BE_SHOWN, remark
from channels_app.protocol.sentences import Occasion
from channels_app.turns.breaker import note_failure, note_success
from channels_app.turns.calls import Ask, Called, Meanwhile
from channels_app.turns.holding import holding_due_in, say_holding_line
from offload.models import OffloadReason
from offload.services import Request

logger = logging.getLogger(__name__)

NOT_WITH_BOT = "The conversation is not with the bot."
RETRY_WAIT = timedelta(seconds=1)
"""Between two tries to reach the bot: long enough for a restart of a process, short for a contact."""
DOUBTFUL_CALL_WAIT = timedelta(seconds=5)
"""For a bot that calls back and may have got a message although we don't know: it has no key to tell a second
call from a new message, so its answer is waited for before it is asked again."""


def ask_bot(
    lease: Lease,
    channel: LiveChannel,
    claimed: ClaimedEvent,
    event: Event,
    choice: Option | None,
    *,
    is_first: bool,
) -> Ask:
    turn = replace(_turn(lease, channel, event, claimed, choice), is_first=is_first, is_repeat=claimed.attempts > 0)
    due = holding_due_in(channel, claimed)
    hold = partial(say_holding_line, lease, channel, claimed)
    return Ask(
        lease=lease,
        channel=channel,
        turn=turn,
        go_on=partial(_on_called, lease, channel, claimed),
        show_typing=partial(show_typing, channel, lease, claimed.facts.id),
        meanwhile=Meanwhile(after=due, act=hold) if due is not None else None,
    )


def _on_called(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, called: Called) -> Release | Say:
    _note_call(lease, claimed, called.calls, called.error)
    if called.error is not None:
        note_failure(lease, channel)
        remember(lease, called.error.remembered)
        return _on_failed_bot(lease, channel, claimed, called.error)
    note_success(lease)
    if called.reply is None:
        return _waiting_for_bot(channel, claimed, channel.typing_after)
    reply = visible_part(called.reply)
    if reply.is_unshowable and UNSEEN not in reply.unshown:
        named = ", ".join(reply.unshown)
        remember(lease, reply.remembered)
        return on_lost_bot(lease, channel, claimed, OffloadReason.BOT_UNSHOWABLE, named, FailureKind.SILENT)
    return Say(lease=lease, claimed=[claimed], reply=reply)


def tell_bot(
    lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, event: Event, then: Callable[[], Release | Say]
) -> Ask:
    """Let the bot know; neither its answer nor a failed call changes anything."""

    def go_on(called: Called) -> Release | Say:
        _note_call(lease, claimed, called.calls, called.error)
        return then()

    return Ask(lease=lease, channel=channel, turn=_turn(lease, channel, event, claimed, None), go_on=go_on)


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
    is_delegated = event.type is EventType.CONVERSATION_DELEGATED
    needs_history = is_delegated or (channel.bot is not None and channel.bot.needs_history)
    text, payload = message.text, None if is_token(message.payload) else message.payload
    if is_delegated:
        text = channel.delegation_text or None
    if choice is not None and payload is None:
        text, payload = choice.title_for_bot, choice.payload
    return Turn(
        type=event.type,
        turn_id=str(uuid5(lease.session_id, str(claimed.facts.id))),
        session_id=str(lease.session_id),
        text=text,
        payload=payload,
        files=message.files,
        message_id=message.external_id,
        language=language_of(lease, channel),
        medium=lease.medium,
        contact=lease.contact.contact,
        attributes=lease.contact.attributes,
        inbox_channel=lease.inbox_channel.ref,
        topics=tuple(lease.topics),
        trigger=event.trigger,
        dialog=channel.delegation_dialog if is_delegated else "",
        history=history_of(lease.conversation_id, claimed.facts.id, lease.session_since) if needs_history else (),
        remembered=lease.remembered,
        time_left_s=time_left(channel, claimed).total_seconds(),
    )


def _on_failed_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, error: BridgeError) -> Release | Say:
    """Another try while there is time, or it is lost. A wrong configuration doesn't fix itself, and a bot that takes a
    message twice for two gets it again only if it surely didn't get it."""
    logger.warning("bot of channel %s failed: %s", channel.name, error.detail)
    is_unheard = isinstance(error, TemporaryError) and error.effect is Effect.NONE
    is_harmless = is_unheard or (channel.bot is not None and channel.bot.may_repeat)
    may_try = is_harmless and claimed.attempts + 1 < channel.bot_tries and not isinstance(error, ConfigError)
    is_doubtful = isinstance(error, TemporaryError) and not is_unheard
    wait = DOUBTFUL_CALL_WAIT if is_doubtful and channel.bot and channel.bot.answers_later else RETRY_WAIT
    if isinstance(error, TemporaryError) and wait < error.retry_after < time_left(channel, claimed):
        wait = error.retry_after
    if may_try and time_left(channel, claimed) > wait:
        return Release.putting_off(claimed, EventState.BOT_CALL, wait, error.detail)
    kind = kind_of_failure(error)
    reason = OffloadReason.BOT_SLOW if kind is FailureKind.SLOW else OffloadReason.BOT_FAILED
    return on_lost_bot(lease, channel, claimed, reason, error.detail, kind)


def time_left(channel: LiveChannel, claimed: ClaimedEvent) -> timedelta:
    """How long the bot may still take: the channel's patience from its first call on, and never beyond the time
    that a handover needs."""
    now = database_now()
    patience_ends = (claimed.facts.called_at or now) + channel.answer_within
    return min(patience_ends, soft_deadline(channel, claimed)) - now


def on_lost_bot(
    lease: Lease,
    channel: LiveChannel,
    claimed: ClaimedEvent,
    reason: OffloadReason,
    detail: str,
    kind: FailureKind,
) -> Release | Say:
    """There will be no answer. A bot that has replied is not lost, even if its call failed."""
    if has_spoken(lease, claimed.facts.id):
        return let_it_speak(lease, channel, claimed, detail)
    request = Request(reason=reason, by="chatbridge", detail=detail)
    policy = channel.failure_policies.get(kind, channel.on_bot_failure)
    return instead_of_bot(lease, channel, claimed, request, policy)


def instead_of_bot(
    lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, request: Request, policy: str
) -> Release | Say:
    """What the channel's owner wants to follow (`policy`). An agent who delegated gets the conversation back in any
    case: the contact didn't ask for the bot."""
    is_delegated = claimed.facts.type is EventType.CONVERSATION_DELEGATED
    says = policy == FailurePolicy.SAY_TEXT
    text = own_words(lease, channel, Occasion.APOLOGY) if says else ""
    if policy == FailurePolicy.HAND_OVER or is_delegated or (says and not text):
        return hand_over_for(lease, channel, claimed, request)
    said = f"{request.reason.label}: {request.detail}"
    if text:
        return say_instead_of_bot(lease, claimed, text, said)
    end_typing(channel, lease, claimed.facts.id)
    return Release.ending([claimed], Outcome.SILENT, said)


SPEAKING_WAIT = timedelta(seconds=5)
"""For words that are here and only have to be sent: they settle within GAP_PATIENCE, and then end what they answer."""
LOSSES = frozenset({OffloadReason.BOT_FAILED, OffloadReason.OUT_OF_TIME})
"""Of the reasons against asking the bot: those for which it may have been asked, and have spoken, before."""


def let_it_speak(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, reason: str) -> Release:
    """The bot has spoken since it was called, and its words wait to be sent: they are the answer."""
    wait = max(time_left(channel, claimed), SPEAKING_WAIT)
    return Release.putting_off(claimed, EventState.BOT_WAIT, wait, reason)


def on_waiting_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> Release | Say:
    """A bot that acknowledged and hasn't answered yet: the contact is told so, or it was waited for long enough."""
    types, holds = channel.typing_after is not None, holding_due_in(channel, claimed)
    looks = types or holds is not None
    if lease.owner != Owner.BOT or not looks or time_left(channel, claimed) <= timedelta(0):
        return on_silent_bot(lease, channel, claimed)
    if holds == timedelta(0):
        say_holding_line(lease, channel, claimed)
    if types and not any(event.facts.type.is_from_bot for event in lease.events):
        show_typing(channel, lease, claimed.facts.id)
    return _waiting_for_bot(channel, claimed, EVERY if types else None)


def _waiting_for_bot(channel: LiveChannel, claimed: ClaimedEvent, pause: timedelta | None) -> Release:
    """Until there is something to do while it thinks, or its time is over. `pause`: until typing is to be shown."""
    due = holding_due_in(channel, claimed)
    waits = [time_left(channel, claimed), *([pause] if pause else []), *([due] if due else [])]
    return Release.putting_off(claimed, EventState.BOT_WAIT, min(waits))


def on_silent_bot(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> Release | Say:
    """A bot that acknowledged and said nothing. A greeting may fail to come; whoever asked must not wait."""
    if lease.owner != Owner.BOT:
        return Release.ending([claimed], Outcome.MOOT, NOT_WITH_BOT)
    unshown = unshown_since(lease.conversation_id, claimed.facts.called_at or claimed.begun_at)
    if claimed.facts.type is EventType.CONVERSATION_STARTED and not has_spoken(lease, claimed.facts.id):
        return Release.ending([claimed], Outcome.SILENT, unshown or "The bot had no greeting.")
    if unshown:
        named = remark(unshown, CANT_BE_SHOWN)
        return on_lost_bot(lease, channel, claimed, OffloadReason.BOT_UNSHOWABLE, named, FailureKind.SILENT)
    detail = f"No answer within {channel.answer_within.seconds} seconds."
    return on_lost_bot(lease, channel, claimed, OffloadReason.BOT_SILENT, detail, FailureKind.SILENT)
