"""The bridge as it runs in production: web, worker and guard as processes of their own, on servers of their own."""

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests
from django.db import connection

BASE_DIR = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0
"""Longer than anything takes on a busy machine; a test that waits for more has failed. Only failures take so long."""
REDIS_DATABASE = 15
"""Apart from those of the other tests."""


def eventually(condition: Callable[[], Any], *, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of the condition."""
    ends_at = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < ends_at, "it never happened"
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def fresh_database(*, like: str = "") -> Iterator[str]:
    """The URL of a new database on the server of the tests: an empty one, or a copy of one that nobody uses."""
    server = os.environ["DATABASE_URL"]
    name = f"bridge_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        template = urlsplit(like).path.strip("/") or "template1"
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def database_of_this_test() -> str:
    """Its URL, for a process beside the test; only where the test commits, with `transaction=True`."""
    name = connection.settings_dict["NAME"]
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@dataclass
class Bridge:
    """Processes of the bridge with their logs."""

    directory: Path
    database_url: str
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        redis = os.environ["REDIS_URL"].rpartition("/")[0]
        return os.environ | {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"{redis}/{REDIS_DATABASE}",
            "PUBLIC_BASE_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1",
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "DEBUG": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def manage(self, *arguments: str, given: str = "") -> str:
        """A management command's output; it must succeed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Configure as an admin with a file does; what `--json` prints."""
        file = self.directory / "configuration.json"
        file.write_text(json.dumps(document))
        result: dict[str, Any] = json.loads(self.manage("apply_config", str(file), "--json"))
        return result

    def start(self, name: str, *arguments: str) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments], cwd=BASE_DIR, env=self.environment, stdout=log, stderr=log
            )

    def start_all(self) -> None:
        self.start("web", "-m", "gunicorn", "chatbridge.wsgi", "--bind", f"127.0.0.1:{self.port}")
        self.start("worker", "-m", "celery", "-A", "chatbridge", "worker")
        self.start("guard", "manage.py", "guard")
        eventually(self.is_ready)

    def is_ready(self) -> bool:
        for name, process in self.processes.items():
            assert process.poll() is None, f"{name} ended: {self.log(name)}"
        try:
            return requests.get(f"{self.url}/readyz", timeout=10).ok
        except requests.RequestException:
            return False

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
