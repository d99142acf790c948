"""Failures put into groups by what they have in common, so that people read causes and not lines of a log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from channels_app.codes import CODES, Severity
from channels_app.lib.clocks import database_now
from channels_app.models import Exchange, FailureGroup, Job, Outcome, Period, WebhookEvent
from channels_app.operations.failures.groups import facts_of
from channels_app.operations.failures.states import comes_back, fingerprint, normalise
from channels_app.operations.figures.counting import Name
from channels_app.protocol.causes import code_of_offload
from offload.models import Offload, OffloadReason

BATCH = 500
"""Rows of each kind that one look takes: what is left is taken at the next one."""
SETTLED = timedelta(seconds=5)
"""A row this old has no neighbour with a lower number that is not committed yet."""
NEWEST_DEAD = 5_000
"""Dead events that a look considers: enough for any outage that people will look through."""
WITHOUT_CALL = (
    *(OffloadReason.BOT_SILENT, OffloadReason.BOT_UNSHOWABLE, OffloadReason.BOT_DOWN),
    OffloadReason.OUT_OF_TIME,
)
"""Handovers for a failure that no call shows. The others are known from their calls."""
UNFORESEEN = "CB-705"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One failure, before it has a group."""

    channel_id: int
    code: str
    message: str
    event_id: int
    conversation_id: int
    at: datetime

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.code, self.channel_id, self.message)


JOB = "failures"


def gather_failures() -> int:
    """Put what has failed since the last time into groups; returns how many failures that were.

    One caller at a time. How far we have come is written down together with what was counted, so a failure counts
    once, even if a process dies in between.
    """
    now, positions = database_now(), Job.read_positions(JOB)
    calls, last_call = _failed_calls(int(positions.get("exchange", 0)), now)
    handovers, last_handover = _handovers(int(positions.get("offload", 0)), now)
    dead = _dead_events({failure.event_id for failure in (*calls, *handovers)})
    with transaction.atomic():
        _put_into_groups([*calls, *handovers, *dead])
        Job.keep_positions(JOB, {"exchange": last_call, "offload": last_handover})
    return len(calls) + len(handovers) + len(dead)


# --- what failed --------------------------------------------------------------------------------------------------


def _failed_calls(after: int, now: datetime) -> tuple[list[Seen], int]:
    rows = Exchange.objects.filter(~Q(code=""), pk__gt=after).order_by("pk")
    columns = rows.values_list(
        *("pk", "channel_id", "code", "error", "status", "event_id", "event__conversation_id", "started_at", "took_ms")
    )
    settled = list(takewhile(lambda row: row[7] + timedelta(milliseconds=row[8]) < now - SETTLED, columns[:BATCH]))
    seen = [
        Seen(
            channel_id=channel_id,
            code=code,
            message=normalise(error, status),
            event_id=event_id,
            conversation_id=conversation_id,
            at=started_at,
        )
        for _, channel_id, code, error, status, event_id, conversation_id, started_at, _ in settled
        if _is_trouble(code)
    ]
    return seen, settled[-1][0] if settled else after


def _is_trouble(code: str) -> bool:
    """Whether it needs attention. A code of another release is better shown than lost."""
    found = CODES.get(code)
    return found is None or found.severity is not Severity.INFO


def _handovers(after: int, now: datetime) -> tuple[list[Seen], int]:
    rows = Offload.objects.filter(pk__gt=after, requested_at__lt=now - SETTLED).order_by("pk")
    columns = rows.values_list(
        "pk", "reason", "event_id", "conversation_id", "conversation__channel_id", "requested_at"
    )
    found = list(columns[:BATCH])
    seen = [
        Seen(
            channel_id=channel_id,
            code=str(code_of_offload(reason) or ""),
            message=OffloadReason(reason).label,
            event_id=event_id,
            conversation_id=conversation_id,
            at=requested_at,
        )
        for _, reason, event_id, conversation_id, channel_id, requested_at in found
        if reason in WITHOUT_CALL and event_id is not None
    ]
    return seen, found[-1][0] if found else after


# In two steps, so that calls are looked up for the few that have no group yet.
_UNEXPLAINED = """
WITH unknown AS MATERIALIZED (
    SELECT event.channel_id, event.reason, event.id, event.conversation_id, event.finished_at
    FROM (SELECT * FROM channels_app_webhookevent WHERE outcome = %(dead)s ORDER BY id DESC LIMIT %(newest)s) AS event
    WHERE event.finished_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM channels_app_failure AS failure WHERE failure.event_id = event.id)
)
SELECT * FROM unknown WHERE NOT EXISTS (
    SELECT FROM channels_app_exchange AS exchange WHERE exchange.event_id = unknown.id AND exchange.code <> '')
LIMIT %(batch)s
"""


