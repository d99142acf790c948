"""What a bot platform must be able to do: take a turn, and answer it now or call back later."""

import re
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from django import forms

from channels_app.adapters.settings import address_problems
from channels_app.codes import Problem, describe
from channels_app.lib.http.session import Answer, ApiSession
from channels_app.lib.jsons import JsonObject
from channels_app.protocol import Event, EventType, Incoming, Message, Option, Reply, Turn
from channels_app.protocol.causes import BOT, describe_call
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import (
    BridgeError,
    Effect,
    PayloadError,
    RefusedError,
    SignatureError,
    TemporaryError,
)
from channels_app.protocol.visible import named

MAX_REPLY_BYTES = 1_000_000  # of one answer; a bot that says more is broken
DEFAULT_TIMEOUT_S = 20  # of one call, all in all
MAX_TIMEOUT_S = 45  # two tries and a handover fit into the platform's five minutes, and no contact waits longer

MAX_SECONDS_DIGITS = 5  # of a time to wait: more than a day is no matter of a turn

HttpAnswer = tuple[int, dict[str, Any]]
"""Status and JSON body that a callback gets."""


class TimeoutField(forms.IntegerField):
    """For the setting `timeout_s` of a bot whose author may need more time, or less."""

    def __init__(self, **options: Any) -> None:
        texts = {
            "label": "Timeout in seconds",
            "help_text": f"No answer within this time counts as a failed try. Empty: {DEFAULT_TIMEOUT_S}.",
        }
        limits = {"initial": DEFAULT_TIMEOUT_S, "min_value": 1, "max_value": MAX_TIMEOUT_S}
        super().__init__(**{"required": False, **texts, **limits, **options})


class BotConnector(ABC):
    """One bot on its platform. Settings may be incomplete: only what needs a missing one fails."""

    kind: ClassVar[str]
    label: ClassVar[str]
    settings_form: ClassVar[type[forms.Form]]
    answers_later: ClassVar[bool] = False
    """Whether `send` always gives None and each message comes by webhook."""
    asks_by_webhook: ClassVar[bool] = False
    """Whether it asks for a human by a webhook of its own."""
    speaks_first: ClassVar[bool] = True
    """Whether it is told of a start without a message even where the channel's greeting isn't `always`."""
    speaks_when_delegated: ClassVar[bool] = True
    """The same when an agent delegates a conversation to it, without a dialog to start with."""

    asks_ahead: ClassVar[bool] = False
    """Whether it can ask us whether agents would take over, and prove itself with nothing but the request."""
    tries_buttons: ClassVar[bool] = False
    """Whether an admin has to press a button once, to see if its payload comes back as this kind of bot wants it."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.api = ApiSession(timeout_s=self.timeout_s, max_bytes=MAX_REPLY_BYTES)

    @property
    def timeout_s(self) -> float:
        return float(self.settings.get("timeout_s") or DEFAULT_TIMEOUT_S)

    def timeout_for(self, turn: Turn) -> float:
        """Seconds for the call of this turn."""
        return self.timeout_s if turn.time_left_s is None else max(min(self.timeout_s, turn.time_left_s), 1.0)

    def post(self, turn: Turn, url: str, **request: Any) -> Answer:
        """POST to the bot, within what time this turn has left. Raises its refusal as one of our errors."""
        return self.ask(turn, "POST", url, **request)

    def ask(self, turn: Turn, method: str, url: str, **request: Any) -> Answer:
        """The same by another method. A call that the bot may count twice is not repeated in silence."""
        may_repeat = self.may_repeat and not self.answers_later
        answer = self.api.call(method, url, timeout_s=self.timeout_for(turn), may_repeat=may_repeat, **request)
        self.raise_for(answer)
        return answer

    @abstractmethod
    def send(self, turn: Turn) -> Reply | None:
        """Tell the bot a turn. An empty Reply: it has nothing to say. None, only of a bot that calls back: it was
        taken, and an answer may come later by webhook."""

    @property
    def needs_history(self) -> bool:
        """Whether it remembers nothing itself, so that each turn brings what was said before: one more statement."""
        return False

    @property
    def hears_silence(self) -> bool:
        """Whether it wants to be told that a conversation ends because its contact is silent."""
        return False

    @property
    def may_repeat(self) -> bool:
        """Whether it may be told a turn again that it has perhaps been told."""
        return True

    def shown_headers(self, turn: Turn) -> Mapping[str, str]:
        """The headers of this turn's call that an admin has entered, their secrets covered."""
        return {}

    # --- a bot that calls back; by default none does ---

    @classmethod
    def calls_back(cls) -> bool:
        """Whether this kind has a use for a reply URL."""
        return cls.parse is not BotConnector.parse

    @property
    def can_call_back(self) -> bool:
        """Whether this bot's messages would be accepted there."""
        return self.calls_back()

    def verify(self, incoming: Incoming) -> None:
        raise SignatureError("This kind of bot does not call back.", reason="no_callback")

    def parse(self, incoming: Incoming) -> list[Event]:
        """What it says later. `conversation_id` of the events is our session id."""
        return []

    def kept(self, body: bytes) -> bytes:
        """What is kept of a verified body: all of it but the secrets that it proved itself with."""
        return body

    def accepted(self) -> HttpAnswer:
        return 202, {"accepted": True}

    def repeated(self) -> HttpAnswer:
        """For what was already counted: it is not sent again."""
        return 202, {"accepted": True, "repeat": True}

    def unknown_session(self) -> HttpAnswer:
        return 404, {"accepted": False, "code": "unknown_session"}

    def not_assigned(self) -> HttpAnswer:
        """For a conversation that is not the bot's any more."""
        return 409, {"accepted": False, "code": "not_assigned"}

    # --- a bot that asks for a human by a webhook of its own; by default none does ---

    def offload_token(self, incoming: Incoming) -> str:
        """The token that the request presents; the offload provider knows the right one."""
        return ""

    def parse_offload(self, incoming: Incoming) -> list[Event]:
        raise PayloadError("This kind of bot asks for a human in its reply, not through a webhook.")

    def draft_session(self, incoming: Incoming) -> str:
        """The session in which a draft of the bot speaks, where a request at this door tells; empty: none does."""
        return ""

    def offload_answer(self, *, is_taken: bool) -> HttpAnswer:
        """What the request is answered, depending on whether a human takes over."""
        return 200, {"accepted": is_taken}

    # --- Test connection ---

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> list[Problem]:
        """What of these settings works, and should be otherwise."""
        return address_problems(cls.settings_form, settings)

    def check(self) -> list[CheckLine]:
        """Start a conversation without a contact, and describe the answer. Never raises."""
        turn = Turn(
            type=EventType.CONVERSATION_STARTED,
            turn_id=str(uuid.uuid4()),
            session_id=str(uuid.uuid4()),
            is_test=True,
        )
        started = time.monotonic()
        try:
            reply, problem = self.send(turn), None
        except BridgeError as error:
            reply, problem = None, describe_call(BOT, error, limit=f"{self.timeout_s:g}")
        took_ms = int((time.monotonic() - started) * 1000)
        if problem:
            return [CheckLine.failed("Bot", problem, took_ms)]
        name = self.label.partition(" (")[0]
        detail = f"{name} {self._what_came(reply)} in {took_ms} ms."
        return [CheckLine(title="Bot", is_ok=True, detail=detail, took_ms=took_ms)]

    def _what_came(self, reply: Reply | None) -> str:
        if reply is None and self.can_call_back:
            return "accepted our test and answers later, to the reply URL,"
        if reply is None:
            return "accepted our test without an answer, and has no way to answer later,"
        if reply.messages:
            return f"answered our test with {len(reply.messages)} message{'s' if len(reply.messages) > 1 else ''}"
        if reply.unshown:
            return f"answered our test with nothing that can be shown ({', '.join(reply.unshown)})"
        return "answered our test without a message"

    def sent_back(self, request: str, said: str, *, has_chosen: bool) -> str:
        """In which form a chosen option went back to the bot, in words; empty: nothing was chosen.

        `request` is the body as it was sent, `said` the contact's words; `has_chosen`: they chose an option.
        """
        return ""

    def raise_for(self, answer: Answer) -> None:
        """Their HTTP status as one of our errors; nothing for 2xx."""
        status = answer.status
        if 200 <= status < 300:
            return
        detail = f"The bot answered {status}."
        if status in (429, 503):
            busy = TemporaryError(detail, effect=Effect.NONE, status=status)
            busy.retry_after = _seconds(answer.headers.get("retry-after", ""))
            raise busy
        if status >= 500:
            raise TemporaryError(detail, effect=Effect.FAILED, status=status)
        raise RefusedError(detail, status=status)


