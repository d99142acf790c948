"""Builds with all their processes, and contacts who write to them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.bench.bare import TASK
from tests.bench.build import Build
from tests.bench.builds import Bare, Naive, Product
from tests.bench.drives import Drive, Heard, Pace
from tests.bench.stage import Stage
from tests.bench.table import Section

FEW, MANY = 50, 500
SECOND = "worker 2"
GIVEN_UP_S = 0.7
"""How long a build is given to end what it has begun, if nobody wants to know whether it loses anything: its requests,
and, when the queue has been emptied, its tasks."""


@dataclass(slots=True, kw_only=True)
class Crew:
    """A build and how it is spoken to. Its contacts' conversations go on from drive to drive."""

    name: str
    build: Build
    crowd: str = ""

    @property
    def is_ours(self) -> bool:
        return isinstance(self.build, Product)

    def drive(self, conversations: int, pace: Pace, **more: Any) -> Drive:
        place = {"redis_url": self.build.redis_url, "task": TASK} if isinstance(self.build, Bare) else {}
        return Drive(
            **{**more, **place},
            crowd=self.crowd or self.name.replace(" ", "-"),
            conversations=conversations,
            pace=pace,
            port=self.build.port,
            paths=self.build.doors,
        )


def raise_crews(stage: Stage, section: Section) -> dict[str, Crew]:
    """Naive, product and bare calls; their conversations have begun, but for most of the naive build's, which sees
    no difference."""
    stage.make_ready(Naive, Product, Bare)
    crews = [
        Crew(name="naive", build=stage.build(Naive)),
        Crew(name="product", build=stage.build(Product)),
        Crew(name="bare calls", build=stage.build(Bare)),
    ]
    raise_all(stage, section, crews)
    return {crew.name: crew for crew in crews}


def raise_all(stage: Stage, section: Section, crews: Sequence[Crew], conversations: int = MANY) -> None:
    """Start whatever does not run yet, and begin conversations with it."""
    new = [crew for crew in crews if "worker 1" not in crew.build.processes]
    for crew in new:
        if not isinstance(crew.build, Bare):
            crew.build.need_web()
        crew.build.need_workers()
    for crew in new:
        crew.build.await_all()
        crew.build.ready_mib = crew.build.resident_mib()
        run(stage, section, crew, crew.drive(FEW if isinstance(crew.build, Naive) else conversations, Pace.GREET))
        crew.build.warm_mib = crew.build.resident_mib()


def leave_one_worker(crew: Crew) -> None:
    process = crew.build.processes.pop(SECOND, None)
    if process is not None:
        process.terminate()
        process.wait()


def need_all_workers(crew: Crew) -> None:
    crew.build.need_workers()
    crew.build.await_all()


def run(stage: Stage, section: Section, crew: Crew, drive: Drive, *, to_its_end: bool = False) -> Heard:
    """A drive, with whatever went wrong noted; only the bridge has promised to lose nothing and to keep an order.

    `to_its_end`: the other builds too do all that they were asked for.
    """
    stage.ground.settle()
    is_given_up = not (crew.is_ours or to_its_end) and drive.pace in (Pace.CLOSED, Pace.OPEN)
    heard = stage.drive(replace(drive, drain_s=GIVEN_UP_S) if is_given_up else drive)
    crew.build.turns += heard.turns
    if is_given_up:
        crew.build.drop_waiting()
        time.sleep(GIVEN_UP_S)
    wrong = {status: count for status, count in heard.answers.items() if status != "200"}
    if wrong:
        section.faults.append(f"{crew.name}: answers {wrong}")
    if heard.strays:
        section.faults.append(f"{crew.name}: {heard.strays} replies in a conversation of others")
    if crew.is_ours and (heard.lost or heard.swaps or heard.doubles):
        losses = f"{heard.lost} turns lost, {heard.swaps} replies in a wrong order, {heard.doubles} doubled"
        section.faults.append(f"{crew.name}: {losses}")
    return heard
