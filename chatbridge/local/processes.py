"""The bridge's processes as children of the local run."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from chatbridge.embedded.files import tail

BASE_DIR = Path(__file__).resolve().parents[2]
# Four processes one after the other and two servers: 20 s at worst. What a turn doesn't end in time, the next
# start goes on with.
STOP_PATIENCE_S = 4
POLL_S = 0.2
LEAST_LIFE_S = 5


class LocalError(Exception):
    """The bridge can't run here; the text is for the person at the terminal."""


class Child:
    """A Python process with its log, in a session of its own: Ctrl-C reaches us alone, and we end it in order."""

    def __init__(self, name: str, logs: Path, *arguments: str) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self.log.write_bytes(b"")
        self._arguments = arguments
        self._start()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own command line)
                [sys.executable, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=BASE_DIR,
                start_new_session=True,
            )

    @property
    def group(self) -> int:
        """Its process group: itself and what it starts."""
        return self._process.pid

    def check(self) -> None:
        """Raises LocalError when the process has ended."""
        status = self._process.poll()
        if status is not None:
            raise LocalError(f"{self.name} ended unexpectedly (status {status}). Its last output:\n{tail(self.log)}")

    def revive(self) -> bool:
        """Start it again if somebody has killed it; whether that was so. Raises LocalError when it has ended by
        itself, or was killed as soon as it had begun: that would go on."""
        status = self._process.poll()
        if status is None or status >= 0 or time.monotonic() < self._started_at + LEAST_LIFE_S:
            self.check()
            return False
        self._end_group()
        self._start()
        return True

    def stop(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_PATIENCE_S)
        self._end_group()
        self._process.wait()

    def _end_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS answers the latter for a group that is gone
            os.killpg(self.group, signal.SIGKILL)


def require_free(port: int, variable: str, patience_s: float = 0) -> None:
    """Raises LocalError when something listens on the port, and goes on doing so for this long."""
    deadline = time.monotonic() + patience_s
    while error := _trouble_with(port):
        if time.monotonic() >= deadline:
            raise LocalError(
                f"Port {port} is not free: {error.strerror}. Stop what uses it (another `make run`?), "
                f"or choose another port: make run {variable}={port + 1}"
            ) from error
        time.sleep(POLL_S)


def _trouble_with(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error
    return None
