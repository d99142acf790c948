"""What a person says of a new API token."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms

from channels_app.access.tokens import DEFAULT_DAYS, MAX_DAYS
from channels_app.lib.clocks import database_now
from channels_app.models import ApiToken

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[ApiToken]
else:
    ModelForm = forms.ModelForm


class TokenForm(ModelForm):
    days = forms.IntegerField(
        label="Days until it ends",
        min_value=1,
        max_value=MAX_DAYS,
        initial=DEFAULT_DAYS,
        help_text="Make a new one before this one ends; both count meanwhile.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user")

    def save(self, commit: bool = True) -> Any:
        self.instance.expires_at = database_now() + timedelta(days=self.cleaned_data["days"])
        return super().save(commit)
