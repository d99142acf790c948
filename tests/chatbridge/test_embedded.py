"""The embedded servers, with real ones: they start within a second."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict
from redis.backoff import NoBackoff
from redis.retry import Retry

from chatbridge.embedded import EmbeddedError, Postgres, Redis, Server, missing_servers
from chatbridge.embedded.files import tail

pytestmark = pytest.mark.xdist_group("embedded")  # else each process of pytest would make the place of its own

PROJECT = Path(__file__).resolve().parents[2]
SERVERS = [Postgres, Redis]


Starter = Callable[[Server], Server]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """One for all, because making PostgreSQL's files takes most of a test's time.

    Not pytest's tmp_path: every session of pytest closes that to other users, such as PostgreSQL's under root.
    """
    with tempfile.TemporaryDirectory(prefix="chatbridge-") as directory:
        yield Path(directory)


@pytest.fixture
def started(place: Path) -> Iterator[Starter]:
    servers: list[Server] = []

    def start(server: Server) -> Server:
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


def row_count(url: str) -> int:
    with psycopg.connect(url) as connection:
        return int(connection.execute("SELECT count(*) FROM note").fetchall()[0][0])


def add_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES ('kept')")


@pytest.mark.parametrize("kind", SERVERS)
def test_the_address_is_for_the_owner_only_and_goes_with_the_server(
    started: Starter, place: Path, kind: type[Server]
) -> None:
    server = started(kind(place))
    url_file = place / f"{server.name}.url"
    assert url_file.read_text().strip() == server.url
    assert url_file.stat().st_mode & 0o777 == 0o600
    server.stop()
    assert not url_file.exists()
    assert not server.is_running
    server.stop()  # a second time does nothing


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_in_use_is_refused_and_left_alone(started: Starter, place: Path, kind: type[Server]) -> None:
    server = started(kind(place))
    with pytest.raises(EmbeddedError, match=f"{server.label} is already running"):
        kind(place).start()
    assert server.answers()
    assert (place / f"{server.name}.url").exists()


def test_postgres_keeps_commits_over_restart_crash_and_next_start(started: Starter, place: Path) -> None:
    server = started(Postgres(place))
    add_row(server.url)
    before = row_count(server.url)
    server.restart()
    add_row(server.url)
    server.kill()
    assert not server.is_running
    server.restart()
    assert row_count(server.url) == before + 1
    server.stop()
    assert row_count(started(Postgres(place)).url) == before + 1


def test_postgres_is_safe_by_default_and_quick_for_tests(started: Starter, place: Path) -> None:
    def settings(url: str) -> tuple[str, ...]:
        with psycopg.connect(url) as connection:
            names = ("fsync", "synchronous_commit", "max_connections")
            return tuple(connection.execute(f"SHOW {name}").fetchall()[0][0] for name in names)

    server = started(Postgres(place))
    assert settings(server.url) == ("on", "on", "200")
    server.stop()
    assert settings(started(Postgres(place, survives_power_cut=False)).url) == ("off", "on", "200")


def test_postgres_in_a_path_too_long_for_a_socket_after_an_interrupted_start(started: Starter, place: Path) -> None:
    directory = place / ("long" * 30) / "with, a comma"
    draft = directory / "postgres.new"  # as an interrupted first start leaves it
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18")
    server = started(Postgres(directory))
    add_row(server.url)
    sockets = Path(str(conninfo_to_dict(server.url)["host"]))
    assert sockets.exists()
    server.stop()
    assert not sockets.exists()


def test_redis_is_back_at_its_address_but_empty(started: Starter, place: Path) -> None:
    server = started(Redis(place))
    with redis.Redis.from_url(server.url, retry=None) as client:
        client.set("key", "value")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("key")
        server.restart()
        assert client.get("key") is None


def test_redis_asks_a_password(started: Starter, place: Path) -> None:
    server = started(Redis(place))
    with (
        redis.Redis(port=urlsplit(server.url).port or 0, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_the_orphans_of_a_killed_run_are_ended(started: Starter, place: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from chatbridge.embedded import Postgres, Redis\n"
        "for kind in (Postgres, Redis): kind(Path(sys.argv[1])).start()\n"
        "os.kill(os.getpid(), 9)"
    )
    result = subprocess.run([sys.executable, "-c", script, str(place)], cwd=PROJECT, check=False)
    assert result.returncode == -signal.SIGKILL
    orphans = {name: (place / f"{name}.url").read_text().strip() for name in ("postgres", "redis")}
    add_row(orphans["postgres"])
    before = row_count(orphans["postgres"])
    postgres, successor = started(Postgres(place)), started(Redis(place))
    assert row_count(postgres.url) == before
    assert successor.url != orphans["redis"]
    with redis.Redis.from_url(orphans["redis"], retry=None) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_a_stale_process_number_is_nobodys(started: Starter, place: Path) -> None:
    """After a power cut the number in PostgreSQL's file may be that of any program: here, of this test."""
    server = started(Postgres(place))
    server.stop()
    (place / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{place}/postgres\n0\n5432\n{place}\n\n\n")
    server.end_orphan()


def test_a_server_that_cannot_start_says_why(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Redis, "command", lambda server: (["/bin/sh"], "echo out of luck; exit 3"))
    server = Redis(place)
    with pytest.raises(EmbeddedError, match=r"(?s)Redis did not start.*out of luck"):
        server.start()
    assert not (place / "redis.url").exists()


def test_only_what_the_environment_does_not_name_is_missing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert set(missing_servers(place)) == {"DATABASE_URL", "REDIS_URL"}
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example.com/chatbridge")
    monkeypatch.setenv("REDIS_URL_FILE", "/run/secrets/redis")
    assert missing_servers(place) == {}


def test_a_command_beside_throw_away_servers() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    script = (
        "import os, psycopg, redis\n"
        "psycopg.connect(os.environ['DATABASE_URL']).close()\n"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping()\n"
        "print(os.environ['DATABASE_URL'])\n"
        "raise SystemExit(7)"
    )
    command = [sys.executable, "-m", "chatbridge.embedded", sys.executable, "-c", script]
    result = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 7, result.stderr
    sockets = Path(str(conninfo_to_dict(result.stdout.strip())["host"]))
    assert sockets.name == "postgres"
    assert not sockets.parent.exists()


def test_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == "    (can't be read: No such file or directory)"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert tail(log).splitlines()[0] == "    line 85"
    assert tail(log).splitlines()[-1] == "    line 99"
