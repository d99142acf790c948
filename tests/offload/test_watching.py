"""How long until an agent opens what was handed over: one look for an account, only while somebody waits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from channels_app.operations.transcripts import load_transcript
from channels_app.upkeep.watching import watch_handovers
from offload.models import Offload
from tests.conftest import Walker
from tests.world import World, answer


def handed_over(walker: Walker, world: World, conversation: str = "0-conv-1", minutes: float = 0) -> Offload:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent", conversation)
    offload = Offload.objects.get(conversation__external_id=conversation)
    offload.finished_at = timezone.now() - timedelta(minutes=minutes)
    offload.save()
    return offload


def lock(conversation: str, at: Any = None) -> dict[str, Any]:
    return {"conversationId": conversation, "userId": "user-7", "lockedAt": at and at.isoformat()}


def test_an_agent_who_opens_it_ends_the_wait(walker: Walker, world: World, admin_client: Client) -> None:
    first, second = handed_over(walker, world, minutes=3), handed_over(walker, world, "0-conv-2", minutes=12)
    assert watch_handovers() == (2, 0)
    page = admin_client.get("/ops/handovers/").content.decode()
    assert "2 contacts wait for an agent" in page
    assert page.count("<strong>▲ 12 min</strong>") == 1
    began = first.finished_at or timezone.now()
    world.inbox.locks = [lock("0-conv-1", began + timedelta(seconds=130)), lock("0-other"), {"odd": 1}]
    assert watch_handovers() == (2, 1)
    first.refresh_from_db()
    assert (first.taken_by, first.taken_at) == ("user-7", began + timedelta(seconds=130))
    lines = [(line.text, line.detail) for line in load_transcript(first.conversation_id).lines]
    assert ("An agent opened the conversation", "after 2 min") in lines
    world.inbox.locks = [lock("0-conv-2", timezone.now() - timedelta(days=1))]  # opened before it was handed over
    assert watch_handovers() == (1, 1)
    second.refresh_from_db()
    assert second.taken_at == second.finished_at
    assert watch_handovers() == (0, 0)
    assert world.inbox.looks == 3  # two contacts, one look; none while nobody waits
    assert "Agent: user-7" in admin_client.get("/ops/handovers/").content.decode()


def test_who_was_given_back_waits_no_more(walker: Walker, world: World, admin_client: Client) -> None:
    """Taken and delegated between two looks."""
    first = handed_over(walker, world, minutes=12)
    world.inbox.gone.clear()
    walker.delegates(after_s=1)
    assert watch_handovers() == (0, 0)
    first.refresh_from_db()
    assert first.taken_at is not None
    page = admin_client.get("/ops/handovers/").content.decode()
    assert "for an agent</h2>" not in page and "Agent: <" not in page
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent", after_s=2)
    assert watch_handovers() == (1, 0)
    assert "1 contact waits for an agent" in admin_client.get("/ops/handovers/").content.decode()


def test_whose_conversation_came_back_otherwise_waits_no_more(walker: Walker, world: World) -> None:
    walker.starts()
    first = handed_over(walker, world, minutes=12)
    world.inbox.gone.clear()
    walker.starts(after_s=1)
    assert watch_handovers() == (0, 0)
    first.refresh_from_db()
    assert first.taken_at is None  # nobody knows whether an agent had


def test_who_has_gone_long_ago_is_not_looked_for(walker: Walker, world: World) -> None:
    handed_over(walker, world, minutes=121)
    assert watch_handovers() == (0, 0)
    assert world.inbox.looks == 0


def test_classic_is_not_asked(walk_with: Callable[..., Walker], world: World, admin_client: Client) -> None:
    handed_over(walk_with(inbox="sparkcentral"), world)
    assert watch_handovers() == (1, 0)
    assert world.inbox.looks == 0
    assert "for an agent</h2>" not in admin_client.get("/ops/handovers/").content.decode()


def test_an_account_that_refuses_is_left_alone_for_a_while(walker: Walker, world: World) -> None:
    handed_over(walker, world)
    world.inbox.faults = [answer(403, {"errors": ["4002"]})]
    assert watch_handovers() == (1, 0)
    assert not world.inbox.faults
    assert watch_handovers() == (1, 0)
    assert world.inbox.looks == 0
