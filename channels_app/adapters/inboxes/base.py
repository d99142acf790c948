"""What an inbox platform must be able to do, and decent behaviour for what one can't.

An adapter translates: their events to `Event`, our `Outgoing` to their calls, their answers to our errors.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from django import forms

from channels_app.adapters.inboxes.answers import EFFECTS, Lock, QueueFigures, Sent
from channels_app.adapters.inboxes.media import Written, medium_of
from channels_app.adapters.inboxes.signing import matching_secret
from channels_app.adapters.inboxes.tokens import OwnTokens, Token, Tokens
from channels_app.adapters.settings import address_problems
from channels_app.codes import Problem
from channels_app.lib.http.session import Answer, ApiSession, Body
from channels_app.lib.markdown import render
from channels_app.protocol import Event, Incoming, Message, Outgoing, options
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    ConversationGoneError,
    Effect,
    PayloadError,
    RefusedError,
    SignatureError,
    TemporaryError,
)
from channels_app.protocol.visible import is_visible, named

SEND_TIMEOUT_S = 30.0  # long, because guessing a message's fate too early duplicates or loses it
TOKEN_TIMEOUT_S = 10.0  # asking again for a token is free
MAX_ANSWER_BYTES = 100_000  # a token or an error is far below 10 kB


class Inbox(ABC):
    """One account of an inbox platform. Settings may be incomplete: only what needs a missing one fails."""

    kind: ClassVar[str]
    label: ClassVar[str]
    settings_form: ClassVar[type[forms.Form]]
    signature_header: ClassVar[str]
    other_signatures: ClassVar[Mapping[str, str]] = {}
    """Signature headers of the platform's other generations, by the reason that is counted for them."""

    keys_menu: ClassVar[str]
    """Where its admin finds the API keys, in the platform's own terms; the other menus work the same way."""
    virtual_agent_menu: ClassVar[str]
    adding_words: ClassVar[str]
    """What to do there."""
    secret_menu: ClassVar[str]
    switch_on_menu: ClassVar[str]
    write_back_menu: ClassVar[str] = ""
    """Where it is told our address for the agents' results; empty if it reports none."""
    access_words: ClassVar[str] = ""
    """How to get API keys where the platform has to be asked for them; with a mail to send."""
    access_mail: ClassVar[str] = ""

    max_messages_per_call: ClassVar[int | None] = 1
    """None: any number."""
    carries_notes: ClassVar[bool] = False
    carries_tags: ClassVar[bool] = False
    shows_typing: ClassVar[bool] = False
    tells_locks: ClassVar[bool] = False
    """Whether it can be asked which agents have opened which conversations."""
    tells_queue: ClassVar[bool] = False
    """Whether it can be asked how many agents are available and how many contacts wait."""
    attribute_key: ClassVar[re.Pattern[str]] = re.compile(r".+")
    """What the name of a contact attribute may look like; one that doesn't fit would cost the whole call."""
    attribute_key_words: ClassVar[str] = ""
    """What is wrong with one that doesn't."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        shared_secrets: Sequence[str] = (),
        token_source: "Callable[[Inbox], Tokens] | None" = None,
    ) -> None:
        self.settings = settings
        self.shared_secrets = tuple(shared_secrets)
        self.api = ApiSession(timeout_s=SEND_TIMEOUT_S, max_bytes=MAX_ANSWER_BYTES)
        self._token_source = token_source or (lambda inbox: OwnTokens(inbox.fetch_token))

    @cached_property
    def tokens(self) -> Tokens:
        return self._token_source(self)

    # --- what comes in ---

    def verify(self, incoming: Incoming, *, secrets: Sequence[str] | None = None) -> int:
        """Check that the body is signed with one of our hexadecimal shared secrets.

        Returns which one matched (0 is the first), so that a rotation of secrets can be watched.
        """
        candidates = self.shared_secrets if secrets is None else secrets
        return matching_secret(incoming, self.signature_header, candidates, self._unsigned(incoming))

    def _unsigned(self, incoming: Incoming) -> SignatureError:
        """Why there is no signature to look at: a stranger, or the channel is set to another generation."""
        for reason, header in self.other_signatures.items():
            if incoming.headers.get(header):
                detail = f"This channel is set to {self.label}, but the event is signed in {header}."
                return SignatureError(detail, reason=reason)
        return SignatureError("The signature header is missing.", reason="no_signature")

    @abstractmethod
    def parse(self, incoming: Incoming) -> list[Event]:
        """Their notification in our words; nothing for a type that we don't know.

        Raises UnusableError, PayloadError, SignatureError.
        """

    def parse_write_back(self, incoming: Incoming) -> list[Event]:
        """How a conversation went on with the agents, for platforms that tell."""
        return []

    # --- what goes out ---

    def carried(self, outgoing: Outgoing) -> Outgoing:
        """What is left of it on a platform that can't carry everything."""
        is_taggable = self.carries_tags and outgoing.tagged_message_id
        tags = tuple(filter(is_visible, outgoing.tags)) if is_taggable else ()
        attributes = outgoing.attributes.items()
        return replace(
            outgoing,
            messages=tuple(
                message for message in outgoing.messages if is_visible(message.text) or message.attachment_name
            ),
            topics=tuple(filter(is_visible, outgoing.topics)),
            tags=tags,
            tagged_message_id=outgoing.tagged_message_id if tags else "",
            attributes={
                key: value for key, value in attributes if self.attribute_key.fullmatch(key) and is_visible(value)
            },
            note=outgoing.note if self.carries_notes and is_visible(outgoing.note) else "",
        )

    def dropped(self, outgoing: Outgoing) -> Iterator[str]:
        """What of it `carried` leaves out, for operators. Our own note goes with every handover, so that one is
        missing is no news."""
        for name in outgoing.attributes:
            if not self.attribute_key.fullmatch(name):
                yield f"contact attribute {named(name)}: {self.attribute_key_words}"
        if outgoing.tags and not self.carries_tags:
            yield f"tags: {self.label} takes none"
        elif outgoing.tags and not outgoing.tagged_message_id:
            yield "tags: there is no message from the contact to tag"
        if outgoing.note and not outgoing.complete and not self.carries_notes:
            yield f"a note: {self.label} takes none"

    def shown(self, text: str, medium: str) -> str:
        """What a bot or a person says, as it has to be written to be read on this medium as it was meant."""
        return render(text, medium_of(medium).marks)

    def plain(self, text: str) -> str:
        """Words without Markdown, as they have to be written to be read as they are."""
        return text

    def written(self, message: Message, medium: str) -> Written:
        """The message with its options below it."""
        lines = tuple(map(self.plain, options.lines(message)))
        return Written(text=self.shown(message.text, medium), lines=lines, attachment=message.attachment)

    def has_buttons(self, messages: Sequence[Message], medium: str, *, is_switched_on: bool) -> bool:
        """Whether the options of these are buttons on this medium. `is_switched_on`: an admin has seen them there."""
        return False

    def readable(self, text: str) -> str:
        """What was sent, for the transcript."""
        return text

    def split(self, outgoing: Outgoing) -> list[Outgoing]:
        """One part per call; all that is not a message rides on the last, so that a completion never comes early."""
        carried = self.carried(outgoing)
        size = self.max_messages_per_call or max(len(carried.messages), 1)
        groups = [carried.messages[start : start + size] for start in range(0, len(carried.messages), size)] or [()]
        calls = [Outgoing(messages=group) for group in groups[:-1]]
        calls.append(replace(carried, messages=groups[-1]))
        return [call for call in calls if call != Outgoing()]

    @abstractmethod
    def send(self, conversation_id: str, outgoing: Outgoing) -> Sent:
        """One call, for one part made by `split`."""

    def indicate_typing(self, conversation_id: str, *, is_typing: bool) -> Sent:
        """Show the contact that the bot is typing, or no longer; only where `shows_typing`."""
        raise ConfigError(f"{self.label} shows no typing.")

    def locks(self) -> list[Lock]:
        """Which conversations of the account agents have opened; only where `tells_locks`."""
        raise ConfigError(f"{self.label} does not tell who has opened what.")

    def queue_figures(self, teams: Sequence[str]) -> QueueFigures:
        """Of these teams, or of the whole account; only where `tells_queue`. What the account may not see is None."""
        raise ConfigError(f"{self.label} does not tell who waits.")

    def check_queue(self, *, needs_figures: bool, needs_locks: bool) -> list[CheckLine]:
        """The same calls tried, as `check` tries the keys; never raises."""
        return []

    @abstractmethod
    def upload(self, conversation_id: str, filename: str, content_type: str, data: Body) -> None:
        """Put a file where a message of this conversation can name it."""

    @abstractmethod
    def inline_answer(self, outgoing: Outgoing) -> dict[str, Any]:
        """The same as body of our HTTP answer to an event: needs no token and counts against no quota."""

    def call(self, method: str, url: str, **request: Any) -> Answer:
        """One authorized call; a token that is refused is replaced once. Raises what `problem_of` says."""
        token = self.tokens.get()
        answer = self._call_with(token, method, url, request)
        if answer.status == 401:
            answer = self._call_with(self.tokens.replace(token), method, url, request)
        problem = self.problem_of(answer)
        if problem:
            problem.quota = self.quota_of(answer)
            raise problem
        return answer

    def quota_of(self, answer: Answer) -> tuple[int | None, int | None]:
        """What an answer, also a refusal, says of the account's daily calls: used, and allowed."""
        return None, None

    def problem_of(self, answer: Answer) -> BridgeError | None:
        """Their HTTP status as one of our errors."""
        status = answer.status
        if 200 <= status < 300:
            return None
        message, trace_id = self.explanation(answer)
        detail = f"{self.label} answered {status}{': ' if message else ''}{message}"
        if status == 401:
            return ConfigError(f"{detail}. It refuses our API keys.", status=status, trace_id=trace_id)
        if status == 404:
            return ConversationGoneError(detail, status=status, trace_id=trace_id)
        if status in EFFECTS or status >= 500:
            effect = EFFECTS.get(status, Effect.UNKNOWN)
            return TemporaryError(detail, effect=effect, status=status, trace_id=trace_id)
        return RefusedError(detail, status=status, trace_id=trace_id)

    def explanation(self, answer: Answer) -> tuple[str, str]:
        """Message and trace id of a failed answer, as far as it has them."""
        return "", ""

    def _call_with(self, token: str, method: str, url: str, request: Mapping[str, Any]) -> Answer:
        headers = {**request.get("headers", {}), "Authorization": f"Bearer {token}"}
        try:
            # Not twice without a trace: a contact would read a message again, with no record of why.
            return self.api.call(method, url, may_repeat=False, **{**request, "headers": headers})
        except (PayloadError, TemporaryError) as error:
            if not error.status:
                raise
            return Answer(error.status, {}, b"", 0)  # the status came, and says enough without a readable body

    # --- the account ---

    @property
    @abstractmethod
    def account_key(self) -> str:
        """One value for all channels with the same credentials: the platform limits and trusts per credentials."""

    @property
    def tenant_key(self) -> str:
        """One value for all channels of the same organization there, so far as settings tell."""
        return self.account_key

    @property
    @abstractmethod
    def server_name(self) -> str:
        """Which server an admin's keys are tried on, e.g. "the EU server"."""

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> list[Problem]:
        """What of these settings works, and should be otherwise."""
        return address_problems(cls.settings_form, settings)

    @classmethod
    def elsewhere(cls, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """These settings for the platform's other servers, by name, where the same keys might belong."""
        return {}

    @abstractmethod
    def request_token(self) -> Answer:
        """Ask the token endpoint; returns any answer."""

    @abstractmethod
    def read_token(self, answer: Answer) -> Token:
        """The token in its answer; ConfigError when the keys are refused, TemporaryError when it is down."""

    def fetch_token(self) -> Token:
        return self.read_token(self.request_token())
