"""Shows that the run would notice: for each known defect a short run, made so that it matters."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.account import AFTER_HANDOVER, DOUBLE, LEFT_ALONE, LEFT_OPEN, LOST, ORDER
from tests.faults.run import Plan, Say, run_on
from tests.faults.schedule import Deed, Trouble
from tests.faults.stage import running_servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A defect, the promise that it breaks, and what makes it show."""

    defect: str
    promise: str
    circumstances: dict[str, Any] = field(default_factory=dict)

    def plan(self, seed: int) -> Plan:
        return Plan(seed=seed, broken=self.defect, **(SHORT | self.circumstances))


SHORT: dict[str, Any] = {
    "conversations": 12,
    "messages": 80,
    "seconds": 8.0,
    "workers": 2,
    "guards": 1,
    "deeds": (),
    "doubled": 0.0,
    "late": 0.0,
    "drain_s": 12.0,
}
LONGER_THAN_CLAIM_MS = 2500.0
"""A bot so slow that messages wait for each other longer than the account tolerates."""
BUSY: dict[str, Any] = {"conversations": 24, "kinds": ("sync",), "delay_ms": 2000.0}
"""A message often comes while the one before is being answered, and often it is the last, so that no other helps."""

PROOFS = (
    Proof(defect="forget-what-came-meanwhile", promise=LEFT_OPEN, circumstances=BUSY),
    Proof(defect="never-mend-it", promise=LOST, circumstances=BUSY),
    Proof(
        defect="answer-before-commit",
        promise=LOST,
        circumstances={
            "troubles": tuple(Trouble(at_s=at_s, deed=Deed.KILL_WEB) for at_s in (2.0, 4.0, 5.0, 6.0, 7.0))
        },
    ),
    Proof(
        defect="resend-what-may-have-arrived",
        promise=DOUBLE,
        circumstances={
            "troubles": (Trouble(at_s=3.0, deed=Deed.INBOX_FAULT, when="after", fault="504", times=10),),
        },
    ),
    Proof(defect="call-for-what-was-taken", promise=DOUBLE, circumstances={"kinds": ("sync",)}),
    Proof(defect="count-repeated-events", promise=DOUBLE, circumstances={"doubled": 0.5}),
    Proof(
        defect="take-the-newest-first",
        promise=ORDER,
        circumstances={"conversations": 6, "delay_ms": LONGER_THAN_CLAIM_MS, "drain_s": 60.0},
    ),
    Proof(
        defect="forget-the-handover",
        promise=AFTER_HANDOVER,
        circumstances={"agent_share": 0.3, "burst_share": 0.5},
    ),
    Proof(
        defect="say-nothing-when-the-bot-fails",
        promise=LEFT_ALONE,
        circumstances={
            "troubles": tuple(
                Trouble(at_s=2.0, deed=Deed.BOT_FAULT, target=bot, fault="500", lasts_s=6.0)
                for bot in ("sparkcentral-sync", "hootsuite-async", "hootsuite-chatlayer")
            )
        },
    ),
)


def prove(seed: int, say: Say, chosen: Sequence[str] = ()) -> bool:
    """Whether each defect (or each chosen one) was noticed; a line for each."""
    is_proven = True
    with tempfile.TemporaryDirectory(prefix="faults-") as name, running_servers(Path(name)) as servers:
        for number, proof in enumerate(_chosen(chosen)):
            directory = Path(name) / str(number)
            directory.mkdir()
            account = run_on(servers, directory, proof.plan(seed), _quietly).account
            found = len(account.of(proof.promise))
            is_proven = is_proven and found > 0
            verdict = f"noticed: {found} × {proof.promise}" if found else f"NOT NOTICED: {proof.promise}"
            say(f"{proof.defect:<32}{verdict}")
    return is_proven


def _chosen(names: Sequence[str]) -> Iterator[Proof]:
    unknown = set(names) - {proof.defect for proof in PROOFS}
    if unknown:
        raise ValueError(f"There is no broken build {', '.join(sorted(unknown))}.")
    yield from (proof for proof in PROOFS if not names or proof.defect in names)


def _quietly(line: str) -> None:
    """A broken run's schedule interests nobody."""
