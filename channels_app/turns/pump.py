"""A working process: it claims any due conversation, does its next step, and claims the next.

Worker and guard run the same loop. Which conversation comes is never said by a message, so lost, doubled and
late wake-ups change nothing but the time.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import Error, connection

from channels_app.codes import describe
from channels_app.conversations.claim import claim_due_conversation, steal_conversation
from channels_app.conversations.lease import LEASE_S, Lease, LeaseLostError, Onward
from channels_app.conversations.release import Release, after_stumble, release
from channels_app.conversations.slots import (
    LOST_AFTER_S,
    free_leases,
    free_lost_leases,
    new_slot_name,
    register_slot,
    renew_leases,
)
from channels_app.conversations.wakeups import hear_wakeup, wake_a_worker_at
from channels_app.lib import outages
from channels_app.lib.postgres import limits
from channels_app.protocol.errors import MissingKeyError
from channels_app.turns.handle import take_step

logger = logging.getLogger(__name__)

RENEW_S = LEASE_S / 3
"""Two renewals may fail before a lease ends."""
DATABASE_PATIENCE_S = 25.0
"""How long a step that met a restart of PostgreSQL tries to give its lease back; then the lease ends by itself."""


KEYLESS_WAIT_S = 2.0
"""For other workers to take a conversation whose channel this process can't read."""
KEYLESS_REST_S = 10.0
"""And for this process to leave all of them to the others, and to look whether it has the keys by then."""
RENEWAL_ANSWER_S = 5.0
"""A renewal that gets no answer within this is tried again on another connection, before the leases end."""
STEP_ANSWER_S = 8.0
"""For each answer of PostgreSQL in a step: its statements find rows by their keys, and wait 2 s for a lock."""


LISTEN_S = 0.25
"""How long a thread listens for a wake-up before it looks by itself: one may have gone to Celery, whose other threads
are all with slow bots."""
LINGER_S = 1.0
"""A thread idle for this long goes back to Celery."""


class Pump:
    """The turns of one process, run by any number of its threads."""

    def __init__(self, kind: str) -> None:
        self.slot = new_slot_name(kind)
        self._held: dict[int, float] = {}
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._upkeep: threading.Thread | None = None
        self._lost_touch = threading.Event()
        """Something that claims may have been done without our hearing of it."""
        self._rest_until = 0.0
        self._has_ended = False
        self._may_linger = threading.BoundedSemaphore(max(1, settings.WORKER_THREADS // 2))

    def run(self) -> int:
        """What is due, and what becomes due in the next moment: `run_due`, again at each wake-up that is heard.

        Celery's way from a wake-up to a thread costs as much as a turn. So half of the threads stay and listen to the
        same queue themselves; the others are left to Celery.
        """
        steps = self.run_due()
        if not self._may_linger.acquire(blocking=False):
            return steps
        try:
            idle_since = time.monotonic()
            while not self._is_stopping.is_set() and time.monotonic() - idle_since < LINGER_S:
                if hear_wakeup(LISTEN_S) is None:
                    break
                done = self.run_due()
                idle_since = time.monotonic() if done else idle_since
                steps += done
        finally:
            self._may_linger.release()
        return steps

    def run_due(self) -> int:
        """Take steps until nothing is due or the process is to stop; how many that were."""
        limits.answer_s = STEP_ANSWER_S
        self._start_upkeep()
        steps = 0
        lease = self._claim()
        while lease is not None:
            if self._is_stopping.is_set():
                self._take_step(replace(lease, onward=None), lambda left: release(left, Release()))
                break
            self._take_step(lease, take_step)
            steps += 1
            onward = lease.onward or Onward()
            lease = onward.lease or (None if onward.found_nothing else self._claim())
        return steps

    def _claim(self) -> Lease | None:
        if self._is_stopping.is_set() or time.monotonic() < self._rest_until:
            return None
        try:
            return claim_due_conversation(self.slot, goes_on=True)
        except Error:
            self._lost_touch.set()
            raise

    def take_over(self, conversation_id: int) -> None:
        """Go on with a conversation whose worker is stuck."""
        limits.answer_s = STEP_ANSWER_S
        self._start_upkeep()
        lease = steal_conversation(self.slot, conversation_id)
        if lease is not None:
            self._take_step(lease, take_step)

    def stop(self) -> None:
        """Claim nothing more; steps that have begun go on to their end."""
        self._is_stopping.set()

    def _take_step(self, lease: Lease, step: Callable[[Lease], datetime | None]) -> None:
        with self._lock:
            self._held[lease.conversation_id] = time.monotonic()
        try:
            wake_at = step(lease)
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
            self._lost_touch.set()
            self._give_up(lease, after_stumble(lease))
        else:
            if wake_at is not None and wake_at > lease.now:
                wake_a_worker_at(wake_at)
        finally:
            with self._lock:
                self._held.pop(lease.conversation_id, None)

    def _give_up(self, lease: Lease, given: Release) -> None:
        """Give the conversation back, if need be once PostgreSQL is there again.

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
                    logger.exception("CB-705: conversation %s could not be given back", lease.conversation_id)
                    return
                if time.monotonic() > deadline:
                    return
                time.sleep(0.5)  # seconds between two looks whether PostgreSQL is back

    def announce(self) -> None:
        """Be seen alive before the first step: for a process that may have nothing to do for long."""
        try:
            self._start_upkeep()
        except Error as error:
            if outages.met(error) is None:
                raise

    def end(self) -> None:
        """Say that this process has ended, after its last step, so that it is missed at once.

        A step that was cut off keeps its lease: the guard frees it when it sees that the process is gone.
        """
        self._has_ended = True
        self._lost_touch.set()
        if self._upkeep is not None and not self._held:
            with suppress(Error):
                free_leases([self.slot])

    def _start_upkeep(self) -> None:
        if self._upkeep is not None:
            return
        with self._lock:
            if self._upkeep is None:
                register_slot(self.slot)
                self._upkeep = threading.Thread(target=self._keep_up, name="leases", daemon=True)
                self._upkeep.start()

    def _keep_up(self) -> None:
        limits.answer_s = RENEWAL_ANSWER_S
        while True:
            has_lost_touch = self._lost_touch.wait(RENEW_S)
            if self._has_ended:
                connection.close()
                return
            if has_lost_touch:
                time.sleep(LOST_AFTER_S)
                self._lost_touch.clear()
            with self._lock:
                held = list(self._held)
            try:
                renew_leases(self.slot, held)
                freed = free_lost_leases(self.slot, held)
                if freed:
                    logger.info("%s conversation(s) freed that were claimed without our hearing of it", freed)
            except Error as error:
                self._lost_touch.set()
                if outages.met(error) is None:
                    logger.exception("leases not renewed")


@cache
def worker_pump() -> Pump:
    """The pump of this worker process."""
    return Pump("worker")