def _dead_events(known: set[int]) -> list[Seen]:
    """Dead events that no failed call explains, whether it has its group already or not."""
    with connection.cursor() as cursor:
        cursor.execute(_UNEXPLAINED, {"dead": Outcome.DEAD, "newest": NEWEST_DEAD, "batch": BATCH})
        return [
            Seen(
                channel_id=channel_id,
                code=UNFORESEEN,
                message=normalise(reason),
                event_id=event_id,
                conversation_id=conversation_id,
                at=at,
            )
            for channel_id, reason, event_id, conversation_id, at in cursor.fetchall()
            if event_id not in known
        ]


# --- into groups --------------------------------------------------------------------------------------------------


def _put_into_groups(seen: Sequence[Seen]) -> None:
    by_group: dict[str, list[Seen]] = {}
    for failure in seen:
        by_group.setdefault(failure.fingerprint, []).append(failure)
    _make_missing(by_group)
    for group in FailureGroup.objects.select_for_update().filter(fingerprint__in=by_group).order_by("pk"):
        failures = by_group[group.fingerprint]
        moments = [failure.at for failure in failures]
        if group.count and comes_back(facts_of(group), max(moments)):
            group.regressed_at = max(moments)
        group.first_at, group.last_at = min(group.first_at, *moments), max(group.last_at, *moments)
        group.count += len(failures)
        group.conversations += _keep_failures(group, failures)
        group.save()


def _make_missing(by_group: dict[str, list[Seen]]) -> None:
    FailureGroup.objects.bulk_create(
        [
            FailureGroup(
                fingerprint=key,
                channel_id=failures[0].channel_id,
                code=failures[0].code,
                message=failures[0].message,
                first_at=failures[0].at,
                last_at=failures[0].at,
            )
            for key, failures in by_group.items()
        ],
        ignore_conflicts=True,
    )


_KEEP = """
INSERT INTO channels_app_failure (group_id, event_id, at, count)
SELECT %(group)s, event_id, max(at), count(*) FROM unnest(%(events)s::bigint[], %(moments)s::timestamptz[])
    AS seen (event_id, at) GROUP BY event_id
ON CONFLICT (group_id, event_id) DO UPDATE
    SET at = greatest(channels_app_failure.at, EXCLUDED.at), count = channels_app_failure.count + EXCLUDED.count
"""
_COUNT = """
INSERT INTO channels_app_figure (period, start, channel_id, name, label, value)
SELECT %(period)s, date_trunc('minute', at), %(channel)s, %(name)s, %(label)s, count(*)
FROM unnest(%(moments)s::timestamptz[]) AS at GROUP BY 2
ON CONFLICT (period, start, channel_id, name, label)
    DO UPDATE SET value = channels_app_figure.value + EXCLUDED.value
"""


def _keep_failures(group: FailureGroup, failures: Sequence[Seen]) -> int:
    """Write them down with the group; returns how many conversations it had not hit before."""
    conversations = {failure.conversation_id for failure in failures}
    moments = [failure.at for failure in failures]
    hit_before = WebhookEvent.objects.filter(failures__group=group, conversation_id__in=conversations)
    known = set(hit_before.values_list("conversation_id", flat=True))
    with connection.cursor() as cursor:
        events = [failure.event_id for failure in failures]
        cursor.execute(_KEEP, {"group": group.pk, "events": events, "moments": moments})
        figure: dict[str, Any] = {
            "period": Period.MINUTE,
            "name": Name.GROUP,
            "label": str(group.pk),
            "channel": group.channel_id,
        }
        cursor.execute(_COUNT, {**figure, "moments": moments})
    return len(conversations - known)


# A contact with an answer to a later message no longer waits. Failed events being retried still wait.
_WAITING = """
WITH waiting AS (
    SELECT failure.group_id, count(DISTINCT event.conversation_id) AS contacts
    FROM (
        (SELECT id, conversation_id FROM channels_app_webhookevent
            WHERE outcome = %(dead)s ORDER BY id DESC LIMIT %(newest)s)
        UNION ALL
        (SELECT id, conversation_id FROM channels_app_webhookevent WHERE outcome IS NULL LIMIT %(newest)s)
    ) AS event
    JOIN channels_app_conversation AS conversation ON conversation.id = event.conversation_id
        AND conversation.owner = 'bot'
    JOIN channels_app_failure AS failure ON failure.event_id = event.id
    WHERE NOT EXISTS (SELECT FROM channels_app_webhookevent AS later
        WHERE later.conversation_id = event.conversation_id AND later.id > event.id
            AND later.outcome IN ('replied', 'replied_unconfirmed', 'handed_over', 'resolved'))
    GROUP BY failure.group_id
)
UPDATE channels_app_failuregroup AS failed SET waiting = coalesce(waiting.contacts, 0)
FROM channels_app_failuregroup AS same LEFT JOIN waiting ON waiting.group_id = same.id
WHERE same.id = failed.id AND failed.waiting <> coalesce(waiting.contacts, 0)
"""


def count_waiting() -> None:
    """How many contacts of each group still wait for an answer."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"dead": Outcome.DEAD, "newest": NEWEST_DEAD})
