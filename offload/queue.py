"""Who is there and who waits: what follows from an inbox's figures, by a table that the admin reads and edits.

Rows are read from the top, the first that fits decides; without one that fits agents take over. So they do without
figures, unless a row says otherwise: better a human than no answer.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.protocol.sentences import Occasion

MAX_NUMBER = 9_999

Row = Mapping[str, Any]
"""`condition`, `number` where it has one, `then`."""


class Condition(StrEnum):
    NO_AGENT = "no_agent"
    FEW_AGENTS = "few_agents"
    """Fewer are available than `number`."""
    WAITING = "waiting"
    """At least `number` contacts wait."""
    LONGEST_WAIT = "longest_wait"
    """One of them for at least `number` minutes."""
    UNKNOWN = "unknown"
    """The inbox doesn't tell."""

    @property
    def has_number(self) -> bool:
        return self in (Condition.FEW_AGENTS, Condition.WAITING, Condition.LONGEST_WAIT)


class Action(StrEnum):
    HAND_OVER = "hand_over"
    SAY_WAIT = "say_wait"
    """Hand over, and tell the contact how long it takes."""
    KEEP = "keep"
    """The bot keeps the conversation, and the contact may leave a message."""
    CLOSED = "closed"
    """As outside the opening hours."""

    @property
    def occasion(self) -> Occasion:
        return _OCCASIONS[self]


_OCCASIONS = {
    Action.HAND_OVER: Occasion.OPENED,
    Action.SAY_WAIT: Occasion.QUEUE,
    Action.KEEP: Occasion.NOBODY,
    Action.CLOSED: Occasion.CLOSED,
}


def action_for(rows: Sequence[Row], figures: QueueFigures) -> Action:
    return next((Action(row["then"]) for row in rows if _fits(row, figures)), Action.HAND_OVER)


def _fits(row: Row, figures: QueueFigures) -> bool:
    number = row.get("number", 0)
    match Condition(row["condition"]):
        case Condition.NO_AGENT:
            return figures.agents == 0
        case Condition.FEW_AGENTS:
            return figures.agents is not None and figures.agents < number
        case Condition.WAITING:
            return figures.waiting is not None and figures.waiting >= number
        case Condition.LONGEST_WAIT:
            return figures.longest_wait_s is not None and figures.longest_wait_s >= number * 60
        case Condition.UNKNOWN:
            return not figures.are_known


def wrong_in(row: Any) -> tuple[str, str]:
    """Which part of a row can't be read, and why; two empty texts: none."""
    if not isinstance(row, dict):
        return "", "Must be an object with condition, number and then."
    unknown = [name for name in row if name not in ("condition", "number", "then")]
    if unknown:
        return str(unknown[0]), "Is not known. A row has condition, number and then."
    if row.get("condition") not in list(Condition):
        return "condition", f"Choose when it applies. Known are: {', '.join(Condition)}."
    if row.get("then") not in list(Action):
        return "then", f"Choose what follows. Known are: {', '.join(Action)}."
    if Condition(row["condition"]).has_number and not 1 <= number_of(row) <= MAX_NUMBER:
        return "number", f"Enter a whole number from 1 to {MAX_NUMBER}."
    return "", ""


def number_of(row: Row) -> int:
    """0 for what is none."""
    text = str(row.get("number", "")).strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_NUMBER)) else 0
