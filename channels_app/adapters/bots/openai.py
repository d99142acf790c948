"""Language models by the chat completions API, which most hosts and local servers offer.

API: https://platform.openai.com/docs/api-reference/chat. The model remembers nothing: each call brings the prompt and
what was said. A repeated call does nothing but cost.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from channels_app.adapters.bots.base import BotConnector, code_of_error, with_code
from channels_app.adapters.bots.openai_form import MAX_TOKENS, OpenAIForm
from channels_app.adapters.bots.openai_prompt import greeting_of, messages_of
from channels_app.adapters.bots.openai_tools import carry_out, tools_of
from channels_app.adapters.bots.thoughts import without_thoughts
from channels_app.codes import describe
from channels_app.lib.http.session import Answer
from channels_app.lib.jsons import JsonObject, object_in
from channels_app.protocol import EventType, Message, Reply, Turn
from channels_app.protocol.errors import BridgeError, ConfigError, RefusedError
from channels_app.protocol.visible import is_visible

COMPLETIONS = "/chat/completions"
MAX_CALLS = 3
"""For one answer: a model may call functions first, and only say something when it learns their results."""
USED_UP = "insufficient_quota"
"""A 429 that asking again doesn't mend: the provider's account has no balance left."""
FILTERED = "an answer that the provider's content filter held back"
WORDLESS = "an answer without words"
CUT_OFF = "the end of an answer that was longer than “Max tokens”"
FILTERS = ("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii")
"""Why an answer ended that a filter held back: OpenAI's word, and Gemini's own, which come in capitals."""
LENGTHS = ("length", "max_tokens")
REASONING = ("reasoning_content", "reasoning", "reasoning_details")
"""Where providers put what a model thought. With the results of its calls some want it back, and refuse without."""


class FilteredError(RefusedError):
    """The provider's content filter refuses what was said."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model says and does in one answer."""

    reply: Reply
    said: dict[str, Any]
    """The model's message and the results of its calls, as the next call repeats them."""
    results: list[dict[str, Any]]

    @property
    def wants_results(self) -> bool:
        """Whether it only called functions after which the contact still waits for an answer."""
        return bool(self.results) and not (self.reply.messages or self.reply.offload or self.reply.complete)


