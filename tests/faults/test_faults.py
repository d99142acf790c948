"""The short fault run, and broken builds that it must notice. The whole run: `make faults`."""

import os
import subprocess
import sys

import pytest

from tests.bridge import BASE_DIR

pytestmark = pytest.mark.xdist_group("processes")

SEED = "5"
PATIENCE_S = 1800
"""A run bounds itself; this is for one that hangs."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As a person at the terminal does, on servers of its own that it may kill."""
    command = [sys.executable, "-m", "tests.faults", "--seed", SEED, *arguments]
    return subprocess.run(
        command, cwd=BASE_DIR, env=os.environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def test_all_promises_are_kept_under_faults() -> None:
    done = run("--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All promises were kept." in done.stdout


def test_a_broken_build_is_noticed() -> None:
    done = run("--prove", "forget-the-handover")  # all of them: make faults ARGS="--prove"
    assert done.returncode == 0, done.stdout + done.stderr
    assert "noticed: " in done.stdout
