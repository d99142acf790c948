"""Programs that others wrote, installed at fixed versions into a folder of their own, and run on this machine only."""

import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import requests

from tests.bridge import BASE_DIR, free_port

FOLDER = BASE_DIR / ".connectors"
START_S = 60  # seconds until a program answers; the first start of a Node program reads thousands of files
STOP_S = 10


def from_pypi(package: str) -> Path:
    """The folder with the package's commands; `package` with its version, e.g. name==1.2.3."""
    home = FOLDER / package.replace("==", "-")
    if not (home / "done").exists():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", package], check=True)
        (home / "done").touch()
    return home / "bin"


def from_npm(package: str, *others: str) -> Path:
    """The folder of its modules, with others that it needs beside it; each with its version, e.g. @scope/name@1.2.3.
    npm installs nothing into a folder that is called like the package."""
    home = FOLDER / package.strip("@").replace("/", "-").replace("@", "-")
    if not (home / "done").exists():
        home.mkdir(parents=True, exist_ok=True)
        options = ["--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", str(home)]
        subprocess.run(["npm", "install", *options, package, *others], check=True)
        (home / "done").touch()
    return home / "node_modules"


@contextmanager
def running(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    *,
    port: int,
    ready: str = "/",
    known_to: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Gives its address once it answers at `ready`; ends it afterwards. `known_to`: headers with which that address
    must be found, for a program that listens before it has read what it serves."""
    url = f"http://127.0.0.1:{port}"
    log = FOLDER / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
            cwd=FOLDER,
        )
    try:
        until = time.monotonic() + START_S
        while not _answers(url + ready, known_to):
            if process.poll() is not None or time.monotonic() > until:
                sys.stderr.write(log.read_text(errors="replace"))
                raise RuntimeError(f"{command[0]} did not start")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(STOP_S)
        log.unlink()


def _answers(url: str, known_to: Mapping[str, str] | None) -> bool:
    try:
        status = requests.get(url, headers=known_to, timeout=1).status_code
    except requests.RequestException:
        return False
    return known_to is None or status != HTTPStatus.NOT_FOUND


__all__ = ["FOLDER", "free_port", "from_npm", "from_pypi", "running"]
