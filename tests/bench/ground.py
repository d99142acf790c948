"""What all builds stand on: one PostgreSQL whose commits reach the disk, one Redis."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from chatbridge.embedded import Postgres, Redis


@dataclass(frozen=True, slots=True)
class Ground:
    directory: Path
    postgres: Postgres
    redis: Redis

    def make_database(self, name: str) -> str:
        """The URL of a new database."""
        ask(self.postgres.url, f"CREATE DATABASE {name}")
        return urlunsplit(urlsplit(self.postgres.url)._replace(path=f"/{name}"))

    def redis_database(self, number: int) -> str:
        return f"{self.redis.url.rpartition('/')[0]}/{number}"

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return ask(self.postgres.url, statement)

    def settle(self) -> None:
        """Write out what earlier measurements left behind, so that no later one pays for it."""
        self.ask("CHECKPOINT")

    def setting(self, name: str) -> str:
        value: str = self.ask(f"SHOW {name}")[0][0]
        return value


@contextmanager
def ground(directory: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        servers = Postgres(directory), Redis(directory)
        for server in servers:
            stack.callback(server.stop)
            server.start()
        yield Ground(directory, *servers)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement's answer, if it has any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def flush(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushdb()
