"""Inboxes ready for a test, and requests as a platform would send them."""

from datetime import datetime, timedelta
from typing import Any

from channels_app.adapters.inboxes import Inbox, inbox_class
from channels_app.adapters.settings import signature
from channels_app.lib import jsons
from channels_app.protocol import Incoming
from tests.fakes.api import FakeApi, answer

SECRET = "00ff" * 8
OLD_SECRET = "0102" * 8
CONVERSATION = "0-01e67a8c216-000-8c9ea98e"
SETTINGS = {
    "region": "eu",
    "base_url": None,
    "client_id": "demo-client",
    "client_secret": "demo-client-key",
    "organization_id": "626731",
}


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
    inbox = inbox_class(kind)({**SETTINGS, **settings}, shared_secrets=[SECRET], token_source=lambda inbox: OneToken())
    inbox.api = FakeApi(list(answers))  # type: ignore[assignment]
    return inbox


def calls(inbox: Inbox) -> Any:
    return inbox.api.calls  # type: ignore[attr-defined]


def token_answer(**changes: Any) -> Any:
    document = {"access_token": "t1", "token_type": "bearer", "expires_in": 3599, **changes}
    return answer(200, document, headers={"date": "Thu, 28 Apr 2022 09:43:27 GMT"})


def incoming(inbox: Inbox, body: bytes, *, secret: str = SECRET, received_at: datetime | None = None) -> Incoming:
    headers = {inbox.signature_header: signature(body, bytes.fromhex(secret))}
    return Incoming(headers=headers, query={}, body=body, received_at=received_at or just_after(body))


def just_after(body: bytes) -> datetime:
    """The network took a second."""
    sent_at = jsons.moment(jsons.read_object(body)["timestamp"])
    assert sent_at
    return sent_at + timedelta(seconds=1)
