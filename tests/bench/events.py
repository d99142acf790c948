"""Events of the inbox as requests that are ready to be sent: built once, signed, distinct."""

import json
import random
from uuid import UUID

from chatbridge.simulator.payloads import SIGNATURE_HEADERS, nanosecond_timestamp, sign
from chatbridge.simulator.platform import Flavour
from tests import payloads

SHARED_SECRET = "00ff" * 16
KIND = "hootsuite"
SIGNATURE_HEADER = SIGNATURE_HEADERS[Flavour.HOOTSUITE]
MARK = "#"
"""Encloses `conversation:number` in a text, so that bot and inbox can tell whose and which message it is."""


def conversation_id(crowd: str, place: int) -> str:
    return f"0-{crowd}-{place:06d}"


def marked(conversation: str, number: int) -> str:
    return f"Where is my parcel? {MARK}{conversation}:{number}{MARK}"


def read_mark(body: bytes) -> tuple[str, int]:
    """Conversation and number of the first marked text in a body."""
    _, _, rest = body.partition(MARK.encode())
    conversation, _, number = rest.partition(MARK.encode())[0].rpartition(b":")
    return conversation.decode(), int(number)


class _Template:
    """A body of tests/payloads, with gaps; filling it costs microseconds."""

    def __init__(self, name: str) -> None:
        document = payloads.load(KIND, name)
        document.pop("somethingNew", None)
        document |= {"idempotencyKey": "@key@", "timestamp": "@at@"}
        data = document["data"]
        data["conversationId"] = "@conversation@"
        data["contactProfile"]["id"] = "@conversation@"
        if "message" in data:
            data["message"] |= {"messageId": "@key@", "text": "@text@"}
        text = json.dumps(document, separators=(",", ":")).replace("%", "%%")
        for gap in ("key", "at", "conversation", "text"):
            text = text.replace(f"@{gap}@", f"%({gap})s")
        self._text = text

    def fill(self, **gaps: str) -> bytes:
        return (self._text % gaps).encode()


_MESSAGE = _Template("message_received")
_STARTED = _Template("conversation_started")


class Post:
    """Writes requests of a platform; its keys are random, as real ones are."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)

    def message(self, path: str, conversation: str, number: int) -> bytes:
        return self._request(path, _MESSAGE, conversation=conversation, text=marked(conversation, number))

    def started(self, path: str, conversation: str) -> bytes:
        return self._request(path, _STARTED, conversation=conversation)

    def _request(self, path: str, template: _Template, **gaps: str) -> bytes:
        key = str(UUID(int=self._chance.getrandbits(128)))
        body = template.fill(key=key, at=nanosecond_timestamp(), **gaps)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: inbox\r\nContent-Type: application/json\r\n"
            f"{SIGNATURE_HEADER}: {sign(SHARED_SECRET, body)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
