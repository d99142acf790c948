"""Any JSON API that answers a message in the same call: n8n, Dify, Flowise, Voiceflow, LangGraph, one's own.

What is sent is a template with placeholders, what comes back is read by paths; an admin enters both.
"""

import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from channels_app.adapters.bots.base import BotConnector, code_of_error, with_code
from channels_app.adapters.bots.template_filling import (
    REMEMBERED,
    TemplateError,
    filled,
    filled_text,
    for_address,
    names_in,
    parsed,
    values_of,
)
from channels_app.adapters.bots.template_form import BODIES, TemplateForm, header_lines
from channels_app.adapters.bots.template_presets import GET, OWN, POST, PRESETS
from channels_app.adapters.bots.template_reading import read_answer
from channels_app.codes import describe
from channels_app.lib import jsons
from channels_app.lib.http.session import Answer
from channels_app.lib.masking import MASK
from channels_app.protocol import Reply, Turn
from channels_app.protocol.errors import BridgeError, ConfigError, RefusedError

FORGOTTEN = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
"""What an API answers of a conversation that it doesn't know any more, and did nothing."""
BEGUN_ANEW = "what the API had remembered: it doesn't know the conversation any more, and began a new one"
ERROR_KEYS = ("code", "type", "error", "name")
"""Where APIs name an error: Dify says `code`."""


class Template(BotConnector):
    kind = "template"
    label = "Template (n8n, Dify, Flowise, Voiceflow, any JSON API)"
    settings_form = TemplateForm
    speaks_first = False  # contacts write first; most of these APIs have nothing for a start

    def send(self, turn: Turn) -> Reply | None:
        if not self.settings.get("url"):
            raise ConfigError(describe("CB-507", problem="its address is not saved yet"))
        template = self._template(turn)
        if not template:
            return Reply()
        ends_at = time.monotonic() + self.timeout_for(turn)
        try:
            return self._told(turn, template)
        except RefusedError as error:
            if error.status not in FORGOTTEN or not self._names_remembered(turn, template):
                raise
        time_left_s = ends_at - time.monotonic()
        reply = self._told(replace(turn, remembered={}, time_left_s=time_left_s), template)
        forgotten = dict.fromkeys(turn.remembered, "")
        return replace(reply, remembered=forgotten | dict(reply.remembered), dropped=(*reply.dropped, BEGUN_ANEW))

    def _told(self, turn: Turn, template: str) -> Reply:
        values = values_of(turn)
        method = self.settings.get("method") or POST
        usual = {"Idempotency-Key": turn.turn_id} | ({"Content-Type": "application/json"} if method != GET else {})
        own = self._headers(turn, self._secrets)
        named = {name.lower() for name in own}
        answer = self.ask(
            turn,
            method,
            self._address(values),
            data=self._body(template, values) if method != GET else None,
            headers={name: value for name, value in usual.items() if name.lower() not in named} | own,
            secrets=[secret for secret in self._secrets.values() if secret],
        )
        return read_answer(jsons.read(answer.body), self.settings) if answer.body.strip() else Reply()

    def _names_remembered(self, turn: Turn, template: str) -> bool:
        """Whether this call said what the API had wanted remembered."""
        names = names_in(template) | names_in(self.settings["url"])
        return any(turn.remembered.get(name.removeprefix(REMEMBERED)) for name in names if name.startswith(REMEMBERED))

    @property
    def may_repeat(self) -> bool:
        return bool(self.settings.get("may_repeat"))

    @property
    def needs_history(self) -> bool:
        return any("history" in names_in(self.settings.get(name) or "") for name in BODIES)

    def shown_headers(self, turn: Turn) -> Mapping[str, str]:
        return self._headers(turn, {name: MASK if secret else "" for name, secret in self._secrets.items()})

    @property
    def _secrets(self) -> dict[str, str]:
        """By the placeholders that stand for them; empty: not saved."""
        secret = self.settings.get("secret") or ""
        return {
            "secret": secret,
            "secret_2": self.settings.get("secret_2") or "",
            "secret_base64": b64encode(secret.encode()).decode(),
        }

    def _template(self, turn: Turn) -> str:
        """The body for this turn; empty: it is not told."""
        body: str = self.settings.get("body") or PRESETS[self.settings.get("preset") or OWN]["body"]
        own = "start_body" if turn.type.opens and not turn.text else "choice_body" if turn.payload is not None else ""
        if own == "start_body" and not turn.is_test:
            body = ""
        return str(self.settings.get(own) or body)

    def _body(self, template: str, values: Mapping[str, Any]) -> bytes:
        try:
            document = filled(parsed(template), values)
        except TemplateError as error:  # the form refuses it
            raise ConfigError(describe("CB-507", problem=f"its body is not valid: {error}")) from None
        return jsons.encoded(document)

    def _address(self, values: Mapping[str, Any]) -> str:
        parts = urlsplit(self.settings["url"])
        path, query = (filled_text(part, values, for_address) for part in (parts.path, parts.query))
        address: str = urlunsplit(parts._replace(path=path, query=query))
        return address

    def _headers(self, turn: Turn, secrets: Mapping[str, str]) -> dict[str, str]:
        """Without those whose secret is not saved."""
        values = {**secrets, "session_id": turn.session_id, "turn_id": turn.turn_id}
        return {
            name: filled_text(written, values)
            for name, written in header_lines(self.settings.get("headers") or "")
            if all(values.get(placeholder) for placeholder in names_in(written))
        }

    def raise_for(self, answer: Answer) -> None:
        """Their status, with what they call the error."""
        try:
            super().raise_for(answer)
        except BridgeError as error:
            raise with_code(error, code_of_error(answer, *ERROR_KEYS)) from None
