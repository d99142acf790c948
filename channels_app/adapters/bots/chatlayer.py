"""Chatlayer.ai: a webhook channel takes a turn, messages come back by webhook, and another one asks for a human."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import reduce
from typing import Any

from channels_app.adapters.bots.base import BotConnector, HttpAnswer
from channels_app.adapters.bots.chatlayer_form import ChatlayerForm
from channels_app.adapters.bots.chatlayer_turns import (
    CONVERSATION_ID,
    Payloads,
    lost_parameters,
    sent_form,
    turn_document,
)
from channels_app.adapters.bots.commands import holders_of, read_commands, read_wish
from channels_app.adapters.bots.generic import REPLY_KEYS, read_intents
from channels_app.adapters.bots.messenger import read_message
from channels_app.adapters.settings import is_same
from channels_app.codes import Problem, describe
from channels_app.lib import jsons
from channels_app.protocol import Event, EventType, Incoming, Reply, Turn
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import ConfigError, PayloadError, SignatureError
from channels_app.protocol.intents import Intent
from channels_app.protocol.options import choosable

MAX_COUNTER = 2**31 - 1  # more than any session counts, and what a database integer holds
SHORTEST_TOKEN, LONG_TOKEN = 12, 20  # characters: no platform makes shorter ones, and few people make up longer words
DRAFT = "DRAFT"  # the version that a bot's author still works on
MAX_INTENT = 200  # characters of a name
MESSENGER_KEYS = (
    *("text", "quick_replies", "attachment", "attachments", "type", "metadata", "mid", "seq", "is_echo", "timestamp"),
    *("payload", "template_type", "url", "title", "subtitle", "elements", "buttons"),
)
"""Of a message or a part of it: beside commands they are what they always are."""

_PLATFORMS_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.")
"""A JSON Web Token."""
_SESSION = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)


class Chatlayer(BotConnector):
    kind = "chatlayer"
    label = "Chatlayer"
    settings_form = ChatlayerForm
    answers_later = True
    asks_by_webhook = True
    tries_buttons = True
    speaks_when_delegated = False
    speaks_first = False  # a webhook channel is user-initiated: the first message's intent skips the introduction

    def send(self, turn: Turn) -> Reply | None:
        if not self.settings.get("url") or not self.settings.get("access_token"):
            missing = "address and access token of Chatlayer's webhook channel are not saved yet"
            raise ConfigError(describe("CB-507", problem=missing))
        headers = {"Authorization": f"Bearer {self.settings['access_token']}"}
        document = turn_document(
            turn,
            identify_by=self.settings.get("identify_by") or CONVERSATION_ID,
            payloads=Payloads(self.settings.get("payloads_as") or Payloads.TEXT),
        )
        self.post(turn, self.settings["url"], json=document, headers=headers)
        return None

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> list[Problem]:
        swapped = _look_swapped(settings.get("access_token") or "", settings.get("verify_token") or "")
        return [*super().warnings(settings), *([describe("CB-522")] if swapped else [])]

    def check(self) -> list[CheckLine]:
        """A token that is refused may stand in the other's field: then the other one is taken."""
        lines, tokens = super().check(), (self.settings.get("access_token"), self.settings.get("verify_token"))
        if lines[0].code != "CB-517" or not tokens[1] or not str(tokens[1]).isascii():
            return lines
        other = type(self)({**self.settings, "access_token": tokens[1], "verify_token": tokens[0]})
        other.api = self.api
        is_swapped = super(Chatlayer, other).check()[0].is_ok
        return [CheckLine.failed("Bot", describe("CB-522"), lines[0].took_ms)] if is_swapped else lines

    def sent_back(self, request: str, said: str, *, has_chosen: bool) -> str:
        try:
            message = jsons.read_object(request.encode())["message"]
        except (PayloadError, KeyError):  # one that was too long to be kept whole
            return ""
        return sent_form(message, said, has_chosen=has_chosen)

    # --- its messages ---

    def verify(self, incoming: Incoming) -> None:
        """By the verify token in the body: Chatlayer signs nothing."""
        expected = self.settings.get("verify_token")
        if not expected:
            raise SignatureError("No verify token is saved yet.", reason="no_secret")
        try:
            presented = jsons.read_object(incoming.body).get("verifyToken")
        except PayloadError:
            presented = None
        if isinstance(presented, str) and is_same(presented, expected):
            return
        if isinstance(presented, str) and is_same(presented, self.settings.get("access_token") or expected):
            detail = "Chatlayer called us with what is saved as its access token: the two were swapped."
            raise SignatureError(detail, reason="tokens_swapped")
        detail = "Chatlayer called us with a different verify token from the one saved here."
        raise SignatureError(detail, reason="bad_verify_token")

    def parse(self, incoming: Incoming) -> list[Event]:
        """One message of the bot; typing and the like are no event.

        Nothing public says whether its numbers count per session or per turn (every sample shows 1). So a repeat
        has the number *and* the words of a message about the same turn; without a number, also the same minute.
        """
        body = jsons.read_object(incoming.body)
        beside = {key: value for key, value in body.items() if key in REPLY_KEYS and value is not None}
        message = body.get("message")
        if not isinstance(message, dict) and not (beside and message is None):
            raise PayloadError("message: must be an object")
        reply = (_reply(message) if message is not None else Reply()).merged_with(read_commands(beside))
        if reply == Reply():
            return []
        number = body.get("messageCounter")
        session = _session_of(body)
        event = Event(
            type=EventType.BOT_REPLIED,
            key=_key(number, reply, incoming.received_at),
            conversation_id=session,
            sent_at=incoming.received_at,
            counter=_counter(number),
            counts_per_turn=True,
            reply=replace(reply, intents=_intents(body.get("nlp"))),
        )
        return [event]

    def kept(self, body: bytes) -> bytes:
        """Without the verify token, which has done its work."""
        document = jsons.as_it_came(jsons.read_object(body))
        document.pop("verifyToken", None)
        return jsons.encoded(document)

    def accepted(self) -> HttpAnswer:
        """Anything but 200 makes Chatlayer repeat a message that stays as unwelcome as it was."""
        return 200, {}

    repeated = accepted
    unknown_session = accepted
    not_assigned = accepted

    # --- "send to offload provider" ---

    def offload_token(self, incoming: Incoming) -> str:
        return incoming.query.get("challenge.verifyToken", "")

    def draft_session(self, incoming: Incoming) -> str:
        """Requests for a human and copies of messages name the version."""
        body = jsons.JsonObject.read(incoming.body)
        return _our_session(body.text("sessionId")) if body.values.get("version") == DRAFT else ""

    def parse_offload(self, incoming: Incoming) -> list[Event]:
        """A request for a human; the copies of all messages that come the same way are no event."""
        body = jsons.JsonObject.read(incoming.body)
        if body.values.get("event") != "offload":
            return []
        event = Event(
            type=EventType.OFFLOAD_REQUESTED,
            key=hashlib.sha256(incoming.body).hexdigest(),  # a retry has the same body, and no id
            conversation_id=_our_session(body.required_text("sessionId")),
            sent_at=jsons.moment(body.values.get("timestamp")) or incoming.received_at,
            counts_per_turn=True,
            reply=read_wish(body.values.get("payload")),
            details={"transcript": _transcript(body.values.get("transcript"))},
        )
        return [event]

    def offload_answer(self, *, is_taken: bool) -> HttpAnswer:
        """Accepted: the bot shows "opened"; otherwise it continues with its dialog for closed or disabled.

        Chatlayer ends a pause by nothing that we could send, so a session is only paused where an admin wants it.
        """
        return 200, {"offloadSuccess": is_taken, "pauseBot": is_taken and bool(self.settings.get("pause_bot"))}


