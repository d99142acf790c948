"""Which dead events a bulk retry is about, when it is not those of a group."""

from typing import Any

from django import forms

from channels_app.lib.times import MAX_LENGTH, TimeError
from channels_app.models import Channel
from channels_app.web.pages.asked_time import parse_range


def _moment(label: str, placeholder: str = "") -> forms.CharField:
    attributes = {"size": 16, "placeholder": placeholder, "autocomplete": "off"}
    return forms.CharField(
        label=label, required=False, max_length=MAX_LENGTH, widget=forms.TextInput(attrs=attributes)
    )


class WindowForm(forms.Form):
    """A channel and a time; cleaned, `since` and `until` are moments or None."""

    channel = forms.ModelChoiceField(queryset=Channel.objects.filter(archived_at=None), empty_label=None)
    since = _moment("Failed messages that came from", "14:05")
    until = _moment("until")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            during = parse_range(found.get("since", ""), found.get("until", ""))
        except TimeError as error:
            raise forms.ValidationError(str(error)) from error
        return found | {"since": during.since, "until": during.until}
