"""What contacts are asked to do for a while, and what came of it: what the run and its counterpart tell each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Pace(StrEnum):
    GREET = "greet"
    """Each conversation begins, and its first message is answered."""
    CLOSED = "closed"
    """Each contact writes again when the answer is there."""
    BURST = "burst"
    """Each contact writes several messages, each when the one before was accepted."""
    OPEN = "open"
    """So many messages a second, whatever happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """`crowd` begins the ids of the conversations, which go on from drive to drive.

    Events enter by `port` and `paths`; without these, tasks of the name `task` go straight into `redis_url`.
    """

    crowd: str
    conversations: int
    pace: Pace
    seconds: float = 0.0
    per_s: float = 0.0
    burst: int = 5
    bot_ms: float = 0.0
    drain_s: float = 60.0
    port: int = 0
    paths: Sequence[str] = ()
    connections: int = 32
    redis_url: str = ""
    task: str = ""


@dataclass(slots=True, kw_only=True)
class Heard:
    """Times in milliseconds, one for each answered message.

    `added`: from accepted to the reply at the inbox, less what the bot took; `whole`: the same from sent on.
    """

    per_s: float = 0.0
    turns: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    swaps: int = 0
    doubles: int = 0
    strays: int = 0
    """Replies in a conversation to which they do not belong."""
    inbox_calls: int = 0
    bot_calls: int = 0
    added: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
