"""Hootsuite Inbox 2.0, what Sparkcentral became: here is only what differs from classic."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from channels_app.adapters import SecretField, TextField
from channels_app.inboxes.sparkcentral import Sparkcentral
from channels_app.inboxes.sparkcentral_form import AccountForm

SERVER = "https://platform.hootsuite.com"


class HootsuiteForm(AccountForm):
    region = forms.ChoiceField(
        choices=[("", "All"), ("eu", "EU"), ("us", "US")], required=False, widget=forms.HiddenInput
    )
    client_id = TextField(
        label="Client ID",
        help_text="Your developer app at Hootsuite, its client ID. Hootsuite gives it to you with API access.",
    )
    client_secret = SecretField(
        label="Client secret", help_text="The same app's client secret. Stored encrypted; we never show it again."
    )
    organization_id = TextField(
        label="Organization ID", help_text="The number of your organization at Hootsuite. It comes with API access."
    )

    def check_server(self, values: dict[str, Any]) -> None:
        """One server for all regions."""


class Hootsuite(Sparkcentral):
    kind = "hootsuite"
    label = "Hootsuite Inbox 2.0"
    settings_form = HootsuiteForm
    signature_header = "x-hootsuite-signature"
    other_signatures: ClassVar[Mapping[str, str]] = {"signed_by_classic": "x-sparkcentral-signature"}
    keys_menu = "Hootsuite: your developer app shows client ID and secret; the organization ID comes with it"
    virtual_agent_menu = "Inbox 2.0 › Settings › Virtual Agents › Add Custom Virtual Agent"
    switch_on_menu = "Settings › Virtual Agents › edit the virtual agent › switch on the channels of the bot"

    max_messages_per_call = None
    carries_notes = True
    carries_tags = True

    api_prefix = "/inbox/v1/virtual-agent"
    token_path = "/oauth2/token"  # noqa: S105 a path
    keys_advice = "Copy client ID, client secret and organization ID again."

    @property
    def base_url(self) -> str:
        address: str = self.settings.get("base_url") or SERVER
        return address.rstrip("/")

    @property
    def tenant_key(self) -> str:
        """The organization, whichever of its developer apps the keys belong to."""
        return f"{self.base_url} {self.settings.get('organization_id') or self.account_key}"

    @classmethod
    def elsewhere(cls, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {}  # one server for all regions

    def token_request(self) -> dict[str, str]:
        return {"grant_type": "organization_app", "organization_id": self._setting("organization_id")}
