"""What has to be done from time to time: counting, sorting failures, deleting texts, bulk retries.

Every guard runs this in a thread beside its looks; jobs are claimed, so each is done by one of them at a time. A job
does a slice of a few seconds at most, and all of it is safe to repeat.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error, connection

from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.operations.failures.bulk_retries import JOB as BULK_RETRIES
from channels_app.operations.failures.bulk_retries import run_bulk_retries
from channels_app.operations.failures.grouping import JOB as FAILURES
from channels_app.operations.failures.grouping import count_waiting, gather_failures
from channels_app.operations.figures.counting import count_span, drop_old_figures, sample_queue
from channels_app.operations.handover_health import WATCHING
from channels_app.operations.platform_status import JOB as STATUS_PAGE
from channels_app.operations.platform_status import look_at_status_page
from channels_app.protocol.labels import count_of
from channels_app.upkeep.alerting import JOB as ALERTS
from channels_app.upkeep.alerting import raise_alerts
from channels_app.upkeep.jobs import announce_jobs, claim_due_job, end_job
from channels_app.upkeep.retention import JOB as RETENTION
from channels_app.upkeep.retention import purge_texts
from channels_app.upkeep.silence import JOB as SILENCE
from channels_app.upkeep.silence import note_silences
from channels_app.upkeep.table_sizes import learn_sizes
from channels_app.upkeep.watching import watch_handovers

logger = logging.getLogger(__name__)

PERIOD_S = 1.0
SLICE_S = 20.0
"""A job with more to do continues a moment later, so that the others get their turn."""
AFTER_FAILURE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a slice has done, in words; `is_all`: False if there is more to do now."""

    result: str
    is_all: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job: what it is for, how often it is due, and how soon again while it has more to do."""

    name: str
    purpose: str
    every: timedelta
    again: timedelta
    do: Callable[[threading.Event], Done]


# --- the slices ---------------------------------------------------------------------------------------------------

NEWEST = timedelta(minutes=10)
"""An event has ended by then, unless it was done again later."""
LATE = timedelta(hours=3)
DAY = timedelta(hours=26)
"""How far back a conversation's fate may still change, or an operator may retry something."""


def _count(depth: timedelta) -> Callable[[threading.Event], Done]:
    def do(stopping: threading.Event) -> Done:
        now = database_now()
        for counted, _ in enumerate(count_span(now - depth, now), start=1):
            if stopping.is_set():
                return Done(result=f"stopped after {count_of(counted, 'hour')}", is_all=False)
        return Done(result="counted")

    return do


def _count_newest(stopping: threading.Event) -> Done:
    sample_queue()
    return _count(NEWEST)(stopping)


def _count_day(stopping: threading.Event) -> Done:
    dropped = drop_old_figures(database_now())
    done = _count(DAY)(stopping)
    return Done(result=f"{done.result}, {dropped} old figures dropped", is_all=done.is_all)


def _gather(_: threading.Event) -> Done:
    found = gather_failures()
    return Done(result=f"{found} new failures", is_all=not found)


def _count_waiting(_: threading.Event) -> Done:
    count_waiting()
    return Done(result="counted")


def _retry(_: threading.Event) -> Done:
    run = run_bulk_retries()
    return Done(result=f"{count_of(run.begun, 'event')} begun" if run.is_any else "none runs", is_all=not run.is_any)


def _read_status(_: threading.Event) -> Done:
    return Done(result=look_at_status_page())


def _note_silences(_: threading.Event) -> Done:
    found, is_all = note_silences()
    return Done(result=f"{count_of(found, 'contact')} fell silent", is_all=is_all)


def _watch_handovers(_: threading.Event) -> Done:
    waiting, taken = watch_handovers()
    return Done(result=f"{count_of(waiting, 'contact')} waited for an agent, {taken} of them no longer")


def _raise_alerts(_: threading.Event) -> Done:
    told, failed = raise_alerts()
    more = f", {count_of(failed, 'alert')} failed" if failed else ""
    return Done(result=f"told about {count_of(told, 'handover')}{more}")


def _retain(stopping: threading.Event) -> Done:
    events, ends_at = 0, time.monotonic() + SLICE_S
    for purged in purge_texts():
        events += purged.events
        if stopping.wait(purged.pause_s) or time.monotonic() > ends_at:
            return Done(result=f"texts of {count_of(events, 'event')} deleted, more to do", is_all=False)
    return Done(result=f"texts of {count_of(events, 'event')} deleted")


def _learn_sizes(_: threading.Event) -> Done:
    return Done(result=f"looked at {count_of(len(learn_sizes()), 'table')}")


def _task(name: str, purpose: str, do: Callable[[threading.Event], Done], every_s: float, again_s: float) -> Task:
    return Task(name=name, purpose=purpose, do=do, every=timedelta(seconds=every_s), again=timedelta(seconds=again_s))


TASKS = {
    task.name: task
    for task in (
        _task(BULK_RETRIES, "Runs bulk retries", _retry, 60, 1),
        _task("figures", "Counts the last ten minutes", _count_newest, 15, 15),
        _task(FAILURES, "Groups failures", _gather, 15, 1),
        _task("table sizes", "Updates PostgreSQL's table statistics", _learn_sizes, 60, 60),
        _task("waiting contacts", "Counts contacts still waiting after a failure", _count_waiting, 60, 60),
        _task("late figures", "Recounts the last three hours", _count(LATE), 5 * 60, 15),
        _task("figures of a day", "Recounts the last day, drops old figures", _count_day, 3600, 15),
        _task(SILENCE, "Finds contacts who are silent for longer than their channel allows", _note_silences, 20, 1),
        _task(WATCHING, "Looks whether agents have opened what was handed over", _watch_handovers, 15, 15),
        _task(ALERTS, "Tells the team of contacts who wait too long for an agent", _raise_alerts, 15, 15),
        _task(STATUS_PAGE, "Reads the platform's status page, if one is set", _read_status, 60, 60),
        _task(RETENTION, "Deletes texts past their retention period", _retain, 3600, 5),
    )
}


# --- the loop -----------------------------------------------------------------------------------------------------


class Housekeeper:
    """Does what is due, in the name of the process that holds this slot."""

    def __init__(self, slot: str) -> None:
        self._slot = slot

    def run(self, stopping: threading.Event) -> None:
        """Until stopped; a database that is away is waited for."""
        is_announced = False
        while not stopping.wait(PERIOD_S):
            try:
                if not is_announced:
                    announce_jobs(TASKS)
                    is_announced = True
                while not stopping.is_set() and self.do_due_job(stopping):
                    pass
            except Error as error:
                if outages.met(error) is None:
                    logger.exception("housekeeping failed")

    def do_due_job(self, stopping: threading.Event) -> bool:
        """Do a slice of the job that is overdue longest; False when none is due."""
        claimed = claim_due_job(self._slot, TASKS)
        if claimed is None:
            return False
        task = TASKS[claimed.name]
        try:
            done = task.do(stopping)
        except Exception as error:
            if outages.met(error) is None:
                logger.exception("job %s failed", task.name)
                connection.close()  # it may be in the middle of something
            words = f"{type(error).__name__}: see the guard's log"
            end_job(claimed, words, wait=max(task.every, AFTER_FAILURE), has_failed=True)
        else:
            end_job(claimed, done.result, wait=task.every if done.is_all else task.again)
        return True
