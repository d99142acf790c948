"""One run: set the stage, let people talk while things break, wait until all has come to rest, read the account."""

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import requests

from tests.faults.account import Account, account_for
from tests.faults.collect import collect, has_work_left
from tests.faults.crowd import Crowd
from tests.faults.mischief import Mischief
from tests.faults.records import History
from tests.faults.schedule import Deed, Targets, Trouble, draw_schedule
from tests.faults.seats import KINDS, TIMEOUT_S, Seat, connect_seats, post
from tests.faults.stage import Servers, Stage, running_servers

REST_LOOK_S = 0.5
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large a run is, and what happens in it."""

    seed: int
    conversations: int = 200
    messages: int = 2000
    seconds: float = 180.0
    workers: int = 4
    guards: int = 2
    broken: str = ""
    deeds: Sequence[Deed] = tuple(Deed)
    troubles: Sequence[Trouble] = ()
    """Besides those that the schedule draws."""
    density: float = 1.0
    doubled: float = 0.1
    late: float = 0.1
    late_s: float = 3.0
    kinds: Sequence[str] = KINDS
    """Of bots."""
    agent_share: float = 0.03
    burst_share: float = 0.1
    delay_ms: float = 100.0
    """What a bot thinks about a turn."""
    drain_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    history: History
    account: Account
    schedule: Sequence[Trouble]
    fallen: Sequence[str]
    drained_s: float | None
    """None: it never came to rest."""


def run(plan: Plan, say: Say, keep: Path | None = None) -> Result:
    """`keep`: a directory for the logs, which stays."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name, running_servers(Path(name)) as servers:
        return run_on(servers, keep or Path(name), plan, say)


def run_on(servers: Servers, directory: Path, plan: Plan, say: Say) -> Result:
    """A run on servers that stay; its database is new."""
    database_url = _fresh_database(servers)
    stage = Stage(directory, database_url, redis_url=servers.redis.url, broken=plan.broken)
    try:
        stage.manage("migrate")
        stage.raise_simulator()
        seats = connect_seats(stage, plan.kinds, delay_ms=plan.delay_ms)
        stage.raise_bridge(plan.workers, plan.guards)
        return _play(stage, servers, seats, plan, say)
    finally:
        stage.stop()


def _play(stage: Stage, servers: Servers, seats: Sequence[Seat], plan: Plan, say: Say) -> Result:
    schedule = _schedule(plan, seats)
    for trouble in schedule:
        say(str(trouble))
    disorder = {"doubled": plan.doubled, "late": plan.late, "late_s": plan.late_s, "seed": plan.seed}
    post(f"{stage.simulator}/sim/disorder", disorder)
    crowd = _crowd(stage, seats, plan)
    mischief = Mischief(stage, servers, seats)
    trouble_maker = threading.Thread(target=mischief.run, args=[schedule], name="troubles")
    trouble_maker.start()
    try:
        crowd.run()
        say(f"{crowd.said} messages said in {len(crowd.contacts)} conversations; waiting until all has come to rest")
    finally:
        mischief.stop()
        trouble_maker.join()
    mischief.heal()
    drained_s = _drain(stage, plan.drain_s)
    history = collect(
        stage.simulator, stage.database_url, [f"{seat.path}/{seat.name}" for seat in seats], mischief.blows
    )
    _keep_views(stage, seats)
    return Result(
        history=history,
        account=account_for(history),
        schedule=schedule,
        fallen=list(stage.fallen),
        drained_s=drained_s,
    )


def _crowd(stage: Stage, seats: Sequence[Seat], plan: Plan) -> Crowd:
    return Crowd(
        stage.simulator,
        seats,
        plan.conversations,
        plan.messages,
        plan.seconds,
        plan.seed,
        agent_share=plan.agent_share,
        burst_share=plan.burst_share,
    )


def _schedule(plan: Plan, seats: Sequence[Seat]) -> list[Trouble]:
    targets = Targets(
        workers=plan.workers,
        guards=plan.guards,
        http_bots=[seat.name for seat in seats if seat.kind != "chatlayer"],
        chatlayer_bots=[seat.name for seat in seats if seat.kind == "chatlayer"],
    )
    drawn = draw_schedule(plan.seed, plan.seconds, targets, deeds=plan.deeds, density=plan.density)
    return sorted([*drawn, *plan.troubles], key=lambda trouble: trouble.at_s)


def _drain(stage: Stage, patience_s: float) -> float | None:
    """Wait until neither platform, bots nor bridge have anything left to do; how long it took."""
    began_at = time.monotonic()
    while time.monotonic() - began_at < patience_s:
        status = requests.get(f"{stage.simulator}/sim/status", timeout=TIMEOUT_S).json()
        if not status["in_flight"] and not has_work_left(stage.database_url):
            return time.monotonic() - began_at
        time.sleep(REST_LOOK_S)
    return None


def _keep_views(stage: Stage, seats: Sequence[Seat]) -> None:
    """What the bots saw and did, beside the logs: for somebody who looks into a broken promise."""
    for seat in seats:
        view = requests.get(f"{stage.simulator}/sim/{seat.path}/{seat.name}", timeout=60)
        (stage.directory / f"{seat.name}.json").write_bytes(view.content)


def _fresh_database(servers: Servers) -> str:
    """What an earlier run on these servers left behind is gone."""
    url = servers.postgres.url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url
