"""Doing again what failed for good: never twice, never behind the agents' back."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.release import Release, release
from channels_app.models import Conversation, Delivery, WebhookEvent
from channels_app.operations.replays import Replayed, replay_event
from channels_app.protocol.errors import Effect, TemporaryError
from tests.builders import make_event
from tests.conftest import Walker
from tests.world import World

NOT_DONE = TemporaryError("POST: connection refused", effect=Effect.NONE)


def replay(**options: Any) -> str:
    output = StringIO()
    call_command("replay", rate=1000.0, stdout=output, **options)
    return output.getvalue()


@pytest.fixture
def dead(walker: Walker, world: World) -> Walker:
    """The inbox was away until the platform's time was over."""
    world.inbox.faults = [NOT_DONE] * 99
    walker.post_and_age(text="Hello", age_s=235)
    world.inbox.faults = []
    assert walker.outcomes() == ["dead"]
    return walker


def test_a_dry_run_tells_and_changes_nothing(dead: Walker, world: World) -> None:
    assert "Would be retried: 1" in replay(dry_run=True)
    assert dead.outcomes() == ["dead"]


def test_the_reply_that_was_lost_is_sent_and_the_bot_not_asked_again(dead: Walker, world: World) -> None:
    assert "Was retried: 1" in replay()
    dead.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert world.inbox.completions("0-conv-1") == []
    assert len(world.bot.turns) == 1
    assert dead.outcomes() == ["replied"]
    assert "Nothing has failed" in replay()


def test_a_worker_that_decides_to_wait_meanwhile_looks_again_at_once(dead: Walker) -> None:
    assert dead.post(make_event(text="Still there?")).status_code == 200
    lease = claim_due_conversation("slot")
    assert lease is not None
    assert replay_event(WebhookEvent.objects.earliest("pk").pk, by="anna") is Replayed.AGAIN
    wake_at = release(lease, Release(until=timezone.now() + timedelta(hours=1)))
    assert wake_at is not None
    assert wake_at <= timezone.now()


def test_what_agents_have_by_now_is_left_to_them(dead: Walker, world: World) -> None:
    Conversation.objects.update(owner="other")
    assert "skipped: the conversation is no longer with the bot: 1" in replay()
    dead.work()
    assert world.inbox.calls == []
    assert dead.outcomes() == ["dead"]


def test_an_event_that_was_never_handled_is_handled(walker: Walker, world: World) -> None:
    walker.says("Hello")
    Delivery.objects.all().delete()
    WebhookEvent.objects.update(outcome="dead", state="done", attempts=9)
    world.inbox.calls.clear()
    replay()
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    keys = {headers["Idempotency-Key"] for headers in world.bot.headers}
    assert len(keys) == 1  # the bot can tell that it is the same turn


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        ({"conversation": "0-conv-1"}, 1),
        ({"conversation": "another"}, 0),
        ({"channel": "nobody"}, 0),
        ({"reason": "connection refused"}, 1),
        ({"reason": "something else"}, 0),
        ({"since": "2999-01-01T00:00"}, 0),
        ({"until": "2999-01-01T00:00"}, 1),
    ],
)
def test_only_what_is_selected(dead: Walker, selection: dict[str, str], count: int) -> None:
    arguments = [f"--{name}={value}" for name, value in selection.items()]
    output = StringIO()
    call_command("replay", *arguments, "--dry-run", stdout=output)
    assert ("Would be retried: 1" in output.getvalue()) is bool(count)


def test_a_time_that_is_none_is_refused_with_an_example(db: None) -> None:
    with pytest.raises(CommandError, match="2026-03-01T10:00"):
        call_command("replay", "--since", "yesterday")


def test_a_person_does_it_again_from_the_events_page(dead: Walker, world: World, admin_client: Client) -> None:
    event = WebhookEvent.objects.get()
    page, again = f"/ops/events/{event.pk}/", f"/ops/conversations/{event.conversation_id}/again/?event={event.pk}"
    assert again in admin_client.get(page).content.decode()
    assert "Retry what failed?" in admin_client.get(again).content.decode()
    assert dead.outcomes() == ["dead"]  # asked, not done
    assert "1 event is retried." in admin_client.post(again, follow=True).content.decode()
    dead.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert again not in admin_client.get(page).content.decode()


def test_nobody_does_again_what_has_not_failed(walker: Walker, world: World, admin_client: Client) -> None:
    walker.says("Hello")
    event = WebhookEvent.objects.get()
    again = f"/ops/conversations/{event.conversation_id}/again/?event={event.pk}"
    assert "Nothing was retried." in admin_client.post(again, follow=True).content.decode()
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


def test_who_may_only_look_does_nothing_again(dead: Walker, client: Client) -> None:
    client.force_login(get_user_model().objects.create_user("eve", is_staff=True))
    event = WebhookEvent.objects.get()
    assert client.post(f"/ops/conversations/{event.conversation_id}/again/?event={event.pk}").status_code == 403
    assert dead.outcomes() == ["dead"]
