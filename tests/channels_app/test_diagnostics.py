"""The diagnostics of a channel: all that helps, nobody's words, and no secret anywhere."""

import json

import pytest
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.channels.rotations import rotate_shared_secret
from channels_app.models import Exchange
from channels_app.operations.checks.diagnostics import collect_diagnostics
from offload.models import OffloadProvider
from tests.builders import SHARED_SECRET, TOKEN, make_bot, make_channel
from tests.conftest import Walker
from tests.world import World

CANARY = "canary-7f3e-secret-of-the-tests"
WORDS = "my knee hurts since tuesday"
ANN = Actor(name="ann")


@pytest.fixture
def talk(walker: Walker, world: World) -> Walker:
    """A conversation whose calls were noted down with all that nobody else should read."""
    rotate_shared_secret(walker.channel, "ab12" * 16, ANN)
    walker.channel.refresh_from_db()
    provider = OffloadProvider(channel=walker.channel)
    provider.verify_token, provider.write_back_secret = f"{CANARY}-verify", "beef" * 16
    provider.save()
    walker.says(WORDS)
    event = walker.conversation().events.latest("id")
    secret = walker.channel.clear_settings()["client_secret"]
    Exchange.objects.create(
        event=event,
        channel=walker.channel,
        target="bot",
        n=1,
        fence=1,
        started_at=timezone.now(),
        result="sent",
        status=200,
        method="POST",
        url=f"https://bot.example.com/turn?token={CANARY}-query",
        request=json.dumps({"text": WORDS, "type": "message"}),
        response=f"not json: {WORDS}",
        error=f"The bot refused {TOKEN} and {secret} and {SHARED_SECRET}.",
    )
    return walker


def test_no_secret_and_nobodys_words_are_in_it(talk: Walker) -> None:
    text = json.dumps(collect_diagnostics(talk.channel), ensure_ascii=False)
    secrets = [CANARY, SHARED_SECRET, "ab12ab12", "beefbeef", TOKEN, talk.channel.clear_settings()["client_secret"]]
    assert not [secret for secret in secrets if secret in text]
    assert WORDS not in text
    assert "v1:" not in text  # not even encrypted


def test_it_holds_what_helps(talk: Walker) -> None:
    found = collect_diagnostics(talk.channel)
    assert found["channel"]["name"] == talk.channel.name
    assert found["channel"]["settings.client_secret"] == "•••• (saved)"
    assert found["channel"]["settings.client_id"] == talk.channel.clear_settings()["client_id"]
    assert {"chatbridge", "python", "django", "postgresql"} == set(found["versions"])
    assert found["set_up"][0]["progress"] == "done"
    assert {line["title"] for line in found["checks"]} >= {"API keys", "Bot"}
    assert found["calls"][0]["url"] == "https://bot.example.com/turn"
    assert found["queue"]["waiting"] == 0
    assert found["clock"]["differ_ms"] < 60_000


def test_the_checks_are_left_out_on_demand(talk: Walker, world: World) -> None:
    before = world.inbox.tokens_given
    assert collect_diagnostics(talk.channel, with_checks=False)["checks"] is None
    assert world.inbox.tokens_given == before


def test_a_channel_without_anything_has_diagnostics_too(world: World, db: None) -> None:
    channel = make_channel(bot=None)
    channel.settings, channel.shared_secret = {}, ""
    channel.save()
    assert collect_diagnostics(channel)["bot"] is None


def test_lost_keys_are_no_obstacle(world: World, db: None, settings: object) -> None:
    channel = make_channel(bot=make_bot())
    settings.ENCRYPTION_KEYS = [b"n" * 32]  # type: ignore[attr-defined]
    assert collect_diagnostics(channel)["channel"]["settings.client_secret"] == "•••• (saved)"
