"""What a turn wants said, as a value; and how that becomes rows, with all that follows from it, and is sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from django.db import transaction

from channels_app.adapters.inboxes.media import titled
from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release
from channels_app.conversations.standing import OpenEvent
from channels_app.deliveries.attempts import may_leave_now
from channels_app.deliveries.briefings import briefing_of, own_words
from channels_app.deliveries.handover_words import last_words, providers_words
from channels_app.deliveries.inline import offered, waits_until
from channels_app.deliveries.overtaken import has_waited_long
from channels_app.deliveries.plans import plan_deliveries
from channels_app.deliveries.queue_figures import figures_for
from channels_app.deliveries.sending import is_of_an_earlier_stint, send_deliveries
from channels_app.deliveries.typing import end_typing
from channels_app.deliveries.unsaid import Unsaid, open_messages, unsaid_words
from channels_app.deliveries.writing import NewsError, Writing, write_deliveries
from channels_app.lib.clocks import database_now
from channels_app.models import Author, EventState
from channels_app.protocol import Completion, EventType, Message, Reply, options
from channels_app.protocol.remarks import NOT_CLOSED, OVERTAKEN
from channels_app.protocol.sentences import Occasion
from offload.misses import in_a_row, misses, told_before
from offload.models import OffloadReason, OffloadState
from offload.services import (
    Decision,
    Request,
    answer_request,
    asked_by_bot,
    decide,
    hand_over,
    provider_of,
    record_offload,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """What a turn wants said to the contact; `say` writes it down and sends it. What the bot had said before by its
    other way, and nobody has sent yet, leaves with it."""

    lease: Lease
    """The conversation as it stands with the events that this answers."""
    claimed: Sequence[ClaimedEvent]
    reply: Reply
    author: Author = Author.BOT
    request: Request | None = None
    """Agents take over with it, or are asked whether they do. A wish that the bot said is in `reply`."""
    reason: str = ""
    """For operators: why this is said, if it isn't the bot's answer."""
    unless_answered: str = ""
    """Nothing of it is said or done if a message of the contact waits by then; why not, for operators. Empty: it is
    all the same."""


def hand_over_for(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent, request: Request) -> Say:
    """Humans take over because the bot can't or shouldn't answer."""
    text = last_words(lease, channel, request.reason)
    words = (Message(text=text),) if text else ()
    return Say(lease=lease, claimed=[claimed], reply=Reply(messages=words), author=Author.BRIDGE, request=request)


def take_message_for(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> Say:
    """The contact has chosen to leave a message: what he writes from now on waits for agents."""
    request = Request(reason=OffloadReason.MESSAGE_LEFT, by="contact")
    decision = Decision(provider_of(lease.channel_id), Occasion.LEFT_MESSAGE)
    reply = Reply(messages=providers_words(lease, channel, request.reason, decision))
    return Say(lease=lease, claimed=[claimed], reply=reply, author=Author.BRIDGE, request=request)


def say_instead_of_bot(lease: Lease, claimed: ClaimedEvent, text: str, reason: str) -> Say:
    """The channel's owner wants the contact to read this, because the bot fails or isn't to be asked, and the bot to
    go on."""
    reply = Reply(messages=(Message(text=text),))
    return Say(lease=lease, claimed=[claimed], reply=reply, author=Author.BRIDGE, reason=reason)


def say(channel: LiveChannel, wanted: Say) -> Release:
    """Complete it by what a wish for a human needs, write it down at one stroke, and send it. Raises LeaseLostError.

    What the bot had said before leaves first: what had come by the claim, and if something has come since, that too.
    """
    wanted = wanted if wanted.request else replace(wanted, request=_giving_up(channel, wanted))
    lease, claimed, reply = wanted.lease, wanted.claimed, wanted.reply
    others = [event.facts for event in lease.events if event not in claimed]
    asks = claimed[0].facts.type.asks_bot
    is_ending = bool(wanted.request or reply.complete or reply.offload)
    speaks = is_ending or (asks and any(facts.type.is_from_bot for facts in others))
    before = unsaid_words(lease, channel) if speaks else Unsaid()
    leaving = _leaving(channel, wanted, before, waits=_is_waited_for(claimed, others))
    if not leaving.reply.messages:
        end_typing(channel, lease, claimed[0].facts.id)
    try:
        return _write_and_send(channel, wanted, leaving, checks=asks or is_ending or channel.drops_overtaken_answers)
    except NewsError as news:
        before = unsaid_words(lease, channel)
        closes = reply.complete or before.reply.complete
        matters = bool(closes or channel.drops_overtaken_answers or wanted.unless_answered)
        waits = matters and _is_waited_for(claimed, open_messages(lease, claimed))
        leaving = _leaving(channel, wanted, before, waits=waits)
        return _write_and_send(channel, wanted, leaving, may_leave=news.may_leave)


def _giving_up(channel: LiveChannel, wanted: Say) -> Request | None:
    """Agents are asked for because the bot has not understood so many times in a row. Nothing is looked up for an
    answer that it gave to words that it understood."""
    lease, reply, first = wanted.lease, wanted.reply, wanted.claimed[0].facts
    if not channel.max_misses or reply.complete or reply.offload or not misses(reply, channel.missed_intents):
        return None
    told = told_before(lease.conversation_id, first.id, lease.stint, channel.missed_intents)
    count = in_a_row(told, misses=True, goes_on=first.type.is_from_bot)
    if count < channel.max_misses:
        return None
    detail = f"{count} answers in a row" if count > 1 else ""
    return Request(reason=OffloadReason.NOT_UNDERSTOOD, by="chatbridge", detail=detail)


def _is_waited_for(claimed: Sequence[ClaimedEvent], others: Iterable[OpenEvent]) -> bool:
    """Whether a message of the contact waits that the bot didn't know of when it said this."""
    messages = [facts for facts in others if facts.type is EventType.MESSAGE_RECEIVED]
    if not claimed[0].facts.type.is_from_bot:
        return any(facts.state == EventState.QUEUED for facts in messages)
    spoken_at = max(event.facts.received_at for event in claimed)
    return any(facts.called_at is None or facts.called_at > spoken_at for facts in messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    """What is sent: the reply as the contact sees it, and the decision on a handover request."""

    reply: Reply
    before: Unsaid
    """What of it the bot had said by its other way."""
    reason: str = ""
    request: Request | None = None
    state: OffloadState = OffloadState.REQUESTED
    closing: int = 0
    """Of its messages the last ones, which are said only if the conversation ends with them."""

    @property
    def is_overtaken(self) -> bool:
        return self.reason == OVERTAKEN


def _leaving(channel: LiveChannel, wanted: Say, before: Unsaid, *, waits: bool) -> _Leaving:
    """`waits`: a message of the contact does, so the bot doesn't close the conversation."""
    if waits and wanted.unless_answered:
        wanted = replace(wanted, reply=Reply(), request=None, reason=wanted.unless_answered)
    lease, request = wanted.lease, wanted.request
    # Claimed words of the bot are among the unsaid ones, in their place: what came since was mostly said later.
    is_said = any(event.facts.id in before.event_ids for event in wanted.claimed)
    reply = before.reply if is_said else before.reply.merged_with(wanted.reply)
    wish = reply.offload
    if request is None and wish is not None:
        request = asked_by_bot(wish)
    elif request is None and reply.complete is Completion.HANDOVER:
        request = Request(reason=OffloadReason.BOT_COMPLETED, by="bot")
    elif request is not None and wish is not None and request.payload is None:
        request = replace(request, payload=wish.payload)
    if request is not None and request.reason.is_wish:
        return _answered_request(lease, channel, before, reply, request)
    reply = _as_shown(lease, channel, reply)
    if request is not None:
        reply = hand_over(lease, reply, request, briefing_of(lease, channel))
        return _Leaving(reply=reply, before=before, reason=request.reason.label, request=request)
    if reply.complete is Completion.RESOLVED and waits:
        return _Leaving(reply=replace(reply, complete=None), before=before, reason=NOT_CLOSED)
    closing = len(wanted.reply.messages) if wanted.unless_answered else 0
    if reply.complete is Completion.RESOLVED and wanted.author == Author.BOT:
        text = own_words(lease, channel, Occasion.RESOLVED)
        closing = 1 if text else 0
        reply = replace(reply, messages=(*reply.messages, *([Message(text=text)] if text else [])))
    if waits and reply.messages and _may_be_dropped(channel, wanted, before):
        return _Leaving(reply=replace(reply, messages=()), before=before, reason=OVERTAKEN)
    return _Leaving(reply=reply, before=before, reason=wanted.reason, closing=closing)


def _answered_request(lease: Lease, channel: LiveChannel, before: Unsaid, reply: Reply, request: Request) -> _Leaving:
    """Agents were asked for. What the bot's platform was promised at the door is kept, whatever has changed since."""
    decision = decide(provider_of(lease.channel_id), lease.now, partial(figures_for, channel.inbox))
    if before.is_promised_agent and not decision.is_granted:
        decision = replace(decision, occasion=Occasion.OPENED)
    words = providers_words(lease, channel, request.reason, decision)
    said = _as_shown(lease, channel, replace(reply, messages=(*reply.messages, *words)))
    briefing = briefing_of(lease, channel)
    reply, state = answer_request(lease, said, request, briefing, is_granted=decision.is_granted)
    return _Leaving(reply=reply, before=before, reason=request.reason.label, request=request, state=state)


def _may_be_dropped(channel: LiveChannel, wanted: Say, before: Unsaid) -> bool:
    """Whether these are words of the bot in answer to the contact, who has read something lately. What a bot says
    unasked answers nothing that could be overtaken."""
    lease, claimed = wanted.lease, wanted.claimed
    if not channel.drops_overtaken_answers or wanted.author != Author.BOT:
        return False
    is_answer = claimed[0].facts.type is EventType.MESSAGE_RECEIVED or bool(_answered(lease, claimed, before))
    return is_answer and not has_waited_long(lease)


def _as_shown(lease: Lease, channel: LiveChannel, reply: Reply) -> Reply:
    """The reply, its options as the contact sees them: buttons, or with the numbers of a list."""
    if not any(message.options for message in reply.messages):
        return reply
    reply = replace(reply, messages=tuple(map(titled, reply.messages)))
    standing, is_switched_on = lease.offered.in_turn(lease.last_turn_id), lease.inbox_channel.shows_buttons
    if channel.inbox.has_buttons(reply.messages, lease.medium, is_switched_on=is_switched_on):
        return replace(reply, messages=options.with_buttons(reply.messages, standing, lease.last_turn_id))
    return replace(reply, messages=options.numbered(reply.messages, standing))


def _write_and_send(
    channel: LiveChannel, wanted: Say, leaving: _Leaving, *, checks: bool = False, may_leave: bool = False
) -> Release:
    """`checks`: raise NewsError if anything has come since the claim. `may_leave`: the first call's permission is
    taken."""
    lease, claimed, before = wanted.lease, wanted.claimed, leaving.before
    first, others = claimed[0], claimed[1:]
    unique = f"{first.facts.id:x}"
    plan = plan_deliveries(
        channel,
        leaving.reply,
        medium=lease.medium,
        message_id=lease.last_message_id,
        unique=unique,
        closing=leaving.closing,
    )
    counters = [event.facts.counter for event in claimed if event.facts.counter is not None]
    ends = dict.fromkeys([*before.event_ids, *(event.facts.id for event in others)])
    answered = _answered(lease, claimed, before) if leaving.is_overtaken or _is_answer(channel, leaving.reply) else []
    is_late = is_of_an_earlier_stint(lease, first)
    waiting = None if is_late or may_leave else waits_until([*claimed, *(lease.event(each) for each in answered)])
    offer = offered(plan, waiting[0]) if waiting else None
    plan = offer or plan
    is_leaving = not (is_late or offer) and (may_leave or may_leave_now(channel, plan))
    writing = Writing(
        event_id=first.facts.id,
        plan=plan,
        options=lease.offered.followed_by(lease.last_turn_id, lease.stint, plan.options, lease.now).to_json(),
        reason=" · ".join(filter(None, (leaving.reason, plan.remarks))),
        author=wanted.author,
        bots_words=plan.said_with(len(before.reply.messages)),
        counter=counters[-1] if before.counter is None and counters else before.counter,
        remembered=leaving.reply.remembered,
        merged=[event_id for event_id in ends if event_id != first.facts.id],
        answered=answered,
    )
    first = replace(first, reason=writing.reason)
    try:
        if leaving.request is None:
            deliveries = write_deliveries(lease, writing, is_leaving=is_leaving, if_nothing_came=checks)
        else:
            checks = checks and bool(wanted.unless_answered)
            with transaction.atomic():
                deliveries = write_deliveries(lease, writing, is_leaving=is_leaving, if_nothing_came=checks)
                record_offload(lease, first.facts.id, leaving.request, leaving.state)
    except NewsError as news:
        news.may_leave = is_leaving
        raise
    if offer and waiting:
        return Release.putting_off(first, EventState.SENDING, waiting[1] - database_now())
    return send_deliveries(lease, channel, first, deliveries, is_leaving=is_leaving)


def _is_answer(channel: LiveChannel, reply: Reply) -> bool:
    """Whether nobody has to wait any longer. A bot that can't say that it has nothing to say may only have set a
    topic, and speak next, or never: then the contact is without an answer."""
    can_say_nothing = channel.bot is None or not channel.bot.answers_later
    return bool(reply.messages or reply.complete) or can_say_nothing


def _answered(lease: Lease, claimed: Sequence[ClaimedEvent], before: Unsaid) -> list[int]:
    """The events that waited for these words of the bot: those that it had been given before it spoke.

    It replies again for what it received since; so a bot that dies in between leaves no contact without a deadline.
    """
    spoken = [before.spoken_at] if before.spoken_at is not None else []
    if claimed[0].facts.type is EventType.BOT_REPLIED:
        spoken += [event.facts.received_at for event in claimed]
    if not spoken:
        return []
    waiting = [event.facts for event in lease.events if event not in claimed and _is_with_bot(event)]
    return [facts.id for facts in waiting if facts.called_at is None or facts.called_at <= max(spoken)]


def _is_with_bot(event: ClaimedEvent) -> bool:
    """Whether the bot has it: it said "later", or was called and may have got the call: a call under way holds the
    lease, so this is read only after a failed call, or after a process that died during one."""
    return event.facts.state in (EventState.BOT_CALL, EventState.BOT_WAIT)
