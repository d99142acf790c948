"""docs/adding-a-bot.md does what it says: its connector runs as written, and keeps the house's style."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from channels_app.adapters.bots import BOTS, bot_class
from channels_app.adapters.bots.base import BotConnector
from channels_app.protocol import EventType, Message, OffloadRequest, Reply
from channels_app.protocol.errors import ConfigError, PayloadError, RefusedError
from tests.channels_app.bots.cast import SETTINGS, SILENCE, make_turn
from tests.fakes.api import FakeApi, answer

PROJECT = Path(__file__).resolve().parents[3]
GUIDE = (PROJECT / "docs/adding-a-bot.md").read_text().partition("# Write a connector")[2]
SOURCE, *LINES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
CONFIGURED = {"url": "https://acme.example/messages", "api_key": "demo-key"}


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> type[BotConnector]:
    module: dict[str, Any] = {"__name__": "acme"}
    exec(compile(SOURCE, "acme.py", "exec"), module)  # noqa: S102 - our own page
    found: type[BotConnector] = module["Acme"]
    return found


def ask(acme: type[BotConnector], document: Any, status: int = 200, **changes: Any) -> tuple[Reply | None, Any]:
    bot = acme(CONFIGURED)
    api = FakeApi([answer(status, document)])
    bot.api = api  # type: ignore[assignment]
    return bot.send(make_turn(**changes)), api.calls[0].request


def test_the_connector_answers(acme: type[BotConnector]) -> None:
    reply, request = ask(acme, {"lines": ["One moment."], "human": True}, payload="parcel")
    human = OffloadRequest(reason="asked_for_human")
    assert reply == Reply(messages=(Message(text="One moment."),), offload=human)
    assert (request["json"]["text"], request["timeout_s"]) == ("parcel", 20)
    assert ask(acme, {})[0] == Reply()
    assert ask(acme, {}, text=None)[1]["json"]["text"] == "[attachment]"
    assert ask(acme, {}, type=EventType.CONVERSATION_STARTED)[1]["json"]["begins"] is True


def test_the_connector_fails_in_our_words(acme: type[BotConnector]) -> None:
    with pytest.raises(RefusedError, match="404"):
        ask(acme, {}, status=404)
    with pytest.raises(PayloadError, match="lines: must be a list"):
        ask(acme, {"lines": "Hi"})
    with pytest.raises(ConfigError, match="not saved yet"):
        acme({}).send(make_turn())


def test_the_lines_beside_it_fit_their_places() -> None:
    registry, settings, silence = (eval("{" + line + "}", {"Reply": Reply}) for line in LINES)  # noqa: S307
    path = BOTS["http"].replace("generic", "acme").replace("HttpBot", "Acme")
    assert registry == {"acme": path}
    assert settings["acme"].keys() == CONFIGURED.keys() and settings["acme"]["url"] == CONFIGURED["url"]
    assert silence == {"acme": ({}, Reply())}
    assert BOTS.keys() == SETTINGS.keys() == SILENCE.keys()


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]])
def test_the_file_passes_the_linter(check: list[str], tmp_path: Path) -> None:
    place = Path(bot_class("rasa").__module__.replace(".", "/")).with_name("acme.py")
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, *check, "--stdin-filename", place, "-"],
        input=SOURCE,
        text=True,
        capture_output=True,
        check=False,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_guide_names_is_there() -> None:
    for path in re.findall(r"`((?:channels_app|tests|docs)/[\w/]+\.(?:py|md))`", GUIDE):
        assert "acme" in path or (PROJECT / path).exists(), path
    for method in re.findall(r"^\| (`.*?) \|", GUIDE, re.MULTILINE):
        for name in re.findall(r"`(\w+)", method):
            assert hasattr(BotConnector, name), name
