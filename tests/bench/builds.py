"""The builds that are compared: each with the processes that the Procfile names, on a database of its own."""

import os
import shlex
import uuid
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psycopg
import requests

from tests.bench.events import KIND, SHARED_SECRET
from tests.bench.ground import Ground, flush
from tests.bridge import BASE_DIR, Bridge, eventually
from tests.servers import ENVIRONMENT

WEB_PROCESSES = 2
WORKER_PROCESSES = 2
ACCOUNTS = 200
"""The platform allows an account 20 calls a second, and the bridge keeps to that. So the load is that of many
accounts, each with a channel of its own."""
START_PATIENCE_S = 60.0


def procfile(kind: str) -> list[str]:
    """The command of a process as production starts it."""
    lines = (line.partition(": ") for line in (BASE_DIR / "Procfile").read_text().splitlines())
    return shlex.split(next(command for name, _, command in lines if name == kind))


@dataclass
class Build(Bridge):
    """`doors`: the paths that take events, one per channel."""

    ground: Ground = field(kw_only=True)
    counterpart_url: str = field(kw_only=True)
    redis_url: str = field(kw_only=True)
    doors: Sequence[str] = ()
    extra: dict[str, str] = field(default_factory=dict)

    application: ClassVar[str]
    """As the web server names it."""
    celery_app: ClassVar[str] = ""

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
            "PYTHONUNBUFFERED": "1",
        }
        return os.environ | ENVIRONMENT | ours | self.extra

    @abstractmethod
    def prepare(self) -> None:
        """Make tables and channels."""

    @abstractmethod
    def empty(self) -> None:
        """Forget all events."""

    def start_web(self) -> None:
        program, *arguments = procfile("web")
        arguments = [word.replace("chatbridge.wsgi", self.application) for word in arguments]
        place = ["--bind", f"127.0.0.1:{self.port}"] if program == "gunicorn" else []
        self._start_as("web", program, *arguments, *place)

    def start_workers(self) -> None:
        program, *arguments = procfile("worker")
        arguments = [word.replace("chatbridge", self.celery_app) for word in arguments]
        for number in range(1, WORKER_PROCESSES + 1):
            self._start_as(f"worker {number}", program, *arguments)

    def await_web(self) -> None:
        eventually(self._answers, patience_s=START_PATIENCE_S)

    def await_workers(self) -> None:
        for name in self.processes:
            if name.startswith("worker"):
                eventually(lambda log=name: " ready." in self.log(log), patience_s=START_PATIENCE_S)

    def _start_as(self, name: str, program: str, *arguments: str) -> None:
        module = () if program == "python" else ("-m", program)
        self.start(name, *module, *arguments)

    def _answers(self) -> bool:
        assert self.processes["web"].poll() is None, self.log("web")
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code < 500
        except requests.RequestException:
            return False

    def _ask(self, *statements: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


class Floor(Build):
    application = "tests.bench.floor"

    def prepare(self) -> None:
        self._ask(
            "CREATE TABLE event (id bigserial PRIMARY KEY, raw bytea NOT NULL, received_at timestamptz DEFAULT now())"
        )
        self.doors = ("/",)

    def empty(self) -> None:
        self._ask("TRUNCATE event")
        flush(self.redis_url)


class Naive(Build):
    application = "tests.bench.naive.wsgi"
    celery_app = "tests.bench.naive.celery"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"DJANGO_SETTINGS_MODULE": "tests.bench.naive.settings"}

    def prepare(self) -> None:
        self.manage("migrate", "--run-syncdb")
        ids = [uuid.uuid4() for _ in range(ACCOUNTS)]
        with psycopg.connect(self.database_url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO naive_channel (uuid, shared_secret) VALUES (%s, %s)",
                [(id_, SHARED_SECRET) for id_ in ids],
            )
        self.doors = [f"/webhooks/{id_}/" for id_ in ids]

    def empty(self) -> None:
        self._ask("TRUNCATE naive_conversation CASCADE")
        flush(self.redis_url)


class Bare(Build):
    """Has workers only."""

    celery_app = "tests.bench.bare"

    def prepare(self) -> None:
        """It keeps nothing."""

    def empty(self) -> None:
        flush(self.redis_url)


class Product(Build):
    application = "chatbridge.wsgi"
    celery_app = "chatbridge"

    def prepare(self) -> None:
        self.manage("migrate")
        applied = self.apply(self._configuration())
        self.doors = [channel["webhook_url"].removeprefix(self.url) for channel in applied["channels"]]

    def empty(self) -> None:
        self._ask("TRUNCATE channels_app_conversation, channels_app_contact CASCADE")
        flush(self.redis_url)

    def start_guard(self) -> None:
        self._start_as("guard", *procfile("guard"))

    def _configuration(self) -> dict[str, Any]:
        bot = {"name": "Bot", "kind": "http", "settings": {"url": f"{self.counterpart_url}/bot", "token": "bench"}}
        channels = [
            {
                "name": f"Account {number}",
                "inbox": KIND,
                "settings": {
                    "base_url": self.counterpart_url,
                    "client_id": f"account-{number}",
                    "client_secret": "secret-of-the-bench",
                    "organization_id": "1",
                },
                "shared_secret": SHARED_SECRET,
                "bot": "Bot",
                "greet": False,
            }
            for number in range(ACCOUNTS)
        ]
        return {"bots": [bot], "channels": channels}
