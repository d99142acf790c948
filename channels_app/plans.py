"""How a reply leaves: which calls carry it, in which order, and what the contact reads."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from channels_app import options
from channels_app.addresses import holds_data, shown_address
from channels_app.channels import LiveChannel
from channels_app.media import file_name
from channels_app.models import DeliveryKind
from channels_app.protocol import Option, Outgoing, OutgoingMessage, Reply

logger = logging.getLogger(__name__)

MESSAGES_MOST = 20
"""Messages of one reply that reach the contact; a bot that says more in one breath is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A reply as the calls that carry it, in order, and what the contact can choose from it."""

    calls: tuple[tuple[DeliveryKind, dict[str, Any]], ...]
    options: tuple[Option, ...]
    said: tuple[tuple[str, str], ...]
    """Text and attachment's address of each message, for the transcript."""


def plan_deliveries(channel: LiveChannel, reply: Reply, *, message_id: str, unique: str) -> Plan:
    """How this reply leaves on this channel: uploads first, then as few calls as the inbox allows.

    `unique` tells apart the files of different turns.
    """
    uploads: list[tuple[DeliveryKind, dict[str, Any]]] = []
    links: dict[str, str] = {}
    messages: list[OutgoingMessage] = []
    if len(reply.messages) > MESSAGES_MOST:
        logger.warning("a bot of channel %s said %s messages at once", channel.name, len(reply.messages))
    for place, message in enumerate(reply.messages[:MESSAGES_MOST]):
        name = ""
        if message.attachment and message.attachment.url:
            found = message.attachment
            name = file_name(found, f"{unique}-{place}")
            links[name] = "" if holds_data(found.url) else found.url
            payload = {"url": found.url, "filename": name, "content_type": found.content_type}
            uploads.append((DeliveryKind.ATTACHMENT, payload))
        messages.append(OutgoingMessage(text=options.write_out(message), attachment_name=name))
    outgoing = Outgoing(
        messages=tuple(messages),
        topics=reply.topics,
        tags=reply.tags,
        tagged_message_id=message_id,
        attributes=reply.attributes,
        note=reply.note,
        complete=reply.complete,
    )
    calls = [
        (DeliveryKind.REPLY, {"outgoing": part.to_json(), "links": links}) for part in channel.inbox.split(outgoing)
    ]
    said = tuple(
        (options.write_out(message), shown_address(message.attachment.url) if message.attachment else "")
        for message in reply.messages
    )
    return Plan(calls=(*uploads, *calls), options=tuple(options.choosable(reply.messages[:MESSAGES_MOST])), said=said)


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
