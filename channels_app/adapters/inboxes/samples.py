"""Events such as Sparkcentral and Inbox 2.0 send, made here: to try out our own side."""

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from channels_app.protocol import EventType, InboxChannelRef

TYPES = {
    EventType.CONVERSATION_STARTED: "CONVERSATION_STARTED",
    EventType.CONVERSATION_DELEGATED: "CONVERSATION_DELEGATED",
    EventType.MESSAGE_RECEIVED: "INBOUND_MESSAGE_RECEIVED",
}
CONTACT = {"id": "test-contact", "primaryIdentifier": "Test contact", "vip": False}
NS_PER_S = 1_000_000_000


def sample_event(
    event_type: EventType, conversation_id: str, *, text: str = "", inbox_channel: InboxChannelRef | None = None
) -> bytes:
    """The body of an event that happens now."""
    data: dict[str, Any] = {
        "conversationId": conversation_id,
        "contactProfile": CONTACT,
        "medium": {"id": "rtm"},
    }
    if inbox_channel:
        data["channel"] = {"id": inbox_channel.external_id, "name": inbox_channel.name}
    if event_type is EventType.MESSAGE_RECEIVED:
        message = {"messageId": str(uuid.uuid4()), "text": text}
        data |= {"message": message, "trigger": None, "conversationTopics": []}
    else:
        data |= {"contactAttributes": [], "language": "en"}
    event = {
        "type": TYPES[event_type],
        "version": 1,
        "idempotencyKey": str(uuid.uuid4()),
        "timestamp": nanosecond_timestamp(time.time_ns()),
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False).encode()


def nanosecond_timestamp(time_ns: int) -> str:
    """As the platform writes it: 2022-04-28T09:43:26.635984618Z."""
    seconds, nanoseconds = divmod(time_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
