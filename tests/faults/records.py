"""What a run leaves behind, as plain records: the platform's truth, the bots', the bridge's, and our own blows.

Times are seconds since the epoch; everything runs on one machine, so all have the same clock.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MARKER = re.compile(r"\bc(\d{4})m(\d{4})\b")
SECOND_PART = "Once more"
"""How the demo bot begins the second message of an answer to "twice"."""


def marker(contact: int, number: int) -> str:
    """What tells a message from all others: contact and number."""
    return f"c{contact:04}m{number:04}"


def marker_in(text: str) -> str:
    """The marker in a message or its answer, "" if there is none."""
    found = MARKER.search(text)
    return found[0] if found else ""


def place_in(text: str) -> tuple[str, int]:
    """Which part of which answer this is."""
    return marker_in(text), int(text.startswith(SECOND_PART))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event as the platform sent it. `accepted_at`: we answered 200; `ended_inline`: with the handover in it."""

    conversation: str
    key: str
    type: str
    sent_at: float
    accepted_at: float | None = None
    ended_inline: bool = False
    marker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An event as the bridge keeps it."""

    conversation: str
    source: str
    key: str
    type: str
    sent_at: float
    received_at: float
    outcome: str | None
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A delivery of the bridge, with the results of its tries in order."""

    conversation: str
    texts: tuple[str, ...]
    results: tuple[str, ...]


FAILED, UNKNOWN = "failed", "unknown"
"""What the bridge writes about a try that may have been done all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Words that reached the inbox: a request, or our answer to an event (`is_inline`). `fault`: the trouble that the
    platform was told to make, before or after it did what was asked."""

    conversation: str
    at: float
    texts: tuple[str, ...] = ()
    completes: bool = False
    processed_at: float | None = None
    status: int = 200
    fault: str = ""
    is_inline: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return self.processed_at is not None and self.status == 200 and not self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A contact's message as a bot got it. `counts_once`: this bot knows a repeated question by its key.
    `is_answered`: False when the bot greets instead, or speaks later and its answer to this message never arrived.
    `answer_is_repeated`: it had to send its answer more than once, and numbers don't tell a repeat from a new one."""

    marker: str
    at: float
    counts_once: bool = True
    is_answered: bool = True
    answer_is_repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What we did to the bridge, and when. `ended_at`: when it was done, which takes seconds on a busy machine."""

    at: float
    what: str
    may_interrupt_calls: bool
    """It can end a process, or its way to PostgreSQL, in the middle of a call."""
    ended_at: float = 0.0

    def hits(self, since: float, until: float) -> bool:
        return self.at <= until and max(self.at, self.ended_at) >= since


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """Whose a conversation is from a moment on."""

    at: float
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All of a run."""

    notices: Sequence[Notice]
    rows: Sequence[Row]
    sendings: Sequence[Sending]
    calls: Sequence[Call]
    heard: Sequence[Heard]
    blows: Sequence[Blow]
    tenures: Mapping[str, Sequence[Tenure]]
    left_open: Mapping[str, int]
    """What should be none at the end, counted by the bridge's own tables: events, leases, wake-ups."""
    figures: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """When an account was asked for figures of its queue."""

    def stints(self, conversation: str) -> list[tuple[float, float]]:
        """From when till when a conversation was the bot's; infinity if it still is."""
        tenures = [*self.tenures.get(conversation, ()), Tenure(at=float("inf"), is_ours=False)]
        return [(now.at, then.at) for now, then in pairwise(tenures) if now.is_ours]

    def is_with_agents(self, conversation: str, moment: float) -> bool:
        """Whether the bot has had it and then somebody else: what is on its way to us in that moment, agents see."""
        past = [tenure for tenure in self.tenures.get(conversation, ()) if tenure.at <= moment]
        return any(tenure.is_ours for tenure in past) and not past[-1].is_ours

    def processed(self) -> list[Call]:
        """What reached the contacts, in the order in which it did."""
        done = [(call.processed_at, call) for call in self.calls if call.processed_at is not None]
        return [call for _, call in sorted(done, key=lambda each: each[0])]
