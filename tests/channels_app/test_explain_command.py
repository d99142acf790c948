"""`manage.py explain`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from channels_app.conversations.refusals import count_refusal
from tests.conftest import Walker
from tests.world import World, answer


def explained(*term: str, **options: Any) -> str:
    out = StringIO()
    call_command("explain", *term, stdout=out, **options)
    return out.getvalue()


def test_it_says_what_the_page_says(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(502), answer(502)]
    walker.says("Hello")
    text = explained("https://app.sparkcentral.com/conversation/0-conv-1")
    assert text.startswith(f"Conversation 0-conv-1 on {walker.channel.name}, with the agents\nThe bot did not answer.")
    assert "Bot called (failed)  The bot answered 502." in text and "✗ try 2" in text and "– " in text
    assert "Why: The bot answered 502." in text and "What to do:" in text


def test_as_json(walker: Walker) -> None:
    walker.says("Hello")
    assert json.loads(explained("event", str(walker.conversation().events.get().pk), json=True))["is_answered"]


def test_several_that_fit_are_named(walker: Walker) -> None:
    for name in ("0-a", "0-b", "0-c"):
        walker.says("Hello", name)
    text = explained("johan")
    assert text.startswith("Conversation 0-c") and "2 more match" in text and "  0-a" in text


def test_nothing_that_fits_says_what_was_refused(walker: Walker) -> None:
    count_refusal("inbox", walker.channel.uuid, "bad_signature")
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("explain", "0-nobody", stdout=out)
    assert stop.value.code == 1
    assert "No event from such a conversation has been accepted." in out.getvalue() and "CB-305" in out.getvalue()
