"""How long one waits: for `make run` when it ran before, and for a worker's imports."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.measure import show
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bridge import BASE_DIR, free_port
from tests.servers import ENVIRONMENT

READY = "chatbridge runs."
IMPORTS = 3
_IMPORT = """
import time
began_at = time.perf_counter()
import chatbridge.celery
chatbridge.celery.app.loader.import_default_modules()
print(time.perf_counter() - began_at)
"""


def measure(stage: Stage) -> Section:
    section = Section(title="Start", header=("what", "seconds"))
    directory = stage.ground.directory / "run"
    first_s, second_s = (_run_s(directory) for _ in range(2))
    section.rows += [
        ("`make run`, first start to ready", show(first_s)),
        ("`make run`, second start to ready", show(second_s)),
        ("a worker's imports", show(statistics.median(_import_s() for _ in range(IMPORTS)))),
    ]
    return section


def _run_s(directory: Path) -> float:
    """From the command to the line that says that everything runs."""
    given = {"CHATBRIDGE_LOCAL_DIR": str(directory), "PORT": str(free_port()), "SIMULATOR_PORT": str(free_port())}
    ours = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT and not name.endswith("_URL")}
    command = [sys.executable, "-u", "-m", "chatbridge.local", "--exit-when-ready"]
    began_at, said = time.perf_counter(), []
    with subprocess.Popen(command, cwd=BASE_DIR, env=ours | given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if READY in line:
                took_s = time.perf_counter() - began_at
    assert process.returncode == 0, "".join(said)
    return took_s


def _import_s() -> float:
    environment = os.environ | ENVIRONMENT
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
