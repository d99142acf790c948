"""Bots that think for seconds: how many conversations one worker holds meanwhile, and what that costs it."""

import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.bench.build import Build
from tests.bench.builds import ACCOUNTS, AsyncFloor
from tests.bench.crews import FEW, Crew, leave_one_worker, need_all_workers, raise_all, raise_crews, run
from tests.bench.drives import Heard, Pace
from tests.bench.measure import Goal, show
from tests.bench.stage import Stage
from tests.bench.table import Section

LOADS = {"200 conversations, bot 5 s": (200, 5.0, 0.90), "1,000 conversations, bot 10 s": (1_000, 10.0, 0.80)}
"""Conversations, seconds that the bot takes, and the share of the bot's limit that is wanted."""
ROUNDS = 3
"""Messages that each contact writes before the measuring ends; all of them are answered."""
MAX_WAIT = 1.15
MAX_LINKS = 16
MAX_GROWTH = 1.5
LOOK_S = 0.5
WORKER = "worker 1"
REMARK = (
    "One worker process, whose bot takes its time; each contact writes again when the answer is there. *Of the "
    "limit*: a bot of 5 s can't give 200 contacts more than 40 answers a second. *Asyncio*: one process that makes "
    f"the two calls of each turn, and keeps nothing. {ACCOUNTS} accounts, as above. *Connections* of the worker to "
    "PostgreSQL, and its size, are the largest that were seen; *idle* is its size after some seconds of quick turns."
)


def measure(stage: Stage) -> Section:
    header = ("load", "build", "answers/s", "of the limit", "median wait, s", "connections", "MiB")
    section = Section(title="Bots that think", remark=REMARK, header=header)
    product = raise_crews(stage, section)["product"]
    stage.make_ready(AsyncFloor)
    floor = Crew(name="asyncio", build=stage.build(AsyncFloor))
    raise_all(stage, section, [floor], 1)
    _restart_with_one(product)
    for load, (conversations, bot_s, least) in LOADS.items():
        if stage.plan.is_quick and conversations > 200:
            continue
        _one_load(stage, section, load, floor, conversations, bot_s)
        _restart_with_one(product)
        run(stage, section, product, product.drive(FEW, Pace.CLOSED, seconds=stage.plan.turns_s))
        idle_mib = product.build.resident_mib()[WORKER]
        share, wait, most = _one_load(stage, section, load, product, conversations, bot_s)
        section.goals += [
            Goal(what=f"{load}: answers, of the bot's limit", reached=share, least=least),
            Goal(what=f"{load}: median wait / the bot's time", reached=wait, most=MAX_WAIT),
            Goal(what=f"{load}: connections of the worker", reached=float(most.links), most=float(MAX_LINKS)),
            Goal(what=f"{load}: size / idle", reached=most.mib / idle_mib, most=MAX_GROWTH),
        ]
    need_all_workers(product)
    return section


def _restart_with_one(product: Crew) -> None:
    """So that its size is that of an idle one."""
    product.build.stop_workers()
    need_all_workers(product)
    leave_one_worker(product)


@dataclass(slots=True)
class _Most:
    links: int = 0
    mib: float = 0.0
    is_over: threading.Event = field(default_factory=threading.Event)


def _one_load(
    stage: Stage, section: Section, load: str, crew: Crew, conversations: int, bot_s: float
) -> tuple[float, float, _Most]:
    with _watched(crew.build) as most:
        drive = crew.drive(conversations, Pace.CLOSED, seconds=bot_s * (ROUNDS - 0.5), bot_ms=bot_s * 1000)
        heard = run(stage, section, crew, drive, to_its_end=True)
    waits = _waits(heard, bot_s)
    per_s = conversations / statistics.mean(waits)
    share = per_s * bot_s / conversations
    median = statistics.median(waits)
    figures = (show(per_s), f"{share:.2f}", show(median), str(most.links or "–"), show(most.mib))
    section.rows.append((load, crew.name, *figures))
    return share, median / bot_s, most


def _waits(heard: Heard, bot_s: float) -> list[float]:
    """Seconds from sent to heard, of each message."""
    return [bot_s + whole / 1000 for whole in heard.whole]


@contextmanager
def _watched(build: Build) -> Iterator[_Most]:
    most = _Most()
    watcher = threading.Thread(target=_watch, args=[build, most])
    watcher.start()
    try:
        yield most
    finally:
        most.is_over.set()
        watcher.join()


def _watch(build: Build, most: _Most) -> None:
    name = WORKER if WORKER in build.processes else "web"
    with psycopg.connect(build.database_url, autocommit=True) as link:
        while not most.is_over.wait(LOOK_S):
            counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
            row = link.execute(counted, [WORKER]).fetchone()
            most.links = max(most.links, row[0] if row else 0)
            most.mib = max(most.mib, build.resident_mib()[name])
