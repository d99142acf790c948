"""The failures inbox and bulk retries, as people use them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from channels_app.models import AuditEntry, BulkRetry, BulkState, Exchange, FailureGroup, WebhookEvent
from channels_app.operations.failures.bulk_retries import run_bulk_retries
from channels_app.operations.failures.grouping import gather_failures
from tests.conftest import Walker

LIST = "/ops/failures/"
XSS = "<script>alert(1)</script>"


def text(response: Any) -> str:
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


@pytest.fixture
def group(walker: Walker) -> FailureGroup:
    """Three conversations whose bot answered with an error, and nobody else."""
    for number in range(3):
        walker.says("Hello", f"0-conv-{number}")
    for event in WebhookEvent.objects.all():
        Exchange.objects.create(
            event=event,
            channel=walker.channel,
            target="bot",
            n=1,
            fence=1,
            started_at=timezone.now() - timedelta(seconds=30),
            result="failed",
            code="CB-502",
            status=502,
            error=f"POST: 502 {XSS}",
        )
    WebhookEvent.objects.update(outcome="dead", state="done")
    gather_failures()
    return FailureGroup.objects.get()


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_conversation", "replay"]))
    client.force_login(user)
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_conversation"))
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, group: FailureGroup, name: str) -> str:
    return text(client.post(f"{LIST}{group.pk}/{name}/", follow=True))


# --- the inbox ----------------------------------------------------------------------------------------------------


def test_an_empty_inbox_says_so(operator: Client) -> None:
    assert "No cause of failures is open" in text(operator.get(LIST))


def test_a_cause_is_one_line(operator: Client, group: FailureGroup) -> None:
    page = text(operator.get(LIST))
    assert "1 group of failures" in page
    assert f'<a href="{LIST}{group.pk}/">CB-502 Bot answered with an error</a>' in page
    assert '<td class="number">3</td>' in page
    assert 'state-new">new' in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ({}, True),
        ({"state": "new"}, True),
        ({"state": "muted"}, False),
        ({"state": "all"}, True),
        ({"state": "nonsense"}, True),
        ({"code": "CB-502"}, True),
        ({"code": "CB-501"}, False),
        ({"age": "0"}, True),
        ({"age": "1"}, False),
        ({"age": "99"}, True),
        ({"channel": "0"}, False),
        ({"page": "1"}, False),
    ],
)
def test_filters(operator: Client, group: FailureGroup, query: dict[str, str], is_shown: bool) -> None:
    assert (f'<a href="{LIST}{group.pk}/">' in text(operator.get(LIST, query))) is is_shown


def test_the_list_asks_few_questions(
    operator: Client, group: FailureGroup, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        FailureGroup.objects.create(
            fingerprint=str(number),
            channel=group.channel,
            code="CB-501",
            message=str(number),
            first_at=timezone.now(),
            last_at=timezone.now(),
        )
    with django_assert_max_num_queries(12):
        text(operator.get(LIST))


def test_a_group_tells_what_it_means_and_whom_it_hit(
    operator: Client, group: FailureGroup, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12):
        page = text(operator.get(f"{LIST}{group.pk}/"))
    assert "What it means" in page
    for event in WebhookEvent.objects.all():
        assert f"/ops/conversations/{event.conversation_id}/?event={event.pk}" in page
        assert f"/ops/exchanges/{event.exchanges.get(code='CB-502').pk}/" in page
    assert "<script>alert" not in page


def test_a_group_that_is_not_there(operator: Client, group: FailureGroup) -> None:
    assert operator.get(f"{LIST}999/").status_code == 404
    assert operator.post(f"{LIST}999/mute/").status_code == 404
    assert operator.post(f"{LIST}{group.pk}/explode/").status_code == 404


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resolve", "Resolved."),
        ("mute", "Muted until"),
        ("own", "You are the owner now."),
    ],
)
def test_what_a_person_decides(operator: Client, group: FailureGroup, name: str, told: str) -> None:
    assert told in act(operator, group, name)
    assert AuditEntry.objects.latest("pk").actor == "olga"


def test_a_decision_can_be_taken_back(operator: Client, group: FailureGroup) -> None:
    act(operator, group, "mute")
    assert f"{LIST}{group.pk}/reopen/" in text(operator.get(f"{LIST}{group.pk}/"))
    act(operator, group, "reopen")
    act(operator, group, "own")
    assert "Remove me as owner" in text(operator.get(f"{LIST}{group.pk}/"))
    act(operator, group, "disown")
    group.refresh_from_db()
    assert (group.muted_at, group.owner) == (None, None)


def test_older_failures_are_on_the_next_page(
    operator: Client, group: FailureGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_app.operations.failures.groups.PAGE", 2)
    monkeypatch.setattr("channels_app.web.pages.failures.PAGE", 2)
    page = text(operator.get(f"{LIST}{group.pk}/"))
    older = page.split("Older failures")[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
    second = text(operator.get(f"{LIST}{group.pk}/{older}"))
    assert (page.count("?event="), second.count("?event=")) == (2, 1)
    assert "Older failures" not in second
    assert text(operator.get(f"{LIST}{group.pk}/", {"before": "nonsense"})).count("?event=") == 2


# --- bulk retries -------------------------------------------------------------------------------------------------


def planned(client: Client, group: FailureGroup) -> str:
    response = client.post(f"{LIST}{group.pk}/again/")
    assert response.status_code == 302
    return str(response.headers["Location"])


def test_from_a_group_to_its_result(operator: Client, group: FailureGroup, walker: Walker) -> None:
    url = planned(operator, group)
    page = text(operator.get(url))
    assert "<strong>3 match</strong> · 3 will be retried · about 1 min at 2/s" in page
    started = text(operator.post(f"{url}start/", {"reason": "The bot is back."}, follow=True))
    assert "Running" in started and "3 waiting" in started
    for _ in range(5):
        run_bulk_retries()
        walker.work()
    page = text(operator.get(url))
    assert "Done" in page and "3 done · 0 failed again" in page
    assert "data-refresh=" not in page
    response = operator.get(f"{url}result.csv")
    lines = b"".join(response.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "event,conversation,received,result,at"
    assert [line.split(",")[3] for line in lines[1:]] == ["done"] * 3


def test_a_start_needs_its_reason(operator: Client, group: FailureGroup) -> None:
    url = planned(operator, group)
    assert "Give the reason" in text(operator.post(f"{url}start/", {"reason": ""}, follow=True))
    assert BulkRetry.objects.get().state == BulkState.PLANNED


def test_it_can_be_paused_and_cancelled(operator: Client, group: FailureGroup) -> None:
    url = planned(operator, group)
    operator.post(f"{url}start/", {"reason": "x"})
    assert "Resume" in text(operator.post(f"{url}pause/", follow=True))
    assert "Pause" in text(operator.post(f"{url}resume/", follow=True))
    assert "Cancelled" in text(operator.post(f"{url}cancel/", follow=True))
    assert "cancelled by now" in text(operator.post(f"{url}pause/", follow=True))
    assert operator.post(f"{url}explode/").status_code == 404


def test_the_part_that_is_fetched_again(operator: Client, group: FailureGroup) -> None:
    url = planned(operator, group)
    operator.post(f"{url}start/", {"reason": "x"})
    assert 'data-refresh="?part=progress"' in text(operator.get(url))
    part = text(operator.get(url, {"part": "progress"}))
    assert "<html" not in part and "csrfmiddlewaretoken" in part


def test_a_time_can_be_done_again_without_a_group(operator: Client, group: FailureGroup) -> None:
    form = {"channel": group.channel_id, "since": "2020-01-01T00:00", "until": "now"}
    page = text(operator.post("/ops/bulk/", form, follow=True))
    assert "<strong>3 match</strong>" in page
    backwards = {**form, "since": "2020-01-02T00:00", "until": "2020-01-01T00:00"}
    assert "must be after the beginning" in text(operator.post("/ops/bulk/", backwards, follow=True))
    assert "“soon” is not a time" in text(operator.post("/ops/bulk/", {**form, "since": "soon"}, follow=True))


def test_who_may_not_do_again_only_reads(viewer: Client, operator: Client, group: FailureGroup) -> None:
    url = planned(operator, group)
    operator.post(f"{url}start/", {"reason": "x"})
    for page in (LIST, f"{LIST}{group.pk}/", url):
        assert '<form method="post" action="/ops/' not in text(viewer.get(page))
    for page in (f"{LIST}{group.pk}/mute/", f"{LIST}{group.pk}/again/", f"{url}cancel/", "/ops/bulk/"):
        assert viewer.post(page).status_code == 403
    assert BulkRetry.objects.get().state == BulkState.RUNNING


@pytest.mark.parametrize("path", ["mute/", "again/"])
def test_reading_changes_nothing(operator: Client, group: FailureGroup, path: str) -> None:
    assert operator.get(f"{LIST}{group.pk}/{path}").headers["Location"] == f"{LIST}{group.pk}/"
