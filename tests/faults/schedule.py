"""What goes wrong, and when: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

CALM_S = 2.0
"""Nothing goes wrong at once: the first conversations begin."""

INBOX_FAULTS = (
    *(("before", fault) for fault in ("401", "429", "500", "502", "503", "504", "reset", "slow", "taken")),
    *(("after", fault) for fault in ("500", "502", "504", "reset", "slow", "taken")),
)
"""Not afterwards: 401, 429 and 503 say that nothing was done. `taken`: an agent takes the conversation, hence 404."""
TOKEN_FAULTS = ("401", "500", "reset")
FIGURES_FAULTS = ("400", "401", "429", "500", "503", "reset", "hang", "slow", "garbage")
"""Of the queue: away, slow, refused, or nonsense."""
HTTP_BOT_FAULTS = ("500", "hang", "garbage", "huge", "wrong_type", "close")
CHATLAYER_FAULTS = ("500", "hang", "garbage", "close", "silent", "double", "reorder", "gap", "offload_twice")


class Deed(StrEnum):
    KILL_WORKER = "kill worker"
    STOP_WORKER = "stop worker"
    KILL_WEB = "kill web process"
    KILL_GUARD = "kill guard"
    FLUSH_REDIS = "flush Redis"
    KILL_REDIS = "kill Redis"
    REDIS_AWAY = "take Redis away"
    RESTART_POSTGRES = "restart PostgreSQL"
    BOT_FAULT = "bot fault"
    INBOX_FAULT = "inbox fault"
    TOKEN_FAULT = "token fault"
    FIGURES_FAULT = "figures fault"


INTERRUPTING = (Deed.KILL_WORKER, Deed.KILL_GUARD, Deed.RESTART_POSTGRES)
"""Deeds that can cut off a call between its leaving and the writing down of what came of it."""

PER_MINUTE = {
    Deed.KILL_WORKER: 6.0,
    Deed.STOP_WORKER: 2.0,
    Deed.KILL_WEB: 2.0,
    Deed.KILL_GUARD: 1.0,
    Deed.FLUSH_REDIS: 2.0,
    Deed.KILL_REDIS: 1.0,
    Deed.REDIS_AWAY: 0.5,
    Deed.RESTART_POSTGRES: 1.0,
    Deed.BOT_FAULT: 8.0,
    Deed.INBOX_FAULT: 15.0,
    Deed.TOKEN_FAULT: 1.0,
    Deed.FIGURES_FAULT: 6.0,
}
"""Often enough to meet every state of a turn, seldom enough that the machine recovers between two of them."""

LASTING_S = {Deed.REDIS_AWAY: (4.0, 8.0), Deed.BOT_FAULT: (1.0, 6.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One deed: whom it hits (a number, or a bot's name) and how."""

    at_s: float
    deed: Deed
    target: str = ""
    fault: str = ""
    when: str = ""
    times: int = 1
    lasts_s: float = 0.0

    def __str__(self) -> str:
        parts = [self.deed, self.target, self.when, self.fault, f"× {self.times}" if self.times > 1 else ""]
        parts.append(f"for {self.lasts_s:.1f} s" if self.lasts_s else "")
        return f"{self.at_s:6.1f} s  {' '.join(part for part in parts if part)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What can be hit."""

    workers: int
    guards: int
    http_bots: Sequence[str]
    chatlayer_bots: Sequence[str]


def draw_schedule(
    seed: int, seconds: float, targets: Targets, *, deeds: Sequence[Deed] = tuple(Deed), density: float = 1.0
) -> list[Trouble]:
    """Each of the deeds at least once, and as often as its rate says."""
    chance = random.Random(seed)
    troubles = [
        _draw(chance, deed, chance.uniform(CALM_S, max(CALM_S, seconds)), targets)
        for deed in deeds
        for _ in range(max(1, round(PER_MINUTE[deed] * density * seconds / 60)))
    ]
    return sorted(troubles, key=lambda trouble: trouble.at_s)


def _draw(chance: random.Random, deed: Deed, at_s: float, targets: Targets) -> Trouble:
    lasts_s = chance.uniform(*LASTING_S[deed]) if deed in LASTING_S else 0.0
    match deed:
        case Deed.KILL_WORKER | Deed.STOP_WORKER:
            return Trouble(at_s=at_s, deed=deed, target=str(chance.randrange(targets.workers) + 1))
        case Deed.KILL_GUARD:
            return Trouble(at_s=at_s, deed=deed, target=str(chance.randrange(targets.guards) + 1))
        case Deed.BOT_FAULT:
            bot = chance.choice([*targets.http_bots, *targets.chatlayer_bots])
            faults = CHATLAYER_FAULTS if bot in targets.chatlayer_bots else HTTP_BOT_FAULTS
            return Trouble(at_s=at_s, deed=deed, target=bot, fault=chance.choice(faults), lasts_s=lasts_s)
        case Deed.INBOX_FAULT:
            when, fault = chance.choice(INBOX_FAULTS)
            return Trouble(at_s=at_s, deed=deed, fault=fault, when=when, times=chance.randint(1, 4))
        case Deed.TOKEN_FAULT:
            return Trouble(at_s=at_s, deed=deed, fault=chance.choice(TOKEN_FAULTS), when="before")
        case Deed.FIGURES_FAULT:
            fault = chance.choice(FIGURES_FAULTS)
            return Trouble(at_s=at_s, deed=deed, fault=fault, when="before", times=chance.randint(1, 6))
        case _:
            return Trouble(at_s=at_s, deed=deed, lasts_s=lasts_s)
