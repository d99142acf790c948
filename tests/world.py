"""The rest of the world, in memory: an inbox and a bot at the seam where adapters call out.

Unlike prepared answers it keeps conversations, so a test says what happened and not which calls were made.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from channels_app.channels.links import READY
from channels_app.lib.http.session import Answer, ApiSession, Request
from channels_app.protocol.errors import BridgeError, ConfigError
from tests.fakes.directline import DIRECTLINE, FakeDirectLine

INBOX = "http://inbox.test"
BOT = "http://bot.test/bot"
MODEL = f"{BOT}/chat/completions"
CHATLAYER = "http://chatlayer.test/v1/channels/webhook/abc/messages"
DIALOGFLOW = "http://dialogflow.test"
FILES = "http://files.test"
SOMEWHERE = "93.184.215.14"  # on the internet
OURSELVES = "https://bridge.example.com"

Rule = Callable[[dict[str, Any]], Any]


def answer(status: int = 200, document: Any = None, headers: dict[str, str] | None = None) -> Answer:
    body = b"" if document is None else json.dumps(document).encode()
    return Answer(status, {"content-type": "application/json", **(headers or {})}, body, 1)


@dataclass
class FakeInbox:
    """Keeps what arrives of each conversation; `faults` are answered first, one a call: an answer or an error, either
    with "after" if the call is done all the same, or a function that gives one or None."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)
    tokens_given: int = 0
    gone: set[str] = field(default_factory=set)
    faults: list[Any] = field(default_factory=list)
    locks: list[dict[str, Any]] = field(default_factory=list)
    """What agents have opened."""
    looks: int = 0
    figures: dict[str, Any] = field(
        default_factory=lambda: {"agent-availability": 3, "contacts-waiting": 0, "longest-wait-time": 0}
    )
    """Of the queue: what each of them tells, an answer or an error to all calls, or a function that gives one."""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Which figures, and for what."""

    def handle(self, method: str, path: str, request: dict[str, Any]) -> Answer:
        if path.endswith("/oauth2/token"):
            self.tokens_given += 1
            token = {"access_token": f"token-{self.tokens_given}", "token_type": "bearer", "expires_in": 3600}
            return answer(200, token)
        if "/metrics/" in path:
            return self._figure(path.rpartition("/")[2], _json_of(request))
        fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault = fault()
        is_after = isinstance(fault, tuple)
        if fault is not None and not is_after:
            return _given(fault)
        if path.endswith("/inbox/v1/queue/lock"):
            self.looks += 1
            return answer(200, {"locks": self.locks})
        conversation, _, filename = re.sub(r".*/conversations/", "", path).partition("/attachments/")
        if conversation in self.gone:
            return answer(404, {"errors": [{"code": 1001, "message": "not assigned", "id": "trace-404"}]})
        if filename:
            self.uploads.append((conversation, filename, bytes(request["data"])))
        else:
            self._keep(conversation, _json_of(request))
        return _given(fault[1]) if isinstance(fault, tuple) else answer(200, {})

    def _figure(self, name: str, asked: dict[str, Any]) -> Answer:
        self.asked.append((name, asked))
        told = self.figures[name]
        told = told() if callable(told) else told
        return _given(told) if isinstance(told, Answer | BridgeError) else answer(200, {"value": told})

    def _keep(self, conversation: str, body: dict[str, Any]) -> None:
        self.calls.append((conversation, body))
        if body.get("complete"):
            self.gone.add(conversation)

    def said(self, conversation: str) -> list[str]:
        """Texts that reached the contact, in order."""
        texts: list[str] = []
        for found, body in self.calls:
            if found == conversation:
                messages = body.get("sendMessages") or ([body["sendMessage"]] if body.get("sendMessage") else [])
                texts += [message.get("text", "") for message in messages]
        return texts

    def completions(self, conversation: str) -> list[str]:
        return [body["complete"] for found, body in self.calls if found == conversation and body.get("complete")]

    def notes(self, conversation: str) -> list[str]:
        bodies = [body for found, body in self.calls if found == conversation]
        return [note["text"] for body in bodies for note in body.get("applyConversationNotes", [])]


@dataclass
class FakeBot:
    """Answers turns with `replies` (documents, answers, errors, or functions that give one), one each; then echoes."""

    turns: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    replies: list[Any] = field(default_factory=list)

    def handle(self, request: dict[str, Any]) -> Answer:
        self.turns.append(_json_of(request))
        self.headers.append(dict(request.get("headers") or {}))
        reply = (
            self.replies.pop(0) if self.replies else {"messages": [{"text": f"You said: {self.turns[-1]['text']}"}]}
        )
        if callable(reply):
            reply = reply()
        if isinstance(reply, dict):
            return answer(200, reply)
        return _given(reply)


@dataclass
class FakeChatlayer:
    """Acknowledges whatever it is told."""

    received: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    """Of its answers."""

    def handle(self, request: dict[str, Any]) -> Answer:
        self.received.append(_json_of(request))
        return answer(200, {}, self.headers)


@dataclass
class World:
    inbox: FakeInbox = field(default_factory=FakeInbox)
    bot: FakeBot = field(default_factory=FakeBot)
    chatlayer: FakeChatlayer = field(default_factory=FakeChatlayer)
    directline: FakeDirectLine = field(default_factory=FakeDirectLine)
    files: dict[str, Answer | BridgeError] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    """Addresses that the real way out would refuse, or not be asked for."""
    ourselves: Answer = field(default_factory=lambda: Answer(200, {}, READY.encode(), 1))

    def answer(self, session: ApiSession, request: Request, **limits: Any) -> Answer:
        url = request.target.without_query
        facts = {"data": request.body, "headers": request.headers}
        base, path = f"{request.target.scheme}://{request.target.host}", request.target.path
        if base == INBOX:
            return self.inbox.handle(request.method, path, facts)
        if url in (BOT, MODEL) or base == DIALOGFLOW:
            return self.bot.handle(facts)
        if base == DIRECTLINE:
            return self.directline.answer_request(request.method, request.target, request.headers, request.body)
        if url == CHATLAYER:
            return self.chatlayer.handle(facts)
        if url in self.unreachable:
            raise ConfigError(f"{url} is internal.")
        if base == FILES:
            file = self.files.get(path, answer(404))
            if isinstance(file, BridgeError):
                raise file
            if limits["into"] is None:
                return file
            limits["into"].write(file.body)
            return replace(file, body=b"")
        if base == OURSELVES:
            return self.ourselves
        raise AssertionError(f"nobody lives at {url}")

    def arrive(self, monkeypatch: pytest.MonkeyPatch) -> "World":
        monkeypatch.setattr(
            ApiSession, "_answer", lambda session, request, **limits: self.answer(session, request, **limits)
        )
        monkeypatch.setattr("channels_app.lib.http.addresses.resolve", lambda host: [SOMEWHERE])
        return self


def _given(fault: Any) -> Answer:
    if isinstance(fault, BridgeError):
        raise fault
    assert isinstance(fault, Answer)
    return fault


def _json_of(request: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(request["data"] or b"{}")
    assert isinstance(document, dict)
    return document
