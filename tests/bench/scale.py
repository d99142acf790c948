"""Does a second worker help?"""

from collections.abc import Callable
from functools import partial

from tests.bench.crews import MANY, Crew, leave_one_worker, need_all_workers, raise_crews
from tests.bench.measure import Goal, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bench.turns import add_rows, turns_per_s

BOT_MS = 400
"""So slow that the threads of one worker wait nearly all the time, and two don't fill the machine."""
ONE, TWO = "one worker", "two workers"
REMARK = (
    f"Turns a second with a bot of {BOT_MS} ms and {MANY} conversations, by one worker process and by two: process "
    "groups of their own, that share nothing but PostgreSQL and Redis, as on two machines. A worker of 16 threads "
    f"can't do more than {16_000 // BOT_MS} such turns a second."
)


def measure(stage: Stage) -> Section:
    section = Section(title="Scale", remark=REMARK, header=("load", "workers", "turns/s", "spread", "ratio"))
    crew = raise_crews(stage, section)["product"]
    per_s = partial(turns_per_s, stage, section, crew, MANY, BOT_MS)
    found = interleave(
        {ONE: _with(leave_one_worker, crew, per_s), TWO: _with(need_all_workers, crew, per_s)}, stage.plan.turn_rounds
    )
    add_rows(section, f"{MANY} conversations, bot {BOT_MS} ms", found, found[ONE], "of one")
    reached = found[TWO].median / found[ONE].median
    section.goals.append(Goal(what="two workers / one", reached=reached, least=1.6))
    need_all_workers(crew)
    return section


def _with(prepare: Callable[[Crew], None], crew: Crew, per_s: Callable[[], float]) -> Callable[[], float]:
    def prepared() -> float:
        prepare(crew)
        return per_s()

    return prepared
