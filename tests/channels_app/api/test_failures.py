"""Failures by cause, and many events retried, over the API."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from channels_app.models import AuditEntry, Delivery, DeliveryState, Failure, FailureGroup, Outcome, WebhookEvent
from channels_app.operations.failures.bulk_retries import run_bulk_retries
from tests.channels_app.api.conftest import Program
from tests.conftest import Walker


@pytest.fixture
def group(walker: Walker) -> FailureGroup:
    """Two events of one channel that failed for good with one cause."""
    for name in ("0-conv-1", "0-conv-2"):
        walker.starts(name)
        walker.says("Where is my parcel?", name)
    now = timezone.now()
    row = FailureGroup.objects.create(
        fingerprint="f",
        channel=walker.channel,
        code="CB-608",
        message="x",
        first_at=now,
        last_at=now,
        count=2,
        waiting=1,
    )
    for event in WebhookEvent.objects.filter(type="message_received"):
        WebhookEvent.objects.filter(pk=event.pk).update(outcome=Outcome.DEAD)
        Delivery.objects.filter(event=event).update(state=DeliveryState.FAILED)
        Failure.objects.create(group=row, event=event, at=now)
    return row


def test_failures_are_listed_by_cause(viewer: Program, group: FailureGroup) -> None:
    [row] = viewer.get("failures/").body["results"]
    assert (row["id"], row["code"], row["state"], row["owner"]) == (group.pk, "CB-608", "new", None)
    assert (row["count"], row["waiting"]) == (2, 1)
    assert viewer.get("failures/", state="muted").body["results"] == []
    assert viewer.get("failures/", channel=group.channel_id, code="CB-608").body["results"] == [row]
    detail = viewer.get(f"failures/{group.pk}/").body
    assert {failure["event_id"] for failure in detail["failures"]} == set(
        group.failures.values_list("event", flat=True)
    )
    assert viewer.get(f"failures/{10**9}/").code == "CB-903"


@pytest.mark.parametrize(
    ("act", "state", "action"),
    [
        ("resolve", "resolved", "resolved failures"),
        ("mute", "muted", "muted failures"),
        ("own", "new", "took failures"),
    ],
)
def test_somebody_decides_about_a_cause(
    operator: Program, group: FailureGroup, act: str, state: str, action: str
) -> None:
    body = operator.post(f"failures/{group.pk}/{act}/").body
    assert body["state"] == state and body["owner"] == ("robot-Operator" if act == "own" else None)
    assert AuditEntry.objects.get(action=action).actor == "robot-Operator"
    assert operator.post(f"failures/{group.pk}/reopen/").body["state"] == "new"


def test_a_bulk_retry_is_planned_started_and_followed(operator: Program, group: FailureGroup, walker: Walker) -> None:
    plan = operator.post("bulk-retries/", {"group": group.pk})
    path = f"bulk-retries/{plan.body['id']}/"
    assert (plan.status, plan.body["state"]) == (201, "planned")
    assert (plan.body["progress"]["matching"], plan.body["progress"]["waiting"]) == (2, 2)
    assert "reason" in operator.post(f"{path}start/").fields
    assert operator.post(f"{path}start/", {"reason": "The bot is back."}).body["state"] == "running"
    for _ in range(3):
        run_bulk_retries()
        walker.work()
    assert operator.get(path).body["progress"]["done"] == 2
    assert [row["id"] for row in operator.get("bulk-retries/").body["results"]] == [plan.body["id"]]


def test_a_bulk_retry_is_paused_resumed_and_cancelled(operator: Program, group: FailureGroup) -> None:
    plan = operator.post("bulk-retries/", {"channel": group.channel_id, "until": timezone.now().isoformat()})
    path = f"bulk-retries/{plan.body['id']}/"
    early = operator.post(f"{path}pause/")
    assert (early.status, early.code) == (409, "CB-905") and "planned" in early.body["detail"]
    operator.post(f"{path}start/", {"reason": "Again."})
    second = operator.post("bulk-retries/", {"group": group.pk}).body["id"]
    assert "Another bulk retry" in operator.post(f"bulk-retries/{second}/start/", {"reason": "Me too."}).body["detail"]
    states = [operator.post(f"{path}{act}/").body["state"] for act in ("pause", "resume", "cancel")]
    assert states == ["paused", "running", "cancelled"]


def test_a_plan_is_about_a_group_or_a_channel(operator: Program, group: FailureGroup) -> None:
    for body in ({}, {"group": group.pk, "channel": group.channel_id}, {"channel": 1, "since": "yesterday"}):
        assert operator.post("bulk-retries/", body).code == "CB-904"
    assert operator.post("bulk-retries/", {"group": 10**9}).code == "CB-903"


def test_the_same_plan_is_made_once(operator: Program, group: FailureGroup) -> None:
    ids = {operator.post("bulk-retries/", {"group": group.pk}, Idempotency_Key="k").body["id"] for _ in range(2)}
    assert len(ids) == 1


@pytest.mark.parametrize("role", ["Viewer", "Auditor", ""])
def test_who_only_looks_does_nothing(program: Callable[..., Program], group: FailureGroup, role: str) -> None:
    caller = program(role)
    assert caller.get("failures/").status == (200 if role else 403)
    assert caller.post(f"failures/{group.pk}/resolve/").status == 403
    assert caller.post("bulk-retries/", {"group": group.pk}).status == 403
