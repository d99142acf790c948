"""PostgreSQL and Redis from Python packages: the engines of production without a system package.

For `make run` and the tests only. `python -m chatbridge.embedded COMMAND…` runs a command beside throw-away servers.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatbridge.embedded.postgres import Postgres
from chatbridge.embedded.redis import Redis
from chatbridge.embedded.server import EmbeddedError, Server

__all__ = ["EmbeddedError", "Postgres", "Redis", "Server", "is_given", "missing_servers", "temporary_servers"]


def missing_servers(directory: Path, *, survives_power_cut: bool = True) -> dict[str, Server]:
    """The servers that the environment doesn't name, by the variable that would; not started yet."""
    servers: dict[str, Server] = {
        "DATABASE_URL": Postgres(directory, survives_power_cut=survives_power_cut),
        "REDIS_URL": Redis(directory),
    }
    return {variable: server for variable, server in servers.items() if not is_given(variable)}


@contextmanager
def temporary_servers() -> Iterator[dict[str, str]]:
    """Throw-away servers in place of those that the environment doesn't name: their URLs by variable."""
    directory = Path(tempfile.mkdtemp(prefix="chatbridge-"))
    servers = missing_servers(directory, survives_power_cut=False)
    try:
        yield {variable: server.start().url for variable, server in servers.items()}
    finally:
        for server in reversed(servers.values()):
            server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def is_given(variable: str) -> bool:
    """Does the environment hold a value, or name a file with it?"""
    return bool(os.environ.get(variable, "").strip() or os.environ.get(f"{variable}_FILE", "").strip())
