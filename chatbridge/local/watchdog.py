"""Ends what a run has started when the run is killed: `kill -9` leaves it no time to.

A process of its own, run as a file so that it costs next to nothing. It reads process groups from its input, one a
line, until that ends: the run holds the other end, and closes it by dying, however it dies.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 4  # as much as a child has when the run itself stops it


class Watchdog:
    """The run's side: watches over the process groups it is given, until it is dismissed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (our own command line)
            [sys.executable, "-I", "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int, signum: int = signal.SIGTERM, *, is_server: bool = False) -> None:
        """`signum` asks it to end. A server ends after what uses it."""
        with suppress(BrokenPipeError):  # somebody has killed it; the run goes on without
            if self._process.stdin:
                self._process.stdin.write(b"%d %d %d\n" % (is_server, group, signum))
                self._process.stdin.flush()

    def dismiss(self) -> None:
        """When all have ended: their numbers may be another program's soon."""
        self._process.kill()
        self._process.communicate()


def end(groups: dict[int, int]) -> None:
    """By request first, with the signal of each, then by force."""
    for group, signum in groups.items():
        _signal(group, signum)
    deadline = time.monotonic() + PATIENCE_S
    while any(_signal(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, signum: int) -> bool:
    """Whether it was received."""
    with suppress(ProcessLookupError, PermissionError):  # macOS answers the latter for a group that is gone
        os.killpg(group, signum)
        return True
    return False


if __name__ == "__main__":
    children: dict[int, int] = {}
    servers: dict[int, int] = {}
    for line in sys.stdin:
        is_server, group, signum = map(int, line.split())
        (servers if is_server else children)[group] = signum
    end(children)
    end(servers)
