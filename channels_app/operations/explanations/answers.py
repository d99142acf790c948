"""The answer to "why did the bot not answer?": ordered checks, and the first one that says why. Made for JSON too."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from channels_app.codes import CODES, Problem
from channels_app.lib.attributes import attributes

TITLES = {
    "received": "Sparkcentral called us",
    "picked_up": "Picked up by a worker",
    "was_ours": "The conversation was with the bot",
    "may_answer": "The bot may answer here",
    "bot_called": "Bot called",
    "bot_answered": "Bot answered",
    "reply_sent": "Reply sent to Sparkcentral",
    "handed_over": "Handed over to the agents",
    "fallback": "Sent instead of the bot's answer",
}
"""The steps, in the order in which a message goes through the bridge; the last two only where they happened."""


class State(StrEnum):
    """How a check stands. STOPPED: the way ends here, and it was meant to."""

    OK = "ok"
    FAILED = "failed"
    STOPPED = "stopped"
    WAITING = "waiting"
    SKIPPED = "skipped"

    @property
    def word(self) -> str:
        return {"skipped": "not reached", "stopped": "ends here"}.get(self, str(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One of several calls within a check."""

    exchange_id: int
    n: int
    at: datetime
    took_ms: int
    state: State
    detail: str
    code: str = ""

    @property
    def is_ok(self) -> bool:
        return self.state is State.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One step of the way from the contact's message to the bot's words."""

    name: str
    state: State
    detail: str = ""
    at: datetime | None = None
    took_ms: int | None = None
    problem: Problem | None = None
    tries: tuple[Try, ...] = ()
    event_id: int | None = None

    @property
    def title(self) -> str:
        return TITLES[self.name]

    @property
    def code(self) -> str:
        return str(self.problem.code) if self.problem else ""

    @property
    def is_passed(self) -> bool:
        return self.state in (State.OK, State.SKIPPED)


def problem_of(code: str, **values: object) -> Problem | None:
    """A problem by a code that may come from another release."""
    return Problem(CODES[code], values) if code in CODES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroupFacts:
    """Failures of the same cause, of which this is one."""

    id: int
    count: int
    conversations: int
    first_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusing:
    """That the channel's door refuses all events now, because of its shared secret: what the
    conversation is waiting for does not arrive. `accepted_at`: its last accepted event."""

    problem: Problem
    accepted_at: datetime | None
    refused_at: datetime

    @property
    def text(self) -> str:
        name = self.problem.code.name
        return f"Events of this channel are refused: {name[:1].lower()}{name[1:]}."

    def to_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "code": str(self.problem.code),
            "repairs": list(self.problem.code.repairs),
            **attributes(self, "accepted_at", "refused_at"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The fate of one event, or why none arrived. `ids` name the rows it is about, for links and buttons:
    conversation, event, channel, bot, exchange, `earlier_event` (by which agents got it); those that there are."""

    headline: str
    checks: tuple[Check, ...]
    is_answered: bool = False
    is_open: bool = False
    is_dead: bool = False
    ids: Mapping[str, int] = field(default_factory=dict)
    group: FailureGroupFacts | None = None
    refusing: Refusing | None = None

    @property
    def stop(self) -> Check | None:
        """The check that says why; None when the bot answered."""
        return next((check for check in self.checks if not check.is_passed), None)

    @property
    def cause(self) -> str:
        """In one or two sentences."""
        stop = self.stop
        if stop is None:
            return ""
        return stop.problem.text if stop.problem else f"{stop.detail[:1].upper()}{stop.detail[1:].rstrip('.')}."

    @property
    def repairs(self) -> tuple[str, ...]:
        stop = self.stop
        return stop.problem.code.repairs if stop and stop.problem else ()

    def to_json(self) -> dict[str, Any]:
        """As the API and `manage.py explain --json` give it."""
        stop = self.stop
        return {
            **attributes(self, "headline", "is_answered", "is_open", "is_dead", "cause"),
            "code": stop.code if stop else "",
            "repairs": list(self.repairs),
            "checks": [_check_json(check) for check in self.checks],
            "ids": dict(self.ids),
            "failure_group": asdict(self.group) if self.group else None,
            "refusing": self.refusing.to_json() if self.refusing else None,
        }


def _check_json(check: Check) -> dict[str, Any]:
    return {
        **attributes(check, "name", "title", "detail", "at", "took_ms", "code", "event_id"),
        "state": str(check.state),
        "tries": [{**asdict(one), "state": str(one.state), "is_ok": one.is_ok} for one in check.tries],
    }
