"""Which intent gives which topic, as an admin enters it: a row of two fields for each."""

from typing import Any

from channels_app.channels.forms.table_field import Row, TableField, TableWidget
from channels_app.models.limits import MAX_INTENT_TOPICS
from channels_app.protocol.intents import ANY_ENDING

PARTS = {"intent": 200, "topic": 100}


class IntentTopicsWidget(TableWidget):
    template = "admin/chatbridge/intent_topics.html"
    parts = PARTS
    key = "intent"


class IntentTopicsField(TableField):
    """Of `{"intent", "topic"}`, each row once."""

    widget = IntentTopicsWidget
    code = "intents"
    max_rows = MAX_INTENT_TOPICS

    def clean(self, value: Any) -> list[Row]:
        found: list[Row] = []
        for row in super().clean(value):
            found += [row] if row not in found else []
        return found

    def cleaned(self, row: Row) -> Row:
        return {name: row[name].strip() for name in PARTS}

    def words(self, value: Any) -> str:
        """Read-only."""
        return "\n".join(f"{row['intent']} gives {row['topic']}" for row in value or ()) or "–"

    def wrong_in(self, row: Any) -> tuple[str, str]:
        if not isinstance(row, dict) or row.keys() != PARTS.keys():
            return "", "Enter both the intent and the topic."
        for part, most in PARTS.items():
            text = row[part]
            if not isinstance(text, str):
                return part, "This must be text. In a configuration file, put it in quotes."
            if not text.strip():
                return part, f"Enter both the intent and the topic: the {part} is missing."
            if len(text) > most or not text.isprintable():
                return part, f"Write the {part} as one line of at most {most} characters."
        if ANY_ENDING in row["intent"].strip()[:-1]:
            return "intent", f"Put {ANY_ENDING} only at the end of an intent."
        return "", ""
