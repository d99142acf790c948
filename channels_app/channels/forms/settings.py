"""The fields that adapters ask for, on a row's form: for any chosen kind, and with secrets withheld."""

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from django import forms

from channels_app.adapters.settings import AdapterForm, refusal, same_value_problem
from channels_app.channels.forms.secrets import WriteOnlyField
from channels_app.codes import Problem, describe
from channels_app.lib import jsons
from channels_app.models import SettingsModel
from channels_app.protocol.errors import BridgeError

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm


class Adapter(Protocol):
    """What a form needs to know of a kind of inbox or bot."""

    label: ClassVar[str]
    settings_form: ClassVar[type[forms.Form]]

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> list[Problem]: ...


Adapters = Mapping[str, type[Adapter]]


def settings_fields(adapters: Adapters) -> dict[str, forms.Field]:
    """The fields that any of these kinds asks for, by name; each kind's own stand in its order.

    Each widget tells the page's script which kinds have it, their words for it and its place among theirs.
    """
    names: list[str] = []
    for adapter in adapters.values():
        place = len(names)
        for name in reversed(adapter.settings_form.base_fields):
            if name in names:
                place = names.index(name)
            else:
                names.insert(place, name)
    return {name: field for name in names if (field := _merged(name, adapters)) is not None}


class SettingField(forms.Field):
    """Takes anything: the form of the chosen kind judges. `required` is only shown."""

    def validate(self, value: Any) -> None:
        """Nothing to say."""


def _merged(name: str, adapters: Adapters) -> forms.Field | None:
    """One field for all kinds that show a field of this name; None when they all hide it."""
    found = {kind: adapter.settings_form.base_fields.get(name) for kind, adapter in adapters.items()}
    shown = {kind: field for kind, field in found.items() if field and not field.widget.is_hidden}
    if not shown:
        return None
    first = next(iter(shown.values()))
    field: forms.Field
    if isinstance(first.widget, forms.PasswordInput):
        field = WriteOnlyField(required=first.required)
    else:
        field = SettingField(
            required=first.required, initial=_as_typed(first.initial), widget=copy.deepcopy(first.widget)
        )
        field.widget.attrs.setdefault("autocomplete", "off")
        if isinstance(field.widget, forms.TextInput) and field.widget.input_type == "text":
            field.widget.attrs.setdefault("class", "vTextField")
    texts = {
        kind: {
            "label": str(other.label),
            "help": str(other.help_text),
            "required": other.required,
            "place": list(adapters[kind].settings_form.base_fields).index(name),
            "section": _section_above(name, adapters[kind].settings_form),
        }
        for kind, other in shown.items()
    }
    field.widget.attrs["data-kinds"] = json.dumps(texts)
    field.label = " / ".join(dict.fromkeys(str(text["label"]) for text in texts.values()))
    field.help_text = _help_for_all(texts, adapters)
    return field


def _section_above(name: str, form_class: type[forms.Form]) -> str:
    return form_class.sections.get(name, "") if issubclass(form_class, AdapterForm) else ""


def _help_for_all(texts: Mapping[str, Mapping[str, Any]], adapters: Adapters) -> str:
    """For a page without script, on which the kind can still change."""
    if len(texts) == len(adapters) and len({text["help"] for text in texts.values()}) == 1:
        return str(next(iter(texts.values()))["help"])
    return " ".join(f"{adapters[kind].label}: {text['help']}" for kind, text in texts.items())


