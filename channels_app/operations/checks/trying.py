"""Try a bot on a sample: what is sent, what comes back, and what we read of it. Nobody is told of it but the bot."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from channels_app.adapters.bots import BotConnector
from channels_app.channels.live import make_bot
from channels_app.conversations.exchanges import readable_body
from channels_app.conversations.history import MAX_LETTERS, MAX_MESSAGES
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call, recorded_calls
from channels_app.lib.masking import body_for
from channels_app.models import Bot
from channels_app.protocol import Contact, EventType, Message, Reply, Turn
from channels_app.protocol.causes import BOT, describe_call
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.contact_message import PastMessage
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.visible import cut

MAX_SAMPLE = 2_000  # characters of each part
AUTHORS = ("contact", "bot")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidBefore:
    """A line of the tried conversation. `author`: contact or bot."""

    author: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a contact who doesn't exist says; with a session that went before, the next message of it."""

    text: str = ""
    payload: Any = None
    begins: bool = False
    """The conversation begins, and nothing is said yet."""
    contact_name: str = ""
    language: str = ""
    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    remembered: Mapping[str, str] = field(default_factory=dict)
    said: Sequence[SaidBefore] = ()
    """In this session, oldest first: for a bot that remembers nothing itself."""

    def history(self) -> tuple[PastMessage, ...]:
        now = database_now()
        lines = self.said[-MAX_MESSAGES:]
        return tuple(PastMessage(author=line.author, text=cut(line.text, MAX_LETTERS), at=now) for line in lines)

    def turn(self) -> Turn:
        return Turn(
            type=EventType.CONVERSATION_STARTED if self.begins else EventType.MESSAGE_RECEIVED,
            turn_id=str(uuid.uuid4()),
            session_id=self.session_id,
            text=None if self.begins else self.text or None,
            payload=None if self.begins else self.payload,
            contact=Contact(primary_identifier=self.contact_name),
            language=self.language,
            remembered=self.remembered,
            is_test=not self.begins,  # "Test connection" begins in a way of its own
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedCall:
    """One call, as operators would see it in a conversation, with the headers that an admin has entered."""

    method: str
    url: str
    headers: Mapping[str, str]
    request: str
    status: int
    response: str
    took_ms: int

    @property
    def shown_request(self) -> str:
        return body_for(self.request, reads_text=True).text

    @property
    def shown_response(self) -> str:
        return body_for(self.response, reads_text=True).text


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A part of what we read."""

    what: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    calls: Sequence[TriedCall]
    found: Sequence[Found] = ()
    remembered: Mapping[str, str] = field(default_factory=dict)
    """For the next sample of the same session."""
    said: Sequence[SaidBefore] = ()
    """The same: what it and its answer have added to."""
    problem: CheckLine | None = None


def try_bot(bot: Bot, sample: Sample) -> Tried:
    """Outside any transaction, because a slow bot may take most of a minute. Never raises a BridgeError."""
    turn, calls = sample.turn(), list[Call]()
    connector: BotConnector | None = None
    said = [*sample.said, *_said(turn)]
    try:
        connector = make_bot(bot)
        turn = replace(turn, history=sample.history()) if connector.needs_history else turn
        with recorded_calls() as calls:
            reply = connector.send(turn)
        found, remembered, problem = list(_found(connector, reply)), reply.remembered if reply else {}, None
        answers = reply.messages if reply else ()
        said += [SaidBefore(author="bot", text=message.text) for message in answers if message.text]
    except BridgeError as error:
        limit = f"{connector.timeout_s:g}" if connector else ""
        found, remembered, problem = [], {}, CheckLine.failed("Bot", describe_call(BOT, error, limit=limit))
    headers = connector.shown_headers(turn) if connector else {}
    return Tried(
        calls=[_tried(call, headers) for call in calls],
        found=found,
        remembered={**sample.remembered, **remembered},
        said=said[-MAX_MESSAGES:],
        problem=problem,
    )


def _said(turn: Turn) -> list[SaidBefore]:
    return [SaidBefore(author="contact", text=turn.text)] if turn.text else []


def _tried(call: Call, headers: Mapping[str, str]) -> TriedCall:
    return TriedCall(
        method=call.method,
        url=call.url,
        headers=headers,
        request=readable_body(call.request),
        status=call.status,
        response=readable_body(call.response),
        took_ms=call.took_ms,
    )


def _found(connector: BotConnector, reply: Reply | None) -> Iterator[Found]:
    if reply is None:
        later = "It took the message and answers later" if connector.can_call_back else "No answer"
        yield Found(what="Answer", words=later)
        return
    for message in reply.messages:
        yield from _of_message(message)
    if reply.offload:
        details = _in_words(reply.offload.payload)
        yield Found(what="Handover", words=" · ".join(filter(None, (reply.offload.reason or "yes", details))))
    if reply.complete:
        yield Found(what="Ends the conversation", words=reply.complete.value)
    for what, values in (("Topics", reply.topics), ("Tags", reply.tags)):
        if values:
            yield Found(what=what, words=", ".join(values))
    if reply.attributes:
        yield Found(what="Contact attributes", words=_in_words(reply.attributes))
    if reply.note:
        yield Found(what="Note", words=reply.note)
    kept = {name: value for name, value in reply.remembered.items() if value}
    if kept:
        yield Found(what="Remembered", words=_in_words(kept))
    if reply.remarks:
        yield Found(what="For operators", words=reply.remarks)
    if reply == Reply():
        yield Found(what="Answer", words="Nothing to say")


def _of_message(message: Message) -> Iterator[Found]:
    if message.text:
        yield Found(what="Message", words=message.text)
    if message.attachment:
        yield Found(what="File", words=message.attachment.url)
    for option in message.options:
        address = option.url or option.phone
        payload = _in_words(option.payload)
        yield Found(what="Option", words=" → ".join(filter(None, (option.title, address or payload))))


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_in_words(inside)}" for key, inside in value.items())
    return "" if value is None else str(value)
