"""Count what happened, minute by minute, so that no page has to.

A minute is recounted as long as it may still change: the rows of the log are the truth, a figure only
repeats them. So every function here can run twice, or never for a while, and the figures come right.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from channels_app.lib.histograms import BOUNDS_S, LABELS
from channels_app.models import Figure, Period
from channels_app.protocol import EventType


class Name(StrEnum):
    """What is counted; behind it, what the label of its figures says."""

    INBOUND = "inbound"
    """Events by the minute in which they came. Label: their source."""
    DUPLICATES = "duplicates"
    """Repetitions of events that we had."""
    REFUSED = "refused"
    """Requests that the inbox's door turned away. Label: the reason. Counted at the door."""
    OUTCOME = "outcome"
    """The fate of contacts' messages and starts, and all other dead events. Label: the outcome, or OPEN."""
    FATE = "fate"
    """Conversations by the minute in which the bot got them, each stint once. Label: a `Fate`."""
    HANDOVER = "handover"
    """Handovers that were done. Label: the reason."""
    FAILED = "failed"
    """Calls that did not go well, by the minute of the call. Label: their code."""
    ANSWER_TIME = "answer_time"
    """From receipt until the inbox took the answer. Label: a bucket of `histograms`."""
    BOT_TIME = "bot_time"
    """The bot's own share of it."""
    BRIDGE_TIME = "bridge_time"
    """All the rest of it: waiting for a worker, pauses before a second try, sending."""
    WAITING = "waiting"
    """The most conversations that waited for a worker at a look."""
    OLDEST = "oldest_s"
    """The longest that one of them had waited, in seconds."""
    GROUP = "group"
    """Failures as they are put into groups. Label: the group's number."""


OPEN = "open"
"""The label of what has no outcome yet."""


class Fate(StrEnum):
    """A conversation's fate while the bot had it."""

    BOT = "bot"
    HANDED_OVER = "handed_over"
    RESOLVED = "resolved"
    TAKEN = "taken"
    LOST = "lost"


COUNTED = (
    *(Name.INBOUND, Name.DUPLICATES, Name.OUTCOME, Name.FATE, Name.HANDOVER, Name.FAILED),
    *(Name.ANSWER_TIME, Name.BOT_TIME, Name.BRIDGE_TIME),
)
"""Counted from the log, and so recounted at any time; the others are added up when they happen."""
PEAKS = (Name.WAITING, Name.OLDEST)
"""Of these an hour keeps the highest of its minutes, of all others the sum."""
WIDTHS = {
    Period.MINUTE: timedelta(minutes=1),
    Period.HALF_HOUR: timedelta(minutes=30),
    Period.HOUR: timedelta(hours=1),
}
KEPT = {Period.MINUTE: timedelta(days=2), Period.HALF_HOUR: timedelta(days=4), Period.HOUR: timedelta(days=400)}
"""How long figures stay: minutes as long as yesterday may change, hours for a year and a month to compare with."""
FROM_CONTACTS = [str(kind) for kind in EventType if kind.asks_bot]

