"""What web and worker processes hold at start and after many turns."""

import time

from tests.bench.crews import MANY, raise_crews, run
from tests.bench.drives import Pace
from tests.bench.measure import Goal, show
from tests.bench.stage import Stage
from tests.bench.table import Section

MOST = 1.10
DRIVE_S = 20.0
TURNS_WANTED = 100_000


def measure(stage: Stage) -> Section:
    """Goes on with turns for as long as the plan allows."""
    header = ("process", "ready, MiB", "after the first turns", "at the end", "end / first turns")
    section = Section(title="Memory", header=header)
    crew = raise_crews(stage, section)["product"]
    build, ends_at = crew.build, time.monotonic() + stage.plan.memory_s
    while build.turns < TURNS_WANTED and (left_s := ends_at - time.monotonic()) > 0:
        run(stage, section, crew, crew.drive(MANY, Pace.CLOSED, seconds=min(DRIVE_S, left_s)))
    grown = {}
    for name, mib in build.resident_mib().items():
        first, ready = build.warm_mib[name], build.ready_mib[name]
        grown[name] = mib / first
        section.rows.append((name, show(ready), show(first), show(mib), f"{grown[name]:.2f}"))
    largest = max(ratio for name, ratio in grown.items() if name != "guard")
    section.goals.append(Goal(what="web and workers, end / first turns, largest", reached=largest, most=MOST))
    section.remark = (
        f"Resident size of the processes after {build.turns:,} turns (100,000 are wanted; what the run had time for). "
        f"*After the first turns*: {MANY} conversations had begun, so code and connections are there."
    )
    return section
