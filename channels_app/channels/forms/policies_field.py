"""What follows by kind of failure: a small table, with a choice for each kind."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from channels_app.channels.forms.hours_field import PLACE
from channels_app.models import FailurePolicy
from channels_app.protocol.failures import FailureKind

WORDS = {
    FailureKind.SLOW: "It is slow: a call had no answer in time",
    FailureKind.ERROR: "It can't be reached, breaks off, or answers with an error",
    FailureKind.REFUSED: "It refuses the call, or its settings are wrong",
    FailureKind.SILENT: "It accepted the message, but sends nothing that can be shown",
    FailureKind.DOWN: "It failed several times in a row, and is not called",
}


class PoliciesWidget(forms.Widget):
    use_fieldset = True

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        chosen: Mapping[str, Any] = value if isinstance(value, dict) else {}
        context = {
            "name": name,
            "id": (attrs or {}).get("id", f"id_{name}"),
            "rows": [
                {"kind": str(kind), "words": WORDS[kind], "chosen": chosen.get(kind, "")} for kind in FailureKind
            ],
            "choices": FailurePolicy.choices,
        }
        return render_to_string("admin/chatbridge/policies.html", context)

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields, each with a label of its own

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}-{FailureKind.SLOW}" not in data

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What was chosen, or the table as it is stored, from a program."""
        if name in data:
            return data[name]
        return {str(kind): chosen for kind in FailureKind if (chosen := data.get(f"{name}-{kind}", ""))}


class PoliciesField(forms.Field):
    """The stored form: by `FailureKind` the policy that isn't the general one."""

    widget = PoliciesWidget

    def clean(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict | None):
            raise forms.ValidationError("Must be an object, such as {slow: say_text}.", code="policies")
        found: dict[str, str] = {}
        for kind, policy in (value or {}).items():
            params = {PLACE: str(kind)}
            if kind not in set(FailureKind):
                known = ", ".join(FailureKind)
                raise forms.ValidationError(f"Is not known. Known are: {known}.", code="policies", params=params)
            if policy in (None, ""):
                continue
            if policy not in FailurePolicy.values:
                known = ", ".join(FailurePolicy.values)
                raise forms.ValidationError(f"Must be one of: {known}.", code="policies", params=params)
            found[str(kind)] = str(policy)
        return found

    def words(self, value: Any) -> str:
        """Read-only."""
        labels = dict(FailurePolicy.choices)
        return (
            "\n".join(f"{WORDS[FailureKind(kind)]}: {labels[policy]}" for kind, policy in (value or {}).items()) or "–"
        )

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((data or {}) != (initial or {}))