# What the windows have in common: the rows of `counted` replace what was there. Unchanged ones are not touched.
_KEEP = """
, written AS (
    INSERT INTO channels_app_figure (period, start, channel_id, name, label, value)
    SELECT %(period)s, start, channel_id, name, label, value FROM counted
    ON CONFLICT (period, start, channel_id, name, label) DO UPDATE SET value = EXCLUDED.value
        WHERE channels_app_figure.value <> EXCLUDED.value
)
DELETE FROM channels_app_figure AS old
WHERE old.period = %(period)s AND old.start >= %(since)s AND old.start < %(until)s AND old.name = ANY(%(names)s)
    AND NOT EXISTS (SELECT FROM counted WHERE counted.start = old.start AND counted.channel_id = old.channel_id
        AND counted.name = old.name AND counted.label = old.label)
"""
# A stint is counted at its first event. Its fate is read from all its events, whenever they came.
_COUNTED_EVENTS = """
WITH event AS MATERIALIZED (
    SELECT *, date_trunc('minute', received_at) AS start, type = ANY(%(from_contacts)s) AS is_contacts
    FROM channels_app_webhookevent WHERE received_at >= %(since)s AND received_at < %(until)s
), answered AS MATERIALIZED (
    SELECT event.start, event.channel_id, extract(epoch FROM event.finished_at - event.received_at) AS answer_s,
        CASE WHEN answer.id IS NULL THEN bot.took_ms / 1000.0
            ELSE extract(epoch FROM answer.received_at - event.called_at) END AS bot_s
    FROM event
    LEFT JOIN channels_app_webhookevent AS answer ON answer.id = event.answered_by
    LEFT JOIN LATERAL (SELECT sum(took_ms) AS took_ms FROM channels_app_exchange AS exchange
        WHERE exchange.event_id = event.id AND exchange.target = 'bot') AS bot ON true
    WHERE is_contacts AND event.outcome IN ('replied', 'replied_unconfirmed', 'handed_over', 'resolved', 'merged')
        -- a start that the bot was told of with a message was answered in that message's time
        AND NOT (event.outcome = 'merged' AND event.called_at IS NULL)
), times AS (
    SELECT start, channel_id, 'answer_time' AS name, answer_s AS took_s FROM answered
    UNION ALL SELECT start, channel_id, 'bot_time', bot_s FROM answered WHERE bot_s IS NOT NULL
    UNION ALL SELECT start, channel_id, 'bridge_time', greatest(answer_s - coalesce(bot_s, 0), 0) FROM answered
), fates AS (
    SELECT event.start, event.channel_id, (SELECT CASE
            WHEN bool_or(later.outcome = 'handed_over') THEN 'handed_over'
            WHEN bool_or(later.outcome = 'resolved') THEN 'resolved'
            WHEN bool_or(later.outcome = 'dead') THEN 'lost'
            WHEN bool_or(later.outcome = 'moot') THEN 'taken' ELSE 'bot' END
        FROM channels_app_webhookevent AS later
        WHERE later.conversation_id = event.conversation_id AND later.stint = event.stint) AS label
    FROM event
    WHERE is_contacts AND event.stint > 0 AND NOT EXISTS (
        SELECT FROM channels_app_webhookevent AS earlier
        WHERE earlier.conversation_id = event.conversation_id AND earlier.id < event.id
            AND earlier.stint = event.stint AND earlier.type = ANY(%(from_contacts)s))
), counted AS (
    SELECT start, channel_id, 'inbound' AS name, source AS label, count(*) AS value FROM event GROUP BY 1, 2, 4
    UNION ALL SELECT start, channel_id, 'duplicates', '', sum(duplicates) FROM event
        GROUP BY 1, 2 HAVING sum(duplicates) > 0
    UNION ALL SELECT start, channel_id, 'outcome', coalesce(outcome, 'open'), count(*) FROM event
        WHERE is_contacts OR outcome = 'dead' GROUP BY 1, 2, 4
    UNION ALL SELECT start, channel_id, 'fate', label, count(*) FROM fates GROUP BY 1, 2, 4
    UNION ALL SELECT event.start, event.channel_id, 'handover', offload.reason, count(*) FROM event
        JOIN offload_offload AS offload ON offload.event_id = event.id AND offload.state IN ('handed_over', 'ended')
        GROUP BY 1, 2, 4
    UNION ALL SELECT date_trunc('minute', started_at), channel_id, 'failed', code, count(*)
        FROM channels_app_exchange
        WHERE started_at >= %(since)s AND started_at < %(until)s AND code <> '' GROUP BY 1, 2, 4
    UNION ALL SELECT start, channel_id, name,
            coalesce((%(labels)s::text[])[1 + width_bucket(took_s::float, %(bounds)s::float[])], 'more'), count(*)
        FROM times GROUP BY 1, 2, 3, 4
)"""
_ADDED_UP = """
WITH counted AS (
    SELECT date_bin(%(width)s, start, timestamptz 'epoch') AS start, channel_id, name, label,
        CASE WHEN name = ANY(%(peaks)s) THEN max(value) ELSE sum(value) END AS value
    FROM channels_app_figure
    WHERE period = 'minute' AND start >= %(since)s AND start < %(until)s AND name = ANY(%(names)s)
    GROUP BY 1, 2, 3, 4
)"""
_COUNT, _ROLL_UP = _COUNTED_EVENTS + _KEEP, _ADDED_UP + _KEEP
# Two who count the same window would wait for each other's rows in different orders.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('chatbridge: figures'))"


def whole(moment: datetime, width: timedelta) -> datetime:
    """The beginning of the minute, half hour, … that this moment lies in."""
    epoch = datetime.fromtimestamp(0, UTC)
    return moment - (moment - epoch) % width


def count_span(since: datetime, until: datetime) -> Iterator[datetime]:
    """Recount from one time to another, an hour a transaction; yields the end of each."""
    minute, hour = WIDTHS[Period.MINUTE], WIDTHS[Period.HOUR]
    start = whole(since, minute)
    while start <= until:
        end = min(whole(start, hour) + hour, whole(until, minute) + minute)
        _count_window(start, end, oldest_minute=until - KEPT[Period.MINUTE])
        yield end
        start = end


def _count_window(since: datetime, until: datetime, *, oldest_minute: datetime) -> None:
    """Within one hour: its minutes from the log, then its half hours and itself from all minutes that it has."""
    start, end = whole(since, WIDTHS[Period.HOUR]), whole(since, WIDTHS[Period.HOUR]) + WIDTHS[Period.HOUR]
    # Where minutes were dropped already, what was not counted from the log would look as if it never was.
    names = list(Name) if start > oldest_minute else list(COUNTED)
    values: dict[str, Any] = {"from_contacts": FROM_CONTACTS, "bounds": list(BOUNDS_S), "labels": list(LABELS)}
    values |= {"since": since, "until": until, "names": list(COUNTED), "period": Period.MINUTE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        cursor.execute(_COUNT, values)
        values |= {"since": start, "until": end, "names": names, "peaks": list(PEAKS)}
        for period in (Period.HALF_HOUR, Period.HOUR):
            values |= {"period": period, "width": WIDTHS[period]}
            cursor.execute(_ROLL_UP, values)


_SAMPLE = """
INSERT INTO channels_app_figure (period, start, channel_id, name, label, value)
SELECT 'minute', date_trunc('minute', clock_timestamp()), due.channel_id, sample.name, '', sample.value
FROM (SELECT channel_id, count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(wake_at)) AS oldest_s
    FROM channels_app_conversation
    WHERE wake_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
    GROUP BY channel_id) AS due
CROSS JOIN LATERAL (VALUES ('waiting', due.waiting), ('oldest_s', due.oldest_s::bigint)) AS sample (name, value)
ON CONFLICT (period, start, channel_id, name, label)
    DO UPDATE SET value = greatest(channels_app_figure.value, EXCLUDED.value)
"""


def sample_queue() -> None:
    """Look how many conversations wait for a worker now, and for how long."""
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE)


def drop_old_figures(now: datetime) -> int:
    """Drop what is older than its period is kept; how many figures that were."""
    return sum(Figure.objects.filter(period=period, start__lt=now - kept).delete()[0] for period, kept in KEPT.items())
