"""Agents of Dialogflow CX (Conversational Agents), by `detectIntent` of its REST API.

API: https://cloud.google.com/dialogflow/cx/docs/reference/rest/v3/projects.locations.agents.sessions/detectIntent.
A token is a JWT that the service account's key signs, as Google's own clients make it: nothing is asked for it.
"""

from collections.abc import Mapping
from typing import Any

from channels_app.adapters.bots.base import BotConnector, code_of_error, with_code
from channels_app.adapters.bots.dialogflow_form import (
    RESOLVE,
    DialogflowForm,
    credentials_of,
    languages_in,
    location_of,
)
from channels_app.adapters.bots.dialogflow_reading import read_result
from channels_app.adapters.bots.generic import turn_document
from channels_app.codes import describe
from channels_app.lib.http.session import Answer
from channels_app.lib.jsons import JsonObject
from channels_app.protocol import EventType, Reply, Turn
from channels_app.protocol.errors import BridgeError, ConfigError, PayloadError
from channels_app.protocol.languages import pick_tag

DEFAULT_LANGUAGE = "en"
TEST_WORDS = "Hello"
"""What "Test connection" says to an agent that has no event for a start."""
PARAMETER = "chatbridge"
"""The session parameter that holds what is known of the contact: `$session.params.chatbridge.medium`."""

Json = dict[str, Any]


class DialogflowCX(BotConnector):
    kind = "dialogflow"
    label = "Dialogflow CX"
    settings_form = DialogflowForm
    speaks_first = False  # it greets with the answer to the first message, which begins its session by itself

    def send(self, turn: Turn) -> Reply | None:
        names = {"agent": "agent name", "service_account_key": "service account key"}
        if missing := next((name for key, name in names.items() if not self.settings.get(key)), None):
            raise ConfigError(describe("CB-507", problem=f"its {missing} is not saved yet"))
        said = self._input(turn)
        if not said:
            return Reply()
        answer = self.post(
            turn,
            self._address(turn.session_id),
            json={"queryInput": {**said, "languageCode": self._language(turn)}, "queryParams": self._parameters(turn)},
            headers={"Authorization": f"Bearer {self._token()}"},
        )
        document = JsonObject.read(answer.body)
        result = document.object("queryResult") or document.refuse("queryResult", "is missing")
        return read_result(result, may_resolve=(self.settings.get("at_end") or RESOLVE) == RESOLVE)

    @property
    def hears_silence(self) -> bool:
        return bool(self.settings.get("silence_event"))

    @property
    def may_repeat(self) -> bool:
        """Each call moves the session on. Google's own clients repeat only after 503."""
        return False

    def raise_for(self, answer: Answer) -> None:
        """Their status, with what they call it: NOT_FOUND, INVALID_ARGUMENT."""
        try:
            super().raise_for(answer)
        except BridgeError as error:
            raise with_code(error, code_of_error(answer, "status", inside="error")) from None

    def _input(self, turn: Turn) -> Json:
        """What is said, as text or event; empty: the agent is not told. What a contact writes is never an event."""
        event = self.settings.get("silence_event" if turn.type is EventType.CONTACT_SILENT else "start_event")
        if turn.type is EventType.CONTACT_SILENT or (turn.type.opens and not turn.text):
            if event:
                return {"event": {"event": event}}
            return {"text": {"text": TEST_WORDS}} if turn.is_test else {}
        if chosen := _chosen_event(turn.payload):
            return {"event": {"event": chosen}}
        is_text = isinstance(turn.payload, str) and bool(turn.payload.strip())
        words = turn.payload if is_text else (turn.text or "").strip() or turn.placeholder
        return {"text": {"text": words}}

    def _parameters(self, turn: Turn) -> Json:
        """What the agent may use in the session, and the whole turn for its webhooks."""
        told = turn_document(turn)
        contact: Json = {
            "medium": turn.medium,
            "contact_name": turn.contact.primary_identifier,
            "inbox_channel": turn.inbox_channel.name if turn.inbox_channel else "",
            "topics": list(turn.topics),
            "attributes": {item.attribute: item.value for item in turn.attributes},
            "is_delegated": turn.type is EventType.CONVERSATION_DELEGATED,
        }
        chosen = turn.payload.get("parameters") if isinstance(turn.payload, Mapping) else None
        minutes = self.settings.get("session_minutes")
        return {
            "parameters": {**(chosen if isinstance(chosen, dict) else {}), PARAMETER: contact},
            "payload": told,
            **({"sessionTtl": f"{minutes * 60}s"} if minutes else {}),
        }

    def _language(self, turn: Turn) -> str:
        """An agent may refuse a language that it doesn't have."""
        tags = languages_in(self.settings.get("languages")) or [DEFAULT_LANGUAGE]
        return pick_tag({tag: tag for tag in tags}, turn.language, tags[0])

    def _address(self, session_id: str) -> str:
        agent, environment = self.settings["agent"], self.settings.get("environment")
        base = self.settings.get("url") or _endpoint(location_of(agent))
        place = f"{agent}/environments/{environment}" if environment else agent
        return f"{base.rstrip('/')}/v3/{place}/sessions/{session_id}:detectIntent"

    def _token(self) -> str:
        """Lasts an hour, and is renewed some minutes earlier."""
        try:
            credentials = credentials_of(self.settings["service_account_key"])
        except (PayloadError, ValueError):  # the form refuses it
            raise ConfigError(describe("CB-507", problem="its service account key can't be read")) from None
        if not credentials.valid:
            credentials.refresh(None)
        return str(credentials.token.decode())


def _endpoint(location: str) -> str:
    return f"https://{'' if location == 'global' else f'{location}-'}dialogflow.googleapis.com"


def _chosen_event(payload: object) -> str:
    """Of an option that names one, see `read_rich`."""
    event = payload.get("event") if isinstance(payload, Mapping) else None
    return event.strip() if isinstance(event, str) else ""
