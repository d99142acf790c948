"""Many dead events retried: first a plan that a person reads, then a few a second, and every end is noted.

Progress is recorded in the items, so another process continues if one dies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q

from channels_app.access.audit import Actor, record_audit
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.lib.clocks import database_now
from channels_app.models import BulkRetry, BulkRetryItem, BulkState, Job, Outcome, Owner
from channels_app.operations.replays import Replayed, replay_event

JOB = "bulk retries"
RATE = 2
"""Events a second and channel: slow enough to stop in time, and far below the account's 20 calls a second."""
MAX_ITEMS = 10_000
"""Events of one plan: at this rate nearly an hour and a half. Plan again for what is left."""
TRIAL = 10
"""So many go first, and the others only once one of them ended well. If all fail, the cause is still there."""
LATEST = timedelta(hours=24)
"""An answer to an older message is of no use."""
END_PATIENCE = timedelta(minutes=15)
"""An event that was retried has ended long before: the platform's time is 5 minutes."""
PLAN_KEPT = timedelta(days=1)


class Result(StrEnum):
    """The result for one event of a bulk retry."""

    WAITING = ""
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed again"
    NO_END = "failed: it did not end within 15 minutes"
    HANDED_OVER = "skipped: handed over"
    CLOSED = "skipped: the conversation is resolved"
    TOO_OLD = "skipped: older than 24 h"
    TEXT_GONE = "skipped: its text is deleted"
    NOT_DEAD = "skipped: it has not failed for good"
    NOT_BEGUN = "not begun"

    @property
    def is_skipped(self) -> bool:
        return self.value.startswith("skipped")

    @property
    def is_failure(self) -> bool:
        return self in (Result.FAILED, Result.NO_END)


_REPLAYED = {
    Replayed.AGAIN: Result.BEGUN,
    Replayed.NOT_OURS: Result.HANDED_OVER,
    Replayed.NOT_DEAD: Result.NOT_DEAD,
    Replayed.TEXT_GONE: Result.TEXT_GONE,
}


