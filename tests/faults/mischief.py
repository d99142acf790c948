"""Carries a schedule of troubles out, and remembers when each of them hit."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from tests.faults.records import Blow
from tests.faults.schedule import INTERRUPTING, Deed, Trouble
from tests.faults.seats import Seat, post
from tests.faults.stage import Servers, Stage

AT_ONCE = 8
"""Troubles that can last at the same time."""


@dataclass
class Mischief:
    stage: Stage
    servers: Servers
    seats: Sequence[Seat]
    blows: list[Blow] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def run(self, schedule: Sequence[Trouble]) -> None:
        """All of it, each at its moment; ends when the last trouble is over. Raises what went wrong with a deed."""
        began_at = time.monotonic()
        deeds: list[Future[None]] = []
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mischief") as threads:
            for trouble in schedule:
                if self._is_over.wait(max(0.0, began_at + trouble.at_s - time.monotonic())):
                    break
                deeds.append(threads.submit(self.do, trouble))
        for deed in deeds:
            deed.result()

    def stop(self) -> None:
        self._is_over.set()

    def do(self, trouble: Trouble) -> None:
        began_at, is_cutting = time.time(), trouble.deed in INTERRUPTING
        try:
            self._do(trouble)
        finally:
            blow = Blow(at=began_at, what=str(trouble).strip(), may_interrupt_calls=is_cutting, ended_at=time.time())
            self.blows.append(blow)

    def _do(self, trouble: Trouble) -> None:
        match trouble.deed:
            case Deed.KILL_WORKER:
                self.stage.kill(f"worker {trouble.target}")
            case Deed.STOP_WORKER:
                self.stage.end(f"worker {trouble.target}")
            case Deed.KILL_GUARD:
                self.stage.kill(f"guard {trouble.target}")
            case Deed.KILL_WEB:
                self.stage.kill_web_process()
            case Deed.FLUSH_REDIS:
                self.servers.flush_redis()
            case Deed.KILL_REDIS | Deed.REDIS_AWAY:
                self.servers.restart_redis(trouble.lasts_s)
            case Deed.RESTART_POSTGRES:
                self.servers.restart_postgres()
            case Deed.BOT_FAULT:
                self._spoil_bot(trouble)
            case Deed.INBOX_FAULT | Deed.TOKEN_FAULT | Deed.FIGURES_FAULT:
                self._spoil_inbox(trouble)

    def _spoil_bot(self, trouble: Trouble) -> None:
        seat = next(seat for seat in self.seats if seat.name == trouble.target)
        post(f"{self.stage.simulator}/sim/{seat.path}", seat.bot | {"fault": trouble.fault})
        self._is_over.wait(trouble.lasts_s)
        post(f"{self.stage.simulator}/sim/{seat.path}", seat.bot)

    def _spoil_inbox(self, trouble: Trouble) -> None:
        target = {Deed.TOKEN_FAULT: "token", Deed.FIGURES_FAULT: "figures"}.get(trouble.deed, "inbox")
        rule = {"target": target, "fault": trouble.fault, "when": trouble.when, "times": trouble.times}
        post(f"{self.stage.simulator}/sim/faults", rule | {"slow_s": SLOW_S})

    def heal(self) -> None:
        """No more trouble: what is left of the rules, and the disorder of events."""
        requests.delete(f"{self.stage.simulator}/sim/faults", timeout=10).raise_for_status()
        post(f"{self.stage.simulator}/sim/disorder", {})
        for seat in self.seats:
            post(f"{self.stage.simulator}/sim/{seat.path}", seat.bot)


SLOW_S = 3.0
"""How long a slow inbox takes: longer than anything else in a turn, shorter than the bridge's patience."""