def _look_swapped(access: str, verify: str) -> bool:
    """Whether what a platform makes stands where people enter what they made up."""
    made = _PLATFORMS_TOKEN.match
    return bool(made(verify) and not made(access)) or (
        0 < len(access) < SHORTEST_TOKEN and len(verify) >= LONG_TOKEN and " " not in verify
    )


def _reply(message: Mapping[str, Any]) -> Reply:
    """What it says, and what a JSON Builder action wants done, wherever the message holds it; an event is neither."""
    holders = list(holders_of(message))
    if not holders:
        said = Reply() if message.get("type") == "event" else read_message(message)
    else:
        found = (read_commands(holder, known=MESSENGER_KEYS) for holder in holders)
        said = reduce(Reply.merged_with, found, _said_beside(message))
    lost = (what for option in choosable(said.messages) for what in lost_parameters(option.payload))
    return replace(said, dropped=(*said.dropped, *lost))


def _said_beside(message: Mapping[str, Any]) -> Reply:
    """The words of a message that holds commands. What holds them, and shows nothing, is not missed."""
    rest = {
        key: value
        for key, value in message.items()
        if key not in REPLY_KEYS and (not any(holders_of(value)) or read_message({key: value}).messages)
    }
    said = read_message(rest)
    return said if said.messages or not {"attachment", "attachments"}.isdisjoint(rest) else Reply()


def _intents(nlp: object) -> tuple[Intent, ...]:
    """What Chatlayer understood of the contact's last words."""
    return read_intents(nlp.get("intent")) if isinstance(nlp, dict) else ()


def _session_of(body: dict[str, Any]) -> str:
    """`senderId`, or in older forms the id of sender or recipient: the first of them that can be ours."""
    people = (body.get("sender"), body.get("recipient"))
    named = (body.get("senderId"), *(one.get("id") for one in people if isinstance(one, dict)))
    found = [_our_session(one) for one in named if isinstance(one, str) and one]
    if not found:
        raise PayloadError("senderId: is missing")
    return next((session for session in found if _SESSION.fullmatch(session)), found[0])


def _our_session(text: str) -> str:
    """Without a prefix such as "default-" that Chatlayer may put before our session id."""
    found = _SESSION.search(text)
    return found[0].lower() if found else text


def _counter(number: object) -> int | None:
    """The number as order; None for one that can't be: then the order of arrival counts."""
    if isinstance(number, str) and number.isdecimal() and len(number) <= len(str(MAX_COUNTER)):
        number = int(number)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return number if 0 <= number <= MAX_COUNTER else None


def _key(number: object, reply: Reply, received_at: datetime) -> str:
    """The same for a repeat, whose times and analytics may differ: of the number and of what is said."""
    scope = number if number is not None else f"{received_at:%Y-%m-%dT%H:%M}"
    said = json.dumps([scope, asdict(reply)], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _transcript(value: object) -> list[dict[str, str]]:
    """What was said, in our words and as text; a rich message as the JSON it is."""
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return [
        {
            "author": "bot" if item.get("actor") == "bot" else "contact",
            "text": _said(item.get("message")),
            "sent_at": str(item.get("timestamp") or ""),
        }
        for item in items
    ]


def _said(message: object) -> str:
    if isinstance(message, dict) and isinstance(message.get("text"), str):
        return str(message["text"])
    return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
