"""Is it as fast after years? A full database beside an empty one."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tests.bench.builds import Product
from tests.bench.crews import Crew, raise_all, run
from tests.bench.drives import Pace
from tests.bench.fill import CROWD, FULL, SAMPLE, full_database
from tests.bench.ingress import send
from tests.bench.measure import Goal, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bench.turns import add_rows, turns_per_s
from tests.bridge import BASE_DIR, eventually

CONVERSATIONS = 10_000
"""Of these, those that get events while the door is measured."""
EMPTY, PURGED = "empty", "full, with purge"
LEAST = 0.90
# As the guards do it, but with a short time to keep texts, so that there is enough to delete.
_PURGE = """
import time
from channels_app.upkeep.retention import purge_texts
for purged in purge_texts(days=1):
    print(f"purged {purged.events}", flush=True)
    time.sleep(purged.pause_s)
"""


def measure(stage: Stage) -> Section:
    plan = stage.plan
    remark = (
        f"*Full*: {plan.events:,} finished events in {plan.old_conversations:,} conversations, with all that belongs "
        "to them: copies of what real turns have left behind. *Empty*: little more than conversations that exist. "
        "*With purge*: the texts of old events are deleted meanwhile, at the pace of the guard."
    )
    section = Section(title="Growth", remark=remark, header=("load", "database", "per second", "spread", "ratio"))
    for name in ("floor", "naive", "bare"):  # their connections are needed
        if name in stage.builds:
            stage.builds.pop(name).stop()
    full, empty = full_database(stage, section), stage.build(Product)
    empty.empty()
    if not plan.is_quick:
        _measure_turns(stage, section, empty, full)
    _measure_ingress(stage, section, empty, full)
    if not plan.is_quick:
        purged = sum(map(int, re.findall(r"purged (\d+)", full.log("purge"))))
        section.remark += f" It took the texts of {purged:,} events."
    return section


def _measure_ingress(stage: Stage, section: Section, empty: Product, full: Product) -> None:
    """As always without workers."""
    empty.open_conversations(CROWD, CONVERSATIONS)
    for build in (empty, full):
        build.stop_workers()
        build.need_web()
        build.await_all()
        send(stage, section, build, CROWD, CONVERSATIONS)
    per_s = partial(send, stage, section, crowd=CROWD, conversations=CONVERSATIONS)
    _compare(stage, section, "ingress", full, lambda: per_s(build=empty), lambda: per_s(build=full))


def _measure_turns(stage: Stage, section: Section, empty: Product, full: Product) -> None:
    crews = [Crew(name=EMPTY, build=empty), Crew(name=FULL, build=full, crowd=CROWD)]
    raise_all(stage, section, crews, SAMPLE)
    run(stage, section, crews[0], crews[0].drive(SAMPLE, Pace.GREET))
    per_s = [partial(turns_per_s, stage, section, crew, SAMPLE) for crew in crews]
    _compare(stage, section, f"turns, {SAMPLE} conversations", full, *per_s)


def _compare(
    stage: Stage,
    section: Section,
    load: str,
    full: Product,
    of_empty: Callable[[], float],
    of_full: Callable[[], float],
) -> None:
    def of_purged() -> float:
        with _purging(full):
            return of_full()

    cases = {EMPTY: of_empty, FULL: of_full} | ({} if stage.plan.is_quick else {PURGED: of_purged})
    found = interleave(cases, stage.plan.turn_rounds)
    add_rows(section, load, found, found[EMPTY], "of empty")
    for name in list(cases)[1:]:
        ratio = found[name].median / found[EMPTY].median
        section.goals.append(Goal(what=f"{load}, {name} / empty", reached=ratio, least=LEAST))


@contextmanager
def _purging(build: Product) -> Iterator[None]:
    command = [sys.executable, "manage.py", "shell", "--command", _PURGE]
    with (build.directory / "purge.log").open("ab") as log:
        began_at = log.tell()
        process = subprocess.Popen(command, cwd=BASE_DIR, env=build.environment, stdout=log, stderr=log)
    try:
        eventually(lambda: "purged" in build.log("purge")[began_at:])
        yield
        assert process.poll() is None, build.log("purge")
    finally:
        process.terminate()
        process.wait()
