"""A step to its end in one thread, so that it sees the test's own transaction."""

import queue
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime
from functools import cache
from typing import Any

from channels_app.conversations.lease import Lease
from channels_app.turns import handle
from channels_app.turns.calls import Ask, Calls
from channels_app.turns.pump import Pump
from tests.bridge import eventually

LOOK_S = 0.005


class _AtOnce(Executor):
    """Bots that write to our doors while they are called do it in this thread too."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@cache
def _calls(*, at_once: bool) -> Calls:
    calls = Calls()
    if at_once:
        vars(calls)["_pool"] = _AtOnce()
    return calls


def take_step(lease: Lease) -> datetime | None:
    """Where something may have to be done while the bot thinks, its call has a thread of its own."""
    step = handle.take_step(lease)
    if not isinstance(step, Ask):
        return step
    due: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    flight = _calls(at_once=step.meanwhile is None and step.channel.typing_after is None).begin(step, due.put)
    while not flight.has_ended(LOOK_S):
        while not due.empty():
            due.get()()
    return handle.end_step(lease, flight)


def exhaust(pump: Pump) -> int:
    """What is due, with all calls that this begins; how many steps that were."""
    steps = pump.run_due()
    while pump.keeper.held:
        eventually(lambda: bool(pump.crew._jobs) or not pump.keeper.held)
        steps += pump.run_due()
    return steps
