"""A table that an admin keeps on a page: rows of a few text fields, with empty ones to add to."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from channels_app.channels.forms.hours_field import PLACE

ROWS_OFFERED = 3
"""Empty rows; each save gives as many again."""

Row = dict[str, Any]


class Typed(list[Row]):
    """What was entered on a page: rows may be empty, or half so."""


class TableWidget(forms.Widget):
    use_fieldset = True
    template: ClassVar[str]
    parts: ClassVar[Mapping[str, int]]
    """The fields of a row, and the characters of each at most."""
    key: ClassVar[str]
    """The part that every row on a page has, if only empty."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        rows = [row for row in value or () if isinstance(row, dict) and any(row.values())]
        offered = [*rows, *({} for _ in range(ROWS_OFFERED))]
        context = {"name": name, "id": (attrs or {}).get("id", f"id_{name}"), "rows": offered, "most": self.parts}
        return render_to_string(self.template, {**context, **self.more()})

    def more(self) -> dict[str, Any]:
        """What else the template needs."""
        return {}

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields, each with a label of its own

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}-{self.key}-0" not in data

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What was entered, right or wrong; or the table as it is stored, from a program."""
        if name in data:
            return data[name]
        rows = Typed()
        while f"{name}-{self.key}-{len(rows)}" in data:
            number = len(rows)
            rows.append({part: str(data.get(f"{name}-{part}-{number}", "")).strip() for part in self.parts})
        return rows


class TableField(forms.Field):
    """The stored form: a list of objects, one a row. What was entered wrongly stays on the page."""

    code: ClassVar[str]
    max_rows: ClassVar[int]

    def wrong_in(self, row: Any) -> tuple[str, str]:
        """Which part of a row can't be saved, and why; two empty texts: none."""
        raise NotImplementedError

    def cleaned(self, row: Row) -> Row:
        """A right row as it is stored."""
        raise NotImplementedError

    def to_python(self, value: Any) -> list[Row]:
        if isinstance(value, Typed):
            return [row for row in value if any(row.values())]
        return value or []

    def clean(self, value: Any) -> list[Row]:
        rows = self.to_python(value)
        if not isinstance(rows, list):
            raise forms.ValidationError("This must be a list.", code=self.code)
        if len(rows) > self.max_rows:
            raise forms.ValidationError(f"At most {self.max_rows} rows are allowed.", code=self.code)
        found: list[Row] = []
        for number, row in enumerate(rows):
            part, wrong = self.wrong_in(row)
            if wrong and isinstance(value, Typed):
                words = wrong.partition(" Known are: ")[0]  # the names that programs use; people have a list
                raise forms.ValidationError(f"Row {number + 1}: {words}", code=self.code)
            if wrong:
                place = f"[{number}].{part}" if part else f"[{number}]"
                raise forms.ValidationError(wrong, code=self.code, params={PLACE: place})
            found.append(self.cleaned(row))
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))
