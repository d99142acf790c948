"""What Sparkcentral and Inbox 2.0 tell us, in our words.

Lenient: an event that is refused costs the contact the bot, and unknown fields and types can appear at any time. Only
which conversation it is about can't be done without.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels_app.adapters.inboxes.sparkcentral_files import read_files
from channels_app.lib import jsons
from channels_app.protocol import Contact, ContactAttribute, ContactMessage, Event, EventType, InboxChannelRef
from channels_app.protocol.contact_message import ContactFile
from channels_app.protocol.errors import UnusableError
from channels_app.protocol.visible import is_visible

VERSION_1 = ("", "1", "1.0")  # what says nothing of a version is this one too
MAX_ID = 200  # characters of an id or a name; real ones have about 40
MAX_LABEL = 35  # characters of a medium or a language tag, both open text

EVENT_TYPES = {
    "CONVERSATION_STARTED": EventType.CONVERSATION_STARTED,
    "CONVERSATION_DELEGATED": EventType.CONVERSATION_DELEGATED,
    "INBOUND_MESSAGE_RECEIVED": EventType.MESSAGE_RECEIVED,
}
WRITE_BACK_TYPES = {
    "CONVERSATION_RESOLVED": EventType.CONVERSATION_RESOLVED,
    "CONVERSATION_SET_TO_PENDING": EventType.CONVERSATION_PENDING,
}
EMPTY_PAYLOADS: tuple[object, ...] = ("", {}, [])  # of media without buttons; to choose nothing is to write
# The same attribute can come twice; what the CRM confirmed is surer than what an agent typed, and so on.
SOURCES = ("CRM_CONFIRMED", "AGENT", "MEDIUM")

_ID = re.compile(r"(?!\.+$)[^\s/?#\\%]+")  # it becomes a part of a URL's path, where ".." has a meaning


def read_event(body: bytes, received_at: datetime) -> Event | None:
    """An event of the virtual agent; None for a type that we don't know.

    Raises UnusableError for a version that we don't know, and when the conversation is not named.
    """
    envelope = jsons.read_object(body)
    event_type = _known_type(envelope, EVENT_TYPES)
    if not event_type:
        return None
    data = _object(envelope.get("data"))
    return Event(
        type=event_type,
        key=_key(envelope, body),
        sent_at=jsons.moment(envelope.get("timestamp")) or received_at,
        conversation_id=_identifier(data.get("conversationId"), "data.conversationId"),
        message=_message(data) if event_type is EventType.MESSAGE_RECEIVED else None,
        language=_text(data.get("language"), MAX_LABEL) or _browser_language(data.get("contactAttributes")),
        topics=_topics(data.get("conversationTopics")),
        trigger=data["trigger"] if isinstance(data.get("trigger"), dict) else None,
        **_circumstances(data),
    )


def read_write_back(body: bytes, received_at: datetime) -> Event | None:
    """How a conversation went on after the handover; as `read_event` otherwise."""
    envelope = jsons.read_object(body)
    event_type = _known_type(envelope, WRITE_BACK_TYPES)
    if not event_type:
        return None
    data = _object(envelope.get("data"))
    conversation = _object(data.get("conversation"))
    return Event(
        type=event_type,
        key=_key(envelope, body),
        sent_at=jsons.moment(envelope.get("timestamp")) or received_at,
        conversation_id=_identifier(conversation.get("id"), "data.conversation.id"),
        topics=_topics(data.get("topics")),
        details=_ending(data, conversation),
        **_circumstances(data),
    )


def _known_type(envelope: Mapping[str, Any], types: Mapping[str, EventType]) -> EventType | None:
    name = envelope.get("type")
    if not isinstance(name, str):
        raise UnusableError("type: must be text")
    known = types.get(name)
    if known and _text(envelope.get("version")).strip() not in VERSION_1:
        raise UnusableError("version: is not known", reason="unknown_version")
    return known


def _key(envelope: Mapping[str, Any], body: bytes) -> str:
    """Theirs; without a usable one what stands for it, since a retry has the same body."""
    key = _text(envelope.get("idempotencyKey"), jsons.MAX_TEXT)
    return key if 0 < len(key) <= MAX_ID else hashlib.sha256(key.encode() or body).hexdigest()


def _identifier(value: object, path: str) -> str:
    found = _text(value, jsons.MAX_TEXT)
    if len(found) > MAX_ID or not _ID.fullmatch(found):
        raise UnusableError(f"{path}: must be an id")
    return found


def _message(data: Mapping[str, Any]) -> ContactMessage:
    """None of its fields is required, nor the message itself: a picture or a sticker is without text."""
    told = data.get("message")
    message = told if isinstance(told, dict) else {"text": told}
    text, payload = _text(message.get("text"), jsons.MAX_TEXT), message.get("payload")
    payload = None if payload in EMPTY_PAYLOADS else payload
    files = read_files(message)
    if not is_visible(text):
        files = files or ((ContactFile(),) if payload is None else ())
    return ContactMessage(
        text=text if is_visible(text) else None,
        external_id=_text(message.get("messageId")),
        payload=jsons.as_it_came(payload),
        files=files,
    )


def _circumstances(data: Mapping[str, Any]) -> dict[str, Any]:
    """What every event may tell about the contact and the way here."""
    return {
        "contact": _contact(data.get("contactProfile")),
        "attributes": _attributes(data.get("contactAttributes")),
        "inbox_channel": _inbox_channel(data.get("channel")),
        "medium": _id(data.get("medium"))[:MAX_LABEL],
    }


def _contact(value: object) -> Contact | None:
    if not isinstance(value, dict):
        return None
    return Contact(
        external_id=_text(value.get("id")),
        primary_identifier=_text(value.get("primaryIdentifier")),
        secondary_identifier=_text(value.get("secondaryIdentifier")),
        picture_url=_text(value.get("pictureUrl"), jsons.MAX_TEXT),
        vip=value.get("vip") is True,
        medium_contact_profile_id=_text(value.get("mediumContactProfileId")),
    )


def _attributes(value: object) -> tuple[ContactAttribute, ...] | None:
    """None when the event doesn't say; of an attribute that comes twice, the one from the surer source."""
    if not isinstance(value, list):
        return None
    winners: dict[str, ContactAttribute] = {}
    for item in map(_object, value):
        found = ContactAttribute(
            attribute=_text(item.get("attribute")),
            value=_text(item.get("value"), jsons.MAX_TEXT),
            source=_text(item.get("source")),
        )
        rival = winners.get(found.attribute)
        if found.attribute and (rival is None or _rank(found) < _rank(rival)):
            winners[found.attribute] = found
    return tuple(winners.values())


