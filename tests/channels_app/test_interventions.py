"""What people do to a conversation, what they are told before, and what the audit log keeps of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.models import AuditEntry, Conversation, Delivery, Owner, WebhookEvent
from channels_app.operations.interventions import (
    failed_events,
    hand_over_now,
    note_reading,
    preview_replay,
    preview_retry,
    replay_events,
    send_again,
    speak_as_bot,
)
from tests.conftest import Walker
from tests.world import World, answer

ANNA = Actor(name="anna", via="operations")


def audited() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_hand_over_now(walker: Walker, world: World) -> None:
    walker.says("Hello")
    assert hand_over_now(walker.conversation(), ANNA, reason="the contact called")
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert not hand_over_now(walker.conversation(), ANNA)
    assert audited() == ["handed over"] and AuditEntry.objects.get().reason == "the contact called"


def test_speak_as_the_bot(walker: Walker, world: World) -> None:
    walker.says("Hello")
    assert not speak_as_bot(walker.conversation(), "  ", ANNA)
    assert speak_as_bot(walker.conversation(), "A person here.", ANNA)
    walker.work()
    assert world.inbox.said("0-conv-1")[-1] == "A person here."
    Conversation.objects.update(owner=Owner.OTHER)
    assert not speak_as_bot(walker.conversation(), "Too late.", ANNA)
    assert audited() == ["spoke as the bot"]
    assert "person here" not in str(AuditEntry.objects.get().changes)


def test_reading_is_noted_once_an_hour(walker: Walker) -> None:
    walker.says("Hello")
    for _ in range(3):
        note_reading(ANNA, walker.conversation())
    assert audited() == ["read texts"]


# --- do again -----------------------------------------------------------------------------------------------------


@pytest.fixture
def failed(walker: Walker, world: World) -> Conversation:
    """A conversation whose last message failed for good: neither the reply nor the handover could be sent."""
    walker.says("One")
    world.inbox.faults = [answer(422), answer(422), answer(422)]
    walker.says("Two")
    assert walker.outcomes() == ["replied", "dead"]
    return walker.conversation()


def test_what_failed_is_done_again(failed: Conversation, walker: Walker, world: World) -> None:
    events = failed_events(failed)
    preview = preview_replay(events)
    assert (preview.is_possible, preview.does, preview.warns) == (True, ("1 event: retried",), ())
    replay_events(events, ANNA, reason="mended")
    walker.work()
    assert walker.outcomes() == ["replied", "replied"] and world.inbox.said("0-conv-1")[-1] == "You said: Two"
    assert audited() == ["replayed"]
    assert not preview_replay(failed_events(failed)).is_possible


def test_a_late_answer_is_announced(failed: Conversation) -> None:
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(hours=2))
    assert preview_replay(failed_events(failed)).warns == ("The contact wrote 2 h ago and would get a late answer.",)


def test_what_the_agents_have_is_left_to_them(failed: Conversation, walker: Walker) -> None:
    Conversation.objects.update(owner=Owner.OTHER)
    events = failed_events(failed)
    preview = preview_replay(events)
    assert not preview.is_possible and "went to the agents" in preview.warns[0]
    replay_events(events, ANNA)
    assert walker.outcomes() == ["replied", "dead"] and audited() == []


def test_only_what_comes_from_this_event_on(failed: Conversation) -> None:
    dead = failed.events.get(outcome="dead")
    assert failed_events(failed, dead.pk) == [dead]
    assert failed_events(failed, dead.pk + 1) == []
    assert preview_replay([]).does == ("Nothing has failed for good here.",)


@pytest.mark.parametrize("state", ["failed", "refused", "unconfirmed"])
def test_a_lost_reply_is_sent_again(walker: Walker, world: World, state: str) -> None:
    walker.says("Hello")
    Delivery.objects.update(state=state)
    delivery = Delivery.objects.get()
    assert ("twice" in " ".join(preview_retry(delivery).warns)) == (state == "unconfirmed")
    assert send_again(delivery, ANNA)
    walker.work()
    assert len(world.inbox.said("0-conv-1")) == 2 and audited() == ["sent again"]


@pytest.mark.parametrize(
    ("changes", "owner"),
    [({"state": "sent"}, "bot"), ({"payload": {}}, "bot"), ({"kind": "attachment"}, "bot"), ({}, "other")],
)
def test_what_can_not_be_sent_again_says_why(walker: Walker, changes: dict[str, object], owner: str) -> None:
    walker.says("Hello")
    Delivery.objects.update(**{"state": "failed", **changes})
    Conversation.objects.update(owner=owner)
    delivery = Delivery.objects.get()
    assert not preview_retry(delivery).is_possible and preview_retry(delivery).does[0].startswith("Nothing")
    assert not send_again(delivery, ANNA) and audited() == []
