"""Build .venv and install the requirements; `make` runs this file when they are newer than what is installed.

Run as a file by the system's Python, so it needs the standard library only.
"""

import fcntl
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = ("requirements-dev.txt", "requirements.txt", "constraints.txt")


def install(requirements: Path, stamp: Path) -> None:
    """One at a time: a second `make` waits here, and then finds everything done."""
    with requirements.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another make is installing the requirements. Waiting for it …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_newer(stamp, [requirements.with_name(name) for name in REQUIREMENTS]):
            return
        _install(requirements, stamp)


def _is_newer(stamp: Path, files: list[Path]) -> bool:
    return stamp.exists() and all(stamp.stat().st_mtime >= file.stat().st_mtime for file in files)


def _install(requirements: Path, stamp: Path) -> None:
    python = stamp.parent / "bin" / "python"
    if not python.exists():
        print("Building .venv …", flush=True)
        venv.create(stamp.parent, with_pip=True, symlinks=True)
    print("Installing the requirements …", flush=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(requirements)], check=True)  # noqa: S603 (our own command line)
    stamp.touch()


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # pip has said why
    except KeyboardInterrupt:
        sys.exit(130)
