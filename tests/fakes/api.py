"""What an adapter sees of the network: prepared answers, in order, and a record of what was asked."""

import json
from dataclasses import dataclass, field
from typing import Any

from channels_app.lib.http.session import Answer
from channels_app.protocol.errors import BridgeError


@dataclass(frozen=True)
class Call:
    method: str
    url: str
    request: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return self.request.get("headers") or {}


@dataclass
class FakeApi:
    """Takes the place of an adapter's `api`. Running out of answers fails the test."""

    answers: list[Answer | BridgeError]
    calls: list[Call] = field(default_factory=list)

    def call(self, method: str, url: str, **request: Any) -> Answer:
        self.calls.append(Call(method, url, request))
        answer = self.answers.pop(0)
        if isinstance(answer, BridgeError):
            raise answer
        return answer


def answer(
    status: int = 200, document: Any = None, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    content = body if document is None else json.dumps(document).encode()
    return Answer(status, {"content-type": "application/json", **(headers or {})}, content, 12)
