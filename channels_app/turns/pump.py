"""A working process: it claims any due conversation, does its next step, and claims the next.

Worker and guard run the same loop. Which conversation comes is never said by a message, so lost, doubled and
late wake-ups change nothing but the time.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial

from django.conf import settings
from django.db import Error

from channels_app.codes import describe
from channels_app.conversations.claim import claim_due_conversation, steal_conversation
from channels_app.conversations.lease import Lease, LeaseLostError, Onward
from channels_app.conversations.release import Release, after_stumble, release
from channels_app.conversations.wakeups import LISTENERS, hear_wakeup, wake_a_worker_at
from channels_app.lib import outages
from channels_app.lib.postgres import limits
from channels_app.protocol.errors import MissingKeyError
from channels_app.turns.calls import QUICK_S, Ask, Calls
from channels_app.turns.crew import Crew
from channels_app.turns.handle import end_step, take_step
from channels_app.turns.keeper import Claim, Keeper, claim_of

logger = logging.getLogger(__name__)

DATABASE_PATIENCE_S = 25.0
"""How long a step that met a restart of PostgreSQL tries to release its lease; then the lease ends by itself."""
KEYLESS_WAIT_S = 2.0
"""For other workers to take a conversation whose channel this process can't read."""
KEYLESS_REST_S = 10.0
"""And for this process to leave all of them to the others, and to look whether it has the keys by then."""
STEP_ANSWER_S = 8.0
"""For each answer of PostgreSQL in a step: its statements find rows by their keys, and wait 2 s for a lock."""
LISTEN_S = 0.25
"""How long a thread of Celery's listens for a wake-up before it has a look all the same: a claim passes over a
conversation whose next event is just being written, and for that event no wake-up is owed."""
LINGER_S = 1.0
"""One that heard nothing for this long goes back to Celery."""


