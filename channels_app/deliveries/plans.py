"""How a reply leaves: which calls carry it, in which order, and what the contact reads."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from channels_app.adapters.inboxes import Inbox
from channels_app.adapters.inboxes.media import Medium, Written, medium_of
from channels_app.channels.live import LiveChannel
from channels_app.deliveries.media import file_name
from channels_app.lib.http.addresses import holds_data, shown_address
from channels_app.models import DeliveryKind
from channels_app.protocol import Attachment, Option, Outgoing, OutgoingMessage, Reply, options
from channels_app.protocol.intents import topics_of
from channels_app.protocol.splitting import split_message

logger = logging.getLogger(__name__)

MAX_MESSAGES = 20
"""Messages of one reply; of a bot that says more in one breath the later ones are joined."""
MAX_PARTS = 40
"""Texts that these become where they are too long for their medium: a screen holds ten, and classic takes a call for
each."""
MAX_PAUSE_MS, MAX_PAUSES_MS = 10_000, 30_000
"""Milliseconds before one message, and in a whole reply: the contact's messages wait until all is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A reply as the calls that carry it, in order, and what the contact can choose from it."""

    calls: tuple[tuple[DeliveryKind, dict[str, Any]], ...]
    options: tuple[Option, ...]
    said: tuple[tuple[str, str], ...]
    """Text and attachment's address of each message, for the transcript."""
    starts: tuple[int, ...]
    """For each of them, with which message of the reply it begins."""
    remarks: str
    """Parts of the reply that are not shown or not done, for operators."""

    def said_with(self, messages: int) -> int:
        """How many of what is said hold the first so many messages of the reply."""
        return sum(start < messages for start in self.starts)