def _seconds(text: str) -> timedelta:
    """Of the header Retry-After; nothing for a date, which some clocks would get wrong."""
    digits = text.strip()
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= MAX_SECONDS_DIGITS
    return timedelta(seconds=int(digits) if is_number else 0)


_ERROR_CODE = re.compile(r"[\w.-]{1,60}", re.ASCII)
"""What an error is called by, e.g. `model_not_found`; anything else may repeat what we sent."""


def code_of_error(answer: Answer, *keys: str, inside: str = "") -> str:
    """What an answer calls its error, in the first of these keys, of the object `inside` it; empty: it doesn't say."""
    try:
        document = JsonObject.read(answer.body)
        error = (document.object(inside) if inside else document) or JsonObject({})
    except PayloadError:
        return ""
    found = (error.values.get(key) for key in keys)
    return next((name for name in found if isinstance(name, str) and _ERROR_CODE.fullmatch(name)), "")


def with_code(error: BridgeError, name: str) -> BridgeError:
    """The refusal with what the bot calls it; keys that are refused need no other name."""
    if name and error.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        error.problem = describe("CB-502", status=f"{error.status}, {name}")
        error.detail = error.problem.text
    return error


def message_of(keys: Collection[str]) -> str:
    """A message in which nothing is known, by what its keys are called."""
    return f"message with {', '.join(map(named, keys))}" if keys else "empty message"


def with_last_options(messages: Sequence[Message], options: tuple[Option, ...]) -> tuple[Message, ...]:
    """Options that belong to all messages stand below the last one."""
    if not options:
        return tuple(messages)
    last = messages[-1] if messages else Message()
    return (*messages[:-1], replace(last, options=last.options + options))
