"""Inboxes ready for a test, and requests as a platform would send them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from channels_app.adapters.inboxes import Inbox, inbox_class
from channels_app.adapters.settings import signature
from channels_app.lib import jsons
from channels_app.protocol import Incoming
from tests.fakes.api import FakeApi, answer

SECRET = "00ff" * 8
OLD_SECRET = "0102" * 8
CONVERSATION = "0-01e67a8c216-000-8c9ea98e"
GUIDE = (Path(__file__).resolve().parents[3] / "docs/adding-an-inbox.md").read_text()
SOURCE, LINE = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
"""The guide's example of an adapter, and its line in the registry."""
SETTINGS = {
    "region": "eu",
    "base_url": None,
    "client_id": "demo-client",
    "client_secret": "demo-client-key",
    "organization_id": "626731",
}


@cache
def deskline() -> type[Inbox]:
    module: dict[str, Any] = {"__name__": "deskline"}
    exec(compile(SOURCE, "deskline.py", "exec"), module)  # noqa: S102 - our own page
    found: type[Inbox] = module["Deskline"]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What the contract has to know of a kind: `key` and `sent_at` are members of its bodies; `lenient`: so many
    strange values, one in each body, still leave an event that can be used."""

    settings: dict[str, Any]
    another_account: dict[str, Any]
    key: str
    sent_at: str
    lenient: int


_SPARKCENTRAL = Cast(
    settings=SETTINGS,
    another_account={"client_id": "another"},
    key="idempotencyKey",
    sent_at="timestamp",
    lenient=50,
)
CASTS = {
    "sparkcentral": _SPARKCENTRAL,
    "hootsuite": _SPARKCENTRAL,
    "deskline": Cast(
        settings={"api_key": "demo-key"}, another_account={"api_key": "another"}, key="id", sent_at="at", lenient=10
    ),
}
"""Of each kind in INBOXES, and of the guide's example: a platform of another family."""


def adapter(kind: str) -> type[Inbox]:
    return deskline() if kind == "deskline" else inbox_class(kind)


class OneToken:
    """A token source that hands out t1, then t2, …"""

    def __init__(self) -> None:
        self.number = 1

    def get(self) -> str:
        return f"t{self.number}"

    def replace(self, rejected: str) -> str:
        assert rejected == f"t{self.number}"
        self.number += 1
        return self.get()


def make_inbox(kind: str, *answers: Any, **settings: Any) -> Inbox:
    settings = {**CASTS[kind].settings, **settings}
    inbox = adapter(kind)(settings, shared_secrets=[SECRET], token_source=lambda inbox: OneToken())
    inbox.api = FakeApi(list(answers))  # type: ignore[assignment]
    return inbox


def calls(inbox: Inbox) -> Any:
    return inbox.api.calls  # type: ignore[attr-defined]


def token_answer(**changes: Any) -> Any:
    document = {"access_token": "t1", "token_type": "bearer", "expires_in": 3599, **changes}
    return answer(200, document, headers={"date": "Thu, 28 Apr 2022 09:43:27 GMT"})


def incoming(inbox: Inbox, body: bytes, *, secret: str = SECRET, received_at: datetime | None = None) -> Incoming:
    headers = {inbox.signature_header: signature(body, bytes.fromhex(secret))}
    return Incoming(headers=headers, query={}, body=body, received_at=received_at or just_after(inbox, body))


def just_after(inbox: Inbox, body: bytes) -> datetime:
    """The network took a second."""
    sent_at = jsons.moment(jsons.read_object(body)[CASTS[inbox.kind].sent_at])
    assert sent_at
    return sent_at + timedelta(seconds=1)
