"""Files that only their owner reads, logs, and the way to them for another user."""

import os
import stat
from pathlib import Path

LOG_LINES = 15  # of a log, shown when its process failed


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, and that is never seen half written."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        lines = [f"(can't be read: {error.strerror})"]
    return "\n".join(f"    {line}" for line in lines[-LOG_LINES:])


def open_way(place: Path) -> None:
    """Lets other users pass the directories above `place`, though not list them."""
    for parent in place.parents:
        _allow(parent, stat.S_IXOTH)


def open_programs(*trees: Path) -> None:
    """Lets other users read and run what lies below."""
    for tree in trees:
        for path in (tree, *tree.rglob("*")):
            is_for_use = path.is_dir() or os.access(path, os.X_OK)
            _allow(path, stat.S_IROTH | stat.S_IXOTH if is_for_use else stat.S_IROTH)


def _allow(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)
