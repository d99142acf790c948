"""Machines whose own clock is wrong: by PostgreSQL's they judge as all others do."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from channels_app.conversations.release import wake_at_once
from channels_app.conversations.slots import register_slot, renew_leases
from channels_app.lib import clocks
from channels_app.lib.clocks import database_now, machine_is_ahead_s, note_reading, ticks
from channels_app.lib.statements import fetch
from channels_app.models import EventState, Outcome, Owner, WebhookEvent, WorkerSlot
from channels_app.operations.workload import queue_facts
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.world import World, answer

MINUTE = timedelta(minutes=1)
WRONG = {
    "1 min behind": -MINUTE,
    "10 min behind": -10 * MINUTE,
    "10 min ahead": 10 * MINUTE,
    "a year ahead": timedelta(days=400),
}
wrongly = pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)


@contextmanager
def machine_is_off(wrong: timedelta) -> Iterator[None]:
    """This machine's clock is, PostgreSQL's isn't; and this process reads that one anew."""
    with time_machine.travel(datetime.now(UTC) + wrong):
        clocks._clock.due_at = 0.0
        yield
    clocks._clock.due_at = 0.0


# --- the clock ----------------------------------------------------------------------------------------------------


@wrongly
def test_the_time_is_postgresqls(db: None, wrong: timedelta) -> None:
    right = datetime.now(UTC)
    with machine_is_off(wrong):
        fetch("SELECT %(one)s", {"one": 1})
        assert abs(database_now() - right) < MINUTE / 2
        assert abs(machine_is_ahead_s() - wrong.total_seconds()) < 30


def test_a_new_connection_is_asked_too(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    connection.close()
    monkeypatch.setattr(clocks._clock, "origin", datetime(2020, 1, 1, tzinfo=UTC))
    connection.ensure_connection()
    assert abs(database_now() - datetime.now(UTC)) < MINUTE / 2


def test_a_process_that_never_reached_postgresql_has_only_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks._clock, "origin", None)
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC), tick=False):
        assert database_now() == datetime(2031, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead_s", "took_s", "expected_s"),
    [
        (3.0, 0.0, 3.0),  # PostgreSQL is on another machine now, or somebody set its clock
        (-3.0, 0.0, -3.0),
        (0.4, 1.0, 0.0),  # it took long to ask: the old reading may be right
        (0.6, 1.0, 0.6),  # the old one can't be right
    ],
)
def test_a_reading_counts_as_far_as_it_can_be_trusted(
    monkeypatch: pytest.MonkeyPatch, ahead_s: float, took_s: float, expected_s: float
) -> None:
    asked_at, start = ticks(), datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clocks._clock, "origin", start)
    middle = timedelta(seconds=asked_at + took_s / 2 + ahead_s)
    note_reading(start + middle, asked_at=asked_at, answered_at=asked_at + took_s)
    assert clocks._clock.origin is not None
    assert (clocks._clock.origin - start).total_seconds() == pytest.approx(expected_s, abs=1e-4)


ASKS_THE_MACHINE = re.compile(
    r"timezone\.now\b|\.(?:utcnow|today)\(|datetime\.now\b|\btime\.time\(|auto_now|localdate\(\)"
)


def test_nothing_of_ours_asks_the_machine_what_time_it_is() -> None:
    files = [*settings.BASE_DIR.glob("channels_app/**/*.py"), *settings.BASE_DIR.glob("offload/**/*.py")]
    ours = [file for file in files if "migrations" not in file.parts and file != Path(clocks.__file__)]
    assert len(ours) > 100
    found = [
        f"{file.name}: {line}"
        for file in ours
        for line in file.read_text().splitlines()
        if ASKS_THE_MACHINE.search(line)
    ]
    assert found == []


# --- a web process ------------------------------------------------------------------------------------------------


@wrongly
def test_a_door_takes_an_event_that_is_young_by_postgresqls_clock(walker: Walker, wrong: timedelta) -> None:
    event = make_event(text="Hello")
    with machine_is_off(wrong):
        assert walker.post(event).status_code == 200
    assert WebhookEvent.objects.count() == 1


