"""`make run`."""

import argparse
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from chatbridge.embedded import EmbeddedError
from chatbridge.environment import PORTS
from chatbridge.local.processes import BASE_DIR, LocalError
from chatbridge.local.run import Run

CHECK_EVERY_S = 0.5
MADE_BY = os.getppid() if os.environ.get("MAKELEVEL") else None
"""The `make` that started us. When it is killed, Ctrl-C doesn't reach us any more, so its end is ours."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chatbridge.local", description=__doc__)
    parser.add_argument("--exit-when-ready", action="store_true", help="stop once everything runs (for CI)")
    options = parser.parse_args()
    is_asked_to_stop = threading.Event()
    # No exception from a signal: a child that was just born would be forgotten. We look between two steps.
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_: is_asked_to_stop.set())
    directory = Path(os.environ.get("CHATBRIDGE_LOCAL_DIR") or BASE_DIR / ".local").resolve()
    try:
        run = Run(directory, port=port_of("PORT", 8000), simulator_port=port_of("SIMULATOR_PORT", 9000))
    except LocalError as error:
        sys.exit(str(error))
    return serve(run, is_asked_to_stop, exit_when_ready=options.exit_when_ready)


def serve(run: Run, is_asked_to_stop: threading.Event, *, exit_when_ready: bool) -> int:
    """The exit status: 0 when we were asked to stop, 1 when something failed."""
    try:
        for step in run.start():
            if is_asked_to_stop.is_set():
                return 0
            if step:
                say(f"  {step} …")
        say(summary(run))
        while not (exit_when_ready or is_asked_to_stop.wait(CHECK_EVERY_S) or MADE_BY not in (None, os.getppid())):
            for line in run.revive():
                say(line)
    except (LocalError, EmbeddedError) as error:
        say(f"\n{error}\n")
        return 1
    finally:
        if run.servers or run.children:
            say("Stopping …")
        run.stop()
    return 0


def port_of(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) < PORTS:
        raise LocalError(f"{variable} must be a port number, not “{text}”.")
    return int(text)


def summary(run: Run) -> str:
    password = f"password: {run.password}" if run.password else "with the password you chose"
    remark = "new at each start, until you choose your own"
    if not run.password:
        remark = 'forgotten? make manage ARGS="changepassword admin"'
    place = os.path.relpath(run.directory)
    servers = "".join(f", {server.label}" for server in run.servers.values())
    return f"""
chatbridge runs.

  Admin pages   {run.url}/admin/
                user: admin   {password}   ({remark})
  Talk to it    make chat   in a second terminal: you write as a contact, the demo bot answers
  Inbox         {run.simulator}   a simulator, in place of Sparkcentral
  Processes     web, worker, guard, simulator{servers}
  Logs          {place}/logs/
  Data          {place}/   (kept for the next start; make clean removes it)

Ctrl-C stops everything.
"""


def say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone, and the way down must be walked all the same
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
