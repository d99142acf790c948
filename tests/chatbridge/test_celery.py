"""What a worker process sets for itself when it starts."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatbridge.celery import interrupt_nobody

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux only")


def policies_after_start() -> list[int]:
    """Of the thread that starts the worker, and of one that it starts."""
    interrupt_nobody()
    found = [os.sched_getscheduler(0)]
    thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    return found


@pytest.fixture
def starter():
    """A thread of its own, because this one keeps what it is."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_worker_and_its_threads_interrupt_nobody(starter):
    before = os.sched_getscheduler(0)
    assert starter.submit(policies_after_start).result() == [os.SCHED_BATCH, os.SCHED_BATCH]
    assert os.sched_getscheduler(0) == before


def test_a_sandbox_that_forbids_it_stops_no_worker(starter, monkeypatch):
    def forbid(*_):
        raise PermissionError

    before = os.sched_getscheduler(0)
    monkeypatch.setattr(os, "sched_setscheduler", forbid)
    assert starter.submit(policies_after_start).result() == [before, before]