def test_a_door_refuses_a_replay_however_far_behind_its_machine_is(walker: Walker) -> None:
    event = make_event(text="Hello", after_s=-360)
    with machine_is_off(-10 * MINUTE):
        assert walker.post(event).status_code == 401
    assert not WebhookEvent.objects.exists()


# --- a worker -----------------------------------------------------------------------------------------------------


@wrongly
def test_a_bot_that_calls_back_gets_its_time(walk_with: Callable[..., Walker], wrong: timedelta) -> None:
    walker = walk_with(bot=make_bot("chatlayer"), delegation_dialog="welcome-back")
    assert walker.post(make_event("CONVERSATION_DELEGATED")).status_code == 200
    with machine_is_off(wrong):
        walker.work(patiently=False)
    event, conversation = WebhookEvent.objects.get(), walker.conversation()
    assert (event.state, event.outcome, conversation.owner) == (EventState.BOT_WAIT, None, Owner.BOT)
    assert conversation.wake_at is not None
    assert MINUTE / 4 < conversation.wake_at - timezone.now() < 2 * MINUTE


@wrongly
def test_a_bot_that_failed_is_asked_again(walker: Walker, world: World, wrong: timedelta) -> None:
    world.bot.replies = [answer(502, {})]
    assert walker.post(make_event("CONVERSATION_DELEGATED")).status_code == 200
    with machine_is_off(wrong):
        walker.work(patiently=False)
    wake_at = walker.conversation().wake_at
    assert walker.outcomes() == [None]
    assert wake_at is not None and abs(wake_at - timezone.now()) < MINUTE / 2
    walker.work()
    assert walker.outcomes() == [Outcome.REPLIED]


@wrongly
def test_a_reply_that_meets_a_429_is_sent_later(walker: Walker, world: World, wrong: timedelta) -> None:
    world.inbox.faults = [answer(429)]
    assert walker.post(make_event("CONVERSATION_DELEGATED")).status_code == 200
    with machine_is_off(wrong):
        walker.work(patiently=False)
    walker.work()
    assert walker.outcomes() == [Outcome.REPLIED]


@wrongly
def test_what_somebody_orders_there_is_done_at_once(walker: Walker, wrong: timedelta) -> None:
    walker.says("Hello")
    with machine_is_off(wrong):
        wake_at_once(walker.conversation().pk)
    wake_at = walker.conversation().wake_at
    assert wake_at is not None and abs(wake_at - timezone.now()) < MINUTE / 2


# --- people see it ------------------------------------------------------------------------------------------------


@wrongly
def test_a_worker_tells_what_its_clock_says(admin_client: Client, wrong: timedelta) -> None:
    register_slot("far/1/2/worker")
    assert WorkerSlot.objects.get().clock_ahead_s == pytest.approx(0, abs=30)
    with machine_is_off(wrong):
        renew_leases("far/1/2/worker", [])
    assert WorkerSlot.objects.get().clock_ahead_s == pytest.approx(wrong.total_seconds(), abs=30)
    page = admin_client.get("/ops/workers/").content.decode()
    assert f" {'ahead' if wrong > timedelta(0) else 'behind'}</td>" in page


@pytest.mark.parametrize(("ahead_s", "is_problem"), [(None, False), (59.0, False), (-61.0, True), (61.0, True)])
def test_a_clock_that_is_a_minute_off_is_a_problem(
    admin_client: Client, ahead_s: float | None, is_problem: bool
) -> None:
    register_slot("far/1/2/worker")
    WorkerSlot.objects.update(clock_ahead_s=ahead_s)
    told = [problem.text for problem in queue_facts().problems if str(problem.code) == "CB-704"]
    assert [text.startswith("The clock of far differs") for text in told] == [True] * is_problem
    shown: Any = admin_client.get("/api/v1/queue/").json()
    assert [worker["clock_ahead_s"] for worker in shown["workers"]] == [ahead_s]
