"""How a reply leaves: which calls carry it, in which order, and what the contact reads."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from channels_app.adapters.inboxes.base import Inbox
from channels_app.channels.live import LiveChannel
from channels_app.deliveries.media import file_name
from channels_app.lib.http.addresses import holds_data, shown_address
from channels_app.models import DeliveryKind
from channels_app.protocol import Message, Option, Outgoing, OutgoingMessage, Reply, options

logger = logging.getLogger(__name__)

MESSAGES_MOST = 20
"""Messages of one reply; of a bot that says more in one breath the later ones are joined."""
JOINED_MOST = 1_000
"""Characters of a text that we join: what Instagram takes, the strictest of the media that say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A reply as the calls that carry it, in order, and what the contact can choose from it."""

    calls: tuple[tuple[DeliveryKind, dict[str, Any]], ...]
    options: tuple[Option, ...]
    said: tuple[tuple[str, str], ...]
    """Text and attachment's address of each message, for the transcript."""
    starts: tuple[int, ...]
    """For each of them, with which message of the reply it begins."""
    unshown_words: str
    """What of the reply nobody gets to see, for operators."""

    def said_with(self, messages: int) -> int:
        """How many of what is said hold the first so many messages of the reply."""
        return sum(start < messages for start in self.starts)


def plan_deliveries(channel: LiveChannel, reply: Reply, *, medium: str, message_id: str, unique: str) -> Plan:
    """How this reply leaves on this channel to a contact on `medium`: uploads first, then as few calls as the inbox
    allows.

    `unique` tells apart the files of different turns.
    """
    groups = _joined([_shown(channel.inbox, message, medium) for message in reply.messages])
    said, lost = groups[:MESSAGES_MOST], sum(map(len, groups[MESSAGES_MOST:]))
    if len(reply.messages) > MESSAGES_MOST:
        logger.warning("a bot of channel %s said %s messages at once", channel.name, len(reply.messages))
        reply = _without_last(reply, lost) if lost else reply
    texts, files = [_text(group) for group in said], [group[0].attachment for group in said]
    names = [file_name(file, f"{unique}-{place}") if file and file.url else "" for place, file in enumerate(files)]
    uploaded = {name: file for name, file in zip(names, files, strict=True) if file and name}
    links = {name: "" if holds_data(file.url) else file.url for name, file in uploaded.items()}
    outgoing = Outgoing(
        messages=tuple(
            OutgoingMessage(text=text, attachment_name=name) for text, name in zip(texts, names, strict=True)
        ),
        topics=reply.topics,
        tags=reply.tags,
        tagged_message_id=message_id,
        attributes=reply.attributes,
        note=reply.note,
        complete=reply.complete,
    )
    uploads = [
        (DeliveryKind.ATTACHMENT, {"url": file.url, "filename": name, "content_type": file.content_type})
        for name, file in uploaded.items()
    ]
    calls = [
        (DeliveryKind.REPLY, {"outgoing": part.to_json(), "links": links}) for part in channel.inbox.split(outgoing)
    ]
    addresses = (shown_address(file.url) if file else "" for file in files)
    return Plan(
        calls=(*uploads, *calls),
        options=tuple(options.choosable(reply.messages)),
        said=tuple(zip(texts, addresses, strict=True)),
        starts=tuple(accumulate(map(len, said[:-1]), initial=0)),
        unshown_words=reply.unshown_words,
    )


def _shown(inbox: Inbox, message: Message, medium: str) -> Message:
    """The message as it is written for its reader: his medium's marks, and nothing that would be a shortcode."""
    shown = tuple(replace(option, title=inbox.plain(option.title)) for option in message.options)
    return replace(message, text=inbox.shown(message.text, medium), options=shown)


def _without_last(reply: Reply, lost: int) -> Reply:
    """The reply without the messages that no call has room for, which is told."""
    told = f"the last {lost} of {len(reply.messages)} messages, more than one reply can hold"
    return replace(reply, messages=reply.messages[:-lost], unshown=(*reply.unshown, told))


def _text(group: Sequence[Message]) -> str:
    return "\n".join(map(options.write_out, group))


def _joined(messages: Sequence[Message]) -> list[Sequence[Message]]:
    """The messages as they leave: each on its own; of too many as few as need be, from the last ones on, share a text.

    There may be too many all the same: of files, and of words for a book.
    """
    groups: list[Sequence[Message]] = [(message,) for message in messages]
    for alone in range(MESSAGES_MOST - 1, -1, -1):
        if len(groups) <= MESSAGES_MOST:
            break
        groups = [*((message,) for message in messages[:alone]), *_packed(messages[alone:])]
    return groups


def _packed(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Words that follow each other in as few texts as they fit into; a file stays on its own."""
    group: list[Message] = []
    length = 0
    for message in messages:
        added = len(options.write_out(message)) + 1
        if group and (message.attachment or group[0].attachment or length + added > JOINED_MOST):
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
