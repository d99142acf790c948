"""Commands to Redis on a connection that is kept."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from channels_app.lib.redis import ask_redis

TIMEOUT_S = 30.0  # a busy machine
NAME = "test:redis-link"


@pytest.fixture
def server(settings: Any) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(NAME)
        yield client
        client.delete(NAME)


def test_a_connection_is_kept(server: redis.Redis) -> None:
    first = ask_redis("CLIENT", "ID", timeout_s=TIMEOUT_S)
    assert ask_redis("CLIENT", "ID", timeout_s=TIMEOUT_S) == first


def test_a_kept_connection_that_was_closed_is_opened_anew(server: redis.Redis) -> None:
    kept = ask_redis("CLIENT", "ID", timeout_s=TIMEOUT_S)
    server.client_kill_filter(_id=str(kept))
    assert ask_redis("CLIENT", "ID", timeout_s=TIMEOUT_S) != kept


def test_an_error_of_a_command_is_told_and_the_connection_goes_on(server: redis.Redis) -> None:
    server.set(NAME, "text")
    with pytest.raises(redis.ResponseError):
        ask_redis("LPUSH", NAME, "item", timeout_s=TIMEOUT_S)
    assert ask_redis("GET", NAME, timeout_s=TIMEOUT_S) == b"text"


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(server: redis.Redis) -> None:
    with pytest.raises(redis.TimeoutError):
        ask_redis("BRPOP", NAME, 1, timeout_s=0.3)
    time.sleep(1)  # second: until the answer would have come
    server.set(NAME, "text")
    assert ask_redis("GET", NAME, timeout_s=TIMEOUT_S) == b"text"


def test_without_redis_it_says_so(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(redis.ConnectionError):
        ask_redis("PING", timeout_s=TIMEOUT_S)