def plan_deliveries(
    channel: LiveChannel, reply: Reply, *, medium: str, message_id: str, unique: str, closing: int = 0
) -> Plan:
    """How this reply leaves on this channel to a contact on `medium`: uploads first, then as few calls as the inbox
    allows.

    `unique` tells apart the files of different turns. `closing`: how many of its messages, the last ones, are said
    only if the conversation ends with them.
    """
    farewell = len(reply.messages) - closing
    inbox, topics = channel.inbox, topics_of((intent.name for intent in reply.intents), channel.intent_topics)
    reply = replace(reply, topics=tuple(dict.fromkeys((*reply.topics, *topics)))) if topics else reply
    groups = _joined([inbox.written(message, medium) for message in reply.messages], medium_of(medium))
    said, lost = groups[:MAX_MESSAGES], sum(map(len, groups[MAX_MESSAGES:]))
    if len(reply.messages) > MAX_MESSAGES:
        logger.warning("a bot of channel %s said %s messages at once", channel.name, len(reply.messages))
        reply = _without_last(reply, lost) if lost else reply
    firsts = accumulate(map(len, said[:-1]), initial=0)
    parts = [
        _Part(text, None, start, 0)
        if place
        else _Part(text, group[0].attachment, start, reply.messages[start].pause_ms)
        for start, group in zip(firsts, said, strict=False)
        for place, text in enumerate(_parts(group, medium_of(medium)))
    ]
    reply, parts = _without_middle(reply, parts)
    outgoing, files = _outgoing(reply, parts, message_id, unique)
    uploads = [
        (DeliveryKind.ATTACHMENT, {"url": file.url, "filename": name, "content_type": file.content_type})
        for name, file in files.items()
    ]
    links = {name: "" if holds_data(file.url) else file.url for name, file in files.items()}
    planned = list(_calls(inbox, outgoing, [part.pause_ms for part in parts]))
    farewells = _farewells([call for call, _ in planned], sum(part.start >= farewell for part in parts))
    calls = [
        (
            DeliveryKind.REPLY,
            {"outgoing": call.to_json(), "links": links}
            | ({"pause_ms": pause_ms} if pause_ms else {})
            | ({"closing": last} if last else {}),
        )
        for (call, pause_ms), last in zip(planned, farewells, strict=True)
    ]
    return Plan(
        calls=(*uploads, *calls),
        options=tuple(options.choosable(reply.messages)),
        said=tuple((inbox.readable(part.text), shown_address(part.file.url) if part.file else "") for part in parts),
        starts=tuple(part.start for part in parts),
        remarks=replace(reply, dropped=(*reply.dropped, *inbox.dropped(outgoing))).remarks,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What becomes one message of the inbox; `start`: with which message of the reply it begins; `pause_ms`: how long
    the bot wants to wait before it."""

    text: str
    file: Attachment | None
    start: int
    pause_ms: int


def _calls(inbox: Inbox, outgoing: Outgoing, pauses_ms: Sequence[int]) -> Iterator[tuple[Outgoing, int]]:
    """The calls, each with the pause before it. A pause parts them; all that is not a message rides on the last."""
    left_ms = MAX_PAUSES_MS
    breaks = [place for place, pause_ms in enumerate(pauses_ms) if place and pause_ms > 0]
    for begin, end in pairwise([0, *breaks, len(pauses_ms)]):
        said = outgoing.messages[begin:end]
        part = replace(outgoing, messages=said) if end == len(pauses_ms) else Outgoing(messages=said)
        pause_ms = min(pauses_ms[begin], MAX_PAUSE_MS, left_ms) if begin else 0
        left_ms -= pause_ms
        for place, call in enumerate(inbox.split(part)):
            yield call, 0 if place else pause_ms


def _farewells(calls: Sequence[Outgoing], left: int) -> list[int]:
    """For each call, how many of its messages are among the `left` last ones of all."""
    found = []
    for call in reversed(calls):
        found.append(min(left, len(call.messages)))
        left -= found[-1]
    return found[::-1]


def _without_middle(reply: Reply, parts: list[_Part]) -> tuple[Reply, list[_Part]]:
    """Both without what is too long to read, which is reported. The end stays: it has the options."""
    lost = len(parts) - MAX_PARTS
    if lost <= 0:
        return reply, parts
    told = f"{lost} of {len(parts)} texts from the middle of a very long answer, more than one reply can hold"
    return replace(reply, unshown=(*reply.unshown, told)), [*parts[: MAX_PARTS - 1], parts[-1]]


def _outgoing(
    reply: Reply, parts: Sequence[_Part], message_id: str, unique: str
) -> tuple[Outgoing, Mapping[str, Attachment]]:
    """All that is said and done, and the files that it takes by their names."""
    files = [part.file for part in parts]
    names = [file_name(file, f"{unique}-{place}") if file and file.url else "" for place, file in enumerate(files)]
    outgoing = Outgoing(
        messages=tuple(
            OutgoingMessage(text=part.text, attachment_name=name) for part, name in zip(parts, names, strict=True)
        ),
        topics=reply.topics,
        tags=reply.tags,
        tagged_message_id=message_id,
        attributes=reply.attributes,
        note=reply.note,
        complete=reply.complete,
    )
    return outgoing, {name: file for name, file in zip(names, files, strict=True) if file and name}


def _without_last(reply: Reply, lost: int) -> Reply:
    """The reply without the messages that no call has room for, which is told."""
    told = f"the last {lost} of {len(reply.messages)} messages, more than one reply can hold"
    return replace(reply, messages=reply.messages[:-lost], unshown=(*reply.unshown, told))


def _parts(group: Sequence[Written], medium: Medium) -> list[str]:
    """What these messages say as texts that the medium takes. A file's link, should it have to stand for the file,
    has room below its text."""
    *first, last = group
    text = "\n".join([*(written.whole for written in first), *filter(None, [last.text])])
    file = group[0].attachment
    reserved = medium.size(f"\n{file.url}") if file and not holds_data(file.url) else 0
    room = medium.max_length - reserved if reserved < medium.max_length // 2 else medium.max_length
    return split_message(text, last.lines, room, medium.size)


def _joined(messages: Sequence[Written], medium: Medium) -> list[Sequence[Written]]:
    """The messages as they leave: each on its own; of too many as few as need be, from the last ones on, share a text.

    There may be too many all the same: of files, and of words for a book.
    """
    groups: list[Sequence[Written]] = [(message,) for message in messages]
    for alone in range(MAX_MESSAGES - 1, -1, -1):
        if len(groups) <= MAX_MESSAGES:
            break
        groups = [*((message,) for message in messages[:alone]), *_packed(messages[alone:], medium)]
    return groups


def _packed(messages: Sequence[Written], medium: Medium) -> Iterator[Sequence[Written]]:
    """Words that follow each other in as few texts as they fit into; a file stays on its own."""
    group: list[Written] = []
    length = 0
    for message in messages:
        added = medium.size(message.whole) + 1
        if group and (message.attachment or group[0].attachment or length + added > medium.max_length):
            yield group
            group, length = [], 0
        group.append(message)
        length += added
    yield group


# --- a call that was refused, or done in part ---------------------------------------------------------------------

_EXTRAS = (("tags", "tagged_message_id"), ("topics", "attributes", "note"))
"""What goes first when a call is refused, and what goes then: all that the contact doesn't read."""
_NOTHING: Mapping[str, Any] = {"tags": [], "tagged_message_id": "", "topics": [], "attributes": {}, "note": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lighter:
    """A call's payload without some of what it carried. `without` names what is gone, for operators."""

    payload: dict[str, Any]
    without: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to call for."""
        return Outgoing.from_json(self.payload["outgoing"]) == Outgoing()


def without_extras(payload: Mapping[str, Any]) -> Lighter | None:
    """What is tried after a refusal: the same words and completion with less beside them; None: there is no less.

    `payload["left_out"]` keeps what goes, and `refusals` counts the tries that had no effect.
    """
    outgoing = payload["outgoing"]
    for names in _EXTRAS:
        found = {name: outgoing[name] for name in names if outgoing[name]}
        if found:
            lighter = {
                **payload,
                "outgoing": {**outgoing, **{name: _NOTHING[name] for name in found}},
                "left_out": {**payload.get("left_out", {}), **found},
                "refusals": payload.get("refusals", 0) + 1,
            }
            return Lighter(payload=lighter, without=", ".join(name for name in found if name != "tagged_message_id"))
    return None


def with_extras(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as it was before something was left out: what was refused has changed in another way."""
    whole = {key: value for key, value in payload.items() if key != "left_out"}
    return {**whole, "outgoing": {**payload["outgoing"], **payload.get("left_out", {})}}


def only_completion(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """What may be said twice of a call that was done in part; None: nothing. `in_doubt`: messages that it carried."""
    outgoing = Outgoing.from_json(payload["outgoing"])
    bare = Outgoing(complete=outgoing.complete)
    if outgoing in (bare, replace(outgoing, complete=None)):
        return None
    return {**payload, "outgoing": bare.to_json(), "in_doubt": len(outgoing.messages)}
