"""One run of the whole bridge: its steps up, and the way down."""

import os
import secrets
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from chatbridge.embedded import Server, is_given, missing_servers
from chatbridge.embedded.files import write_private
from chatbridge.local.database import close_connections, migrate, renew_admin_password, set_up_django
from chatbridge.local.demo import connect_demo
from chatbridge.local.kept import Kept
from chatbridge.local.processes import Child, LocalError, require_free
from chatbridge.local.watchdog import Watchdog

READY_PATIENCE_S = 60
PROBE_TIMEOUT_S = 2
POLL_S = 0.2
PASSWORD_BYTES = 12


@dataclass
class Run:
    """Everything that one run started. `stop` may be called at any time, even after a failed `start`."""

    directory: Path
    port: int
    simulator_port: int
    password: str = ""
    """The admin's for this run; empty when they have chosen their own."""
    environment_file: Path | None = None
    """What `make` in other terminals needs to work with this run."""
    servers: dict[str, Server] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    watchdog: Watchdog | None = None

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

    def start(self) -> Iterator[str]:
        """Yields each step's name before the step, "" while it waits: the caller may stop at any of these points.

        Raises LocalError or EmbeddedError.
        """
        require_free(self.port, "PORT")
        require_free(self.simulator_port, "SIMULATOR_PORT")
        self.logs.mkdir(parents=True, exist_ok=True)
        kept = Kept.load(self.secrets_file)
        yield from self._start_servers()
        yield "The database's tables"
        environment = self._set_environment(kept)
        self._prepare_database(kept)
        yield "Web, worker, guard and simulator"
        self._start_children()
        yield from self._await_ready()
        yield "The demo channel"
        connect_demo(self.simulator, kept, self.directory / "demo.json")
        close_connections()
        kept.save(self.secrets_file)
        self.environment_file = self.directory / "env"
        write_private(self.environment_file, environment)

    def check(self) -> None:
        """Raises LocalError when something has ended."""
        for child in self.children:
            child.check()
        for server in self.servers.values():
            if not server.is_running:
                raise LocalError(f"{server.label} ended unexpectedly. Its log: {server.log}")

    def stop(self) -> None:
        if self.environment_file:
            self.environment_file.unlink(missing_ok=True)
        for child in self.children:
            child.stop()
        if self.watchdog:
            self.watchdog.dismiss()
        for server in reversed(self.servers.values()):
            server.stop()

    def _start_servers(self) -> Iterator[str]:
        for variable, server in missing_servers(self.directory).items():
            yield server.label
            self.servers[variable] = server
            os.environ[variable] = server.start().url

    def _set_environment(self, kept: Kept) -> str:
        """For our children, and as text for other terminals. What the caller has set stays."""
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
        known = [name for name in (*defaults, *self.servers) if name in os.environ]
        return "".join(f"{name}={shlex.quote(os.environ[name])}\n" for name in known)

    def _prepare_database(self, kept: Kept) -> None:
        kept.save(self.secrets_file)  # before anything is encrypted with them
        log = (self.logs / "setup.log").open("w", encoding="utf-8", buffering=1)
        set_up_django(log)
        migrate(log)
        fresh = secrets.token_urlsafe(PASSWORD_BYTES)
        if renew_admin_password(kept.admin_password, fresh):
            self.password = kept.admin_password = fresh
            kept.save(self.secrets_file)

    def _start_children(self) -> None:
        commands = {
            "web": ("-m", "gunicorn", "chatbridge.wsgi", "--bind", f"127.0.0.1:{self.port}"),
            "worker": ("-m", "celery", "-A", "chatbridge", "worker", "--loglevel=INFO"),
            "guard": ("manage.py", "guard"),
            "simulator": ("-m", "chatbridge.simulator", "simulator", "--port", str(self.simulator_port)),
        }
        self.watchdog = Watchdog()
        for name, arguments in commands.items():
            child = Child(name, self.logs, *arguments)
            self.children.append(child)
            self.watchdog.watch(child.group)

    def _await_ready(self) -> Iterator[str]:
        deadline = time.monotonic() + READY_PATIENCE_S
        for name, url in (("web", f"{self.url}/readyz"), ("simulator", f"{self.simulator}/sim/virtual-agents")):
            while not _answers(url):
                yield ""
                self.check()
                if time.monotonic() > deadline:
                    raise LocalError(f"{name} isn't ready after {READY_PATIENCE_S} s. Its log: {self.logs}/{name}.log")
                time.sleep(POLL_S)
        self.check()


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # no proxy between two processes of this machine
        try:
            return session.get(url, timeout=PROBE_TIMEOUT_S).ok
        except requests.RequestException:
            return False
