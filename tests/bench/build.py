"""What all builds have in common: the processes that the Procfile names, on a database of their own."""

import os
import shlex
import subprocess
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import requests

from tests.bench.ground import ask, flush
from tests.bridge import BASE_DIR, PATIENCE_S, Bridge, eventually
from tests.servers import ENVIRONMENT

WEB_PROCESSES = 2
WORKER_PROCESSES = 2
START_PATIENCE_S = 60.0
KIB_PER_MIB = 1024


def procfile(kind: str) -> list[str]:
    """The command of a process as production starts it."""
    lines = (line.partition(": ") for line in (BASE_DIR / "Procfile").read_text().splitlines())
    return shlex.split(next(command for name, _, command in lines if name == kind))


@dataclass
class Build(Bridge):
    """`doors`: the paths that take events, one per channel; `channel_ids`: the channels' rows, in the same order."""

    counterpart_url: str = field(kw_only=True)
    redis_url: str = field(kw_only=True)
    doors: Sequence[str] = ()
    channel_ids: Sequence[int] = ()
    turns: int = 0
    """That its processes have done."""
    ready_mib: dict[str, float] = field(default_factory=dict)
    warm_mib: dict[str, float] = field(default_factory=dict)
    """Resident size of its processes, before and after the first turns."""
    _starting: str = ""
    _old_logs: dict[str, int] = field(default_factory=dict)
    """Where the log of a process's present run begins."""

    application: ClassVar[str]
    """As the web server names it."""
    celery_app: ClassVar[str]
    tables: ClassVar[str] = ""
    """What the names of its tables begin with; "" for a build without conversations."""

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
            "BOT_URL": f"{self.counterpart_url}/bot",
            "INBOX_URL": f"{self.counterpart_url}/inbox/v1/virtual-agent/conversations",
            "PGAPPNAME": self._starting,  # by which PostgreSQL's log tells the processes apart
            "PYTHONUNBUFFERED": "1",
        }
        return os.environ | ENVIRONMENT | ours

    @abstractmethod
    def prepare(self) -> None:
        """Make tables and channels."""

    @abstractmethod
    def empty(self) -> None:
        """Forget all events and wake-ups."""

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return ask(self.database_url, statement)

    def open_conversations(self, crowd: str, count: int) -> None:
        """Have these, with nothing to do in them, if the build knows conversations."""
        if self.tables:
            self.ask(
                f"INSERT INTO {self.tables}_conversation (channel_id, external_id)"
                f" SELECT (ARRAY{list(self.channel_ids)})[1 + place % {len(self.channel_ids)}],"
                f" '0-{crowd}-' || lpad(place::text, 6, '0') FROM generate_series(0, {count - 1}) AS place"
            )
            self.ask(f"ANALYZE {self.tables}_conversation")

    # --- processes --------------------------------------------------------------------------------------------------

    def start(self, name: str, *arguments: str) -> None:
        self._starting = name
        file = self.directory / f"{name}.log"
        self._old_logs[name] = file.stat().st_size if file.exists() else 0
        super().start(name, *arguments)

    def need_web(self) -> None:
        if "web" not in self.processes:
            program, *arguments = procfile("web")
            arguments = [word.replace("chatbridge.wsgi", self.application) for word in arguments]
            place = ["--bind", f"127.0.0.1:{self.port}"] if program == "gunicorn" else []
            self.start_as("web", program, *arguments, *place)

    def need_workers(self) -> None:
        program, *arguments = procfile("worker")
        arguments = [word.replace("chatbridge", self.celery_app) for word in arguments]
        for name in (f"worker {number}" for number in range(1, WORKER_PROCESSES + 1)):
            if name not in self.processes:
                self.start_as(name, program, *arguments)

    def start_as(self, name: str, program: str, *arguments: str) -> None:
        module = () if program == "python" else ("-m", program)
        self.start(name, *module, *arguments)

    def await_all(self) -> None:
        """Until web answers and the workers listen."""
        for name in self.processes:
            if name == "web":
                eventually(self._answers, patience_s=START_PATIENCE_S)
            elif name.startswith("worker"):
                eventually(partial(self._listens, name), patience_s=START_PATIENCE_S)

    def resident_mib(self) -> dict[str, float]:
        """By process; a web server with several has a line for each, and one for their parent."""
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True)
        rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        found = {}
        for name, process in self.processes.items():
            children = [kib for _, parent, kib in rows if parent == process.pid]
            own = [kib for pid, _, kib in rows if pid == process.pid]
            for number, kib in enumerate([*own, *children]):
                found[f"{name}, process {number}" if number else name] = kib / KIB_PER_MIB
        return found

    def stop_workers(self) -> None:
        """And the guard, which would do their work."""
        stopped = [self.processes.pop(name) for name in list(self.processes) if name != "web"]
        for process in stopped:
            process.terminate()
        for process in stopped:
            process.wait(PATIENCE_S)

    def drop_waiting(self) -> None:
        """What is still in the queue is not done any more."""
        flush(self.redis_url)

    def _listens(self, name: str) -> bool:
        assert self.processes[name].poll() is None, self.log(name)
        return " ready." in self.log(name)[self._old_logs[name] :]

    def _answers(self) -> bool:
        assert self.processes["web"].poll() is None, self.log("web")
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code < 500
        except requests.RequestException:
            return False
