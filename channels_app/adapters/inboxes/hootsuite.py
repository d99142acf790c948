"""Hootsuite Inbox 2.0, what Sparkcentral became: here is only what differs from classic."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django import forms

from channels_app.adapters.inboxes.answers import Lock, QueueFigures, Sent
from channels_app.adapters.inboxes.hootsuite_checks import AVAILABLE, LONGEST, WAITING, figures_line, locks_line
from channels_app.adapters.inboxes.media import Written, medium_of
from channels_app.adapters.inboxes.shortcodes import button_lines, fit, readable
from channels_app.adapters.inboxes.sparkcentral import Sparkcentral
from channels_app.adapters.inboxes.sparkcentral_form import AccountForm
from channels_app.adapters.settings import SecretField, TextField
from channels_app.lib import jsons
from channels_app.protocol import Message
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import PayloadError, RefusedError

SERVER = "https://platform.hootsuite.com"
LOCKS_TIMEOUT_S = 5.0  # asked again in a quarter of a minute
MAX_FIGURE = 10**9
FIGURES_TIMEOUT_S = 3.0  # each of three; a handover waits less long for them
TYPING_TIMEOUT_S = 3.0  # an answer of the bot waits for a sign that is on its way
VIRTUAL_AGENTS = "Inbox 2.0 › Admin settings › Virtual agents › Custom virtual agents"
ACCESS_MAIL = """\
Subject: Access to the Virtual Agent API of Inbox 2.0

Hello,

we want to connect a chatbot to our Inbox 2.0 as a custom virtual agent, through a bridge that we host ourselves.
Please enable the Inbox API, with the Virtual Agent API, for our developer app.

Organization: [name], ID [number in the address of our dashboard]
Plan: Enterprise with Advanced Inbox
Developer app: [name], client ID [client ID]
Admin member: [name, e-mail address]
Grant type: organization_app

Please tell us when it is enabled, or what else you need.

Kind regards
[name]
"""


class HootsuiteForm(AccountForm):
    region = forms.ChoiceField(
        choices=[("", "All"), ("eu", "EU"), ("us", "US")], required=False, widget=forms.HiddenInput
    )
    client_id = TextField(
        label="Client ID",
        help_text="The client ID of your Hootsuite developer app. Hootsuite must enable API access for it.",
    )
    client_secret = SecretField(
        label="Client secret", help_text="The same app's client secret. Stored encrypted; we never show it again."
    )
    organization_id = TextField(
        label="Organization ID",
        help_text="Your organization's number, from the address of your Hootsuite dashboard.",
    )

    def check_server(self, values: dict[str, Any]) -> None:
        """One server for all regions."""


class Hootsuite(Sparkcentral):
    kind = "hootsuite"
    label = "Hootsuite Inbox 2.0"
    settings_form = HootsuiteForm
    signature_header = "x-hootsuite-signature"
    other_signatures: ClassVar[Mapping[str, str]] = {"signed_by_classic": "x-sparkcentral-signature"}
    keys_menu = (
        "Hootsuite: your developer app shows client ID and secret; the organization ID is in the dashboard's address"
    )
    virtual_agent_menu = f"{VIRTUAL_AGENTS} › Add custom virtual agent"
    adding_words = (
        "Enter a name there (your agents see “Name VA”), choose Inception or Delegation, paste this URL, set the "
        "hand-off rules, and press Save. “Edit” then shows the shared secret of the next step."
    )
    secret_menu = f"{VIRTUAL_AGENTS} › Edit"
    switch_on_menu = f"{VIRTUAL_AGENTS} › your virtual agent › Channel access: the toggles of the bot's channels"
    write_back_menu = "Inbox 2.0 › Integration and APIs › CRM › Write Back URL"
    access_words = (
        "Hootsuite enables the API on request. You need the plan Enterprise with Advanced Inbox, a developer app (it "
        "has a client ID and a client secret), the ID of your organization (the number in the address of your "
        "Hootsuite dashboard) and a member who is an admin of it. Then write to Hootsuite's developer support. Fill "
        "in the parts in brackets, and never send the client secret."
    )
    access_mail = ACCESS_MAIL

    max_messages_per_call = None
    carries_notes = True
    carries_tags = True
    shows_typing = True
    tells_locks = True
    tells_queue = True

    api_prefix = "/inbox/v1/virtual-agent"
    token_path = "/oauth2/token"  # noqa: S105 a path
    keys_advice = "Copy client ID, client secret and organization ID again."

    def indicate_typing(self, conversation_id: str, *, is_typing: bool) -> Sent:
        body = {"indicateTyping": "START" if is_typing else "STOP"}
        return self.manipulate(conversation_id, body, timeout_s=TYPING_TIMEOUT_S)

    def locks(self) -> list[Lock]:
        answer = self.call("GET", f"{self.base_url}/inbox/v1/queue/lock", timeout_s=LOCKS_TIMEOUT_S)
        found = jsons.JsonObject.read(answer.body).values.get("locks")
        items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
        return [
            Lock(
                conversation_id=str(item.get("conversationId") or ""),
                agent=str(item.get("userId") or ""),
                at=jsons.moment(item.get("lockedAt")),
            )
            for item in items
        ]

    def queue_figures(self, teams: Sequence[str]) -> QueueFigures:
        available = {"userPresenceStatus": "AVAILABLE", **({"teamIds": list(teams)} if teams else {})}
        new = {"status": "NEW", **({"groupBy": "TEAM"} if teams else {})}
        agents = self._figure(AVAILABLE, available, _whole)
        waiting = self._figure(WAITING, new, lambda value: _of_teams(value, teams, sum))
        if waiting == 0:
            return QueueFigures(agents=agents, waiting=0, longest_wait_s=0)
        longest = self._figure(LONGEST, new, lambda value: _of_teams(value, teams, max))
        return QueueFigures(agents=agents, waiting=waiting, longest_wait_s=longest)

    def check_queue(self, *, needs_figures: bool, needs_locks: bool) -> list[CheckLine]:
        figures = [figures_line(self)] if needs_figures else []
        return [*figures, locks_line(self)] if needs_locks else figures

    def _figure(self, path: str, body: dict[str, Any], read: Callable[[Any], int]) -> int | None:
        """None: these keys have no permission for it."""
        try:
            answer = self.call("POST", f"{self.base_url}/inbox/v1/{path}", json=body, timeout_s=FIGURES_TIMEOUT_S)
        except RefusedError:
            return None
        return read(jsons.JsonObject.read(answer.body).values.get("value"))

    def has_buttons(self, messages: Sequence[Message], medium: str, *, is_switched_on: bool) -> bool:
        return (is_switched_on or medium_of(medium).shows_buttons) and fit(messages)

    def written(self, message: Message, medium: str) -> Written:
        written = super().written(message, medium)
        return replace(written, lines=tuple(button_lines(message))) if message.has_buttons else written

    def readable(self, text: str) -> str:
        return readable(text)

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


def _of_teams(value: Any, teams: Sequence[str], join: Callable[[Iterable[int]], int]) -> int:
    """A figure of the account; or of these teams together, out of {"<team>": {"value": 4}}. A team that isn't named
    has nobody who waits."""
    if not teams:
        return _whole(value)
    if not isinstance(value, dict):
        raise PayloadError("value: must be an object")
    own = [_whole(group.get("value")) for team in teams if isinstance(group := value.get(team), dict)]
    return join([*own, 0])


def _whole(value: Any) -> int:
    """Some servers write whole numbers as 131.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_FIGURE:
        raise PayloadError("value: must be a number")
    return int(value)
