"""What the queue decides, as an admin enters it: a row of "if" and "then" for each case."""

import json
import re
from typing import Any

from django import forms

from channels_app.channels.forms.table_field import Row, TableField, TableWidget
from offload.queue import Action, Condition, number_of, wrong_in

CONDITIONS = {
    Condition.NO_AGENT: "no agent is available",
    Condition.FEW_AGENTS: "the number of available agents is below",
    Condition.WAITING: "the number of contacts waiting is at least",
    Condition.LONGEST_WAIT: "the longest wait in minutes is at least",
    Condition.UNKNOWN: "these figures can't be had",
}
ACTIONS = {
    Action.HAND_OVER: "hand over now",
    Action.SAY_WAIT: "hand over and say the wait",
    Action.KEEP: "keep the bot and offer to leave a message",
    Action.CLOSED: "closed: as outside the opening hours",
}
USUAL: list[Row] = [
    {"condition": Condition.NO_AGENT, "then": Action.KEEP},
    {"condition": Condition.LONGEST_WAIT, "number": 5, "then": Action.SAY_WAIT},
]
"""What most want; a button fills it in."""
MAX_ROWS = 20
MAX_TEAMS = 50
MAX_ID = 100


class QueueWidget(TableWidget):
    template = "admin/chatbridge/queue_rules.html"
    parts = {"condition": 20, "number": 4, "then": 20}
    key = "condition"

    def more(self) -> dict[str, Any]:
        return {"conditions": list(CONDITIONS.items()), "actions": list(ACTIONS.items()), "usual": json.dumps(USUAL)}


class QueueField(TableField):
    widget = QueueWidget
    code = "queue"
    max_rows = MAX_ROWS

    def wrong_in(self, row: Any) -> tuple[str, str]:
        return wrong_in(row)

    def cleaned(self, row: Row) -> Row:
        condition = Condition(row["condition"])
        number = {"number": number_of(row)} if condition.has_number else {}
        return {"condition": str(condition), **number, "then": str(Action(row["then"]))}

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != (initial or []))
        except forms.ValidationError:
            return True

    def words(self, value: Any) -> str:
        """Read-only."""
        return "\n".join(map(row_words, value or ())) or "–"


def row_words(row: Row) -> str:
    """A stored row as a sentence."""
    condition = Condition(row["condition"])
    number = f" {row['number']}" if condition.has_number else ""
    return f"If {CONDITIONS[condition]}{number}: {ACTIONS[Action(row['then'])]}"


class NamesField(forms.Field):
    """A list of ids, written with commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        if isinstance(value, str | None):
            value = re.split(r"[,;\s]+", value or "")
        if not isinstance(value, list) or not all(isinstance(name, str | int) for name in value):
            raise forms.ValidationError("Must be a list of ids.", code="names")
        names = list(dict.fromkeys(name for one in value if (name := str(one).strip())))
        if len(names) > MAX_TEAMS or any(len(name) > MAX_ID for name in names):
            raise forms.ValidationError(f"At most {MAX_TEAMS} ids of {MAX_ID} characters.", code="names")
        return names

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data) != (initial or [])
        except forms.ValidationError:
            return True

    def words(self, value: Any) -> str:
        """Read-only."""
        return ", ".join(value or ()) or "–"
