"""Which dead events a bulk retry is about, when it is not those of a group."""

from typing import Any

from django import forms

from channels_app.models import Channel

_MOMENT = "datetime-local"


def _moment(label: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label, required=False, widget=forms.DateTimeInput(attrs={"type": _MOMENT}, format="%Y-%m-%dT%H:%M")
    )


class WindowForm(forms.Form):
    """A channel and a time."""

    channel = forms.ModelChoiceField(queryset=Channel.objects.filter(archived_at=None), empty_label=None)
    since = _moment("Failed messages that came from")
    until = _moment("until")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        since, until = found.get("since"), found.get("until")
        if since and until and since >= until:
            raise forms.ValidationError("The end of the time must lie after its beginning.")
        return found
