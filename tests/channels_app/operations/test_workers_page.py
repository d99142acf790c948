"""Queue and workers: what waits, who works, and what is wrong with it."""

import socket
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from channels_app.conversations.slots import register_slot, renew_leases
from channels_app.models import Conversation, Credential, Job, WebhookEvent, WorkerSlot
from channels_app.operations.workload import Queue, Worker, event_skew_s, queue_facts, work_problems
from channels_app.upkeep.guard import Guard
from channels_app.upkeep.housekeeping import TASKS
from channels_app.upkeep.jobs import announce_jobs
from tests.builders import make_channel, make_event
from tests.conftest import Walker

PAGE = "/ops/workers/"


def html(client: Client, **query: Any) -> str:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


def make_slot(kind: str = "worker", *, silent_s: float = 3, version: str = settings.VERSION, **of: Any) -> WorkerSlot:
    now = timezone.now()
    name = f"host/{WorkerSlot.objects.count()}/1/{kind}"
    beat = now - timedelta(seconds=silent_s)
    return WorkerSlot.objects.create(
        name=name, host="host", pid=1, kind=kind, version=version, started_at=now, beat_at=beat, **of
    )


def codes() -> list[str]:
    return [str(problem.code) for problem in queue_facts().problems]


def kill_a_worker() -> None:
    """As `kill -9` does, seen by the guard of its machine."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    register_slot(f"{socket.gethostname()}/{gone.pid}/abc/worker")
    Guard().sweep()


# --- the page -----------------------------------------------------------------------------------------------------


def test_an_idle_bridge_is_fine(admin_client: Client) -> None:
    make_slot()
    make_slot("guard")
    page = html(admin_client)
    assert "Nothing waits." in page and "Nothing is waiting for a retry." in page
    assert "answers in" in page and "does not answer" not in page
    assert 'class="repair' not in page


def test_a_process_tells_how_busy_and_how_big_it_is(admin_client: Client, walker: Walker) -> None:
    register_slot("host/1/2/worker")
    walker.post(make_event(text="Hello"))
    renew_leases("host/1/2/worker", [walker.conversation().pk])
    worker = WorkerSlot.objects.get()
    assert (worker.active, worker.threads) == (1, settings.TURNS_AT_ONCE)
    assert worker.memory_bytes and worker.memory_bytes > 10_000_000
    page = html(admin_client)
    assert "<td>1</td>" in page and " MB</td>" in page


def test_half_an_upgrade_is_said(admin_client: Client) -> None:
    make_slot("guard")
    make_slot(version="0.0.9")
    assert "Different versions run together: 0.0.9" in html(admin_client)
    WorkerSlot.objects.filter(version="0.0.9").update(beat_at=timezone.now() - timedelta(minutes=5))
    assert "Different versions" not in html(admin_client)


def test_jobs_say_what_they_did(admin_client: Client) -> None:
    announce_jobs(TASKS)
    now = timezone.now()
    fine = {"began_at": now, "ended_at": now, "took_ms": 43, "next_at": now + timedelta(minutes=1)}
    Job.objects.update(result="counted", **fine)
    Job.objects.filter(name="retention").update(has_failed=True, result="ValueError: see the guard's log")
    Job.objects.filter(name="figures").update(next_at=now - timedelta(minutes=10))
    page = html(admin_client)
    assert "ValueError: see the guard&#x27;s log" in page
    assert page.count(">failed<") == 1 and page.count(">overdue<") == 1
    assert "43 ms" in page


def test_jobs_that_never_ran_are_listed_too(admin_client: Client) -> None:
    assert html(admin_client).count("not run yet") == len(TASKS)


def test_accounts_show_their_problem_and_what_is_used(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    account = Credential.objects.get()
    account.quota_used, account.quota_limit = 93_000, 100_000
    account.save()
    page = html(admin_client)
    assert walker.channel.name in page and "93 % of 100000 calls" in page and "nearly used up" in page
    Credential.objects.update(problem="Sparkcentral refuses the keys.", problem_since=timezone.now())
    page = html(admin_client)
    assert "Sparkcentral refuses the keys. Since" in page
    assert account.account_key not in page


def test_retries_are_shown_by_when_they_are_due(admin_client: Client, walker: Walker) -> None:
    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(state="sending", wait_until=timezone.now() + timedelta(minutes=7))
    page = html(admin_client)
    assert "1 event will be retried within an hour." in page and "5–10 min" in page


def test_the_part_that_is_fetched_again(admin_client: Client) -> None:
    assert "<html" not in html(admin_client, part="now")


def test_the_page_asks_few_questions(admin_client: Client, walker: Walker, django_assert_max_num_queries: Any) -> None:
    walker.says("Hello")
    announce_jobs(TASKS)
    for _ in range(9):
        make_slot()
    html(admin_client)
    with django_assert_max_num_queries(15):
        html(admin_client)


def test_only_who_may_see_conversations_sees_it(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(PAGE).status_code == 403


def test_redis_may_be_away(admin_client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    make_slot("guard")
    page = html(admin_client)
    assert "does not answer" in page and "CB-708" in page


# --- problems -----------------------------------------------------------------------------------------------------


def test_nobody_works(walker: Walker) -> None:
    make_slot("guard")
    assert codes() == []  # before its first work a worker isn't known
    walker.post(make_event(text="Hello"))
    assert codes() == ["CB-701"]
    make_slot(silent_s=95)
    [problem] = queue_facts().problems
    assert "no worker seen for 95 s. Waiting: 1 conversation;" in problem.text
    make_slot()
    assert codes() == []


def test_what_waits_too_long(walker: Walker) -> None:
    make_slot()
    make_slot("guard")
    walker.post(make_event(text="Hello"))
    Conversation.objects.update(wake_at=timezone.now() - timedelta(seconds=48))
    [problem] = queue_facts().problems
    assert str(problem.code) == "CB-702" and "48 s" in problem.text


def test_no_guard(db: None) -> None:
    assert codes() == ["CB-703"]
    make_slot("guard", silent_s=600)
    [problem] = queue_facts().problems
    assert "10 min" in problem.text


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [(None, None, 0), (0.1, 0.5, 0), (61, 300, 61), (-0.2, 400, 0), (-200, -90, -90), (-200, 0.1, 0)],
)
def test_clocks_differ_when_all_newest_events_say_so(least: float | None, most: float | None, expected: float) -> None:
    assert event_skew_s(least, most) == expected


def test_a_clock_that_is_wrong_is_told(walker: Walker) -> None:
    make_slot("guard")
    walker.says("Hello")
    assert codes() == []
    WebhookEvent.objects.update(sent_at=F("received_at") - timedelta(seconds=92))
    [problem] = queue_facts().problems
    assert str(problem.code) == "CB-704" and "Sparkcentral by +92 s" in problem.text


def test_problems_need_no_database() -> None:
    idle = Queue(waiting=0, oldest_s=0, in_hand=0, retries=[])
    guard = Worker(
        name="g",
        kind="guard",
        host="h",
        version="1",
        is_alive=True,
        has_ended=False,
        silent_s=1,
        started_at=timezone.now(),
        threads=1,
        active=0,
        memory_bytes=None,
    )
    assert work_problems(idle, [guard]) == []


# --- a worker that is missed --------------------------------------------------------------------------------------


def test_a_worker_that_was_killed_is_missed_at_once_also_while_nothing_waits(admin_client: Client) -> None:
    make_slot("guard")
    kill_a_worker()
    assert codes() == ["CB-701"]
    page = html(admin_client)
    assert "CB-701" in page and ">ended " in page
    make_channel()
    assert "The bridge itself needs your attention" in admin_client.get("/ops/").content.decode()


def test_a_worker_that_ended_is_not_missed_while_another_lives(admin_client: Client) -> None:
    make_slot("guard")
    kill_a_worker()
    make_slot()
    assert codes() == []
    assert ">ended " not in html(admin_client)


def test_of_many_that_ended_one_is_shown(admin_client: Client) -> None:
    make_slot("guard")
    for _ in range(3):
        kill_a_worker()
    assert html(admin_client).count(">ended ") == 1


def checked() -> tuple[int, str]:
    """Exit code and words of the command for monitors."""
    screen = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("guard", "--check", stdout=screen)
    assert isinstance(ended.value.code, int)
    return ended.value.code, screen.getvalue()


@pytest.mark.django_db
def test_a_monitor_is_told_by_the_exit_code() -> None:
    make_slot("guard")
    make_slot()
    assert checked() == (0, "Fine: 0 conversations waiting.\n")
    WorkerSlot.objects.filter(kind="guard").delete()
    code, words = checked()
    assert (code, words[:6]) == (1, "CB-703")
    kill_a_worker()
    WorkerSlot.objects.filter(host="host", kind="worker").delete()
    code, words = checked()
    assert (code, words[:6]) == (2, "CB-701")
