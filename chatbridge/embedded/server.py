"""What PostgreSQL and Redis have in common when they are our child processes."""

import fcntl
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import IO, ClassVar, Self

from chatbridge.embedded.files import tail, write_private

START_PATIENCE_S = 60  # a slow disk, or recovery after a crash
STOP_PATIENCE_S = 8  # then the next, harder signal
POLL_S = 0.05


class EmbeddedError(Exception):
    """A server can't start; the text is for the person at the terminal."""


class Server(ABC):
    """A server process with its log, and `<directory>/<name>.url` from which other terminals learn its address.

    It has a session of its own, so that Ctrl-C reaches us alone and we stop it last. A lock, which the system
    frees however we end, tells a server that is in use from the orphan of a killed run; an orphan is stopped.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    stop_signals: ClassVar[tuple[Signals, ...]] = (SIGTERM, SIGKILL)
    crash_signal: ClassVar[Signals] = SIGKILL

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.url = ""
        self.log = self.directory / "logs" / f"{self.name}.log"
        self.url_file = self.directory / f"{self.name}.url"
        self.user: int | None = None  # None: our own user and group
        self.group: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def process_group(self) -> int | None:
        """The server's own, while it runs."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Raises EmbeddedError, also when the directory's server is in use by another run."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self.end_orphan()
            self.log.unlink(missing_ok=True)
            self.prepare()
            self._launch()
            self.populate()
            write_private(self.url_file, self.url + "\n")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends the server and forgets its address. May be called twice, or before the start."""
        if self._lock is None:
            return
        self._end(*self.stop_signals)
        self.url_file.unlink(missing_ok=True)
        self.clean_up()
        self._lock.close()
        self._lock = None

    def kill(self) -> None:
        """Ends the server as a crash would; `restart` brings it back at the same address."""
        self._end(self.crash_signal, *self.stop_signals)

    def restart(self) -> None:
        self._end(*self.stop_signals)
        self._launch()

    @abstractmethod
    def command(self) -> tuple[list[str], str]:
        """The command line, and what it reads from its input."""

    @abstractmethod
    def answers(self) -> bool: ...

    @abstractmethod
    def end_orphan(self) -> None:
        """Stops the server that a killed run left in this directory."""

    @abstractmethod
    def prepare(self) -> None:
        """All that comes before the process; sets `url`."""

    def populate(self) -> None:  # noqa: B027 (not every server needs it)
        """What the running server gets from us."""

    def clean_up(self) -> None:  # noqa: B027 (not every server needs it)
        """What goes with the server."""

    def run(self, command: list[str]) -> None:
        """Runs a helper program as the server's user. Raises EmbeddedError."""
        if self._spawn(command).wait() != 0:
            raise EmbeddedError(f"{Path(command[0]).name} failed. The end of {self.log}:\n{tail(self.log)}")

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        try:
            with self.log.open("ab") as log:
                return subprocess.Popen(  # noqa: S603 (our own command line)
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    user=self.user,
                    group=self.group,
                    extra_groups=None if self.user is None else (),
                )
        except OSError as error:
            raise EmbeddedError(f"{self.label}: {command[0]} can't be started: {error.strerror}.") from error

    def _take_lock(self) -> None:
        lock = (self.directory / f"{self.name}.lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise EmbeddedError(
                f"{self.label} is already running for another process in {self.directory}. "
                "Stop that one first (Ctrl-C where `make run` was typed)."
            ) from error
        self._lock = lock

    def _launch(self) -> None:
        command, text = self.command()
        self._process = self._spawn(command)
        if self._process.stdin:
            with suppress(BrokenPipeError), self._process.stdin as stdin:
                stdin.write(text.encode())
        self._await_answer()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        while not self.answers():
            if not self.is_running or time.monotonic() > deadline:
                raise EmbeddedError(f"{self.label} did not start. The end of {self.log}:\n{tail(self.log)}")
            time.sleep(POLL_S)

    def _end(self, *signals: Signals) -> None:
        for signum in signals:
            if self._process is None or self._process.poll() is not None:
                return
            self._process.send_signal(signum)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_PATIENCE_S)
