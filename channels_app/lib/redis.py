"""One command to Redis, on a connection that this thread keeps: a pool's care for it costs more than the command."""

import os
import threading
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


class _Links(threading.local):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, float], Any] = {}


_links = _Links()
# Two processes must not speak on one connection.
os.register_at_fork(after_in_child=lambda: _links.kept.clear())


def ask_redis(*command: str | bytes | float, timeout_s: float) -> Any:
    """Its answer. A kept connection that Redis has closed is reopened, and the command repeated: one
    that must not run twice has no place here.

    `timeout_s` bounds connecting and answering, each. Raises redis.RedisError, and ValueError for a bad REDIS_URL.
    """
    place = settings.REDIS_URL, timeout_s
    link = _links.kept.get(place)
    if link is not None:
        try:
            return _exchange(link, command)
        except redis.ConnectionError:
            pass
    link = _links.kept[place] = _new_link(*place)
    return _exchange(link, command)


def _exchange(link: Any, command: tuple[str | bytes | float, ...]) -> Any:
    link.send_command(*command)
    return link.read_response()


def _new_link(url: str, timeout_s: float) -> Any:
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # all that we need, without the greeting of the newer one
    )
    return pool.make_connection()
