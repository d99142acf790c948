"""The bodies of the events that the platform sends."""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any

from chatbridge.simulator.conversation import JSON, Conversation, Said
from chatbridge.simulator.platform import Flavour, new_id
from chatbridge.simulator.wire import dump

VERSION = 1
SIGNATURE_HEADERS = {Flavour.CLASSIC: "X-Sparkcentral-Signature", Flavour.HOOTSUITE: "X-Hootsuite-Signature"}
NS_PER_S = 1_000_000_000

AGENT = {"id": "agent-1", "firstName": "Alex", "lastName": "Agent", "email": "alex@inbox.example"}
"""The one human in this inbox."""

STATUS_EVENTS = {"resolved": "CONVERSATION_RESOLVED", "pending": "CONVERSATION_SET_TO_PENDING"}


def sign(secret: str, body: bytes) -> str:
    """ "Hexadecimal HMAC-SHA256 of the raw body"; the secret is shown as hex, "decode it to bytes before use"."""
    return hmac.new(bytes.fromhex(secret), body, hashlib.sha256).hexdigest()


def nanosecond_timestamp(age_s: float = 0.0) -> str:
    """Now (or `age_s` ago) with nanoseconds: 2022-04-28T09:43:26.635984618Z."""
    seconds, nanoseconds = divmod(time.time_ns() - int(age_s * NS_PER_S), NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def timestamp(at: float) -> str:
    """A moment with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def envelope(kind: str, key: str, data: JSON, age_s: float = 0.0) -> bytes:
    """The whole body of an event, stamped with the time of this try."""
    stamp = nanosecond_timestamp(age_s)
    return dump({"type": kind, "version": VERSION, "idempotencyKey": key, "timestamp": stamp, "data": data})


def opening_data(conversation: Conversation) -> JSON:
    """Data of CONVERSATION_STARTED and CONVERSATION_DELEGATED."""
    return {
        "conversationId": conversation.id,
        "contactProfile": conversation.contact,
        "contactAttributes": list(conversation.attributes),
        "medium": {"id": conversation.medium},
        "channel": conversation.channel,
        "language": conversation.language,
    }


def message_data(conversation: Conversation, message: Said, flavour: Flavour, trigger: Any = None) -> JSON:
    """Data of INBOUND_MESSAGE_RECEIVED; of a classic message "only `text` is certain", so it has nothing else."""
    shown: JSON = {"text": message.text}
    if flavour is Flavour.HOOTSUITE:
        shown = {"messageId": message.id, "text": message.text, "payload": message.payload}
        shown |= {"attachments": message.files} if message.files else {}
    return {
        "conversationId": conversation.id,
        "message": shown,
        "trigger": trigger,
        "conversationTopics": list(conversation.topics),
        "channel": conversation.channel,
        "contactProfile": conversation.contact,
        "medium": {"id": conversation.medium},
    }


def status_data(conversation: Conversation, previous: str) -> JSON:
    """Data of the write-back events."""
    return {
        "conversation": {
            "id": conversation.id,
            "createdAt": timestamp(conversation.created_at),
            "previousStatus": previous,
            "currentStatus": conversation.status,
        },
        "medium": {"id": conversation.medium},
        "channel": conversation.channel,
        "agent": AGENT,
        "contactProfile": conversation.contact,
        "statusUpdatedReason": "",
        "statusUpdatedComment": "",
        "messages": [
            {
                "id": message.id,
                "direction": "INBOUND" if message.sender == "contact" else "OUTBOUND",
                "text": message.text,
            }
            for message in conversation.messages
        ],
        "contactAttributes": list(conversation.attributes),
        "notes": [
            {"id": new_id(), "text": note["text"], "creationUser": AGENT, "creationTimestamp": timestamp(note["at"])}
            for note in conversation.notes
        ],
        "topics": [{"id": name.casefold(), "name": name} for name in conversation.topics],
    }