def _as_typed(value: Any) -> Any:
    """As the page will send it back, so that a value that stayed the same doesn't count as changed."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class SettingsForm(ModelForm):
    """A row with the settings of its adapter. A secret that is left blank stays; what is typed is never lost
    but for secrets, which go to the page no more."""

    kind_field: ClassVar[str]
    adapters: ClassVar[Adapters]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row: SettingsModel = self.instance
        self.unreadable = ""
        """Why the saved secrets can't be decrypted, for the admin."""
        self.stored = self._stored()
        self.values: dict[str, Any] = {}
        self.keeps_settings = False
        """The settings stay unchanged, even incomplete or unreadable ones."""
        for field in self.fields.values():
            speak_alike(field)
        kind = self._kind()
        if kind in self.adapters and self.row.pk:
            self._show_stored(self.adapters[kind])
        elif not self.row.pk:
            self.initial.setdefault(self.kind_field, next(iter(self.adapters)))

    def _kind(self) -> str:
        return str(getattr(self.row, self.kind_field))

    def _stored(self) -> dict[str, Any]:
        """The saved settings in clear. Read at once: later the row may already be of another kind."""
        if not self.row.pk:
            return {}
        try:
            return self.row.clear_settings()
        except BridgeError as error:
            self.unreadable = error.detail
            return self.row.shown_settings()

    def _show_stored(self, adapter: type[Adapter]) -> None:
        """Saved values and the texts of the row's own kind."""
        asked = adapter.settings_form.base_fields
        for name in self.fields.keys() & settings_names(self.adapters):
            field, value = self.fields[name], self.stored.get(name)
            if name in asked and not asked[name].widget.is_hidden:
                field.label, field.help_text = str(asked[name].label), str(asked[name].help_text)
                field.required = asked[name].required
            if isinstance(field, WriteOnlyField):
                saved_at, saved_by = self.saved_when()
                may_clear = not (name in asked and asked[name].required)
                field.show_saved(value or "", saved_at, saved_by, may_clear=may_clear)
            elif value is not None or (name in asked and self._was_emptied(name, asked[name])):
                self.initial.setdefault(name, _as_typed(value))

    def saved_when(self) -> tuple[datetime | None, str]:
        """When and by whom the adapter's secrets were saved, as far as the row knows."""
        return None, ""

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        kind = str(cleaned.get(self.kind_field))
        if self.keeps_settings:
            self.values = self.stored
        elif kind in self.adapters:
            self._check_settings(self.adapters[kind].settings_form)
            self._refuse_repeated(self.adapters[kind].settings_form)
        return cleaned

    def _check_settings(self, form_class: type[forms.Form]) -> None:
        """Let the kind's own form judge; its errors stand at the fields they are about."""
        form = form_class({name: self._given(name) for name in form_class.base_fields})
        if isinstance(form, AdapterForm):
            form.saved = self.stored
        for field in form.fields.values():
            speak_alike(field)
        for name, errors in form.errors.as_data().items():
            if name in self.fields:  # the list of mistakes has the words of the chosen kind
                self[name].label = str(form_class.base_fields[name].label)
            for error in errors:
                self.add_error(name if name in self.fields else None, error)
            if self.unreadable and isinstance(self.fields.get(name), WriteOnlyField):
                self.add_error(name, self.unreadable)
        self.values = {
            name: self._as_meant(name, form_class.base_fields[name], value)
            for name, value in form.cleaned_data.items()
        }

    def _as_meant(self, name: str, field: forms.Field, value: Any) -> Any:
        """An optional value that was never chosen, and that the page showed as what is usual, stays unchosen."""
        is_usual = not field.required and not is_empty(value) and _as_typed(value) == _as_typed(field.initial)
        was_shown = self.row.pk and is_empty(self.stored.get(name)) and not self._was_emptied(name, field)
        return self.stored.get(name) if is_usual and was_shown else value

    def _was_emptied(self, name: str, field: forms.Field) -> bool:
        """Whether it was saved without a value, and the page shows it so; a list of choices always shows one."""
        can_be_empty = not isinstance(field, forms.ChoiceField | forms.BooleanField)
        return can_be_empty and name in self.stored and is_empty(self.stored[name])

    def _refuse_repeated(self, form_class: type[forms.Form]) -> None:
        """A secret that is typed now must not be one that belongs elsewhere in this row."""
        labels = {
            name: str(field.label)
            for name, field in form_class.base_fields.items()
            if isinstance(self.fields.get(name), WriteOnlyField)
        }
        typed = [name for name in labels if self.cleaned_data.get(name)]
        seen = self.secrets_beside() | {labels[name]: self._given(name) for name in labels if name not in typed}
        for name in typed:
            value = self.cleaned_data[name]
            same = same_value_problem(value, seen)
            if same:
                self.add_error(name, refusal(same))
            seen[labels[name]] = value

    def secrets_beside(self) -> dict[str, Any]:
        """The row's saved secrets that are no setting of its adapter, by their labels."""
        return {}

    def notices(self) -> list[Problem]:
        """What was put right without asking, and what should be otherwise."""
        raw = {name: str(self.data.get(self.add_prefix(name)) or "") for name in self.fields}
        trimmed = [
            str(field.label)
            for name, field in self.fields.items()
            if isinstance(field, SettingField | WriteOnlyField) and raw[name].strip() not in ("", raw[name])
        ]
        return [*([describe("CB-303", fields=" and ".join(trimmed))] if trimmed else []), *self.warnings()]

    def warnings(self) -> list[Problem]:
        """Settings that work but should be changed."""
        kind = str(self.cleaned_data.get(self.kind_field))
        return self.adapters[kind].warnings(self.values) if kind in self.adapters else []

    def _given(self, name: str) -> Any:
        value = self.cleaned_data.get(name)
        is_kept = name not in self.fields or (value is None and isinstance(self.fields[name], WriteOnlyField))
        return self.stored.get(name) if is_kept else value

    @property
    def are_settings_new(self) -> bool:
        """Whether any of them means something else than before."""
        names = {**self.stored, **self.values}
        return any(not is_same(self.stored.get(name), self.values.get(name)) for name in names)

    def forget_proofs(self) -> None:
        """The settings changed: what was known to work has to be proven again."""

    def save(self, commit: bool = True) -> Any:
        if not self.keeps_settings:
            self.row.put_settings(self.values)
        return super().save(commit)


def is_same(value: Any, other: Any) -> bool:
    """Whether two values mean the same: every empty one means that there is none."""
    return bool(value == other) or (is_empty(value) and is_empty(other))


def is_empty(value: Any) -> bool:
    return value is None or value in ("", {})


# --- what all forms refuse, with the same messages ----------------------------------------------------------------


def one_line(text: str) -> str:
    if not text.isprintable():
        raise forms.ValidationError("Write one line of plain text.", code="lines")
    return text


def prose(text: str) -> str:
    """Text for contacts, of several lines perhaps: with the ends of lines that files have."""
    text = text.replace("\r\n", "\n")
    if jsons.clean_text(text) != text:
        raise forms.ValidationError(f"Write plain text of at most {jsons.MAX_TEXT} characters.", code="prose")
    return text


def speak_alike(field: forms.Field) -> None:
    """Sentences that name what is possible, and never repeat what was entered: it may be a secret."""
    field.error_messages["max_length"] = "Ensure this field has no more than %(limit_value)d characters."
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices: Any = field.choices
        known = ", ".join(str(value) for value, _ in choices if value)
        field.error_messages["invalid_choice"] = f"Must be one of: {known}."


def settings_names(adapters: Adapters) -> set[str]:
    return {name for adapter in adapters.values() for name in adapter.settings_form.base_fields}
