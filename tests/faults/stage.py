"""All processes of a run, on servers of their own that can be killed, with a supervisor that starts the dead again."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis
import requests

from chatbridge.embedded import Postgres, Redis
from tests.bridge import Bridge, eventually, free_port
from tests.servers import ENVIRONMENT

RESTART_S = 1.0
"""What a supervisor waits before it starts a process again."""
LOOK_S = 0.2
TURNS_AT_ONCE = 8
WEB_PROCESSES = 2


@dataclass
class Stage(Bridge):
    """The bridge with its servers and the simulator."""

    redis_url: str = ""
    broken: str = ""
    """The name of a broken build, "" for the true one."""
    simulator_port: int = field(default_factory=free_port)
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    fallen: list[str] = field(default_factory=list)
    """Processes that ended although nobody had killed them."""
    _curtain: threading.Event = field(default_factory=threading.Event)

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def environment(self) -> dict[str, str]:
        ours = {
            "DEBUG": "0",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PUBLIC_BASE_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(WEB_PROCESSES),
            "TURNS_AT_ONCE": str(TURNS_AT_ONCE),
            "PYTHONUNBUFFERED": "1",
        }
        return os.environ | ENVIRONMENT | ours

    def raise_simulator(self) -> None:
        self.start("simulator", "-m", "chatbridge.simulator", "simulator", "--port", str(self.simulator_port))
        eventually(lambda: _answers(f"{self.simulator}/sim/status"))

    def raise_bridge(self, workers: int, guards: int) -> None:
        web = ("-m", "gunicorn", "chatbridge.wsgi", "--bind", f"127.0.0.1:{self.port}")
        worker = ("-m", "celery", "-A", "chatbridge", "worker", "--without-gossip", "--without-mingle")
        self.commands = {
            "web": web,
            **{f"worker {number}": worker for number in range(1, workers + 1)},
            **{f"guard {number}": ("manage.py", "guard") for number in range(1, guards + 1)},
        }
        for name in self.commands:
            self.start_one(name)
        eventually(self.is_ready, patience_s=60)
        threading.Thread(target=self._supervise, name="supervisor", daemon=True).start()

    def start_one(self, name: str) -> None:
        wrapper = ("-m", "tests.faults.broken", self.broken, "--") if self.broken else ()
        self.start(name, *wrapper, *self.commands[name])

    def kill(self, name: str) -> None:
        """As the kernel does when memory is short."""
        process = self.processes[name]
        self.killed.add(process.pid)
        process.kill()

    def end(self, name: str) -> None:
        """As for an update: it may finish what it has begun."""
        process = self.processes[name]
        self.killed.add(process.pid)
        process.terminate()

    def kill_web_process(self) -> None:
        """One of those that gunicorn keeps; it starts another by itself."""
        for pid in _children(self.processes["web"].pid)[:1]:
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        self._curtain.set()
        super().stop()

    def _supervise(self) -> None:
        while not self._curtain.wait(LOOK_S):
            for name in self.commands:
                process = self.processes[name]
                if process.poll() is None:
                    continue
                if process.pid not in self.killed:
                    self.fallen.append(f"{name} ended by itself with status {process.returncode}")
                if not self._curtain.wait(RESTART_S):
                    self.start_one(name)


@dataclass
class Servers:
    """PostgreSQL and Redis of a run. A commit is on the disk when it returns, as in production."""

    postgres: Postgres
    redis: Redis
    _locks: dict[str, threading.Lock] = field(
        default_factory=lambda: {"postgres": threading.Lock(), "redis": threading.Lock()}
    )

    def restart_postgres(self) -> None:
        """At once, as after a crash: all sessions end, all that was committed is there again."""
        with self._locks["postgres"]:
            self.postgres.kill()
            self.postgres.restart()

    def restart_redis(self, away_s: float = 0.0) -> None:
        """All that it held is gone."""
        with self._locks["redis"]:
            self.redis.kill()
            time.sleep(away_s)
            self.redis.restart()

    def flush_redis(self) -> None:
        with self._locks["redis"], redis.Redis.from_url(self.redis.url) as client:
            client.flushall()


@contextmanager
def running_servers(directory: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        servers = Servers(Postgres(directory), Redis(directory))
        for server in (servers.postgres, servers.redis):
            stack.callback(server.stop)
            server.start()
        yield servers


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]
