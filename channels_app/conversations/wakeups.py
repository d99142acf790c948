"""Wake-ups: "there is work". They carry nothing else, and losing one costs a second, never an event.

Celery's own publishing costs half a millisecond of CPU and, with Redis in trouble, blocks a request for
seconds; so the door pushes a ready-made message of Celery's protocol 2 itself, and gives up at once.
"""

import base64
import heapq
import json
import logging
import socket
import threading
import time
import uuid
from datetime import datetime
from functools import cache
from typing import Any

import redis

from channels_app.lib.clocks import database_now
from channels_app.lib.redis import ask_redis

logger = logging.getLogger(__name__)

QUEUE = "wakeups"
TASK = "channels_app.tasks.work"
TIMEOUT_S = 0.5
"""For connecting to Redis and for its answer: a web request waits for nothing longer."""
MAX_LISTEN_S = 2.0
LISTENERS = 3
"""Threads of a worker that listen at a time, beside Celery's own way: one takes a wake-up while another goes back."""
PAUSE_S = 2.0
"""After a failure nothing is published for this long: the guard finds the work."""
MAX_QUEUE = 500
"""More waiting wake-ups than workers have threads tell them nothing new. They don't expire: Celery would judge that by
the worker's own clock, and one that is ahead would hear nothing any more."""

_BODY = base64.b64encode(json.dumps([[], {}, {}]).encode()).decode()
_ORIGIN = f"chatbridge@{socket.gethostname()}"
_PUSH = "if redis.call('LLEN', KEYS[1]) < tonumber(ARGV[2]) then return redis.call('LPUSH', KEYS[1], ARGV[1]) end"


def message() -> str:
    """One message as a Celery worker reads it from Redis (task protocol 2, kombu's envelope)."""
    return _template().replace("@task@", str(uuid.uuid4())).replace("@tag@", str(uuid.uuid4()))


@cache
def _template() -> str:
    """With gaps that no host name can look like."""
    headers: dict[str, Any] = {
        "lang": "py",
        "task": TASK,
        "id": "@task@",
        "root_id": "@task@",
        "parent_id": None,
        "group": None,
    }
    headers |= {"retries": 0, "expires": None, "origin": _ORIGIN, "argsrepr": "()", "kwargsrepr": "{}"}
    properties: dict[str, Any] = {"correlation_id": "@task@", "delivery_mode": 2, "priority": 0}
    properties |= {"delivery_info": {"exchange": "", "routing_key": QUEUE}, "delivery_tag": "@tag@"}
    properties |= {"body_encoding": "base64"}
    envelope = {"body": _BODY, "content-encoding": "utf-8", "content-type": "application/json"}
    return json.dumps({**envelope, "headers": headers, "properties": properties})


class Publisher:
    """Pushes wake-ups, and leaves Redis alone for a moment after it failed."""

    def __init__(self) -> None:
        self._paused_until = 0.0

    def publish(self) -> bool:
        """Whether a worker was told. Never raises; takes a second at the very most."""
        if time.monotonic() < self._paused_until:
            return False
        try:
            ask_redis("EVAL", _PUSH, 1, QUEUE, message(), MAX_QUEUE, timeout_s=TIMEOUT_S)
        except redis.RedisError as error:
            self._paused_until = time.monotonic() + PAUSE_S
            logger.warning("CB-708: wake-up not published, the guard will find the work: %s", error)
            return False
        return True


_publisher = Publisher()


def wake_a_worker() -> bool:
    """Tell one worker that there is work. False: no worker was told, and the guard will find it."""
    return _publisher.publish()


def hear_wakeup(timeout_s: float) -> bool | None:
    """Take a wake-up out of the queue as soon as there is one: whether one came in time. None: Redis can't be asked.

    `timeout_s` is below MAX_LISTEN_S.
    """
    try:
        return ask_redis("BRPOP", QUEUE, timeout_s, timeout_s=MAX_LISTEN_S) is not None
    except redis.RedisError:
        return None


class Alarm:
    """Wakes a worker at a moment to come, from a thread of this process; if it dies, the guard does it."""

    def __init__(self) -> None:
        self._due: list[datetime] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def set(self, moment: datetime) -> None:
        with self._changed:
            heapq.heappush(self._due, moment)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="alarm", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due:
                    self._changed.wait()
                remaining = (self._due[0] - database_now()).total_seconds()
                if remaining > 0:
                    self._changed.wait(remaining)
                    continue
                heapq.heappop(self._due)
            wake_a_worker()


_alarm = Alarm()


def wake_a_worker_at(moment: datetime) -> None:
    """Tell one worker at this moment that there is work."""
    _alarm.set(moment)
