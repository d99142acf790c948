"""What an admin enters for a Sparkcentral account; the usual mix-ups are named."""

from typing import Any

from django import forms

from channels_app.adapters.settings import AddressField, SecretField, TextField, refusal
from channels_app.codes import describe


class AccountForm(forms.Form):
    """One form for both generations, so that a configuration file looks the same for both."""

    region = forms.ChoiceField(
        label="Sparkcentral region",
        choices=[("", "Choose…"), ("eu", "EU"), ("us", "US")],
        required=False,
        help_text="See your Sparkcentral address: app.sparkcentral.com is US, app-eu.sparkcentral.com is EU.",
    )
    client_id = TextField(
        label="Client ID",
        help_text="Sparkcentral > Settings > Integrations > Generate API Keys. Copy clientId.",
    )
    client_secret = SecretField(
        label="Client secret",
        help_text="Same screen, clientSecret. Stored encrypted; we never show it again.",
    )
    organization_id = TextField(label="Organization ID", required=False, widget=forms.HiddenInput)
    base_url = AddressField(
        label="API address",
        required=False,
        help_text="Leave empty. Only for a proxy, a private region or the simulator; it replaces the region.",
    )

    def clean_client_id(self) -> str:
        client_id: str = self.cleaned_data["client_id"]
        if "://" in client_id or "@" in client_id:
            raise refusal(describe("CB-311", what="an address" if "://" in client_id else "an e-mail address"))
        return client_id

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("client_id") and values.get("client_id") == values.get("client_secret"):
            self.add_error("client_secret", refusal(describe("CB-312")))
        self.check_server(values)
        return values

    def check_server(self, values: dict[str, Any]) -> None:
        is_judged = "region" in self.errors or "base_url" in self.errors
        if not values.get("region") and not values.get("base_url") and not is_judged:
            self.add_error("region", "Choose the region: it is in the address of your Sparkcentral.")
