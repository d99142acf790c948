"""What was really sent and received: the calls that a piece of work makes, noted while it makes them."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP call. No headers: they hold the secrets, and little else of interest but `limits`, what the answer
    tells of the sender's limits. `url` has no query."""

    method: str
    url: str
    request: bytes
    status: int = 0
    response: bytes = b""
    limits: str = ""
    took_ms: int


class _Recording(threading.local):
    calls: list[Call] | None = None


_recording = _Recording()


@contextmanager
def recorded_calls() -> Iterator[list[Call]]:
    """The calls of this thread, as they are made; of an inner recording none is in the outer one."""
    calls: list[Call] = []
    outer, _recording.calls = _recording.calls, calls
    try:
        yield calls
    finally:
        _recording.calls = outer


def is_recording() -> bool:
    return _recording.calls is not None


def note_call(call: Call) -> None:
    if _recording.calls is not None:
        _recording.calls.append(call)


_LIMIT = re.compile(r"rate-?limit|quota|^retry-after$")
MAX_LIMITS = 200  # characters, as the column


def told_limits(headers: Mapping[str, str]) -> str:
    """What an answer tells of the limits of its sender: "X-Ratelimit-Remaining: 99, …"; no standard is kept by all."""
    found = (f"{name.title()}: {value}" for name, value in headers.items() if _LIMIT.search(name))
    return ", ".join(text for text in found if text.isprintable())
