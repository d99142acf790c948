"""Which intent gives which topic, as an admin enters it: a row of two fields for each."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from channels_app.channels.forms.hours_field import PLACE
from channels_app.models.limits import MAX_INTENT_TOPICS
from channels_app.protocol.intents import ANY_ENDING

PARTS = {"intent": 200, "topic": 100}
"""The fields of a row, and the characters of each at most."""
ROWS_OFFERED = 3
"""Empty rows; each save gives as many again."""

Row = dict[str, Any]


class Typed(list[Row]):
    """What was entered on a page: rows may be empty, or half so."""


class IntentTopicsWidget(forms.Widget):
    use_fieldset = True

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        rows = [row for row in value or () if isinstance(row, dict) and any(row.values())]
        offered = [*rows, *({} for _ in range(ROWS_OFFERED))]
        context = {"name": name, "id": (attrs or {}).get("id", f"id_{name}"), "rows": offered, "most": PARTS}
        return render_to_string("admin/chatbridge/intent_topics.html", context)

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields, each with a label of its own

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}-intent-0" not in data

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What was entered, right or wrong; or the table as it is stored, from a program."""
        if name in data:
            return data[name]
        rows = Typed()
        while f"{name}-intent-{len(rows)}" in data:
            number = len(rows)
            rows.append({part: str(data.get(f"{name}-{part}-{number}", "")).strip() for part in PARTS})
        return rows


class IntentTopicsField(forms.Field):
    """The stored form: a list of `{"intent", "topic"}`. What was entered wrongly stays on the page."""

    widget = IntentTopicsWidget

    def to_python(self, value: Any) -> list[Row]:
        if isinstance(value, Typed):
            return [row for row in value if any(row.values())]
        return value or []

    def clean(self, value: Any) -> list[Row]:
        rows = self.to_python(value)
        if not isinstance(rows, list):
            raise forms.ValidationError("This must be a list.", code="intents")
        if len(rows) > MAX_INTENT_TOPICS:
            raise forms.ValidationError(f"At most {MAX_INTENT_TOPICS} rows are allowed.", code="intents")
        found: list[Row] = []
        for number, row in enumerate(rows):
            part, wrong = _wrong_in(row)
            if wrong and isinstance(value, Typed):
                raise forms.ValidationError(f"Row {number + 1}: {wrong}", code="intents")
            if wrong:
                place = f"[{number}].{part}" if part else f"[{number}]"
                raise forms.ValidationError(wrong, code="intents", params={PLACE: place})
            clean = {name: row[name].strip() for name in PARTS}
            found += [clean] if clean not in found else []
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


def _wrong_in(row: Any) -> tuple[str, str]:
    """Which part of a row can't be saved, and why; two empty texts: none."""
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
