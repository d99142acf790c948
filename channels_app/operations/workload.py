"""The queue, the processes, and the services they depend on: for the page about queue and workers."""

import json
import socket
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q, Sum

from channels_app.codes import Problem, describe
from channels_app.lib.attributes import filled
from channels_app.lib.clocks import database_now, machine_is_ahead_s
from channels_app.models import EventSource, Figure, Job, Period, WebhookEvent, WorkerSlot
from channels_app.operations.explanations.arrival import SILENT_AFTER
from channels_app.operations.figures.counting import OPEN, Name, whole
from channels_app.operations.handover_health import handover_problems
from channels_app.operations.surroundings import (
    Account,
    Service,
    ask_postgresql,
    ask_redis,
    read_accounts,
    redis_problems,
)
from channels_app.protocol.labels import count_of

MAX_SKEW_S = 60.0
WAIT_TARGET_S = 10.0
"""What waits longer than this waits for a worker that is missing."""
RETRY_CELLS = 12
RETRY_WIDTH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Conversations that wait for a worker, and those in one's hands. `retries`: events that wait for their next
    try, by the five minutes in which it is due."""

    waiting: int
    oldest_s: float
    in_hand: int
    retries: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    name: str
    kind: str
    host: str
    version: str
    is_alive: bool
    has_ended: bool
    silent_s: float
    started_at: datetime
    threads: int | None
    active: int
    memory_bytes: int | None
    clock_ahead_s: float | None = None
    """By how much its machine's clock is ahead of PostgreSQL's; None: it hasn't said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    at: datetime
    version: str
    queue: Queue
    per_minute: Sequence[tuple[int, int]]
    """Events that came in, and those among them that have ended, in each minute of the last hour."""
    workers: Sequence[Worker]
    jobs: Sequence[Job]
    services: Sequence[Service]
    accounts: Sequence[Account]
    problems: Sequence[Problem]

    @property
    def versions(self) -> list[str]:
        """Of this process and of all that live: more than one after half an upgrade."""
        return sorted({self.version, *(worker.version for worker in self.workers if worker.is_alive)})


def queue_facts() -> QueueFacts:
    """Everything of the page about queue and workers; nothing of it takes longer with more events."""
    now = database_now()
    queue, workers = read_queue(), read_workers()
    services = [ask_postgresql(), ask_redis()]
    problems = [*work_problems(queue, workers), *redis_problems(services[1]), *_clock_problems(workers)]
    problems += handover_problems()
    return QueueFacts(
        at=now,
        version=settings.VERSION,
        queue=queue,
        per_minute=_per_minute(now),
        workers=workers,
        jobs=list(Job.objects.order_by("name")),
        services=services,
        accounts=read_accounts(),
        problems=problems,
    )


# --- queue and workers --------------------------------------------------------------------------------------------

_QUEUE = """
SELECT count(*) FILTER (WHERE is_free), coalesce(extract(epoch FROM clock_timestamp() - min(wake_at)
    FILTER (WHERE is_free)), 0), count(*) FILTER (WHERE NOT is_free),
    (SELECT coalesce(jsonb_object_agg(cell, events), '{}') FROM (
        SELECT floor(extract(epoch FROM wait_until - clock_timestamp()) / %(width_s)s)::int AS cell, count(*) AS events
        FROM channels_app_webhookevent
        WHERE outcome IS NULL AND state IN ('bot_call', 'sending') AND wait_until > clock_timestamp()
        GROUP BY 1) AS retries)
FROM (SELECT wake_at, lease_until IS NULL OR lease_until < clock_timestamp() AS is_free
    FROM channels_app_conversation WHERE wake_at <= clock_timestamp()) AS due
"""


def read_queue() -> Queue:
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE, {"width_s": RETRY_WIDTH.total_seconds()})
        waiting, oldest_s, in_hand, retries = cursor.fetchone()
    due = json.loads(retries)
    by_cell = [due.get(str(cell), 0) for cell in range(RETRY_CELLS)]
    return Queue(waiting=waiting, oldest_s=float(oldest_s), in_hand=in_hand, retries=by_cell)


