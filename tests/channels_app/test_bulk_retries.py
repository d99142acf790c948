"""Many events done again: planned, begun a few at a time, stopped when it is no use, gone on with after a crash."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.models import (
    AuditEntry,
    BulkRetry,
    BulkState,
    Conversation,
    EventBody,
    Exchange,
    FailureGroup,
    WebhookEvent,
)
from channels_app.operations.failures import bulk_retries
from channels_app.operations.failures.bulk_retries import (
    RATE,
    TRIAL,
    BulkError,
    Result,
    cancel_bulk_retry,
    pause_bulk_retry,
    plan_bulk_retry,
    progress_of,
    resume_bulk_retry,
    run_bulk_retries,
    start_bulk_retry,
)
from channels_app.operations.failures.grouping import gather_failures
from tests.builders import make_channel
from tests.conftest import Walker
from tests.world import World, answer

ANNA = Actor(name="anna", via="operations")


@pytest.fixture
def dead(walker: Walker) -> Walker:
    """A dozen conversations that got no answer."""
    for number in range(12):
        walker.says("Hello", f"0-conv-{number:02}")
    WebhookEvent.objects.update(outcome="dead", state="done")
    return walker


def plan(walker: Walker, **selection: Any) -> BulkRetry:
    return plan_bulk_retry(walker.channel.pk, ANNA, **selection)


def started(walker: Walker) -> BulkRetry:
    bulk = plan(walker)
    start_bulk_retry(bulk.pk, ANNA, "The bot is back.")
    return bulk


def end_begun(outcome: str) -> None:
    WebhookEvent.objects.filter(outcome=None).update(outcome=outcome, state="done", finished_at=timezone.now())


def state_of(bulk: BulkRetry) -> str:
    bulk.refresh_from_db()
    return bulk.state


# --- the plan -----------------------------------------------------------------------------------------------------


def test_a_plan_says_what_would_be_done_and_why_the_rest_would_not(dead: Walker) -> None:
    events = list(WebhookEvent.objects.order_by("pk"))
    Conversation.objects.filter(pk=events[0].conversation_id).update(owner="other")
    Conversation.objects.filter(pk=events[1].conversation_id).update(owner="closed")
    WebhookEvent.objects.filter(pk=events[2].pk).update(received_at=timezone.now() - timedelta(hours=25))
    EventBody.objects.filter(pk=events[3].pk).delete()
    progress = progress_of(plan(dead))
    skipped = dict.fromkeys((Result.HANDED_OVER, Result.CLOSED, Result.TOO_OLD, Result.TEXT_GONE), 1)
    assert (progress.matching, progress.waiting, progress.skipped, progress.minutes) == (12, 8, skipped, 1)
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"dead"}


def test_only_what_failed_for_good_on_this_channel_is_meant(dead: Walker) -> None:
    dead.says("Hello", "0-conv-fine")
    assert progress_of(plan(dead)).matching == 12
    assert progress_of(plan_bulk_retry(make_channel().pk, ANNA)).matching == 0


def test_a_time_selects(dead: Walker) -> None:
    first = WebhookEvent.objects.order_by("pk")[0]
    WebhookEvent.objects.filter(pk=first.pk).update(received_at=timezone.now() - timedelta(hours=2))
    hour_ago = timezone.now() - timedelta(hours=1)
    assert progress_of(plan(dead, until=hour_ago)).matching == 1
    assert progress_of(plan(dead, since=hour_ago)).matching == 11


def test_a_group_selects(dead: Walker) -> None:
    WebhookEvent.objects.filter(conversation__external_id="0-conv-00").update(reason="something else")
    gather_failures()
    group = FailureGroup.objects.get(message="something else")
    assert progress_of(plan(dead, group_id=group.pk)).matching == 1


def test_a_plan_of_a_group_says_what_became_of_each_of_its_events(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500)] * 2
    walker.says("Hello")
    assert walker.outcomes() == ["handed_over"]
    Exchange.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    gather_failures()
    group = FailureGroup.objects.get(code="CB-502")
    progress = progress_of(plan(walker, group_id=group.pk))
    assert (progress.matching, progress.waiting, progress.skipped) == (1, 0, {Result.HANDED_OVER: 1})
    WebhookEvent.objects.update(outcome="replied")
    assert progress_of(plan(walker, group_id=group.pk)).skipped == {Result.NOT_DEAD: 1}
    WebhookEvent.objects.update(outcome="dead")
    Conversation.objects.update(owner="bot")
    assert progress_of(plan(walker, group_id=group.pk)).waiting == 1


def test_a_plan_that_nobody_starts_is_forgotten(dead: Walker) -> None:
    bulk = plan(dead)
    run_bulk_retries()
    assert BulkRetry.objects.exists()
    BulkRetry.objects.filter(pk=bulk.pk).update(planned_at=timezone.now() - timedelta(days=2))
    run_bulk_retries()
    assert not BulkRetry.objects.exists()


# --- its run ------------------------------------------------------------------------------------------------------


def test_a_few_at_a_time_are_done_again(dead: Walker) -> None:
    bulk = started(dead)
    for _ in range(40):
        assert run_bulk_retries().begun <= RATE
        dead.work()
    progress = progress_of(bulk)
    assert (progress.done, progress.failed, progress.waiting) == (12, 0, 0)
    assert state_of(bulk) == BulkState.DONE
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"replied"}


def test_workers_are_told(dead: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[bool]()
    monkeypatch.setattr(bulk_retries, "wake_a_worker", lambda: told.append(True))
    started(dead)
    run_bulk_retries()
    assert len(told) == RATE


def test_if_the_first_ten_all_fail_it_stops(dead: Walker) -> None:
    bulk = started(dead)
    for _ in range(20):
        run_bulk_retries()
        end_begun("dead")
    assert state_of(bulk) == BulkState.STOPPED
    progress = progress_of(bulk)
    assert (progress.failed, progress.counts[Result.NOT_BEGUN]) == (TRIAL, 2)


def test_the_others_wait_for_one_of_the_first_ten(dead: Walker) -> None:
    bulk = started(dead)
    for _ in range(20):
        run_bulk_retries()
    assert progress_of(bulk).begun == TRIAL
    first = bulk.items.order_by("event_id")[0]
    WebhookEvent.objects.filter(pk=first.event_id).update(outcome="replied", finished_at=timezone.now())
    run_bulk_retries()
    run_bulk_retries()
    assert progress_of(bulk).waiting == 0


def test_failures_after_a_success_do_not_stop_it(dead: Walker) -> None:
    bulk = started(dead)
    run_bulk_retries()
    end_begun("replied")
    for _ in range(20):
        run_bulk_retries()
        end_begun("dead")
    assert state_of(bulk) == BulkState.DONE
    assert (progress_of(bulk).done, progress_of(bulk).failed) == (RATE, 12 - RATE)


def test_there_is_something_to_do_until_all_ends_are_known(dead: Walker) -> None:
    bulk = started(dead)
    assert run_bulk_retries().is_any
    cancel_bulk_retry(bulk.pk, ANNA)
    assert run_bulk_retries().is_any  # two were begun and go on
    end_begun("replied")
    assert not run_bulk_retries().is_any


def test_a_pause_begins_nothing_and_notes_what_ends(dead: Walker) -> None:
    bulk = started(dead)
    run_bulk_retries()
    pause_bulk_retry(bulk.pk, ANNA)
    end_begun("replied")
    assert run_bulk_retries().begun == 0
    assert progress_of(bulk).done == RATE
    resume_bulk_retry(bulk.pk, ANNA)
    assert run_bulk_retries().begun == RATE


def test_after_a_cancel_only_what_was_begun_ends(dead: Walker) -> None:
    bulk = started(dead)
    run_bulk_retries()
    cancel_bulk_retry(bulk.pk, ANNA)
    end_begun("replied")
    assert run_bulk_retries().begun == 0
    progress = progress_of(bulk)
    assert (progress.done, progress.counts[Result.NOT_BEGUN], state_of(bulk)) == (RATE, 10, BulkState.CANCELLED)


def test_what_agents_took_meanwhile_is_left_to_them(dead: Walker) -> None:
    bulk = started(dead)
    Conversation.objects.update(owner="other")
    for _ in range(10):
        run_bulk_retries()
    assert progress_of(bulk).skipped == {Result.HANDED_OVER: 12}
    assert state_of(bulk) == BulkState.DONE


def test_it_goes_on_where_a_process_died(dead: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = started(dead)

    def die(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as dying:
        dying.setattr(bulk_retries, "replay_event", die)
        with pytest.raises(RuntimeError):
            run_bulk_retries()
    assert progress_of(bulk).waiting == 12
    assert run_bulk_retries().begun == RATE


def test_an_event_without_an_end_is_given_up(dead: Walker) -> None:
    bulk = started(dead)
    run_bulk_retries()
    bulk.items.filter(result=Result.BEGUN).update(at=timezone.now() - timedelta(minutes=16))
    run_bulk_retries()
    assert progress_of(bulk).counts[Result.NO_END] == RATE


# --- what people may order ----------------------------------------------------------------------------------------


def test_one_at_a_time_runs_on_a_channel(dead: Walker) -> None:
    first = started(dead)
    second = plan(dead)
    with pytest.raises(BulkError, match="is still running"):
        start_bulk_retry(second.pk, ANNA, "me too")
    cancel_bulk_retry(first.pk, ANNA)
    start_bulk_retry(second.pk, ANNA, "now")
    assert state_of(second) == BulkState.RUNNING


def test_nobody_starts_without_a_reason(dead: Walker) -> None:
    bulk = plan(dead)
    with pytest.raises(BulkError, match="Give the reason"):
        start_bulk_retry(bulk.pk, ANNA, "  ")
    assert state_of(bulk) == BulkState.PLANNED


def test_what_is_over_stays_so(dead: Walker) -> None:
    bulk = started(dead)
    cancel_bulk_retry(bulk.pk, ANNA)
    for act in (pause_bulk_retry, resume_bulk_retry, cancel_bulk_retry):
        with pytest.raises(BulkError, match="cancelled by now"):
            act(bulk.pk, ANNA)
    with pytest.raises(BulkError, match="cancelled by now"):
        start_bulk_retry(bulk.pk, ANNA, "again")


def test_each_act_is_in_the_audit_log(dead: Walker) -> None:
    bulk = started(dead)
    pause_bulk_retry(bulk.pk, ANNA)
    resume_bulk_retry(bulk.pk, ANNA)
    cancel_bulk_retry(bulk.pk, ANNA)
    acts = list(AuditEntry.objects.order_by("pk").values_list("action", "reason"))
    assert acts == [
        ("started bulk retry", "The bot is back."),
        ("paused bulk retry", ""),
        ("resumed bulk retry", ""),
        ("cancelled bulk retry", ""),
    ]
