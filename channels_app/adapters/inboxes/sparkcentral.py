"""Sparkcentral classic: a virtual agent behind the public API of app.sparkcentral.com."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from channels_app.adapters.inboxes.answers import Sent, public_text
from channels_app.adapters.inboxes.base import TOKEN_TIMEOUT_S, Inbox
from channels_app.adapters.inboxes.shortcodes import neutralised
from channels_app.adapters.inboxes.signing import check_age
from channels_app.adapters.inboxes.sparkcentral_events import read_event, read_write_back
from channels_app.adapters.inboxes.sparkcentral_form import AccountForm
from channels_app.adapters.inboxes.tokens import Token
from channels_app.codes import describe
from channels_app.lib import jsons
from channels_app.lib.clocks import database_now
from channels_app.lib.http.session import Answer, Body
from channels_app.protocol import Completion, Event, Incoming, Outgoing, OutgoingMessage
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, PayloadError, RefusedError, TemporaryError

SERVERS = {"us": "https://public-api.sparkcentral.com", "eu": "https://public-api-eu.sparkcentral.com"}
MAX_FILE_BYTES = 10_000_000  # the platform wants fewer than 10 MB and does not say which
DEFAULT_TOKEN_LIFE_S = 3600  # the documented hour, should an answer not say
MAX_TOKEN_LIFE_S = 86_400  # a day; more than that is not seconds
JSON = {"Content-Type": "application/json;charset=utf-8"}  # as in their documentation
PERMISSION_CODES = range(4002, 4011)  # with 403: the token is right, a permission is missing
MAX_ERRORS = 3  # of one answer that are told to people
METHOD_NOT_ALLOWED, UNSUPPORTED_TYPE = 405, 415
ANY_TYPE = "application/octet-stream"
COMPLETE = {Completion.HANDOVER: "HANDOVER", Completion.RESOLVED: "RESOLVED"}

_FILENAME = re.compile(r"(?!\.+$)[A-Za-z0-9._-]+")


class Sparkcentral(Inbox):
    """The facts are those of Sparkcentral's Virtual Agent API; Inbox 2.0 inherits all that it didn't change."""

    kind = "sparkcentral"
    label = "Sparkcentral"
    settings_form = AccountForm
    signature_header = "x-sparkcentral-signature"
    other_signatures: ClassVar[Mapping[str, str]] = {"signed_by_inbox_2": "x-hootsuite-signature"}
    keys_menu = "Sparkcentral › Settings › Integrations › Generate API Keys"
    virtual_agent_menu = "Sparkcentral › Users tab › Add Virtual Agent"
    adding_words = "Paste this URL there. Keep that window open: it shows the shared secret of the next step."
    secret_menu = virtual_agent_menu
    switch_on_menu = "Sparkcentral › Users tab › edit the virtual agent › switch on the channels of the bot"
    attribute_key = re.compile(r"[a-zA-Z0-9_]+")
    attribute_key_words = "a name may contain only letters, digits and _"

    api_prefix: ClassVar[str] = "/virtual-agent"
    token_path: ClassVar[str] = "/virtual-agent/oauth2/token"  # noqa: S105 a path
    keys_advice: ClassVar[str] = "Copy both values again, or try the other region."

    @property
    def base_url(self) -> str:
        region = self.settings.get("region") or "us"
        address: str = self.settings.get("base_url") or SERVERS.get(region, SERVERS["us"])
        return address.rstrip("/")

    @cached_property
    def account_key(self) -> str:
        organization_id = self.token_request().get("organization_id", "")
        parts = (self.kind, self.base_url, self._setting("client_id"), organization_id)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    @property
    def server_name(self) -> str:
        regions = {address: region for region, address in SERVERS.items()}
        region = regions.get(self.base_url)
        return f"the {region.upper()} server" if region else urlsplit(self.base_url).netloc

    @classmethod
    def elsewhere(cls, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        regions = () if settings.get("base_url") else SERVERS
        here = settings.get("region")
        return {region.upper(): {**settings, "region": region} for region in regions if region != here}

    # --- what comes in ---

    def parse(self, incoming: Incoming) -> list[Event]:
        event = read_event(incoming.body, incoming.received_at)
        if event is None:
            return []
        sent_at = check_age(event.sent_at, incoming.received_at)
        return [event if sent_at == event.sent_at else replace(event, sent_at=sent_at)]

    def parse_write_back(self, incoming: Incoming) -> list[Event]:
        """Without an age check: a retry comes up to 32 hours later; its key makes it count once."""
        event = read_write_back(incoming.body, incoming.received_at)
        return [event] if event else []

    # --- the token ---

    def request_token(self) -> Answer:
        client_id, client_secret = self._setting("client_id"), self._setting("client_secret")
        if not client_id or not client_secret:
            raise ConfigError(describe("CB-205"))
        try:
            return self.api.call(
                "POST",
                self.base_url + self.token_path,
                data=self.token_request(),
                auth=(client_id, client_secret),
                timeout_s=TOKEN_TIMEOUT_S,
            )
        except TemporaryError as error:  # asking has no effect, even if the answer was lost
            raise TemporaryError(error.detail, effect=Effect.NONE, status=error.status) from error

    def token_request(self) -> dict[str, str]:
        return {"grant_type": "client_credentials", "scope": "client-read"}

    def read_token(self, answer: Answer) -> Token:
        if answer.status != 200:
            raise self._token_problem(answer)
        try:
            document = jsons.JsonObject.read(answer.body)
            value = document.required_text("access_token")
        except PayloadError as error:
            problem = describe("CB-206", problem=f"{self.server_name} answered, but not with a token")
            raise TemporaryError(problem, effect=Effect.NONE, status=answer.status) from error
        life_s = document.values.get("expires_in")
        if not isinstance(life_s, int | float) or not 0 < life_s <= MAX_TOKEN_LIFE_S:
            life_s = DEFAULT_TOKEN_LIFE_S
        return Token.issued(value, lifetime_s=life_s, now=database_now())

    def _token_problem(self, answer: Answer) -> BridgeError:
        status = answer.status
        if status in (408, 429) or status >= 500:
            problem = describe("CB-203", inbox=self.label, problem=status)
            return TemporaryError(problem, effect=Effect.NONE, status=status)
        if status not in (400, 401, 403):
            missing = f"{self.server_name} has no token endpoint ({status})"
            return ConfigError(describe("CB-206", problem=missing), status=status)
        errors = read_errors(answer)
        words = _words_of(errors)
        if status == 403 and any(error.code in PERMISSION_CODES for error in errors):
            return ConfigError(describe("CB-209", problem=words), status=status, trace_id=_trace_id_of(errors))
        advice = f"{self.keys_advice} It says: {words}" if words else self.keys_advice
        return ConfigError(describe("CB-201", inbox=self.label, server=self.server_name, advice=advice), status=status)

    # --- what goes out ---

    def shown(self, text: str, medium: str) -> str:
        return neutralised(super().shown(text, medium))

    def plain(self, text: str) -> str:
        return neutralised(text)

    def send(self, conversation_id: str, outgoing: Outgoing) -> Sent:
        return self.manipulate(conversation_id, manipulation(outgoing))

    def manipulate(self, conversation_id: str, body: Mapping[str, Any], **limits: float) -> Sent:
        answer = self.call("POST", self.conversation_url(conversation_id), json=body, headers=JSON, **limits)
        used, limit = self.quota_of(answer)
        return Sent(status=answer.status, took_ms=answer.took_ms, quota_used=used, quota_limit=limit)

    def quota_of(self, answer: Answer) -> tuple[int | None, int | None]:
        return _count(answer.headers.get("x-account-quota-used")), _count(answer.headers.get("x-account-quota"))

    def upload(self, conversation_id: str, filename: str, content_type: str, data: Body) -> None:
        """Their prose says PUT with the true type, their specification POST with `application/octet-stream`: each is
        taken from the second when the first is refused for it.

        Refuses by itself what the platform would refuse, so that the caller sends the link at once.
        """
        if not _FILENAME.fullmatch(filename):
            raise RefusedError("A file name may contain only letters, digits, '-', '_' and '.'.")
        if len(data) >= MAX_FILE_BYTES:
            raise RefusedError(f"The file has {len(data)} bytes; {self.label} takes fewer than {MAX_FILE_BYTES}.")
        url = f"{self.conversation_url(conversation_id)}/attachments/{filename}"
        method = "PUT"
        while True:
            try:
                self.call(method, url, data=data, headers={"Content-Type": content_type})
            except RefusedError as error:
                if error.status == METHOD_NOT_ALLOWED and method != "POST":
                    method = "POST"
                elif error.status == UNSUPPORTED_TYPE and content_type != ANY_TYPE:
                    content_type = ANY_TYPE
                else:
                    raise
            else:
                return

    def conversation_url(self, conversation_id: str) -> str:
        return f"{self.base_url}{self.api_prefix}/conversations/{quote(conversation_id, safe='')}"

    def inline_answer(self, outgoing: Outgoing) -> dict[str, Any]:
        """As `manipulation`, but in one piece, and its tags go to the message that is being answered."""
        carried = self.carried(outgoing)
        messages = carried.messages
        if self.max_messages_per_call == 1 and len(messages) > 1:
            text = "\n\n".join(message.text for message in messages if message.text)
            messages = (OutgoingMessage(text=text, attachment_name=messages[-1].attachment_name),)
        body = manipulation(replace(carried, messages=messages, tags=()))
        return {**body, "applyTags": list(outgoing.tags)} if outgoing.tags and self.carries_tags else body

    def problem_of(self, answer: Answer) -> BridgeError | None:
        """Also a 200 that holds errors, and a permission that the keys lack."""
        if answer.status < 300 and b"errors" not in answer.body:
            return None
        errors = read_errors(answer)
        if 200 <= answer.status < 300 and errors:
            problem = describe("CB-612", problem=_words_of(errors) or "it doesn't say which")
            trace_id = _trace_id_of(errors)
            return TemporaryError(problem, effect=Effect.UNKNOWN, status=answer.status, trace_id=trace_id)
        if answer.status == 403 and any(error.code in PERMISSION_CODES for error in errors):
            problem = describe("CB-209", problem=_words_of(errors))
            return ConfigError(problem, status=answer.status, trace_id=_trace_id_of(errors))
        return super().problem_of(answer)

    def explanation(self, answer: Answer) -> tuple[str, str]:
        """The id is what their support asks for."""
        errors = read_errors(answer)
        return _words_of(errors), _trace_id_of(errors)

    def _setting(self, name: str) -> str:
        return str(self.settings.get(name) or "")


def manipulation(outgoing: Outgoing) -> dict[str, Any]:
    """What one call does to a conversation, in their words; only what is asked for has a key."""
    messages = [_message(message) for message in outgoing.messages]
    body = {
        "sendMessage": messages[0] if len(messages) == 1 else None,
        "sendMessages": messages if len(messages) > 1 else None,
        "applyTopics": list(outgoing.topics),
        "applyTags": [{"messageId": outgoing.tagged_message_id, "tag": tag} for tag in outgoing.tags],
        "applyConversationNotes": [{"text": outgoing.note}] if outgoing.note else None,
        "setContactAttributes": dict(outgoing.attributes),
        "complete": COMPLETE[outgoing.complete] if outgoing.complete else None,
    }
    return {key: value for key, value in body.items() if value}


def _message(message: OutgoingMessage) -> dict[str, str]:
    body = {"text": message.text, "attachment": message.attachment_name}
    return {key: value for key, value in body.items() if value}


@dataclass(frozen=True, slots=True)
class TheirError:
    """One error of theirs: words for people, a code (0: none), and the id that their support asks for."""

    words: str
    code: int = 0
    trace_id: str = ""


def read_errors(answer: Answer) -> list[TheirError]:
    """`errors` as texts, as objects, mixed, or a single one of these; of the token endpoint what OAuth names.

    A body that is none of this, e.g. a proxy's page, holds no errors.
    """
    try:
        document = jsons.read(answer.body)
    except PayloadError:
        return []
    found = document.get("errors") if isinstance(document, dict) else document
    if not found and isinstance(document, dict) and answer.status >= 300:
        found = document
    items = found if isinstance(found, list) else [found]
    return [_error(item) for item in items[:MAX_ERRORS] if item]


def _error(item: object) -> TheirError:
    if not isinstance(item, dict):
        return TheirError(public_text(item))
    words = [public_text(item.get(key)) for key in ("message", "error_description", "error_hint", "detail", "error")]
    code = str(item.get("code"))
    is_code = re.fullmatch(r"[0-9]{1,9}", code) is not None
    said = " ".join(dict.fromkeys(filter(None, words[:4]))) or words[4]
    trace_id = public_text(item.get("id"))
    return (
        TheirError(f"{said} (code {code})".strip(), int(code), trace_id) if is_code else TheirError(said, 0, trace_id)
    )


def _words_of(errors: Sequence[TheirError]) -> str:
    return "; ".join(dict.fromkeys(error.words for error in errors if error.words))


def _trace_id_of(errors: Sequence[TheirError]) -> str:
    return next((error.trace_id for error in errors if error.trace_id), "")


def _count(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None
