"""What a person fills in to rotate, pause, copy or delete a channel."""

from datetime import timedelta
from typing import Any

from django import forms

from channels_app.access.audit import MAX_REASON
from channels_app.adapters.settings import refusal
from channels_app.channels.care import MAX_NAME
from channels_app.channels.forms.saving import RefusedError
from channels_app.channels.forms.secrets import WriteOnlyField
from channels_app.channels.rotations import OVERLAP, OVERLAPS
from channels_app.models import Channel
from channels_app.models.limits import REPLY_LIMIT_S
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.labels import count_of

HOUR = timedelta(hours=1)


def _text_input() -> forms.TextInput:
    return forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"})


def add_refusal(form: forms.Form, refused: RefusedError) -> None:
    """What the channel's own form refuses, at the fields of this one."""
    for place, errors in refused.errors.items():
        name = place.removeprefix("settings.")
        form.add_error(name if name in form.fields else None, errors)


class CareForm(forms.Form):
    """About one channel."""

    about: str | None = None
    """The field that it is about, when the act itself finds something wrong."""

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel

    def add_problem(self, error: BridgeError) -> None:
        self.add_error(self.about, refusal(error.problem) if error.problem else error.detail)


class ReasonForm(CareForm):
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON,
        help_text="Optional. It is kept in the audit log.",
        widget=_text_input(),
    )


class SkipForm(CareForm):
    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        help_text="Your colleagues see it on the channel's page. Example: this bot never hands over.",
        widget=_text_input(),
    )


def _overlap_words(overlap: timedelta) -> str:
    hours = overlap // HOUR
    if not hours:
        return "Not at all: only the new one is accepted from now on"
    return count_of(hours, "hour") if hours <= 24 else count_of(overlap.days, "day")


class RotateSecretForm(CareForm):
    about = "shared_secret"
    shared_secret = WriteOnlyField(
        label="New shared secret",
        required=True,
        help_text="Shown by Sparkcentral in the settings of the virtual agent. It contains only 0-9 and a-f. If you "
        "are asked to enter one there, generate it here.",
        may_generate=True,
    )
    overlap = forms.TypedChoiceField(
        label="Also accept the old one for",
        choices=[(overlap // HOUR, _overlap_words(overlap)) for overlap in OVERLAPS],
        coerce=lambda hours: int(hours) * HOUR,
        initial=OVERLAP // HOUR,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.channel.shared_secret_encrypted:
            del self.fields["overlap"]

    def clean_shared_secret(self) -> str:
        secret: str | None = self.cleaned_data["shared_secret"]
        if not secret:
            raise forms.ValidationError("Paste the new shared secret.", code="required")
        return secret


class TimeoutsForm(CareForm):
    minutes = forms.IntegerField(
        label="Timeout virtual agent, in minutes",
        min_value=REPLY_LIMIT_S[0] // 60,
        max_value=REPLY_LIMIT_S[1] // 60,
        help_text="As set in Sparkcentral; 5 unless changed there.",
    )


class CloneForm(CareForm):
    name = forms.CharField(
        label="Name of the copy",
        max_length=MAX_NAME,
        help_text="Shown to your team only.",
        widget=_text_input(),
    )


class DeleteForm(ReasonForm):
    name = forms.CharField(
        label="Name of the channel",
        help_text="Type it exactly as above, so that you delete the right one.",
        widget=_text_input(),
    )
    field_order = ("name", "reason")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.channel.name:
            raise forms.ValidationError("This is not the name of this channel.", code="other")
        return name
