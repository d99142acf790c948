"""Form fields for secrets: they take a new value, and never give the old one back to a page."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, cast, runtime_checkable

from django import forms
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from channels_app.adapters.settings import NOT_TEXT
from channels_app.lib.encryption import fingerprint
from channels_app.lib.masking import without_query
from channels_app.protocol.errors import BridgeError


def saved_words(secret: str, saved_at: datetime | None = None, saved_by: str = "") -> str:
    """What may be shown of a saved secret: "Saved · ends in 9f2c · 14 Mar 2026 by ann"; empty when there is none."""
    if not secret:
        return ""
    end = fingerprint(secret)
    date = date_format(localtime(saved_at), "j M Y") if saved_at else ""
    date += f" by {saved_by}" if date and saved_by else ""
    return " · ".join(filter(None, ("Saved", f"ends in {end}" if end else "", date)))


class SecretInput(forms.PasswordInput):
    """A password input that is never filled, with what may be known of the saved value and a box to clear it."""

    def __init__(self, attrs: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            {"class": "vTextField", "autocomplete": "new-password", "spellcheck": "false"} | dict(attrs or {})
        )
        self.saved = ""
        self.may_clear = False
        self.may_generate = False

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        own = dict(attrs or {})
        identifier = own.get("id") or f"id_{name}"
        if not self.saved:
            return self._entry(name, identifier, own, renderer)
        own["aria-describedby"] = " ".join(filter(None, (own.get("aria-describedby"), f"{identifier}_saved")))
        return format_html(
            '<span class="secret">{}<span class="secret-saved" id="{}_saved">{}</span>{}</span>',
            self._entry(name, identifier, own, renderer),
            identifier,
            f"{self.saved}. Leave the field empty to keep it.",
            self._clear_box(name, identifier),
        )

    def _entry(self, name: str, identifier: str, attrs: dict[str, Any], renderer: Any) -> SafeString:
        """The input, and a button to see what one types; the page's script serves it."""
        return format_html(
            '<span class="secret-entry">{}<button type="button" class="button quiet" data-show="{}" '
            'aria-pressed="false" hidden>Show</button>{}</span>',
            super().render(name, None, attrs, renderer),
            identifier,
            render_to_string("admin/chatbridge/generate.html", {"id": identifier}) if self.may_generate else "",
        )

    def use_required_attribute(self, initial: Any) -> bool:
        return not self.saved and super().use_required_attribute(initial)

    def _clear_box(self, name: str, identifier: str) -> SafeString:
        if not self.may_clear:
            return SafeString("")
        return format_html(
            '<label class="secret-clear" for="{}_clear"><input type="checkbox" name="{}-clear" id="{}_clear"> '
            "Remove the saved value</label>",
            identifier,
            name,
            identifier,
        )

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """None keeps what is saved, an empty text clears it. What was typed wins over the box.

        A program may give what no page can: the field refuses it.
        """
        given = data.get(name)
        typed = given.strip() if isinstance(given, str) else given
        if typed not in (None, ""):
            return typed
        return "" if self.may_clear and data.get(f"{name}-clear") else None


class WriteOnlyField(forms.CharField):
    """A secret to enter. Cleaned it is None to keep the saved value, empty to clear it, else the new one."""

    widget = SecretInput

    def __init__(self, *, may_generate: bool = False, **kwargs: Any) -> None:
        """`may_generate`: the page offers to make one, for platforms that let the admin enter it there."""
        super().__init__(**{"required": False, **kwargs})
        cast(SecretInput, self.widget).may_generate = may_generate

    def show_saved(
        self, secret: str, saved_at: datetime | None = None, saved_by: str = "", *, may_clear: bool = True
    ) -> None:
        """Say on the page what is saved."""
        widget = cast(SecretInput, self.widget)
        widget.saved, widget.may_clear = saved_words(secret, saved_at, saved_by), may_clear and bool(secret)

    def show_saved_of(self, row: Any, name: str, saved_at: datetime | None = None, saved_by: str = "") -> None:
        """The same for a secret of a row, or why it can't be read."""
        try:
            self.show_saved(getattr(row, name), saved_at, saved_by)
        except BridgeError as error:
            self.help_text = error.detail

    def clean(self, value: Any) -> Any:
        return None if value is None else super().clean(value)

    def to_python(self, value: Any) -> str | None:
        if not isinstance(value, str):  # stored as text, a number or a truth would be another secret, silently
            raise forms.ValidationError(NOT_TEXT, code="not_text")
        return super().to_python(value)

    def validate(self, value: Any) -> None:
        """Whether a value is needed depends on what is saved: the row's form knows. `required` is only shown."""

    def has_changed(self, initial: object, data: object) -> bool:
        return data is not None


@runtime_checkable
class InWords(Protocol):
    """A field whose value is no text by itself."""

    def words(self, value: Any) -> str: ...


def told_by(field: Any) -> Callable[[Any], str] | None:
    """How such a field puts a value where changes are listed."""
    return getattr(field, "brief", None) or getattr(field, "words", None)


def shown_value(form: forms.BaseForm, name: str) -> str:
    """A read-only field: for a secret that it is saved, for a choice its label, for an address no
    query."""
    field = form.fields[name]
    if isinstance(field, WriteOnlyField):
        return cast(SecretInput, field.widget).saved or "None saved"
    value = form.get_initial_for_field(field, name)
    if isinstance(field, InWords):
        return field.words(value)
    choices = dict(getattr(field.widget, "choices", ()))
    return without_query(str(choices.get(value, value) or "–"))