class BulkError(Exception):
    """What a person asked for can't be done now; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a bulk retry is: the number of events by result."""

    counts: Mapping[Result, int]

    @property
    def matching(self) -> int:
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        return self.counts.get(Result.WAITING, 0)

    @property
    def begun(self) -> int:
        return self.counts.get(Result.BEGUN, 0)

    @property
    def done(self) -> int:
        return self.counts.get(Result.DONE, 0)

    @property
    def failed(self) -> int:
        return sum(count for result, count in self.counts.items() if result.is_failure)

    @property
    def skipped(self) -> dict[Result, int]:
        return {result: count for result, count in self.counts.items() if result.is_skipped}

    @property
    def minutes(self) -> int:
        """About how long it takes for what waits, rounded up."""
        return -(-self.waiting // (RATE * 60))


def progress_of(bulk: BulkRetry) -> Progress:
    rows = bulk.items.order_by().values_list("result").annotate(Count("pk"))
    return Progress(counts={Result(result): count for result, count in rows})


# --- what people order --------------------------------------------------------------------------------------------

_PLAN = """
INSERT INTO channels_app_bulkretryitem (bulk_id, event_id, result)
SELECT %(bulk)s, event.id, CASE
    WHEN event.outcome = 'handed_over' THEN %(is_handed_over)s
    WHEN event.outcome IS DISTINCT FROM 'dead' THEN %(is_not_dead)s
    WHEN conversation.owner = %(closed)s THEN %(is_closed)s
    WHEN conversation.owner <> %(bot)s THEN %(is_handed_over)s
    WHEN event.received_at < %(oldest)s THEN %(is_too_old)s
    WHEN NOT EXISTS (SELECT FROM channels_app_eventbody AS body WHERE body.event_id = event.id) THEN %(is_gone)s
    ELSE '' END
FROM channels_app_webhookevent AS event
JOIN channels_app_conversation AS conversation ON conversation.id = event.conversation_id
WHERE {which} AND event.channel_id = %(channel)s
    AND (%(since)s::timestamptz IS NULL OR event.received_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR event.received_at < %(until)s)
ORDER BY event.outcome = 'dead' DESC NULLS LAST, event.id LIMIT %(most)s
"""
_DEAD = "event.outcome = 'dead'"
# Of a group a person saw how many it has: each of them is retried, or it is said why not.
_OF_GROUP = (
    "event.id IN (SELECT failure.event_id FROM channels_app_failure AS failure WHERE failure.group_id = %(group)s)"
)


def plan_bulk_retry(
    channel_id: int,
    actor: Actor,
    *,
    group_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> BulkRetry:
    """What would be retried and what skipped, each event with its reason. Changes nothing else."""
    now = database_now()
    with transaction.atomic(), connection.cursor() as cursor:
        bulk = BulkRetry.objects.create(
            channel_id=channel_id,
            group_id=group_id,
            since=since,
            until=until,
            planned_by=actor.name,
            planned_at=now,
        )
        selection = {"channel": channel_id, "group": group_id, "since": since, "until": until, "most": MAX_ITEMS}
        owners = {"closed": Owner.CLOSED, "is_closed": Result.CLOSED, "bot": Owner.BOT}
        reasons = {"is_handed_over": Result.HANDED_OVER, "is_too_old": Result.TOO_OLD, "is_gone": Result.TEXT_GONE}
        reasons["is_not_dead"] = Result.NOT_DEAD
        plan = _PLAN.format(which=_DEAD if group_id is None else _OF_GROUP)
        cursor.execute(plan, {"bulk": bulk.pk, "oldest": now - LATEST, **selection, **owners, **reasons})
    return bulk


def start_bulk_retry(bulk_id: int, actor: Actor, reason: str) -> None:
    """Begin what was planned. Raises BulkError without a reason, or while another one of the channel runs."""
    if not reason.strip():
        raise BulkError("Give the reason: it is recorded in the audit log.")
    try:
        _move(bulk_id, actor, "started bulk retry", BulkState.RUNNING, reason.strip())
    except IntegrityError as error:
        raise BulkError("Another bulk retry of this channel is still running. Wait for it, or cancel it.") from error


def pause_bulk_retry(bulk_id: int, actor: Actor) -> None:
    """Pause it: start no more events for now; what was begun ends."""
    _move(bulk_id, actor, "paused bulk retry", BulkState.PAUSED)


def resume_bulk_retry(bulk_id: int, actor: Actor) -> None:
    _move(bulk_id, actor, "resumed bulk retry", BulkState.RUNNING)


def cancel_bulk_retry(bulk_id: int, actor: Actor) -> None:
    """Begin no more events; what was begun ends."""
    _move(bulk_id, actor, "cancelled bulk retry", BulkState.CANCELLED)


_WAYS = {
    "started bulk retry": (BulkState.PLANNED,),
    "paused bulk retry": (BulkState.RUNNING,),
    "resumed bulk retry": (BulkState.PAUSED,),
    "cancelled bulk retry": (BulkState.RUNNING, BulkState.PAUSED),
}
"""The states from which each act leads."""


def _move(bulk_id: int, actor: Actor, action: str, state: BulkState, reason: str = "") -> None:
    with transaction.atomic():
        bulk = BulkRetry.objects.select_for_update().get(pk=bulk_id)
        if bulk.state not in _WAYS[action]:
            raise BulkError(f"It is {bulk.get_state_display()} by now, so nothing was changed.")
        before, bulk.state = bulk.state, state
        if action == "started bulk retry":
            bulk.started_at, bulk.reason = database_now(), reason
        if state is BulkState.CANCELLED:
            _finish(bulk, state)
        bulk.save()
        record_audit(actor, action, bulk, changes={"state": [before, str(state)]}, reason=reason)
        Job.call(JOB)


def _finish(bulk: BulkRetry, state: BulkState) -> None:
    bulk.state, bulk.finished_at = state, database_now()
    bulk.items.filter(result=Result.WAITING).update(result=Result.NOT_BEGUN)


# --- what the guard does ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What was done of the bulk retries; `is_any`: there are some whose end is not known yet."""

    begun: int
    is_any: bool


def run_bulk_retries() -> Share:
    """One second's share of every bulk retry that runs."""
    now = database_now()
    BulkRetry.objects.filter(state=BulkState.PLANNED, planned_at__lt=now - PLAN_KEPT).delete()
    is_alive = Q(state__in=(BulkState.RUNNING, BulkState.PAUSED)) | Q(finished_at__gt=now - END_PATIENCE * 2)
    alive = list(BulkRetry.objects.filter(is_alive).order_by("pk"))
    for bulk in alive:
        _note_ends(bulk, now)
    begun = sum(_go_on(bulk) for bulk in alive if bulk.state == BulkState.RUNNING)
    for _ in range(begun):
        wake_a_worker()
    is_running = any(bulk.state == BulkState.RUNNING for bulk in alive)
    has_begun = BulkRetryItem.objects.filter(bulk__in=alive, result=Result.BEGUN).exists()
    return Share(begun=begun, is_any=is_running or has_begun)


def _note_ends(bulk: BulkRetry, now: datetime) -> None:
    """The results of the events that were started."""
    for item in bulk.items.filter(result=Result.BEGUN).select_related("event"):
        outcome = item.event.outcome
        if outcome is not None:
            item.result = Result.FAILED if outcome == Outcome.DEAD else Result.DONE
        elif item.at is not None and now - item.at > END_PATIENCE:
            item.result = Result.NO_END
        else:
            continue
        item.at = item.event.finished_at or now
        item.save(update_fields=["result", "at"])


def _go_on(bulk: BulkRetry) -> int:
    """Begin the next events, or end the bulk retry."""
    progress = progress_of(bulk)
    tried = progress.begun + progress.done + progress.failed
    if tried >= TRIAL and not progress.done and not progress.begun:
        return _end(bulk, BulkState.STOPPED)
    if not progress.waiting:
        return 0 if progress.begun else _end(bulk, BulkState.DONE)
    is_trial = not progress.done
    room = min(RATE, TRIAL - tried) if is_trial else RATE
    waiting = bulk.items.filter(result=Result.WAITING).order_by("event_id")
    return sum(_begin(bulk, item) for item in waiting[: max(room, 0)])


def _begin(bulk: BulkRetry, item: BulkRetryItem) -> bool:
    with transaction.atomic():
        result = _REPLAYED[replay_event(item.event_id, by=bulk.planned_by)]
        BulkRetryItem.objects.filter(pk=item.pk).update(result=result, at=database_now())
    return result is Result.BEGUN


def _end(bulk: BulkRetry, state: BulkState) -> int:
    with transaction.atomic():
        locked = BulkRetry.objects.select_for_update().get(pk=bulk.pk)
        if locked.state == BulkState.RUNNING:  # not paused or cancelled in between
            _finish(locked, state)
            locked.save()
    return 0