class OpenAI(BotConnector):
    kind = "openai"
    label = "Language model (OpenAI-compatible)"
    settings_form = OpenAIForm
    needs_history = True
    speaks_first = False  # contacts write first: a start alone would cost a call, and be answered by nobody

    def send(self, turn: Turn) -> Reply | None:
        names = {"url": "base URL", "model": "model", "prompt": "system prompt"}
        if missing := next((name for key, name in names.items() if not self.settings.get(key)), None):
            raise ConfigError(describe("CB-507", problem=f"its {missing} is not saved yet"))
        greeting = greeting_of(turn, self.settings)
        greeted = Reply(messages=(Message(text=greeting),)) if greeting else Reply()
        if greeting and turn.type is EventType.CONVERSATION_STARTED and not turn.text:
            return greeted
        answer = _one_end(self._answer(turn))
        return answer if answer.is_unshowable else greeted.merged_with(answer)

    def _answer(self, turn: Turn) -> Reply:
        """All that the model says and does, in as many calls as it takes and fit into the turn's time."""
        ends_at = time.monotonic() + self.timeout_for(turn)
        messages, reply, tools = messages_of(turn, self.settings), Reply(), tools_of(self.settings)
        for _ in range(MAX_CALLS):
            try:
                completion = self._complete(turn, messages, tools)
            except FilteredError:
                return Reply(unshown=(FILTERED,), dropped=reply.dropped)
            reply = reply.merged_with(completion.reply)
            turn = replace(turn, time_left_s=ends_at - time.monotonic())
            if not completion.wants_results or ends_at <= time.monotonic():
                break
            messages = [*messages, completion.said, *completion.results]
        if reply.messages or reply.offload or reply.complete:
            return reply
        return Reply(unshown=(WORDLESS,), dropped=reply.dropped)

    def _complete(self, turn: Turn, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Completion:
        key, options = self.settings.get("api_key"), self.settings
        limits = {
            "temperature": options.get("temperature"),
            options.get("tokens_as") or MAX_TOKENS: options.get("max_tokens"),
        }
        answer = self.post(
            turn,
            completions_address(options["url"]),
            json={
                "model": options["model"],
                "messages": messages,
                **({"tools": tools} if tools else {}),
                **{name: limit for name, limit in limits.items() if limit is not None},
            },
            headers={
                "X-Client-Request-Id": turn.turn_id,
                **({"Authorization": f"Bearer {key}"} if key else {}),
            },
        )
        document = JsonObject.read(answer.body)
        choice = next(document.objects("choices") if document.values.get("choices") else iter(()), None)
        self._raise_for_error(document if choice is None else choice)
        return self._read(choice or document.refuse("choices", "is empty"))

    def _raise_for_error(self, holder: JsonObject) -> None:
        """An error that came after its provider had said 200 already, as OpenRouter's do. A holder without one is
        fine."""
        error = object_in(holder.values, "error")
        status = error.get("code")
        if isinstance(status, int) and status in range(HTTPStatus.BAD_REQUEST, 600):
            metadata = object_in(error, "metadata")
            named = {"error": {**error, "code": metadata.get("error_type")}}
            self.raise_for(Answer(status, {}, json.dumps(named).encode(), took_ms=0))

    def _read(self, choice: JsonObject) -> Completion:
        finish = choice.text("finish_reason").lower()
        if finish.partition(":")[0] in FILTERS:
            raise FilteredError(FILTERED)
        message = choice.object("message") or choice.refuse("message", "is missing")
        calls = list(message.objects("tool_calls")) if message.values.get("tool_calls") else []
        done = [carry_out(call, self.settings) for call in calls]
        reply = reduce(Reply.merged_with, (part for part, _ in done), Reply(messages=tuple(_said(message))))
        if finish in LENGTHS:
            reply = replace(reply, dropped=(*reply.dropped, CUT_OFF))
        # Some local servers name no id; the API wants one with the result.
        named = [{**call.values, "id": call.values.get("id") or f"call_{n}"} for n, call in enumerate(calls, 1)]
        thoughts = {key: message.values[key] for key in REASONING if message.has(key)}
        said = {"role": "assistant", "content": None, "tool_calls": named, **thoughts}
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": told}
            for call, (_, told) in zip(named, done, strict=True)
        ]
        return Completion(reply, said, results)

    def raise_for(self, answer: Answer) -> None:
        """Their status, with what they call the error."""
        try:
            super().raise_for(answer)
        except BridgeError as error:
            name = code_of_error(answer, "code", "type", inside="error")
            if answer.status == HTTPStatus.BAD_REQUEST and "content_filter" in name:
                raise FilteredError(FILTERED, status=answer.status) from error
            if name == USED_UP:
                error = RefusedError(error.detail, status=error.status)
            raise with_code(error, name) from None


def completions_address(url: str) -> str:
    """Of an API by its base, or the address itself."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(COMPLETIONS) else path + COMPLETIONS))


def _said(message: JsonObject) -> Iterator[Message]:
    """What the contact reads: words or parts of them, or that the model declines."""
    content = message.values.get("content")
    text = "".join(map(_part, content)) if isinstance(content, list) else message.text("content")
    words = without_thoughts(text) or message.text("refusal").strip()
    if is_visible(words):
        yield Message(text=words)


def _part(part: object) -> str:
    """Words, or that the model declines. What it thinks and the like are not said."""
    if isinstance(part, str):
        return part
    words = (part.get("text") or part.get("refusal")) if isinstance(part, dict) else None
    return words if isinstance(words, str) else ""


def _one_end(reply: Reply) -> Reply:
    """A conversation that agents are to get is not closed."""
    if not (reply.offload and reply.complete):
        return reply
    return replace(reply, complete=None, dropped=(*reply.dropped, "resolve: it also hands over"))