def _browser_language(value: object) -> str:
    """What the web messenger notes as an attribute. Its name is not documented: it is known however it is spelt."""
    for item in _objects(value):
        if re.sub(r"[^a-z]", "", _text(item.get("attribute")).lower()) == "browserlanguage":
            return _text(item.get("value"), MAX_LABEL)
    return ""


def _rank(attribute: ContactAttribute) -> int:
    return SOURCES.index(attribute.source) if attribute.source in SOURCES else len(SOURCES)


def _inbox_channel(value: object) -> InboxChannelRef | None:
    external_id = _id(value)
    return InboxChannelRef(external_id=external_id, name=_text(_object(value).get("name"))) if external_id else None


def _topics(value: object) -> tuple[str, ...]:
    """Plain names, or objects with a name; each once."""
    items = value if isinstance(value, list) else []
    names = (_text(item.get("name")) if isinstance(item, dict) else _text(item) for item in items)
    return tuple(dict.fromkeys(filter(None, names)))


def _ending(data: Mapping[str, Any], conversation: Mapping[str, Any]) -> dict[str, Any]:
    """Who ended it and why. Kept as JSON with the event, so it holds nothing but text."""
    agent = _object(data.get("agent"))
    return {
        "previous_status": _text(conversation.get("previousStatus")),
        "status": _text(conversation.get("currentStatus")),
        "reason": _text(data.get("statusUpdatedReason"), jsons.MAX_TEXT),
        "comment": _text(data.get("statusUpdatedComment"), jsons.MAX_TEXT),
        "agent": {
            "external_id": _text(agent.get("id")),
            "name": " ".join(filter(None, (_text(agent.get("firstName")), _text(agent.get("lastName"))))),
            "email": _text(agent.get("email")),
        },
        "messages": [
            {
                "external_id": _text(item.get("id")),
                "direction": _text(item.get("direction")).lower(),
                "text": _text(item.get("text"), jsons.MAX_TEXT),
            }
            for item in _objects(data.get("messages"))
        ],
        "notes": [
            {
                "external_id": _text(item.get("id")),
                "text": _text(item.get("text"), jsons.MAX_TEXT),
                "author": _text(item.get("creationUser")) or _id(item.get("creationUser")),
                "created_at": _text(item.get("creationTimestamp")),
            }
            for item in _objects(data.get("notes"))
        ],
    }


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _id(value: object) -> str:
    """Of an object with an id, or of the plain id that some events carry instead."""
    return _text(value.get("id") if isinstance(value, dict) else value)


def _text(value: object, limit: int = MAX_ID) -> str:
    if isinstance(value, str):
        return value[:limit]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
