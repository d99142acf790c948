"""Does a second worker help?"""

from collections.abc import Callable
from functools import partial

from tests.bench.builds import Narrow
from tests.bench.crews import MANY, Crew, leave_one_worker, need_all_workers, raise_all
from tests.bench.measure import Goal, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bench.turns import add_rows, turns_per_s

BOT_MS = 400
"""Long beside a turn's own work, so that how many bots a worker waits for decides."""
ONE, TWO = "one worker", "two workers"
REMARK = (
    f"Turns a second with a bot of {BOT_MS} ms and {MANY} conversations, by one worker process and by two: process "
    "groups of their own, that share nothing but PostgreSQL and Redis, as on two machines. This one would be full "
    f"with a single worker; so each waits for {Narrow.calls_at_once} bots at a time (`CALLS_AT_ONCE`), and a few more "
    f"that it has begun with by then: {Narrow.calls_at_once * 1000 // BOT_MS} turns a second or somewhat more."
)


def measure(stage: Stage) -> Section:
    section = Section(title="Scale", remark=REMARK, header=("load", "workers", "turns/s", "spread", "ratio"))
    crew = Crew(name="product", build=stage.build(Narrow))
    raise_all(stage, section, [crew])
    per_s = partial(turns_per_s, stage, section, crew, MANY, BOT_MS)
    found = interleave(
        {ONE: _with(leave_one_worker, crew, per_s), TWO: _with(need_all_workers, crew, per_s)}, stage.plan.turn_rounds
    )
    add_rows(section, f"{MANY} conversations, bot {BOT_MS} ms", found, found[ONE], "of one")
    reached = found[TWO].median / found[ONE].median
    section.goals.append(Goal(what="two workers / one", reached=reached, least=1.6))
    crew.build.stop()
    return section


def _with(prepare: Callable[[Crew], None], crew: Crew, per_s: Callable[[], float]) -> Callable[[], float]:
    def prepared() -> float:
        prepare(crew)
        return per_s()

    return prepared
