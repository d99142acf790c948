"""As little HTTP as two programs on one machine need."""

from typing import NamedTuple

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Message(NamedTuple):
    """A request or an answer: head, body, and what came after it."""

    head: bytes
    body: bytes
    rest: bytes

    @property
    def path(self) -> bytes:
        """Of a request."""
        return self.head.split(b" ", 2)[1]

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.head[9:12])


def take_message(buffer: bytes) -> Message | None:
    """The first whole message of what has arrived. One without a length has no body."""
    head, end, rest = buffer.partition(_END)
    if not end:
        return None
    _, found, after = head.lower().partition(_LENGTH)
    length = int(after.partition(b"\r\n")[0]) if found else 0
    if len(rest) < length:
        return None
    return Message(head, rest[:length], rest[length:])


def answer(body: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
