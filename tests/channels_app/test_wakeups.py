"""Wake-ups: what Celery reads of them, and what happens without Redis."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import Celery
from kombu import Connection
from kombu.simple import SimpleQueue

from channels_app.conversations import wakeups
from tests.bridge import PATIENCE_S


@pytest.fixture
def server(settings: Any) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.delete(wakeups.QUEUE)
    yield client
    client.delete(wakeups.QUEUE)


def test_celery_understands_our_message(server: redis.Redis, settings: Any) -> None:
    assert wakeups.Publisher().publish()
    with Connection(settings.REDIS_URL) as broker:
        queue = SimpleQueue(broker.default_channel, wakeups.QUEUE)
        message = queue.get(timeout=PATIENCE_S)
        message.ack()
        queue.close()
    assert message.headers["task"] == wakeups.TASK
    assert message.payload == [[], {}, {}]
    assert message.headers["expires"] is None  # the worker's own clock would judge it


def test_the_task_that_is_named_exists() -> None:
    from chatbridge import celery_app

    assert isinstance(celery_app, Celery)
    celery_app.loader.import_default_modules()
    assert wakeups.TASK in celery_app.tasks
    assert celery_app.conf.task_default_queue == wakeups.QUEUE


def test_wakeups_do_not_pile_up_while_no_worker_reads_them(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "MAX_QUEUE", 3)
    publisher = wakeups.Publisher()
    assert all(publisher.publish() for _ in range(10))
    assert server.llen(wakeups.QUEUE) == 3


def test_without_redis_nobody_is_told_and_nobody_waits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    publisher = wakeups.Publisher()
    assert publisher.publish() is False
    settings.REDIS_URL = "not even an address"  # it is left alone for a while, so this is not looked at
    assert publisher.publish() is False


def test_messages_differ(server: redis.Redis) -> None:
    ids = {json.loads(wakeups.message())["properties"]["delivery_tag"] for _ in range(5)}
    assert len(ids) == 5
