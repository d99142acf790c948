"""The run as a whole: how large it is, what it stands on, who takes part."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.bench.build import Build
from tests.bench.drives import Drive, Heard
from tests.bench.ground import Ground, ground
from tests.bench.load import Arrived, Load
from tests.bridge import BASE_DIR, eventually, free_port

LONGEST_DRIVE_S = 600
B = TypeVar("B", bound=Build)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long each part measures. Times in seconds."""

    seed: int
    is_quick: bool = False
    """Only what matters most of each part."""
    rounds: int = 5
    ingress_s: float = 3.0
    turns_s: float = 6.0
    turn_rounds: int = 3
    open_s: float = 15.0
    counted_s: float = 5.0
    """While statements are counted."""
    memory_s: float = 60.0
    events: int = 1_000_000
    old_conversations: int = 100_000

    @classmethod
    def quick(cls, seed: int) -> "Plan":
        return cls(
            seed=seed,
            is_quick=True,
            rounds=2,
            ingress_s=1.0,
            turns_s=1.5,
            turn_rounds=1,
            open_s=2.0,
            counted_s=2.0,
            memory_s=0.0,
            events=100_000,
            old_conversations=10_000,
        )


@dataclass
class Stage:
    """Builds are made when they are first asked for; all their processes end with the stage."""

    ground: Ground
    plan: Plan
    counterpart_port: int
    exits: ExitStack
    builds: dict[str, Build] = field(default_factory=dict)
    is_full: bool = False
    """Whether the build with a long history has got it."""
    _loads: int = 0
    _redis_databases: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def counterpart_url(self) -> str:
        return f"http://127.0.0.1:{self.counterpart_port}"

    def build(self, kind: type[B], name: str = "") -> B:
        """With tables and channels; its processes are still to be started."""
        name = name or kind.__name__.lower()
        if name not in self.builds:
            self.builds[name] = self._make(kind, name)
        build = self.builds[name]
        assert isinstance(build, kind)
        return build

    def make_ready(self, *kinds: type[Build]) -> None:
        """Builds that will be asked for, at the same time: most of it is waiting for programs to start."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.build, kinds))

    def _make(self, kind: type[B], name: str) -> B:
        directory = self.ground.directory / name
        directory.mkdir()
        build = kind(
            directory,
            self.ground.make_database(f"bench_{name}"),
            counterpart_url=self.counterpart_url,
            redis_url=self.ground.redis_database(next(self._redis_databases)),
        )
        self.exits.callback(build.stop)
        build.prepare()
        return build

    def next_seed(self) -> str:
        """Another for each load: no event comes twice."""
        self._loads += 1
        return f"{self.plan.seed} load {self._loads}"

    def load(self, load: Load) -> Arrived:
        """Send a load; what came of it."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load"],
            cwd=BASE_DIR,
            input=json.dumps(asdict(load)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Arrived(**json.loads(done.stdout))

    def drive(self, drive: Drive) -> Heard:
        """Let contacts write; what they heard."""
        found = requests.post(f"{self.counterpart_url}/drive", json=asdict(drive), timeout=LONGEST_DRIVE_S)
        answer: dict[str, Any] = found.json()
        return Heard(**answer)


@contextmanager
def stage(directory: Path, plan: Plan) -> Iterator[Stage]:
    with ExitStack() as exits:
        servers = exits.enter_context(ground(directory))
        port = free_port()
        command = [sys.executable, "-m", "tests.bench.counterpart", "--port", str(port), "--seed", str(plan.seed)]
        counterpart = subprocess.Popen(command, cwd=BASE_DIR)
        exits.callback(counterpart.wait)
        exits.callback(counterpart.terminate)
        found = Stage(servers, plan, port, exits)
        eventually(lambda: _listens(found.counterpart_url))
        yield found


def _listens(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 404
    except requests.RequestException:
        return False