class Pump:
    """The turns of one process. TURNS_AT_ONCE threads take steps, each with its connection to PostgreSQL; while a bot
    thinks its conversation stays in our hands without one."""

    def __init__(self, kind: str) -> None:
        self.keeper = Keeper(kind)
        self.calls = Calls()
        self._in_air: dict[Claim, Callable[[], Onward]] = {}
        """What is held while its bot is waited for, and how to go on when it has answered."""
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._rest_until = 0.0
        self._may_listen = threading.BoundedSemaphore(LISTENERS)
        self.crew: Crew[Onward] = Crew(settings.TURNS_AT_ONCE, self.run_due, lambda: self._may_end)

    def listen(self) -> None:
        """Wake a thread, and again at each wake-up that is heard.

        Celery's way from a wake-up to a thread costs as much as a turn, so all but one of its threads stay and listen
        to the same queue themselves. While all turns' threads work they don't: another process should hear it.
        """
        self._wake_when_free()
        if not self._may_listen.acquire(blocking=False):
            return
        try:
            heard_at = time.monotonic()
            while not self._is_stopping.is_set() and time.monotonic() - heard_at < LINGER_S:
                heard = hear_wakeup(LISTEN_S)
                if heard is None:
                    break
                self._wake_when_free()
                if heard:
                    heard_at = time.monotonic()
        finally:
            self._may_listen.release()

    def _wake_when_free(self) -> None:
        while not self._is_stopping.is_set():
            if self.crew.has_free_hands(LISTEN_S) and not self.calls.are_full:
                break
        self.wake()

    def wake(self, threads: int = 1) -> None:
        """Let so many threads look for work."""
        self.crew.wake(threads)

    def take_over(self, conversation_id: int) -> None:
        """Go on with a conversation whose worker is stuck."""
        self.crew.add(partial(self._steal, conversation_id))

    def run_due(self) -> int:
        """Take steps until nothing is due or the process is to stop; how many that were."""
        limits.answer_s = STEP_ANSWER_S
        self.keeper.begin()
        steps = 0
        following = Onward()
        while True:
            lease = following.lease
            if lease is None and (job := self.crew.next_job()):
                following = job()
            elif lease is None and (following.found_nothing or (lease := self._claim()) is None):
                return steps
            elif self._is_stopping.is_set():
                following = self._take_step(replace(lease, onward=None), lambda left: release(left, Release()))
                continue
            else:
                following = self._take_step(lease, take_step)
            steps += 1

    def _claim(self) -> Lease | None:
        if self._is_stopping.is_set() or self.calls.are_full or time.monotonic() < self._rest_until:
            return None
        try:
            return claim_due_conversation(self.keeper.slot, goes_on=True, passing_over=self.calls.crowded_channels())
        except Error:
            self.keeper.lost_touch.set()
            raise

    def _steal(self, conversation_id: int) -> Onward:
        lease = steal_conversation(self.keeper.slot, conversation_id)
        return self._take_step(lease, take_step) if lease else Onward()

    def _take_step(self, lease: Lease, step: Callable[[Lease], datetime | Ask | None]) -> Onward:
        self.keeper.hold(claim_of(lease))
        if lease.onward:
            lease.onward.is_wanted = not (self._is_stopping.is_set() or self.calls.are_full)
            lease.onward.passing_over = self.calls.crowded_channels()
        try:
            wake_at = step(lease)
            if isinstance(wake_at, Ask):
                return self._call(lease, wake_at)
        except LeaseLostError:
            logger.warning("%s", describe("CB-710", conversation=lease.conversation_id))
        except MissingKeyError as error:
            logger.error(
                "%s (conversation %s is left to other processes)", error.problem or error, lease.conversation_id
            )
            self._rest_until = time.monotonic() + KEYLESS_REST_S
            self._give_up(lease, Release(until=lease.now + timedelta(seconds=KEYLESS_WAIT_S)))
        except Exception as error:
            if outages.met(error) is None:
                logger.exception("CB-705: a step of conversation %s failed", lease.conversation_id)
            self.keeper.lost_touch.set()
            self._give_up(lease, after_stumble(lease))
        else:
            if wake_at is not None and wake_at > lease.now:
                wake_a_worker_at(wake_at)
        self.keeper.drop(claim_of(lease))
        if self._may_end:
            self.crew.look_up()
        return lease.onward or Onward()

    def _call(self, lease: Lease, ask: Ask) -> Onward:
        """Let the bot be asked; whichever thread is free when it has answered goes on."""
        flight = self.calls.begin(ask, self._do_meanwhile)
        go_on = partial(self._take_step, lease, partial(end_step, flight=flight))
        if flight.is_quick and flight.has_ended(QUICK_S):
            return go_on()
        with self._lock:
            self._in_air[claim_of(lease)] = go_on
        flight.future.add_done_callback(partial(self._answered, claim_of(lease)))
        return Onward()

    def _answered(self, claim: Claim, _: object) -> None:
        with self._lock:
            go_on = self._in_air.pop(claim, None)
        if go_on is not None:  # else it was left to others
            self.crew.add(go_on)

    def _do_meanwhile(self, act: Callable[[], None]) -> None:
        def job() -> Onward:
            try:
                act()
            except LeaseLostError:
                pass  # whoever has it now speaks
            except Exception as error:
                if outages.met(error) is None:
                    logger.exception("CB-705: nothing could be said while a bot thinks")
            return Onward()

        self.crew.add(job)

    def stop(self) -> None:
        """Claim nothing more; steps that have begun go on to their end."""
        self._is_stopping.set()
        self.crew.look_up()

    @property
    def _may_end(self) -> bool:
        return self._is_stopping.is_set() and not self.keeper.held

    def _give_up(self, lease: Lease, given: Release) -> None:
        """Release the conversation, if need be once PostgreSQL is there again.

        Calls not stored yet are dropped: one of them may be what went wrong. The next holder starts over.
        """
        lease = replace(lease, onward=None, unwritten=[])
        deadline = time.monotonic() + DATABASE_PATIENCE_S
        while True:
            try:
                release(lease, given)
                return
            except LeaseLostError:
                return
            except Error as error:
                if outages.met(error) is None:
                    logger.exception("CB-705: conversation %s could not be released", lease.conversation_id)
                    return
                if time.monotonic() > deadline:
                    return
                time.sleep(0.5)  # seconds between two looks whether PostgreSQL is back

    def announce(self) -> None:
        """Be seen alive before the first step: for a process that may have nothing to do for long."""
        try:
            self.keeper.begin()
        except Error as error:
            if outages.met(error) is None:
                raise

    def end(self) -> None:
        """After `stop`: let steps and calls end for STOP_GRACE_S. What still waits for its bot is left to others."""
        self.crew.join(settings.STOP_GRACE_S)
        with self._lock:
            left = list(self._in_air)
            self._in_air.clear()
        self.keeper.end(left)
        self.crew.look_up()


@cache
def worker_pump() -> Pump:
    """The pump of this worker process."""
    return Pump("worker")
