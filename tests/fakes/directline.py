"""Direct Line 3.0 in memory, with a clock of its own: conversations, their activities, and a bot as a function."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels_app.lib.http.session import Answer
from channels_app.protocol.errors import BridgeError
from tests.fakes.api import Call, answer

DIRECTLINE = "http://directline.test"
ENDPOINT = f"{DIRECTLINE}/powervirtualagents/botsbyschema/cr123_demo/directline/token"
SECRET = "demo-secret-of-direct-line"

Activity = dict[str, Any]
Says = Sequence[tuple[float, Activity]]
"""What a bot says, each so many seconds after it was told."""


def text(words: str, **more: Any) -> Activity:
    return {"type": "message", "text": words, **more}


def echo(activity: Activity) -> Says:
    """Answers messages at once, and nothing else."""
    return [(0, text(f"You said: {activity.get('text')}"))] if activity["type"] == "message" else []


class Time:
    """In place of the module."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@dataclass
class FakeDirectLine:
    """`faults` come first, one for each post of an activity: an answer or an error, or either with "after" if the
    activity arrives all the same; `read_faults` the same for each look. Also takes the place of an adapter's `api`."""

    time: Time = field(default_factory=Time)
    bot: Callable[[Activity], Says] = echo
    calls: list[Call] = field(default_factory=list)
    posted: list[Activity] = field(default_factory=list)
    conversations: dict[str, list[tuple[float, Activity]]] = field(default_factory=dict)
    faults: list[Any] = field(default_factory=list)
    read_faults: list[Any] = field(default_factory=list)
    tokens: int = 0
    valid: set[str] = field(default_factory=set)
    """Tokens."""
    region: str = ""

    def call(self, method: str, url: str, **request: Any) -> Answer:
        self.calls.append(Call(method, url, request))
        headers, params = request.get("headers") or {}, request.get("params") or {}
        return self.handle(method, urlsplit(url).path, params, headers, request.get("json") or {})

    def answer_request(self, method: str, target: Any, headers: Any, body: Any) -> Answer:
        """For a request on its way out."""
        params = {name: values[0] for name, values in parse_qs(target.query).items()}
        return self.handle(method, target.path, params, headers, json.loads(body or b"{}"))

    def handle(self, method: str, path: str, params: Any, headers: Any, document: Any) -> Answer:
        if path.startswith("/powervirtualagents/"):
            return answer(
                200, {"channelUrlsById": {"directline": self.region}} if "regional" in path else self.token()
            )
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer != SECRET and bearer not in self.valid:
            return answer(403, {"error": {"code": "TokenExpired", "message": "Token has expired"}})
        parts = path.removeprefix("/v3/directline/").split("/")
        if parts == ["tokens", "refresh"]:
            return answer(200, self.token())
        if parts == ["conversations"]:
            key = f"c{len(self.conversations) + 1}"
            self.conversations[key] = []
            return answer(201, {"conversationId": key, "token": "unused", "expires_in": 1800} | self.token())
        if parts[1] not in self.conversations:
            return answer(404, {"error": {"code": "BadArgument", "message": "Unknown conversation"}})
        return self._post(parts[1], document) if method == "POST" else self._read(parts[1], params)

    def token(self) -> dict[str, Any]:
        self.tokens += 1
        self.valid.add(f"token-{self.tokens}")
        return {"token": f"token-{self.tokens}", "expires_in": 1800}

    def say(self, conversation: str, activity: Activity, *, in_s: float = 0) -> None:
        """The bot by itself, or to something."""
        said = self.conversations[conversation]
        full = {"id": f"{conversation}|{len(said):07}", "from": {"id": "bot-1", "role": "bot"}, **activity}
        said.append((self.time.now + in_s, full))

    def _post(self, conversation: str, activity: Activity) -> Answer:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not isinstance(fault, tuple):
            return _given(fault)
        self.posted.append(activity)
        key = f"{conversation}|{len(self.conversations[conversation]):07}"
        self.say(conversation, {**activity, "id": key})
        for after_s, said in self.bot(activity):
            self.say(conversation, {"replyToId": key, **said}, in_s=after_s)
        return _given(fault[1]) if isinstance(fault, tuple) else answer(200, {"id": key})

    def _read(self, conversation: str, params: Any) -> Answer:
        if self.read_faults:
            return _given(self.read_faults.pop(0))
        said = sorted(self.conversations[conversation], key=lambda pair: pair[0])
        shown = [activity for at, activity in said if at <= self.time.now]
        new = shown[int(params.get("watermark") or 0) :]
        return answer(200, {"activities": new, "watermark": str(len(shown))})


def _given(fault: Any) -> Answer:
    if isinstance(fault, BridgeError):
        raise fault
    assert isinstance(fault, Answer)
    return fault