def read_workers() -> list[Worker]:
    """Workers and guards, those that live first. Of those that have ended, the last of its kind: it is missed."""
    now = database_now()
    workers = [_worker(slot, now) for slot in WorkerSlot.objects.order_by("kind", "host", "pid")]
    kinds_alive = {worker.kind for worker in workers if worker.is_alive}
    ended = [worker for worker in workers if worker.has_ended and worker.kind not in kinds_alive]
    missed = {worker.kind: worker for worker in sorted(ended, key=lambda worker: -worker.silent_s)}
    shown = [worker for worker in workers if not worker.has_ended or worker is missed.get(worker.kind)]
    return sorted(shown, key=lambda worker: not worker.is_alive)


def _worker(slot: WorkerSlot, now: datetime) -> Worker:
    silent = now - (slot.ended_at or slot.beat_at)
    return filled(
        Worker,
        slot,
        is_alive=slot.ended_at is None and silent < SILENT_AFTER,
        has_ended=slot.ended_at is not None,
        silent_s=max(silent.total_seconds(), 0.0),
    )


def work_problems(queue: Queue, workers: Sequence[Worker]) -> list[Problem]:
    """What is wrong with who works. A worker that was known is missed; without any, none is while nothing waits."""
    found = list[Problem]()
    by_kind: dict[str, list[Worker]] = defaultdict(list)
    for worker in workers:
        by_kind[worker.kind].append(worker)
    if not _any_alive(by_kind["worker"]) and (queue.waiting or by_kind["worker"]):
        silent = _silence(by_kind["worker"])
        found.append(describe("CB-701", silent=silent, waiting=count_of(queue.waiting, "conversation")))
    elif queue.oldest_s > WAIT_TARGET_S:
        found.append(describe("CB-702", wait=f"{queue.oldest_s:.0f} s"))
    if not _any_alive(by_kind["guard"]):
        found.append(describe("CB-703", silent=_silence(by_kind["guard"])))
    return found


def _any_alive(workers: Sequence[Worker]) -> bool:
    return any(worker.is_alive for worker in workers)


def _silence(workers: Sequence[Worker]) -> str:
    silent_s = min((worker.silent_s for worker in workers), default=None)
    if silent_s is None:
        return "a day or longer"
    return f"{silent_s:.0f} s" if silent_s < 120 else f"{silent_s / 60:.0f} min"


_MINUTES = 60


def _per_minute(now: datetime) -> list[tuple[int, int]]:
    minute = timedelta(minutes=1)
    starts = [whole(now, minute) - minute * back for back in reversed(range(_MINUTES))]
    inbound, ended = Q(name=Name.INBOUND), Q(name=Name.OUTCOME) & ~Q(label=OPEN)
    figures = Figure.objects.filter(inbound | ended, period=Period.MINUTE, start__gte=starts[0])
    sums = figures.values("start").annotate(
        came=Sum("value", filter=inbound, default=0), ended=Sum("value", filter=ended, default=0)
    )
    counted = {row["start"]: (int(row["came"]), int(row["ended"])) for row in sums}
    return [counted.get(start, (0, 0)) for start in starts]


_NEWEST = 20
"""Events that are looked at: stamped by the platform when they leave, and by us a moment later, normally."""


def _clock_problems(workers: Sequence[Worker]) -> list[Problem]:
    """PostgreSQL's clock, by which everything is judged, against the platform's as its newest events tell it; and
    the machines' own against PostgreSQL's."""
    newest = WebhookEvent.objects.filter(source=EventSource.INBOX).order_by("-id")[:_NEWEST]
    late = [(row.received_at - row.sent_at).total_seconds() for row in newest.only("received_at", "sent_at")]
    least_s, most_s = min(late, default=None), max(late, default=None)
    skews = [("PostgreSQL's server", "Sparkcentral", event_skew_s(least_s, most_s))]
    machines = {worker.host: worker.clock_ahead_s or 0.0 for worker in workers if worker.is_alive}
    machines[socket.gethostname()] = machine_is_ahead_s()
    skews += [(machine, "PostgreSQL's server", ahead_s) for machine, ahead_s in sorted(machines.items())]
    return [
        describe("CB-704", machine=machine, server=server, skew=f"{skew:+.0f}")
        for machine, server, skew in skews
        if abs(skew) > MAX_SKEW_S
    ]


def event_skew_s(least_late_s: float | None, most_late_s: float | None) -> float:
    """How far PostgreSQL's clock is ahead of the platform's at least, when all of the newest events say so; else 0."""
    if least_late_s is None or most_late_s is None:
        return 0.0
    if least_late_s > MAX_SKEW_S:
        return float(least_late_s)
    return float(most_late_s) if most_late_s < -MAX_SKEW_S else 0.0
