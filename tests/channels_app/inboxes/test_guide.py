"""docs/adding-an-inbox.md does what it says: its adapter runs as written, and keeps the house's style."""

import inspect
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels_app.adapters.inboxes.base import Inbox
from channels_app.adapters.inboxes.keys import check_keys
from channels_app.adapters.settings import signature
from channels_app.lib.clocks import database_now
from channels_app.protocol import Completion, EventType, Incoming, Outgoing, OutgoingMessage
from channels_app.protocol.errors import ConfigError, PayloadError, SignatureError, UnusableError
from tests.channels_app.inboxes.cast import GUIDE, LINE, SECRET, SOURCE, deskline
from tests.fakes.api import FakeApi, answer

PROJECT = Path(__file__).resolve().parents[3]
EVENT = {"event": "message", "id": "e-1", "conversation": "c-1", "text": "Hi"}


@pytest.fixture(name="deskline")
def the_example() -> type[Inbox]:
    return deskline()


def made(deskline: type[Inbox], *answers: Any, api_key: str = "demo-key") -> Inbox:
    inbox = deskline({"api_key": api_key}, shared_secrets=[SECRET])
    inbox.api = FakeApi(list(answers))  # type: ignore[assignment]
    return inbox


def incoming(age: timedelta = timedelta(seconds=1), **changes: Any) -> Incoming:
    now = database_now()
    body = json.dumps({**EVENT, "at": (now - age).isoformat(), **changes}).encode()
    headers = {"x-deskline-signature": signature(body, bytes.fromhex(SECRET))}
    return Incoming(headers=headers, query={}, body=body, received_at=now)


@pytest.mark.django_db
def test_an_event_is_verified_and_read(deskline: type[Inbox]) -> None:
    inbox, request = made(deskline), incoming()
    assert inbox.verify(request) == 0
    [event] = inbox.parse(request)
    assert (event.type, event.key, event.conversation_id) == (EventType.MESSAGE_RECEIVED, "e-1", "c-1")
    assert event.message and event.message.text == "Hi"
    [event] = inbox.parse(incoming(text=7))
    assert event.message and event.message.text is None
    assert inbox.parse(incoming(event="rated")) == []


@pytest.mark.django_db
def test_what_can_not_be_used_is_told_from_what_is_no_event(deskline: type[Inbox]) -> None:
    inbox = made(deskline)
    for change in ({"event": 7}, {"at": "noon"}, {"id": None}, {"conversation": ".."}, {"conversation": "a/b"}):
        with pytest.raises(UnusableError):
            inbox.parse(incoming(**change))
    with pytest.raises(PayloadError):
        inbox.parse(Incoming(headers={}, query={}, body=b"[]", received_at=database_now()))
    with pytest.raises(SignatureError):
        inbox.parse(incoming(age=timedelta(minutes=6)))


@pytest.mark.django_db
def test_a_reply_is_one_call(deskline: type[Inbox]) -> None:
    inbox = made(deskline, answer(200), answer(200, {}))
    messages = (OutgoingMessage(text="Hello"), OutgoingMessage(text="again"))
    [outgoing] = inbox.split(Outgoing(messages=messages, note="For agents", complete=Completion.HANDOVER))
    assert inbox.send("c-1", outgoing).status == 200
    _, call = inbox.api.calls  # type: ignore[attr-defined]
    assert (call.method, call.url) == ("POST", "https://api.deskline.example/conversations/c-1/actions")
    assert call.headers["Authorization"] == "Bearer demo-key"
    expected = {"messages": ["Hello", "again"], "comment": "For agents", "status": "unassigned"}
    assert call.request["json"] == inbox.inline_answer(outgoing) == expected


@pytest.mark.django_db
def test_the_connection_can_be_tested(deskline: type[Inbox]) -> None:
    assert [line.is_ok for line in check_keys(made(deskline, answer(200)))] == [True]
    [line] = check_keys(made(deskline, answer(401)))
    assert (line.is_ok, "Copy it again" in line.detail) == (False, True)
    with pytest.raises(ConfigError):
        made(deskline, api_key="").request_token()
    assert made(deskline).account_key != made(deskline, api_key="another").account_key


def test_it_declares_all_that_a_page_asks_for(deskline: type[Inbox]) -> None:
    names = inspect.get_annotations(Inbox)
    assert len(names) > 10 and not [name for name in names if not hasattr(deskline, name)]
    assert not inspect.isabstract(deskline)


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]])
def test_the_file_passes_the_linter(check: list[str]) -> None:
    ruff = str(Path(sys.executable).with_name("ruff"))
    command = [ruff, *check, "--stdin-filename", "channels_app/adapters/inboxes/deskline.py", "-"]
    done = subprocess.run(command, input=SOURCE, text=True, capture_output=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_guide_names_is_there() -> None:
    for path in re.findall(r"`((?:channels_app|tests|docs|chatbridge)/[\w/]+(?:\.py|\.md|/))`", GUIDE):
        assert "deskline" in path or (PROJECT / path).exists(), path
    declared = GUIDE.partition("## What to declare")[2].partition("**`EFFECTS`")[0]
    for row in re.findall(r"^\| (`.*?) \|", declared, re.MULTILINE):
        for name in re.findall(r"`(\w+)", row):
            assert hasattr(Inbox, name) or name in Inbox.__annotations__, name
    assert LINE.strip() == '"deskline": "channels_app.adapters.inboxes.deskline.Deskline",'
