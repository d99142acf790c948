"""The guards' jobs: each done by one at a time, in slices, and again when a process died over it."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.models import EventBody, Figure, Job, WebhookEvent
from channels_app.upkeep import housekeeping, retention
from channels_app.upkeep.guard import Guard
from channels_app.upkeep.housekeeping import TASKS, Done, Housekeeper
from channels_app.upkeep.jobs import announce_jobs, claim_due_job, end_job
from tests.bridge import PATIENCE_S
from tests.conftest import Walker

NEVER = threading.Event()


@pytest.fixture
def jobs(db: None) -> list[str]:
    announce_jobs(TASKS)
    return list(TASKS)


def do_all() -> int:
    """Whatever is due, until nothing is."""
    keeper, done = Housekeeper("tests"), 0
    while keeper.do_due_job(NEVER):
        done += 1
        assert done < 50, "the jobs have no end"
    return done


# --- claims -------------------------------------------------------------------------------------------------------


def test_a_job_is_done_by_one_at_a_time(jobs: list[str]) -> None:
    claimed = {claim_due_job("one", [name]) and name for name in jobs}
    assert claimed == set(jobs)
    assert claim_due_job("two", jobs) is None


def test_a_job_that_ended_is_due_again_after_its_time(jobs: list[str]) -> None:
    claimed = claim_due_job("one", ["figures"])
    assert claimed
    end_job(claimed, "counted", wait=timedelta(hours=1))
    assert claim_due_job("two", ["figures"]) is None
    Job.call("figures")
    assert claim_due_job("two", ["figures"])


def test_the_claim_of_a_dead_process_ends(jobs: list[str]) -> None:
    dead = claim_due_job("dead", ["figures"])
    assert dead
    Job.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert claim_due_job("alive", ["figures"])
    end_job(dead, "too late", wait=timedelta(hours=1))
    assert Job.objects.get(name="figures").claimed_by == "alive"
    assert Job.objects.get(name="figures").result == ""


def test_the_job_that_waits_longest_comes_first(jobs: list[str]) -> None:
    Job.objects.filter(name="retention").update(next_at=timezone.now() - timedelta(hours=1))
    claimed = claim_due_job("one", jobs)
    assert claimed and claimed.name == "retention"


def test_positions_are_kept_one_by_one(db: None) -> None:
    Job.keep_positions("mine", {"a": 1})
    Job.keep_positions("mine", {"b": 2})
    Job.keep_positions("mine", {"a": 3})
    assert Job.read_positions("mine") == {"a": 3, "b": 2}
    assert Job.read_positions("nobody's") == {}


# --- slices -------------------------------------------------------------------------------------------------------


def test_all_jobs_are_done_once_and_say_what_they_did(jobs: list[str], walker: Walker) -> None:
    walker.says("Hello")
    assert do_all() == len(TASKS)
    for job in Job.objects.all():
        assert job.result and not job.has_failed and job.claimed_until is None and job.next_at > timezone.now()
    assert Figure.objects.exists()


def test_a_job_that_fails_says_so_and_holds_up_nobody(
    jobs: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: threading.Event) -> Done:
        raise ValueError("a detail for the log alone")

    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own transaction
    broken = housekeeping.Task(
        name="figures", purpose="", every=timedelta(seconds=1), again=timedelta(seconds=1), do=fail
    )
    monkeypatch.setitem(TASKS, "figures", broken)
    assert do_all() == len(TASKS)
    job = Job.objects.get(name="figures")
    assert job.has_failed
    assert "ValueError" in job.result and "detail" not in job.result
    assert job.next_at > timezone.now() + timedelta(seconds=20)
    assert "a detail for the log alone" in caplog.text


def test_a_job_with_more_to_do_goes_on_soon(jobs: list[str], walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "SLICE_S", 0.0)
    monkeypatch.setattr(retention, "PAUSE_S", 0.0)
    monkeypatch.setattr(retention, "GIVES_WAY", 0)
    monkeypatch.setattr("channels_app.upkeep.retention.BATCH", 1)
    for number in range(2):
        walker.says("Hello", f"0-conv-{number}")
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(days=31))
    do_all()
    assert EventBody.objects.count() == 1
    assert Job.objects.get(name="retention").next_at < timezone.now() + timedelta(minutes=1)
    Job.call("retention")
    do_all()
    assert EventBody.objects.count() == 0


def test_who_is_to_stop_begins_no_job(jobs: list[str]) -> None:
    stopping = threading.Event()
    stopping.set()
    Housekeeper("tests").run(stopping)
    assert not Job.objects.exclude(began_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_the_guard_keeps_house_beside_its_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "PERIOD_S", 0.01)
    guard = Guard()

    def run() -> None:
        guard.run()
        connection.close()

    running = threading.Thread(target=run)
    running.start()
    deadline = time.monotonic() + PATIENCE_S
    while Job.objects.exclude(ended_at=None).count() < len(TASKS) and time.monotonic() < deadline:
        time.sleep(0.05)
    guard.stop()
    running.join(PATIENCE_S)
    assert not running.is_alive()
    assert set(Job.objects.exclude(ended_at=None).values_list("name", flat=True)) == set(TASKS)
