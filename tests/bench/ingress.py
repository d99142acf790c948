"""The door: signed event, durable row, wake-up, 200. No worker runs."""

from collections.abc import Callable

from tests.bench.builds import Build, Floor, Naive, Product
from tests.bench.load import Load
from tests.bench.measure import Goal, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section

CONVERSATIONS = 1000
WAITING = 5000
BUSY_MOST = 8000
"""Events a second for which requests are made ready: more than any build takes."""
REMARK = (
    "Signed event → durable row → wake-up → 200. Two web processes as in the Procfile, 32 kept connections, distinct "
    f"events of about 700 bytes over {CONVERSATIONS:,} conversations, no worker. *Floor*: a bare WSGI function with "
    "HMAC, one INSERT with its commit, one LPUSH. *Naive*: ModelSerializer, ORM get, get_or_create, `task.delay`. The "
    "bridge wakes a worker only if nobody has been told of the conversation yet; in *every event wakes* each event is "
    "the first in a conversation that exists."
)

_OPEN = """
INSERT INTO channels_app_conversation (channel_id, external_id)
SELECT channel.id, '0-load-' || lpad(place::text, 6, '0') FROM generate_series(0, {last}) AS place
JOIN channels_app_channel AS channel
    ON '/webhooks/inbox/' || channel.uuid || '/' = (ARRAY{doors})[1 + place % {count}]
"""


def measure(stage: Stage) -> Section:
    floor, naive, product = (stage.make(kind) for kind in (Floor, Naive, Product))
    builds: list[Build] = [floor, naive, product]
    for build in builds:
        build.start_web()
    for build in builds:
        build.await_web()
    section = Section(
        title="Ingress", remark=REMARK, header=("build", "events/s", "spread", "of the floor", "of naive")
    )
    cases = {
        "floor": lambda: _run(stage, section, floor),
        "naive": lambda: _run(stage, section, naive),
        "product": lambda: _run(stage, section, product),
        f"product, {WAITING:,} events waiting": lambda: _run(stage, section, product, before=_let_wait),
        "product, every event wakes": lambda: _run(stage, section, product, before=_open_conversations, spread=True),
    }
    for build in builds:  # connections and caches are there before anything counts
        _run(stage, section, build)
    found = interleave(cases, stage.plan.rounds)
    base, slow = found["floor"].median, found["naive"].median
    for name, samples in found.items():
        shares = f"{samples.median / base:.2f}", f"{samples.median / slow:.1f}"
        section.rows.append((name, str(samples), samples.spread, *shares))
    ours, waiting = found["product"].median, found[f"product, {WAITING:,} events waiting"].median
    section.goals += [
        Goal(what="product / floor", reached=ours / base, least=0.60),
        Goal(what="product / naive", reached=ours / slow, least=5.0),
        Goal(what=f"product with {WAITING:,} events waiting / empty", reached=waiting / ours, least=0.95),
    ]
    for build in builds:
        build.stop()
    return section


def _run(
    stage: Stage,
    section: Section,
    build: Build,
    before: Callable[[Stage, Build, int], None] | None = None,
    *,
    spread: bool = False,
) -> float:
    """Events a second; `spread`: each event in a conversation of its own."""
    seconds = stage.plan.ingress_s
    events = round(BUSY_MOST * seconds)
    conversations = events if spread else CONVERSATIONS
    build.empty()
    if before:
        before(stage, build, conversations)
    stage.ground.settle()
    arrived = stage.load(_load(stage, build, conversations, events, seconds))
    wrong = {status: count for status, count in arrived.answers.items() if status != "200"}
    if wrong:
        section.faults.append(f"{type(build).__name__.lower()}: answers {wrong}")
    return arrived.per_s


def _load(stage: Stage, build: Build, conversations: int, events: int, seconds: float) -> Load:
    return Load(
        port=build.port,
        paths=build.doors,
        conversations=conversations,
        events=events,
        seconds=seconds,
        seed=stage.next_seed(),
    )


def _let_wait(stage: Stage, build: Build, conversations: int) -> None:
    stage.load(_load(stage, build, conversations, WAITING, seconds=60.0))


def _open_conversations(stage: Stage, build: Build, conversations: int) -> None:
    """At rest: nothing is due in them."""
    doors = list(build.doors)
    stage.ground.ask(_OPEN.format(last=conversations - 1, doors=doors, count=len(doors)), build.database_url)
