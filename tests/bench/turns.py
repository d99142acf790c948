"""Turns: event accepted, bot called, reply accepted by the inbox."""

import math
from collections.abc import Sequence
from functools import partial

from tests.bench.builds import ACCOUNTS
from tests.bench.crews import FEW, MANY, Crew, raise_crews, run
from tests.bench.drives import Pace
from tests.bench.measure import Goal, Samples, interleave
from tests.bench.stage import Stage
from tests.bench.table import Section

SLOW_BOT_MS = 200
BURSTS, BURST = 10, 10
"""Conversations in which so many messages come at once: fewer than there are threads, so that these meet."""
REMARK = (
    "Event accepted → bot called → reply accepted by the inbox. Two web processes, two workers and the guard as in "
    "the Procfile; inbox, bot and contacts are one slim process. Each contact writes again when the answer is there. "
    f"The platform allows an account 20 calls a second and the bridge keeps to it, so there are {ACCOUNTS} accounts, "
    "each with a channel. *Naive*: a task for each event, a Redis lock for each conversation, a new connection for "
    "each call, as many processes and threads. *Bare calls*: our own workers, whose task only makes the two calls on "
    "kept connections."
)


def measure(stage: Stage) -> Section:
    section = Section(title="Turns", remark=REMARK, header=("load", "build", "turns/s", "spread", "ratio"))
    crews = raise_crews(stage, section)
    for conversations in (FEW, MANY):
        found = compare(stage, section, [crews["naive"], crews["product"]], conversations)
        add_rows(section, f"{conversations} conversations, bot 0 ms", found, found["naive"], "× naive")
        ratio = found["product"].median / found["naive"].median
        section.goals.append(Goal(what=f"turns at {conversations}, product / naive", reached=ratio, least=5.0))
    found = compare(stage, section, [crews["bare calls"], crews["product"]], MANY, bot_ms=SLOW_BOT_MS)
    add_rows(section, f"{MANY} conversations, bot {SLOW_BOT_MS} ms", found, found["bare calls"], "of bare")
    ratio = found["product"].median / found["bare calls"].median
    section.goals.append(Goal(what=f"turns with a bot of {SLOW_BOT_MS} ms, product / bare", reached=ratio, least=0.60))
    for name in ("naive", "product"):
        _burst(stage, section, crews[name])
    return section


def compare(
    stage: Stage, section: Section, crews: Sequence[Crew], conversations: int, bot_ms: float = 0.0
) -> dict[str, Samples]:
    cases = {crew.name: partial(turns_per_s, stage, section, crew, conversations, bot_ms) for crew in crews}
    return interleave(cases, stage.plan.turn_rounds)


def turns_per_s(stage: Stage, section: Section, crew: Crew, conversations: int, bot_ms: float = 0.0) -> float:
    drive = crew.drive(conversations, Pace.CLOSED, seconds=stage.plan.turns_s, bot_ms=bot_ms)
    return run(stage, section, crew, drive).per_s


def add_rows(section: Section, load: str, found: dict[str, Samples], base: Samples, unit: str) -> None:
    for name, samples in found.items():
        section.rows.append((load, name, str(samples), samples.spread, f"{samples.median / base.median:.2f} {unit}"))


def _burst(stage: Stage, section: Section, crew: Crew) -> None:
    heard = run(stage, section, crew, crew.drive(BURSTS, Pace.BURST, burst=BURST))
    what = f"{BURST} messages at once in {BURSTS} conversations"
    section.rows.append((what, crew.name, f"{heard.turns} turns", "", f"{heard.swaps} swaps"))
    if crew.is_ours:
        section.goals.append(Goal(what="replies in a wrong order", reached=float(heard.swaps), most=0.0))
        calls = heard.inbox_calls / heard.turns if heard.turns else math.nan
        section.goals.append(Goal(what="inbox calls a turn", reached=calls, most=1.0))
