"""The lock of a run on its directory: the system frees it however the run ends.

As a file it tells `make clean` whether a run holds it; the system's Python does that, so standard library only.
"""

import fcntl
import sys
from pathlib import Path
from typing import IO


def take_lock(file: Path) -> IO[str] | None:
    """Held until it is closed; None while another run holds it."""
    lock = file.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


if __name__ == "__main__":
    if take_lock(Path(sys.argv[1])) is None:
        sys.exit("make run is running: stop it first (Ctrl-C where it was typed).")
