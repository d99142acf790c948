"""What an admin enters for an agent of Dialogflow CX."""

import json
import re
from functools import lru_cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from google.auth import jwt

from channels_app.adapters.bots.base import TimeoutField
from channels_app.adapters.settings import AddressField, SecretField, TextField
from channels_app.lib import jsons
from channels_app.protocol.errors import PayloadError
from channels_app.protocol.languages import language_tag

RESOLVE, NOTHING = "resolve", "nothing"
AUDIENCE = "https://dialogflow.googleapis.com/"
MAX_SESSION_MINUTES = 24 * 60  # Google keeps a session no longer
MAX_LANGUAGES = 30
MAX_ACCOUNTS = 100  # in the memory of a process

_AGENT = re.compile(r"projects/[\w.:-]+/locations/(?P<location>[a-z0-9-]+)/agents/[\w-]+", re.ASCII)
_ENVIRONMENT = re.compile(r"[\w-]{1,64}", re.ASCII)
_ENVIRONMENT_IN_NAME = re.compile(r".*/environments/([^/]*).*")
_EVENT = re.compile(r"[\w.-]{1,128}", re.ASCII)


@lru_cache(maxsize=MAX_ACCOUNTS)
def credentials_of(key: str) -> Any:
    """google.auth.jwt.Credentials, whose methods have no types: they sign in the service account's name, and keep the
    token while it is valid. Raises ValueError or PayloadError for what is no such key; to read one takes a while."""
    read: Any = jwt.Credentials.from_service_account_info
    return read(jsons.read_object(key.encode(errors="replace")), audience=AUDIENCE)


def location_of(agent: str) -> str:
    """Empty: this is not the name of an agent."""
    found = _AGENT.fullmatch(agent)
    return found["location"] if found else ""


class AgentField(TextField):
    """The agent's name, also out of the address of a page in its console."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        found = _AGENT.search(text or "")
        return found[0] if found else text

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not location_of(value):
            raise ValidationError(
                "This is not an agent's name. It looks like projects/…/locations/…/agents/….", code="agent"
            )


class EnvironmentField(TextField):
    """Its ID, also out of its whole name or the address of its page."""

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return _ENVIRONMENT_IN_NAME.sub(r"\1", text) if text else text

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not _ENVIRONMENT.fullmatch(value):
            raise ValidationError("An environment's ID has letters, digits, - and _ only.", code="environment")


class ServiceAccountKeyField(SecretField):
    """The file that Google Cloud gives once, in one line: an input for secrets takes no other."""

    is_one_word = False
    wrong = "This is not the JSON key of a service account. Paste the whole file, from { to }."

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        if not text:
            return text
        try:
            credentials_of(text)
        except (PayloadError, ValueError, TypeError, AttributeError):
            raise ValidationError(self.wrong, code="service_account_key") from None
        return json.dumps(json.loads(text))


class EventField(TextField):
    """The name of an event handler."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not _EVENT.fullmatch(value):
            raise ValidationError("An event's name has letters, digits, dots, - and _ only.", code="event")


class LanguagesField(TextField):
    is_one_word = False

    def validate(self, value: Any) -> None:
        super().validate(value)
        tags = languages_in(value)
        if len(tags) > MAX_LANGUAGES or not all(language_tag(tag) == tag for tag in tags):
            raise ValidationError("Write language codes with commas between them, e.g. en, nl, pt-BR.", code="tags")


def languages_in(value: str | None) -> list[str]:
    """As Dialogflow's settings write them or not: nl, pt-BR."""
    tags = filter(None, map(str.strip, (value or "").split(",")))
    return list(dict.fromkeys(language_tag(tag) or tag for tag in tags))


class DialogflowForm(forms.Form):
    agent = AgentField(
        label="Agent",
        help_text="projects/…/locations/…/agents/…: in the console's list of agents, the menu ⋮ of the agent > Copy "
        "name. The address of one of the agent's pages will do too.",
    )
    environment = EnvironmentField(
        label="Environment",
        required=False,
        help_text="The ID of the environment whose versions answer: Manage > Environments. Empty: the draft, with "
        "every change at once.",
    )
    service_account_key = ServiceAccountKeyField(
        label="Service account key (JSON)",
        help_text="Google Cloud console: IAM & Admin > Service Accounts > the account > Keys > Add key > Create new "
        "key > JSON. Paste the file's content. The account needs the role Dialogflow API Client.",
    )
    url = AddressField(
        label="API endpoint",
        required=False,
        help_text="Empty: Google's endpoint for the agent's location, e.g. "
        "https://europe-west1-dialogflow.googleapis.com.",
    )
    languages = LanguagesField(
        label="Languages of the agent",
        required=False,
        initial="en",
        help_text="As in its settings, the default language first, e.g. en, nl, pt-BR. A contact's language is told "
        "if it is one of them, otherwise the first.",
    )
    start_event = EventField(
        label="Event at the start",
        required=False,
        help_text="Sent when the bot should speak first, e.g. WELCOME: an event handler of the agent. Empty: it waits "
        "for the contact's first message.",
    )
    silence_event = EventField(
        label="Event when a silent contact's conversation ends",
        required=False,
        help_text="Where a channel ends the conversations of silent contacts: sent to the agent before. Its answer is "
        "not sent. Empty: it is not told.",
    )
    at_end = forms.ChoiceField(
        label="When the agent ends the session",
        choices=[
            (RESOLVE, "resolve the conversation"),
            (NOTHING, "do nothing: the next message starts over"),
        ],
        initial=RESOLVE,
        required=False,
        help_text="By the page End Session. Where it also hands over, agents get the conversation.",
    )
    session_minutes = forms.IntegerField(
        label="Minutes that a session lasts",
        required=False,
        initial=MAX_SESSION_MINUTES,
        min_value=1,
        max_value=MAX_SESSION_MINUTES,
        help_text="How long after a contact's last message the agent still knows where they were; then it starts over."
        " Empty: Dialogflow's own 30 minutes, which are short for WhatsApp.",
    )
    timeout_s = TimeoutField()
