"""Routing rules as an admin enters them: a row of "if" and "then" for each."""

from typing import Any

from django import forms

from channels_app.channels.forms.table_field import Row, TableField, TableWidget
from channels_app.models.limits import MAX_ROUTING_RULES
from offload.routing import PARTS, Condition, Effect, chain_problem, wrong_in

CONDITIONS = {
    Condition.ALWAYS: "always",
    Condition.OTHERWISE: "if no row above did this",
    Condition.INTENT: "the intent is",
    Condition.TOPIC: "a topic is",
    Condition.PAYLOAD: "the bot's payload field … is",
    Condition.ATTRIBUTE: "the contact attribute … is",
    Condition.WORDS: "the contact wrote the words",
    Condition.LANGUAGE: "the language is",
    Condition.MEDIUM: "the medium is",
    Condition.INBOX_CHANNEL: "the inbox channel is",
    Condition.REASON: "the reason is",
    Condition.HOUR: "the time is",
}
EFFECTS = {
    Effect.TOPIC: "set the topic",
    Effect.TAG: "add the tag",
    Effect.ATTRIBUTE: "set the contact attribute",
    Effect.TEXT: "say to the contact",
    Effect.NOTE: "add to the agents' note",
    Effect.AND: "and the next row must fit too",
}


class RoutingWidget(TableWidget):
    template = "admin/chatbridge/routing_rules.html"
    parts = PARTS
    key = "condition"

    def more(self) -> dict[str, Any]:
        return {"conditions": list(CONDITIONS.items()), "effects": list(EFFECTS.items())}


class RoutingField(TableField):
    widget = RoutingWidget
    code = "routing"
    max_rows = MAX_ROUTING_RULES

    def clean(self, value: Any) -> list[Row]:
        rows = super().clean(value)
        problem = chain_problem(rows)
        if problem:
            raise forms.ValidationError(problem, code=self.code)
        return rows

    def wrong_in(self, row: Any) -> tuple[str, str]:
        return wrong_in(row)

    def cleaned(self, row: Row) -> Row:
        """Without parts that its condition and its effect don't have."""
        condition, effect = Condition(row["condition"]), Effect(row["effect"])
        has = {
            "field": condition.has_field,
            "matches": condition.has_matches,
            "name": effect is Effect.ATTRIBUTE,
            "value": effect is not Effect.AND,
        }
        return {part: row.get(part, "").strip() if has.get(part, True) else "" for part in PARTS}

    def words(self, value: Any) -> str:
        """Read-only."""
        return "\n".join(map(row_words, value or ())) or "–"


def row_words(row: Row) -> str:
    """A stored row as a sentence."""
    condition, effect = CONDITIONS[Condition(row["condition"])], EFFECTS[Effect(row["effect"])]
    asked = condition.replace("…", f"“{row['field']}”" if row["field"] else "(any)")
    wanted = f" {row['matches'] or '(any value)'}" if Condition(row["condition"]).has_matches else ""
    done = " ".join(filter(None, (effect, row["name"], f"“{row['value']}”" if row["value"] else "")))
    return f"If {asked}{wanted}: {done}" if row["condition"] != Condition.ALWAYS else f"Always: {done}"
