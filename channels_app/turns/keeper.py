"""What a process holds: its slot, the conversations that it has claimed, and the thread that renews their leases."""

import logging
import threading
import time
from collections.abc import Collection
from contextlib import suppress

from django.db import Error, connection

from channels_app.conversations.lease import LEASE_S, Lease
from channels_app.conversations.slots import (
    LOST_AFTER_S,
    free_conversations,
    free_leases,
    free_lost_leases,
    new_slot_name,
    register_slot,
    renew_leases,
)
from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.lib.postgres import limits

logger = logging.getLogger(__name__)

RENEW_S = LEASE_S / 3
"""Two renewals may fail before a lease ends."""
RENEWAL_ANSWER_S = 5.0
"""A renewal that gets no answer within this is tried again on another connection, before the leases end."""

Claim = tuple[int, int]
"""A conversation and its fence: this process may have claimed it again before it is done with the previous claim."""


def claim_of(lease: Lease) -> Claim:
    return lease.conversation_id, lease.fence


class Keeper:
    def __init__(self, kind: str) -> None:
        self.slot = new_slot_name(kind)
        self.lost_touch = threading.Event()
        """Something that claims may have been done without our hearing of it."""
        self._held: set[Claim] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_ended = False

    @property
    def held(self) -> Collection[Claim]:
        return self._held

    def hold(self, claim: Claim) -> None:
        with self._lock:
            self._held.add(claim)

    def drop(self, *claims: Claim) -> None:
        with self._lock:
            self._held.difference_update(claims)

    def begin(self) -> None:
        """Be seen alive, and renew what is held from now on; once per process."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                register_slot(self.slot)
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def end(self, left: Collection[Claim]) -> None:
        """Leave these to other processes, and say that this one has ended, so that it is missed at once.

        A step that was cut off keeps its lease: it may be sending, and the guard frees it when it sees that the
        process is gone.
        """
        self._has_ended = True
        self.lost_touch.set()
        self.drop(*left)
        if self._thread is None:
            return
        with suppress(Error):
            free_conversations(self.slot, [conversation_id for conversation_id, _ in left])
            if not self._held:
                free_leases([self.slot])

    def _run(self) -> None:
        limits.answer_s = RENEWAL_ANSWER_S
        while True:
            has_lost_touch = self.lost_touch.wait(RENEW_S)
            if self._has_ended:
                connection.close()
                return
            if has_lost_touch:
                self.lost_touch.clear()
                time.sleep(LOST_AFTER_S)
            with self._lock:
                held, looked_at = [conversation_id for conversation_id, _ in self._held], database_now()
            try:
                renew_leases(self.slot, held)
                freed = free_lost_leases(self.slot, held, looked_at)
                if freed:
                    logger.info("conversations freed that were claimed without our hearing of it: %s", freed)
            except Error as error:
                self.lost_touch.set()
                if outages.met(error) is None:
                    logger.exception("leases not renewed")
