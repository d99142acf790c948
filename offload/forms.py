"""What an admin fills in for an offload provider."""

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms

from channels_app.adapters import PhraseField, refusal, same_value_problem
from channels_app.errors import BridgeError
from channels_app.forms.secrets import WriteOnlyField
from channels_app.inboxes import shared_secret_problem
from offload.models import OffloadProvider
from offload.opening_hours import DAYS, problem

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm

KEYS = ("timezone", *DAYS, "closed")
"""In the order of the week; the database has another."""
SECRETS = ("verify_token", "write_back_secret")
WRITE_BACK_PLACE = "the Write Back settings of Inbox 2.0"


class _Decoder(json.JSONDecoder):
    """Fails in one way only, whatever somebody pastes."""

    def decode(self, text: str, *args: Any) -> Any:
        try:
            return super().decode(text, *args)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError("too deep, or a number that is too long", text, 0) from error


class OpeningHoursField(forms.JSONField):
    """Hours as JSON; what is wrong is said with its place. What was typed stays on the page."""

    widget = forms.Textarea(attrs={"rows": 10, "cols": 60, "class": "vLargeTextField code", "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except forms.ValidationError:
            raise forms.ValidationError(_json_problem(str(value)), code="invalid") from None

    def validate(self, value: Any) -> None:
        super().validate(value)
        wrong = problem(value)
        if wrong:
            raise forms.ValidationError(wrong, code="hours")

    def prepare_value(self, value: Any) -> Any:
        if value is None or not isinstance(value, dict):
            return super().prepare_value(value) if value is not None else ""
        lines = [
            f"  {json.dumps(key)}: {json.dumps(value[key], ensure_ascii=False)}" for key in sorted(value, key=_place)
        ]
        return "{\n" + ",\n".join(lines) + "\n}"


def _place(key: str) -> int:
    return KEYS.index(key) if key in KEYS else len(KEYS)


def _json_problem(text: str) -> str:
    advice = "Start from the example below the field."
    try:
        json.loads(text, cls=_Decoder)
    except json.JSONDecodeError as error:
        return f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}. {advice}"
    return f"This is not JSON. {advice}"


class OffloadProviderForm(ModelForm):
    verify_token = WriteOnlyField(
        label="Verify token",
        help_text="Any text that you choose. Enter the same in Chatlayer › Settings › Offloading › Webhook.",
    )
    write_back_secret = WriteOnlyField(
        label="Write-back secret",
        help_text="Shown by Inbox 2.0 under Integration and APIs › CRM › Write Back URL. It has only 0-9 and a-f.",
    )
    opening_hours = OpeningHoursField(
        label="Opening hours",
        decoder=_Decoder,
        required=False,
        help_text="Empty: always open. Days: mon, tue, wed, thu, fri, sat, sun; a day that is not listed is closed, "
        'and so are the dates under “closed”. Example: {"timezone": "Europe/Brussels", "mon": ["09:00-12:30", '
        '"13:30-17:00"], "tue": ["09:00-17:00"], "closed": ["2026-12-25"]}',
    )

    class Meta:
        model = OffloadProvider
        fields = ("name", "is_enabled", "opening_hours", "closed_text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SECRETS:
            self._show_saved(name)

    def _show_saved(self, name: str) -> None:
        field = self.fields[name]
        assert isinstance(field, WriteOnlyField)  # noqa: S101 - narrows for mypy
        try:
            field.show_saved(getattr(self.instance, name))
        except BridgeError as error:
            field.help_text = error.detail

    def clean_verify_token(self) -> str | None:
        token: str | None = self.cleaned_data["verify_token"]
        return PhraseField().clean(token) if token else token

    def clean_write_back_secret(self) -> str | None:
        secret: str | None = self.cleaned_data["write_back_secret"]
        wrong = shared_secret_problem(secret, {}, name="write-back secret", place=WRITE_BACK_PLACE) if secret else None
        if wrong:
            raise refusal(wrong)
        return secret

    def clean(self) -> dict[str, Any]:
        """Each secret of a channel comes from a screen of its own."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        others = self._secrets_of_channel()
        for name in SECRETS:
            typed = cleaned.get(name)
            same = same_value_problem(typed, others) if typed else None
            if same:
                self.add_error(name, refusal(same))
            others[str(self.fields[name].label)] = typed
        return cleaned

    def _secrets_of_channel(self) -> dict[str, object]:
        """By their labels; none whose key is lost."""
        channel = self.instance.channel if self.instance.channel_id else None
        if channel is None:
            return {}
        with suppress(BridgeError):
            return {
                "Client secret": channel.clear_settings().get("client_secret"),
                "Shared secret": channel.shared_secret,
            }
        return {}

    def save(self, commit: bool = True) -> Any:
        for name in SECRETS:
            value = self.cleaned_data.get(name)
            if value is not None:
                setattr(self.instance, name, value)
        return super().save(commit)
