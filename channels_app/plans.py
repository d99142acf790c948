"""How a reply leaves: which calls carry it, in which order, and what the contact reads."""

import logging
from dataclasses import dataclass
from typing import Any

from channels_app import options
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
            name = file_name(found.url, found.name, found.content_type, f"{unique}-{place}")
            links[name] = found.url
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
        (options.write_out(message), message.attachment.url if message.attachment else "")
        for message in reply.messages
    )
    return Plan(calls=(*uploads, *calls), options=tuple(options.choosable(reply.messages[:MESSAGES_MOST])), said=said)
