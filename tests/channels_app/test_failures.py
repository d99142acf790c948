"""Failures find their group, once each, and people decide about groups."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.conversations.claim import claim_due_conversation
from channels_app.models import AuditEntry, Conversation, Exchange, Failure, FailureGroup, Job, WebhookEvent
from channels_app.operations.failures import grouping as gathering
from channels_app.operations.failures.grouping import count_waiting, gather_failures
from channels_app.operations.failures.groups import (
    disown_group,
    failure_groups,
    failure_matrix,
    find_group,
    list_failures,
    mute_group,
    own_group,
    reopen_group,
    resolve_group,
)
from channels_app.operations.failures.states import GroupState
from offload.models import Offload
from tests.builders import make_channel, make_event
from tests.conftest import Walker
from tests.counting import count_newest
from tests.turns import take_step
from tests.world import World, answer

ANNA = Actor(name="anna", via="operations")


@pytest.fixture
def talk(walker: Walker) -> Walker:
    """A conversation in which nothing has failed."""
    walker.says("Hello")
    assert gather_failures() == 0
    return walker


def fail(walker: Walker, *, code: str = "CB-502", error: str = "POST: 502", ago_s: float = 30, **of: Any) -> Exchange:
    """A call that failed so long ago, for the latest event or that of a conversation."""
    event = WebhookEvent.objects.filter(**of).latest("pk")
    return Exchange.objects.create(
        event=event,
        channel=walker.channel,
        target="bot",
        n=1,
        fence=1,
        started_at=timezone.now() - timedelta(seconds=ago_s),
        result="failed",
        code=code,
        status=502,
        error=error,
    )


def the_group() -> FailureGroup:
    return FailureGroup.objects.get()


# --- gathering ----------------------------------------------------------------------------------------------------


def test_calls_with_one_cause_make_one_group(talk: Walker) -> None:
    fail(talk, error="POST: 502 (request 17)", ago_s=60)
    fail(talk, error="POST: 502 (request 18)")
    assert gather_failures() == 2
    group = the_group()
    assert (group.code, group.message, group.count, group.conversations) == ("CB-502", "POST: 502 (request #)", 2, 1)
    assert Failure.objects.get().count == 2
    assert round((group.last_at - group.first_at).total_seconds()) == 30


def test_a_failure_counts_once(talk: Walker) -> None:
    fail(talk)
    assert [gather_failures(), gather_failures()] == [1, 0]
    fail(talk)
    assert gather_failures() == 1
    assert the_group().count == 2


def test_nothing_is_counted_when_the_process_dies_over_it(talk: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(talk)

    def die(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as dying:
        dying.setattr(Job, "keep_positions", die)
        with pytest.raises(RuntimeError):
            gather_failures()
    assert not FailureGroup.objects.exists()
    assert gather_failures() == 1
    assert the_group().count == 1


def test_a_call_that_has_just_ended_is_left_for_the_next_time(talk: Walker) -> None:
    fresh = fail(talk, ago_s=0)
    assert gather_failures() == 0
    Exchange.objects.filter(pk=fresh.pk).update(started_at=timezone.now() - timedelta(seconds=30))
    assert gather_failures() == 1


def test_more_than_a_batch_is_taken_bit_by_bit(talk: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "BATCH", 2)
    for _ in range(5):
        fail(talk)
    assert [gather_failures() for _ in range(4)] == [2, 2, 1, 0]
    assert the_group().count == 5


def test_each_conversation_is_counted_once(talk: Walker) -> None:
    talk.says("Hello", "0-conv-2")
    for conversation in ("0-conv-1", "0-conv-2", "0-conv-1"):
        fail(talk, conversation__external_id=conversation)
    gather_failures()
    talk.says("Again", "0-conv-1")
    fail(talk, conversation__external_id="0-conv-1")
    gather_failures()
    assert (the_group().count, the_group().conversations, Failure.objects.count()) == (4, 2, 3)


def test_what_is_only_good_to_know_makes_no_group(talk: Walker) -> None:
    fail(talk, code="CB-601")
    fail(talk, code="CB-9999")  # of another release: better shown than lost
    gather_failures()
    assert the_group().code == "CB-9999"


def test_channels_have_groups_of_their_own(talk: Walker) -> None:
    first = fail(talk)
    Exchange.objects.filter(pk=fail(talk).pk).update(channel=make_channel())
    gather_failures()
    assert FailureGroup.objects.count() == 2
    assert [group.row.channel for group in failure_groups(channel_id=first.channel_id)] == [talk.channel]


@pytest.mark.parametrize(
    ("reason", "code"), [("bot_silent", "CB-508"), ("bot_down", "CB-510"), ("asked_for_human", None)]
)
def test_a_handover_that_no_call_explains_is_a_failure(talk: Walker, reason: str, code: str | None) -> None:
    Offload.objects.create(
        conversation=talk.conversation(),
        event=WebhookEvent.objects.get(),
        reason=reason,
        requested_by="chatbridge",
        requested_at=timezone.now() - timedelta(seconds=30),
    )
    gather_failures()
    assert list(FailureGroup.objects.values_list("code", flat=True)) == ([code] if code else [])
    assert gather_failures() == 0


def test_a_dead_event_without_a_failed_call_is_a_failure(talk: Walker) -> None:
    WebhookEvent.objects.update(outcome="dead", reason="Handling it failed repeatedly; see the log.")
    assert [gather_failures(), gather_failures()] == [1, 0]
    assert the_group().code == "CB-705"


def test_a_dead_event_belongs_to_the_cause_that_its_call_tells(talk: Walker) -> None:
    fail(talk, ago_s=0)  # not old enough to be gathered yet
    WebhookEvent.objects.update(outcome="dead")
    assert gather_failures() == 0


def test_those_wait_who_got_no_answer_since(talk: Walker) -> None:
    fail(talk)
    WebhookEvent.objects.update(outcome="dead")
    gather_failures()
    count_waiting()
    assert the_group().waiting == 1
    talk.says("Hello?")
    count_waiting()
    assert the_group().waiting == 0


@pytest.mark.parametrize("outage", [answer(503), answer(401)])
def test_who_is_tried_again_waits_too(walker: Walker, world: World, outage: object) -> None:
    """An outage of the inbox: nothing has failed for good yet, and nobody has an answer."""
    world.inbox.faults = [outage] * 99
    walker.post(make_event(text="Hello"))
    walker.let_time_pass()
    lease = claim_due_conversation("tests")
    assert lease is not None
    take_step(lease)
    assert WebhookEvent.objects.get().outcome is None
    Exchange.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    gather_failures()
    count_waiting()
    assert set(FailureGroup.objects.values_list("waiting", flat=True)) == {1}


def test_whom_agents_have_does_not_wait_for_the_bot(talk: Walker) -> None:
    fail(talk)
    WebhookEvent.objects.update(outcome="dead")
    gather_failures()
    Conversation.objects.update(owner="other")
    count_waiting()
    assert the_group().waiting == 0


# --- groups -------------------------------------------------------------------------------------------------------


@pytest.fixture
def group_id(talk: Walker) -> int:
    fail(talk)
    gather_failures()
    return the_group().pk


def state(group_id: int) -> GroupState | None:
    group = find_group(group_id)
    return group.state if group else None


def test_a_resolved_group_regresses_with_the_next_failure(talk: Walker, group_id: int) -> None:
    assert state(group_id) is GroupState.NEW
    resolve_group(group_id, ANNA)
    assert state(group_id) is GroupState.RESOLVED
    assert failure_groups() == []
    FailureGroup.objects.update(resolved_at=timezone.now() - timedelta(seconds=20))
    fail(talk, ago_s=10)
    gather_failures()
    assert state(group_id) is GroupState.REGRESSED
    resolve_group(group_id, ANNA)
    assert state(group_id) is GroupState.RESOLVED


def test_a_muted_group_is_silent_until_it_grows(talk: Walker, group_id: int) -> None:
    mute_group(group_id, ANNA)
    assert state(group_id) is GroupState.MUTED
    assert [group.row.pk for group in failure_groups(states=[GroupState.MUTED])] == [group_id]
    for _ in range(10):
        fail(talk)
    gather_failures()
    assert state(group_id) is GroupState.NEW


def test_a_group_can_be_opened_again(group_id: int) -> None:
    mute_group(group_id, ANNA)
    reopen_group(group_id, ANNA)
    assert state(group_id) is GroupState.NEW


def test_somebody_looks_after_it(group_id: int) -> None:
    user = User.objects.create_user("anna")
    actor = Actor(name="anna", user_id=user.pk)
    own_group(group_id, actor)
    assert the_group().owner == user
    disown_group(group_id, actor)
    assert the_group().owner is None


def test_each_decision_is_in_the_audit_log(group_id: int) -> None:
    resolve_group(group_id, ANNA)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.object_id) == ("anna", "resolved failures", str(group_id))
    assert list(entry.changes) == ["resolved_at"]


def test_a_group_shows_its_day(talk: Walker, group_id: int) -> None:
    count_newest(timezone.now(), timedelta(minutes=10))
    [group] = failure_groups()
    assert (sum(group.trend), group.recent, len(group.trend)) == (1, 1, 48)


def test_what_grows_quickly_escalates(talk: Walker, group_id: int) -> None:
    FailureGroup.objects.update(first_at=timezone.now() - timedelta(days=2))
    assert state(group_id) is GroupState.ONGOING
    for _ in range(9):
        fail(talk)
    gather_failures()
    count_newest(timezone.now(), timedelta(minutes=10))
    assert state(group_id) is GroupState.ESCALATING


def test_the_matrix_shows_conversations_by_cause_and_age(talk: Walker, group_id: int) -> None:
    fail(talk, code="CB-501", error="slow")
    gather_failures()
    now = timezone.now()
    FailureGroup.objects.filter(pk=group_id).update(last_at=now - timedelta(hours=5))
    assert failure_matrix(failure_groups(), now) == {"CB-501": [1, 0, 0, 0], "CB-502": [0, 1, 0, 0]}


def test_failures_come_in_pages(talk: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        talk.says("Hello", f"0-conv-{number}")
        fail(talk, ago_s=60 - number)
    gather_failures()
    monkeypatch.setattr("channels_app.operations.failures.groups.PAGE", 1)
    group_id = the_group().pk
    seen, before = list[int](), None
    while rows := list_failures(group_id, before):
        seen.append(rows[0].event_id)
        before = (rows[0].at, rows[0].pk)
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 3
