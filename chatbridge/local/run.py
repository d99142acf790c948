"""One run of the whole bridge: its steps up, and the way down."""

import os
import secrets
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import requests

from chatbridge.embedded import Server, is_given, missing_servers
from chatbridge.embedded.files import write_private
from chatbridge.local.database import close_connections, migrate, renew_admin_password, set_up_django
from chatbridge.local.demo import connect_demo, open_account
from chatbridge.local.kept import Kept
from chatbridge.local.lock import take_lock
from chatbridge.local.processes import POLL_S, STOP_PATIENCE_S, Child, LocalError, require_free
from chatbridge.local.watchdog import Watchdog

READY_PATIENCE_S = 60
PROBE_TIMEOUT_S = 2
PASSWORD_BYTES = 12
SIMULATOR = "simulator"


@dataclass
class Run:
    """Everything that one run started. `stop` may be called at any time, even after a failed `start`."""

    directory: Path
    port: int
    simulator_port: int
    password: str = ""
    """The admin's for this run; empty when they have chosen their own."""
    servers: dict[str, Server] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    watchdog: Watchdog | None = None
    lock: IO[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def secrets_file(self) -> Path:
        return self.directory / "secrets.json"

    @property
    def environment_file(self) -> Path:
        """What `make` in other terminals needs to work with this run; there while it runs."""
        return self.directory / "env"

    def start(self) -> Iterator[str]:
        """Yields each step's name before the step, "" while it waits: the caller may stop at any of these points.

        Raises LocalError or EmbeddedError.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.lock = take_lock(self.directory / "run.lock")
        if self.lock is None:
            raise LocalError(f"Another `make run` uses {self.directory}. Stop it first (Ctrl-C where it was typed).")
        # A run that was killed leaves its file, and its watchdog may still be ending what it had started.
        patience_s = STOP_PATIENCE_S if self.environment_file.exists() else 0
        require_free(self.port, "PORT", patience_s)
        require_free(self.simulator_port, "SIMULATOR_PORT", patience_s)
        self.environment_file.unlink(missing_ok=True)
        self.logs.mkdir(exist_ok=True)
        kept = Kept.load(self.secrets_file)
        self.watchdog = Watchdog()
        yield from self._start_servers()
        yield "The database's tables"
        self._set_environment(kept)
        self._prepare_database(kept)
        yield "The simulator"
        self._start_child(SIMULATOR, "-m", "chatbridge.simulator", "simulator", "--port", str(self.simulator_port))
        yield from self._await(SIMULATOR, f"{self.simulator}/sim/virtual-agents")
        open_account(self.simulator, kept)
        yield "Web, worker and guard"
        self._start_child("web", "-m", "gunicorn", "chatbridge.wsgi", "--bind", f"127.0.0.1:{self.port}")
        self._start_child("worker", "-m", "celery", "-A", "chatbridge", "worker", "--loglevel=INFO")
        self._start_child("guard", "manage.py", "guard")
        yield from self._await("web", f"{self.url}/readyz")
        yield "The demo channel"
        connect_demo(self.simulator, kept, self.directory / "demo.json")
        close_connections()
        kept.save(self.secrets_file)
        write_private(self.environment_file, _environment())

    def check(self) -> None:
        """Raises LocalError when something has ended."""
        for child in self.children:
            child.check()
        for server in self.servers.values():
            if not server.is_running:
                raise LocalError(f"{server.label} ended unexpectedly. Its log: {server.log}")

    def revive(self) -> Iterator[str]:
        """Start again what was killed, and say so: one may try here what happens when a process dies. The simulator's
        conversations would be lost: with it ends the run. Raises LocalError when something else has ended."""
        for child in self.children:
            if child.name != SIMULATOR and child.revive():
                self._watch(child)
                yield f"{child.name} was killed, and runs again."
        self.check()

    def stop(self) -> None:
        if self.lock is None:  # what is in the directory belongs to another run
            return
        self.environment_file.unlink(missing_ok=True)
        for child in reversed(self.children):
            child.stop()
        for server in reversed(self.servers.values()):
            server.stop()
        if self.watchdog:
            self.watchdog.dismiss()
        self.lock.close()
        self.lock = None

    def _start_servers(self) -> Iterator[str]:
        for variable, server in missing_servers(self.directory).items():
            yield server.label
            self.servers[variable] = server
            os.environ[variable] = server.start().url
            if self.watchdog and server.process_group:
                self.watchdog.watch(server.process_group, server.stop_signals[0], is_server=True)

    def _set_environment(self, kept: Kept) -> None:
        """For our children. What the caller has set stays."""
        defaults = {
            "DEBUG": "1",
            "SECRET_KEY": kept.secret_key,
            "ENCRYPTION_KEYS": kept.encryption_keys,
            "PUBLIC_BASE_URL": self.url,
            "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "SIMULATOR_URL": self.simulator,
        }
        os.environ |= {name: value for name, value in defaults.items() if not is_given(name)}
        os.environ["PYTHONUNBUFFERED"] = "1"  # a crash leaves its last words in the log

    def _prepare_database(self, kept: Kept) -> None:
        kept.save(self.secrets_file)  # before anything is encrypted with them
        log = (self.logs / "setup.log").open("w", encoding="utf-8", buffering=1)
        set_up_django(log)
        migrate(log)
        fresh = secrets.token_urlsafe(PASSWORD_BYTES)
        if renew_admin_password(kept.admin_password, fresh):
            self.password = kept.admin_password = fresh
            kept.save(self.secrets_file)

    def _start_child(self, name: str, *arguments: str) -> None:
        child = Child(name, self.logs, *arguments)
        self.children.append(child)
        self._watch(child)

    def _watch(self, child: Child) -> None:
        if self.watchdog:
            self.watchdog.watch(child.group)

    def _await(self, name: str, url: str) -> Iterator[str]:
        deadline = time.monotonic() + READY_PATIENCE_S
        while not _answers(url):
            yield ""
            self.check()
            if time.monotonic() > deadline:
                raise LocalError(f"{name} isn't ready after {READY_PATIENCE_S} s. Its log: {self.logs}/{name}.log")
            time.sleep(POLL_S)
        self.check()


def _environment() -> str:
    """All that is set of this bridge, as a shell reads it."""
    from chatbridge.settings import env  # which knows by now what it has read

    names = sorted({*env.names, "SIMULATOR_URL"})
    given = [name for known in names for name in (known, f"{known}_FILE") if os.environ.get(name)]
    return "".join(f"{name}={shlex.quote(os.environ[name])}\n" for name in given)


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # no proxy between two processes of this machine
        try:
            return session.get(url, timeout=PROBE_TIMEOUT_S).ok
        except requests.RequestException:
            return False
