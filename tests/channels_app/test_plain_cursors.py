"""PLAIN_CURSORS: the bridge goes on through Django's cursors when a new psycopg breaks what `lib.prepared` uses."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, connection

from channels_app.lib.statements import fetch
from tests.conftest import Walker
from tests.world import World


@pytest.fixture(autouse=True)
def plain_cursors(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PLAIN_CURSORS = True

    def broken(*_: Any) -> None:
        raise AssertionError("prepared statements are switched off")

    monkeypatch.setattr("channels_app.lib.statements.session_of", broken)


def test_a_whole_conversation_is_handled(walker: Walker, world: World) -> None:
    """Through every statement of a turn: store, claim, begin, write, mark, record, release; and a later reply."""
    world.bot.replies = [
        {"messages": [{"text": "Hello"}, {"text": "Which?", "options": [{"title": "Parcel", "payload": "parcel"}]}]},
        {"messages": [{"text": "Of course"}], "offload": {"reason": "asked"}},
    ]
    walker.says("Where is my parcel?")
    walker.says("1")
    assert world.bot.turns[1]["payload"] == "parcel"
    assert walker.outcomes() == ["replied", "handed_over"]
    assert walker.conversation().owner == "other"


def test_what_a_bot_says_later_is_handled(walker: Walker, world: World) -> None:
    walker.says("Hello")
    assert walker.bot_says("One more thing").status_code == 202
    walker.work()
    assert world.inbox.said("0-conv-1")[-1] == "One more thing"


@pytest.mark.django_db
def test_a_mistake_is_told_as_django_tells_it() -> None:
    with pytest.raises(DataError, match="division by zero"):
        fetch("SELECT 1 / %(zero)s", {"zero": 0})


@pytest.mark.django_db
def test_statements_are_counted_once(django_assert_num_queries: Callable[[int], Any]) -> None:
    connection.ensure_connection()
    with django_assert_num_queries(1):
        assert fetch("SELECT %(number)s + 1", {"number": 1}) == [(2,)]


def test_what_may_break_is_not_even_imported() -> None:
    script = (
        "import django, sys; django.setup(); import channels_app.turns.pump, channels_app.web.webhooks.urls;"
        "print('channels_app.lib.prepared' in sys.modules)"
    )
    for switch, is_imported in (("0", "True"), ("1", "False")):
        env = {**os.environ, "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "chatbridge.settings", "PLAIN_CURSORS": switch}
        done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == is_imported
