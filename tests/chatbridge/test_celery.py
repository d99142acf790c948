"""What a worker process sets for itself when it starts."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from channels_app.conversations.wakeups import QUEUE, message
from chatbridge.celery import run_as_batch
from chatbridge.embedded import Redis
from tests.bridge import BASE_DIR, PATIENCE_S, database_of_this_test, eventually
from tests.silent import SilentProxy

linux_only = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux only")


def policies_after_start() -> list[int]:
    """Of the thread that starts the worker, and of one that it starts."""
    run_as_batch()
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


@linux_only
def test_a_worker_and_its_threads_run_as_batch(starter):
    before = os.sched_getscheduler(0)
    assert starter.submit(policies_after_start).result() == [os.SCHED_BATCH, os.SCHED_BATCH]
    assert os.sched_getscheduler(0) == before


@linux_only
def test_a_sandbox_that_forbids_it_stops_no_worker(starter, monkeypatch):
    def forbid(*_):
        raise PermissionError

    before = os.sched_getscheduler(0)
    monkeypatch.setattr(os, "sched_setscheduler", forbid)
    assert starter.submit(policies_after_start).result() == [before, before]


@pytest.fixture
def redis_of_its_own(tmp_path: Path) -> Iterator[Redis]:
    """It falls silent, or takes no writes: not for the other tests."""
    server = Redis(tmp_path).start()
    yield server
    server.stop()


@contextmanager
def worker(redis_url: str, log: Path) -> Iterator[None]:
    addresses = {"DATABASE_URL": database_of_this_test(), "REDIS_URL": redis_url}
    environment = os.environ | addresses | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "celery", "-A", "chatbridge", "worker", "--without-gossip", "--without-mingle"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--loglevel", "INFO"], cwd=BASE_DIR, env=environment, stdout=output, stderr=output
        )
        try:
            eventually(lambda: "ready." in log.read_text())
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def is_taken(client: redis.Redis) -> str:
    """The task of a wake-up that somebody took from the queue."""
    text = message()
    client.lpush(QUEUE, text)
    eventually(lambda: client.llen(QUEUE) == 0)
    return str(json.loads(text)["headers"]["id"])


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_takes_no_writes_is_a_line_and_then_the_worker_goes_on(
    redis_of_its_own: Redis, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with redis.Redis.from_url(redis_of_its_own.url) as client, worker(redis_of_its_own.url, log):
        is_taken(client)
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        eventually(lambda: "CB-708" in log.read_text())
        client.execute_command("REPLICAOF", "NO", "ONE")
        is_taken(client)
    text = log.read_text()
    # Redis throws out who waits in it at that moment, with other words than for who asks later.
    assert "read only replica" in text or "UNBLOCKED" in text, text
    assert "Traceback" not in text
    assert text.count("CB-708: Redis does not answer") == 1


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_falls_silent_is_left_for_a_new_connection(redis_of_its_own: Redis, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    parts = urlsplit(redis_of_its_own.url)
    assert parts.port is not None
    with SilentProxy(("127.0.0.1", parts.port)) as proxy, redis.Redis.from_url(redis_of_its_own.url) as client:
        url = f"redis://:{parts.password}@127.0.0.1:{proxy.port}/0"
        with worker(url, log):
            is_taken(client)
            proxy.silence_present()
            taken: list[str] = []  # Redis gives some to connections that nobody hears any more

            def is_heard() -> bool:
                taken.append(is_taken(client))
                return any(f"{task}] received" in log.read_text() for task in taken)

            eventually(is_heard)
