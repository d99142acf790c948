"""Turns: event accepted, bot called, reply accepted by the inbox."""

from dataclasses import dataclass
from typing import Any

from tests.bench.bare import TASK
from tests.bench.builds import ACCOUNTS, Bare, Build, Naive, Product
from tests.bench.drives import Drive, Heard, Pace
from tests.bench.measure import Goal, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section

FEW, MANY = 50, 500
SLOW_BOT_MS = 200
BURSTS, BURST = 20, 10
"""Conversations in which so many messages come at once: fewer than there are threads, so that these meet."""
REMARK = (
    "Event accepted → bot called → reply accepted by the inbox. Two web processes, two workers and the guard as in "
    "the Procfile; inbox, bot and contacts are one slim process. Each contact writes again when the answer is there. "
    f"The platform allows an account 20 calls a second and the bridge keeps to it, so there are {ACCOUNTS} accounts, "
    "each with a channel. *Naive*: a task for each event, a Redis lock for each conversation, a new connection for each "
    "call, as many processes and threads. *Bare calls*: our own workers, whose task only makes the two calls on kept "
    "connections."
)


@dataclass(frozen=True, slots=True)
class Crew:
    """A build and how it is spoken to."""

    name: str
    build: Build
    is_bare: bool = False

    def drive(self, conversations: int, pace: Pace, **more: Any) -> Drive:
        more |= {"redis_url": self.build.redis_url, "task": TASK} if self.is_bare else {"port": self.build.port}
        return Drive(crowd=self.crowd, conversations=conversations, pace=pace, paths=self.build.doors, **more)

    @property
    def crowd(self) -> str:
        return self.name.replace(" ", "-")


def raise_crews(stage: Stage) -> dict[str, Crew]:
    """Naive, product and bare calls with all their processes, and with conversations that have begun."""
    naive, product, bare = (stage.make(kind) for kind in (Naive, Product, Bare))
    for build in (naive, product):
        build.start_web()
    for build in (naive, product, bare):
        build.start_workers()
    product.start_guard()
    for build in (naive, product):
        build.await_web()
    for build in (naive, product, bare):
        build.await_workers()
    crews = [Crew("naive", naive), Crew("product", product), Crew("bare calls", bare, is_bare=True)]
    return {crew.name: crew for crew in crews}


def measure(stage: Stage) -> Section:
    section = Section(title="Turns", remark=REMARK, header=("load", "build", "turns/s", "spread", "ratio"))
    crews = raise_crews(stage)
    for crew in crews.values():
        run(stage, section, crew, crew.drive(MANY, Pace.GREET))
    for conversations in (FEW, MANY):
        _compare(stage, section, crews, conversations)
    _compare_slow(stage, section, crews)
    _burst(stage, section, crews)
    for crew in crews.values():
        crew.build.stop()
    return section


def run(stage: Stage, section: Section, crew: Crew, drive: Drive) -> Heard:
    """A drive, with whatever went wrong noted; only the bridge has promised an order."""
    stage.ground.settle()
    heard = stage.drive(drive)
    wrong = {status: count for status, count in heard.answers.items() if status != "200"}
    if wrong:
        section.faults.append(f"{crew.name}: answers {wrong}")
    if heard.lost or heard.strays:
        section.faults.append(f"{crew.name}: {heard.lost} turns lost, {heard.strays} replies at a wrong place")
    if crew.name == "product" and (heard.swaps or heard.doubles):
        section.faults.append(f"product: {heard.swaps} replies in a wrong order, {heard.doubles} doubled")
    return heard


def _compare(stage: Stage, section: Section, crews: dict[str, Crew], conversations: int) -> None:
    """Product and naive, with a bot that answers at once."""
    drives = {
        name: crews[name].drive(conversations, Pace.CLOSED, seconds=stage.plan.turns_s)
        for name in ("naive", "product")
    }
    found = interleave(
        {name: lambda name=name: run(stage, section, crews[name], drives[name]).per_s for name in drives},
        stage.plan.turn_rounds,
    )
    base = found["naive"].median
    for name, samples in found.items():
        ratio = f"{samples.median / base:.1f} × naive"
        section.rows.append((f"{conversations} conversations, bot 0 ms", name, str(samples), samples.spread, ratio))
    what = f"turns at {conversations} conversations, product / naive"
    section.goals.append(Goal(what=what, reached=found["product"].median / base, least=5.0))


def _compare_slow(stage: Stage, section: Section, crews: dict[str, Crew]) -> None:
    """All three, with a bot that thinks."""
    drives = {
        name: crew.drive(MANY, Pace.CLOSED, seconds=stage.plan.turns_s, bot_ms=SLOW_BOT_MS)
        for name, crew in crews.items()
    }
    found = interleave(
        {name: lambda name=name: run(stage, section, crews[name], drives[name]).per_s for name in drives},
        stage.plan.turn_rounds,
    )
    base = found["bare calls"].median
    for name, samples in found.items():
        ratio = f"{samples.median / base:.2f} of bare"
        section.rows.append((f"{MANY} conversations, bot {SLOW_BOT_MS} ms", name, str(samples), samples.spread, ratio))
    what = f"turns with a bot of {SLOW_BOT_MS} ms, product / bare calls"
    section.goals.append(Goal(what=what, reached=found["product"].median / base, least=0.60))


def _burst(stage: Stage, section: Section, crews: dict[str, Crew]) -> None:
    for name in ("naive", "product"):
        heard = run(stage, section, crews[name], crews[name].drive(BURSTS, Pace.BURST, burst=BURST))
        what = f"bursts of {BURST} in {BURSTS} conversations"
        section.rows.append((what, name, f"{heard.turns} turns", "", f"{heard.swaps} swaps"))
        if name == "product":
            section.goals.append(Goal(what="replies in a wrong order", reached=float(heard.swaps), most=0.0))
            calls = heard.inbox_calls / heard.turns if heard.turns else float("nan")
            section.goals.append(Goal(what="inbox calls per turn", reached=calls, most=1.0))
