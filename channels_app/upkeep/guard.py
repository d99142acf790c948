"""The guard: a process of its own that needs only PostgreSQL and HTTPS. One on every machine, all of them active."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import Error, connection
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from channels_app.conversations.claim import count_due, repair_lost_wakeups
from channels_app.conversations.refusals import count_refusal
from channels_app.conversations.slots import forget_slots, free_leases
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.deliveries.deadlines import handover_begins_at
from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.lib.process import prepare_for_many_calls
from channels_app.models import EventState, WebhookEvent, WorkerSlot
from channels_app.protocol import EventType
from channels_app.protocol.labels import count_of
from channels_app.turns.pump import Pump
from channels_app.upkeep.housekeeping import Housekeeper

logger = logging.getLogger(__name__)

PERIOD_S = 1.0
OVERDUE_S = 1.0
"""Work that is due for longer than this has lost its wake-up, or all workers are busy."""
MAX_WAKEUPS = 32
"""Wake-ups published in one sweep: enough to bring all threads of a few workers to work again."""
UNANSWERED_S = 5.0
"""When work is overdue by more than this, the guard processes turns itself: wake-ups are not being received."""
STUCK_GRACE = timedelta(seconds=5)
"""What a healthy worker may be late with a handover."""
HOUSEKEEPING_STOPS_S = 5.0
"""The time a job gets to end its batch; an interrupted one continues in another process."""
SLOT_KEPT = timedelta(days=1)
"""A process silent for this long is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What one sweep found and did."""

    overdue: int
    freed: int
    works_itself: bool
    taken_over: int = 0
    repaired: int = 0

    def __str__(self) -> str:
        deeds = (
            f"{count_of(self.overdue, 'conversation')} overdue, {self.freed} freed from dead processes, "
            f"{self.taken_over} taken over from stuck workers, {self.repaired} repaired"
        )
        return f"{deeds}{', processing turns itself' if self.works_itself else ''}"


class Guard:
    def __init__(self) -> None:
        self.pump = Pump("guard")
        self._is_stopping = threading.Event()

    def run(self) -> None:
        """Sweep every second until stopped; then let started steps finish."""
        prepare_for_many_calls()
        self.pump.announce()
        housekeeping = threading.Thread(target=self._keep_house, name="housekeeping", daemon=True)
        housekeeping.start()
        while not self._is_stopping.wait(PERIOD_S):
            try:
                sweep = self.sweep()
                if sweep.freed or sweep.works_itself or sweep.taken_over or sweep.repaired:
                    logger.info("guard: %s", sweep)
            except Error as error:
                if outages.met(error) is None:
                    logger.exception("guard: a sweep failed")
        self.pump.stop()
        housekeeping.join(HOUSEKEEPING_STOPS_S)
        self.pump.end()

    def stop(self) -> None:
        self._is_stopping.set()

    def _keep_house(self) -> None:
        try:
            Housekeeper(self.pump.keeper.slot).run(self._is_stopping)
        finally:
            connection.close()

    def sweep(self) -> Sweep:
        """Free what dead processes held, wake workers for overdue work, process turns when no worker responds."""
        forget_slots(SLOT_KEPT)
        freed = free_leases(list(_dead_slots()))
        overdue = count_due(older_than_s=OVERDUE_S) if not freed else count_due()
        told = [wake_a_worker() for _ in range(min(overdue, MAX_WAKEUPS))]
        is_needed = overdue > 0 and (not all(told) or count_due(older_than_s=UNANSWERED_S) > 0)
        if is_needed:
            self.pump.wake(overdue)
        stuck = _stuck_conversations()
        for conversation_id in stuck:
            self.pump.take_over(conversation_id)
        repaired = repair_lost_wakeups()
        if repaired:
            count_refusal("guard", None, "lost_wakeup")
        return Sweep(overdue=overdue, freed=freed, works_itself=is_needed, taken_over=len(stuck), repaired=repaired)


def _stuck_conversations() -> set[int]:
    """Those whose worker still waits for the bot after the handover should have begun.

    Calls to the bot end by themselves: only a worker that is stuck still has one then. What is being sent is left
    alone: no other process can know its result.
    """
    latest = database_now() - STUCK_GRACE
    open_events = WebhookEvent.objects.filter(outcome=None)
    sending = open_events.filter(conversation=OuterRef("conversation"), state=EventState.SENDING)
    calls = open_events.filter(~Exists(sending), state=EventState.BOT_CALL, conversation__lease_until__gt=Now())
    return {
        event.conversation_id
        for event in calls.select_related("channel")
        if handover_begins_at(
            EventType(event.type),
            event.retried_at or event.received_at,
            timedelta(seconds=event.channel.reply_limit_s),
        )
        < latest
    }


def _dead_slots() -> Iterator[str]:
    """Slots of this machine whose process is gone."""
    for slot in WorkerSlot.objects.filter(host=socket.gethostname(), ended_at=None):
        if not _is_alive(slot):
            yield slot.name


def _is_alive(slot: WorkerSlot) -> bool:
    """Whether the process still runs; a later one with the same number is another."""
    try:
        os.kill(slot.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _began_before(slot)


def _began_before(slot: WorkerSlot) -> bool:
    """False if the process with this number began after the slot was registered (Linux tells; elsewhere: True)."""
    try:
        status = Path(f"/proc/{slot.pid}/stat").read_text().rpartition(")")[2].split()
        if status[0] == "Z":  # dead, and its parent hasn't noticed yet
            return False
        ticks = int(status[19])
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return True
    age_s = uptime_s - ticks / os.sysconf("SC_CLK_TCK")
    slot_age_s = (database_now() - slot.started_at).total_seconds()
    return age_s > slot_age_s - 2  # seconds of tolerance between two clocks of one machine
