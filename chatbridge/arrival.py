"""When has all of a request arrived? Only that: gunicorn's parser reads it then, and judges what looks odd."""

import re
from enum import Enum, auto

from chatbridge.limits import MAX_BODY_BYTES, MAX_BOT_BODY_BYTES, MAX_INBOX_BODY_BYTES

MAX_HEAD_BYTES = 32 * 1024  # real ones have about 1 kB
MAX_CHUNK_LINE_BYTES = 8  # a size
MAX_LENGTH_DIGITS = 12
# The first that fits. Each is its door's own limit, so that what the door refuses is not read to its end.
DOORS = (("/webhooks/inbox/", MAX_INBOX_BODY_BYTES), ("/webhooks/", MAX_BOT_BODY_BYTES), ("", MAX_BODY_BYTES))

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")  # extensions are allowed by the standard, but unused in practice


class State(Enum):
    PARTIAL = auto()
    WHOLE = auto()
    CUT = auto()
    """Too large, or no request: nothing more of it is wanted, what is there suffices for the refusal."""
    BROKEN = auto()
    """Its chunks are none."""


class Arrival:
    """One request as it arrives, at the head of what its connection has sent."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.state = State.PARTIAL
        self.target = ""
        self._searched = 0
        self._body_at = 0
        self._ends_at: int | None = None
        """Of a body whose length was announced."""
        self._chunk_at = 0
        self._body_most = MAX_BODY_BYTES
        self._continue = False

    def add(self, data: bytes) -> State:
        self.data += data
        if not self._body_at:
            self._read_head()
        if self._body_at and self.state is State.PARTIAL:
            self.state = self._look_at_chunks() if self._ends_at is None else self._look_at_length(self._ends_at)
        return self.state

    def take_continue(self) -> bool:
        """Whether the sender waits for a word before it sends the body; asked once."""
        waits, self._continue = self._continue, False
        return waits

    def _read_head(self) -> None:
        end = self.data.find(b"\r\n\r\n", max(self._searched - 3, 0))
        self._searched = len(self.data)
        if end < 0 or end > MAX_HEAD_BYTES:
            self.state = State.CUT if self._searched > MAX_HEAD_BYTES else State.PARTIAL
            return
        head = bytes(self.data[: end + 2])
        self._body_at = self._chunk_at = end + 4
        words = head.partition(b"\r\n")[0].split(b" ")
        self.target = words[1].decode("latin-1").lower() if len(words) > 1 else ""
        self._body_most = next(most for door, most in DOORS if self.target.startswith(door))
        fields = head.lower()
        if b"\r\ntransfer-encoding:" not in fields:
            length = _LENGTH.search(fields)
            digits = length[1].lstrip(b"0")[:MAX_LENGTH_DIGITS] if length else b""
            self._ends_at = self._body_at + int(digits or b"0")
        self._continue = b"\r\nexpect: 100-continue\r\n" in fields

    def _look_at_length(self, ends_at: int) -> State:
        if ends_at - self._body_at > self._body_most:
            return State.CUT
        return State.WHOLE if len(self.data) >= ends_at else State.PARTIAL

    def _look_at_chunks(self) -> State:
        while True:
            at = self._chunk_at
            if at - self._body_at > self._body_most:
                return State.CUT
            if len(self.data) < at:
                return State.PARTIAL
            if at > self._body_at and self.data[at - 2 : at] != b"\r\n":
                return State.BROKEN
            end = self.data.find(b"\r\n", at)
            if end < 0:
                return State.BROKEN if len(self.data) - at > MAX_CHUNK_LINE_BYTES + 1 else State.PARTIAL
            size = _CHUNK_SIZE.fullmatch(self.data, at, end)
            if size is None:
                return State.BROKEN
            if not int(size[0], 16):
                return self._look_at_end(end + 2)
            self._chunk_at = end + 2 + int(size[0], 16) + 2

    def _look_at_end(self, at: int) -> State:
        """After the last chunk, which is empty. The standard allows fields there, but they are unused in practice."""
        rest = bytes(self.data[at : at + 2])
        return State.WHOLE if rest == b"\r\n" else State.PARTIAL if rest in (b"", b"\r") else State.BROKEN
