"""The door: signed event, durable row, wake-up, 200. No worker runs."""

from collections.abc import Callable
from functools import partial

from tests.bench.build import Build
from tests.bench.builds import Floor, Naive, Product
from tests.bench.load import Load
from tests.bench.measure import Goal, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section

CROWD = "load"
CONVERSATIONS = 1000
WAITING = 5000
WARM = 500
BUSY = f"product, {WAITING:,} events waiting"
MAX_BUSY = 8000
"""Events a second for which requests are made ready: more than any build takes."""
LONGEST_S = 120.0
REMARK = (
    "Signed event → durable row → wake-up → 200. Two web processes as in the Procfile, 32 kept connections, "
    f"distinct events of about 700 bytes over {CONVERSATIONS:,} conversations that exist, no worker. *Floor*: a "
    "bare WSGI function with HMAC, one INSERT with its commit, one LPUSH. *Naive*: ModelSerializer, ORM get, "
    "get_or_create, `task.delay`. The bridge wakes a worker only if nobody has been told of the conversation yet; "
    "in *every event wakes* each event is the first in its conversation."
)


def measure(stage: Stage) -> Section:
    stage.make_ready(Floor, Naive, Product)
    floor, naive, product = stage.build(Floor), stage.build(Naive), stage.build(Product)
    builds: list[Build] = [floor, naive, product]
    for build in builds:
        build.stop_workers()
        build.need_web()
    for build in builds:
        build.await_all()
    section = Section(
        title="Ingress", remark=REMARK, header=("build", "events/s", "spread", "of the floor", "of naive")
    )
    for build in builds:  # connections and caches are there before anything counts
        build.empty()
        send(stage, section, build, CROWD, CONVERSATIONS, events=WARM)
    found = interleave(_cases(stage, section, floor, naive, product), stage.plan.rounds)
    base, slow = found["floor"].median, found["naive"].median
    for name, samples in found.items():
        shares = f"{samples.median / base:.2f}", f"{samples.median / slow:.1f}"
        section.rows.append((name, str(samples), samples.spread, *shares))
    ours = found["product"].median
    section.goals.append(Goal(what="product / floor", reached=ours / base, least=0.60))
    section.goals.append(Goal(what="product / naive", reached=ours / slow, least=5.0))
    if waiting := found.get(BUSY):
        section.goals.append(Goal(what=f"{BUSY} / none", reached=waiting.median / ours, least=0.95))
    for build in builds:
        build.empty()
    return section


def _cases(
    stage: Stage, section: Section, floor: Build, naive: Build, product: Build
) -> dict[str, Callable[[], float]]:
    cases: dict[str, Callable[[], float]] = {
        "floor": partial(_run, stage, section, floor),
        "naive": partial(_run, stage, section, naive),
        "product": partial(_run, stage, section, product),
    }
    if stage.plan.is_quick:
        return cases
    return cases | {
        BUSY: partial(_run, stage, section, product, are_waiting=True),
        "product, every event wakes": partial(_run, stage, section, product, spread=True),
    }


def _run(
    stage: Stage,
    section: Section,
    build: Build,
    *,
    spread: bool = False,
    are_waiting: bool = False,
) -> float:
    """Events a second; `spread`: each event in a conversation of its own; `are_waiting`: others came before."""
    conversations = round(MAX_BUSY * stage.plan.ingress_s) if spread else CONVERSATIONS
    build.empty()
    build.open_conversations(CROWD, conversations)
    if are_waiting:
        send(stage, section, build, CROWD, conversations, events=WAITING)
    return send(stage, section, build, CROWD, conversations)


def send(stage: Stage, section: Section, build: Build, crowd: str, conversations: int, events: int = 0) -> float:
    """Events a second: for the time that the plan gives, or of so many events."""
    stage.ground.settle()
    seconds = LONGEST_S if events else stage.plan.ingress_s
    load = Load(
        port=build.port,
        paths=build.doors,
        conversations=conversations,
        events=events or round(MAX_BUSY * seconds),
        seconds=seconds,
        crowd=crowd,
        seed=stage.next_seed(),
    )
    arrived = stage.load(load)
    wrong = {status: count for status, count in arrived.answers.items() if status != "200"}
    if wrong:
        section.faults.append(f"{type(build).__name__.lower()}: answers {wrong}")
    return arrived.per_s
