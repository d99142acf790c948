"""What happened in a time range: the right rows, and however long the history is, few that are read for it."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from channels_app.access.audit_log import AuditSearch
from channels_app.lib.times import ALWAYS, TimeRange
from channels_app.models import AuditEntry, Channel, Conversation, Exchange, WebhookEvent
from channels_app.models.periods import numbers_during, rows_during
from channels_app.operations.calls import CallFilter, list_exchanges
from channels_app.operations.search import find_conversations

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LONG = 40_000
"""Events, and calls, one a second: eleven hours."""
MAX_READ = 6_000
"""Rows that a page may read: those of ten minutes with what belongs to them, and a little of what is around them."""


def between(since_s: float | None, until_s: float | None) -> TimeRange:
    """In seconds after BEGIN."""
    since, until = (None if second is None else BEGIN + SECOND * second for second in (since_s, until_s))
    return TimeRange(since=since, until=until)


def add_events(channel: Channel, seconds: list[float]) -> None:
    conversation = Conversation.objects.create(channel=channel, external_id="0-periods")
    WebhookEvent.objects.bulk_create(
        WebhookEvent(
            source="inbox",
            channel=channel,
            idempotency_key=str(place),
            type="message_received",
            conversation=conversation,
            sent_at=BEGIN,
            received_at=BEGIN + SECOND * second,
        )
        for place, second in enumerate(seconds)
    )


def found(during: TimeRange) -> list[float]:
    rows = rows_during(WebhookEvent.objects.order_by("pk"), during)
    return [(row.received_at - BEGIN).total_seconds() for row in rows]


@pytest.mark.parametrize("seed", range(8))
def test_rows_are_found_although_numbers_have_gaps_and_times_are_not_quite_in_order(
    channel: Channel, seed: int
) -> None:
    chance = random.Random(seed)
    seconds = sorted(chance.uniform(0, 5000) for _ in range(chance.choice([1, 2, 3, 50, 400])))
    seconds = [second + chance.uniform(0, 40) for second in seconds]
    add_events(channel, seconds)
    gone = [row.pk for row in WebhookEvent.objects.all() if chance.random() < 0.3]
    WebhookEvent.objects.filter(pk__in=gone).delete()
    kept = [(row.received_at - BEGIN).total_seconds() for row in WebhookEvent.objects.order_by("pk")]
    for _ in range(20):
        since, until = sorted(chance.uniform(-100, 5200) for _ in range(2))
        assert found(between(since, until)) == [second for second in kept if since <= second < until]
        assert found(between(since, None)) == [second for second in kept if since <= second]
        assert found(between(None, until)) == [second for second in kept if second < until]


def test_the_beginning_belongs_to_a_range_and_its_end_does_not(channel: Channel) -> None:
    add_events(channel, [0, 1, 2, 3])
    assert found(between(1, 3)) == [1, 2]


def test_without_rows_or_without_ends_nothing_is_searched(db: None) -> None:
    assert found(between(0, 1)) == []
    assert numbers_during(WebhookEvent, ALWAYS).end is None


@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_the_first_and_the_last_time_there_is(channel: Channel, moment: datetime) -> None:
    add_events(channel, [0])
    end = moment.replace(tzinfo=UTC)
    assert len(found(TimeRange(since=end))) + len(found(TimeRange(until=end))) == 1


# --- what a page reads --------------------------------------------------------------------------------------------


@pytest.fixture
def history(channel: Channel) -> Channel:
    """One event a second, four in each conversation, half an hour apart, and one call for each."""
    key, moment = "gen_random_uuid()", "timestamptz '2026-11-01T00:00Z' + nth * interval '1 second'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH conversation AS (
                INSERT INTO channels_app_conversation (channel_id, external_id)
                SELECT {channel.pk}, {key} FROM generate_series(1, {LONG // 4}) RETURNING id
            ), numbered AS (
                SELECT id, row_number() OVER () - 1 AS place FROM conversation
            ), event AS (
                INSERT INTO channels_app_webhookevent (source, channel_id, idempotency_key, type, conversation_id,
                    sent_at, received_at, outcome)
                SELECT 'inbox', {channel.pk}, {key}, 'message_received', numbered.id, now(), {moment},
                    CASE nth % 500 WHEN 0 THEN 'dead' ELSE 'replied' END
                FROM generate_series(0, {LONG - 1}) AS nth
                JOIN numbered ON numbered.place = (nth % 1800) + 1800 * (nth / 7200)
                ORDER BY nth RETURNING id, received_at
            )
            INSERT INTO channels_app_exchange (event_id, channel_id, target, n, fence, started_at, result, code)
            SELECT id, {channel.pk}, 'bot', 1, 1, received_at, 'sent',
                CASE WHEN id % 500 = 0 THEN 'CB-502' ELSE '' END
            FROM event ORDER BY id
            """
        )
        cursor.execute(
            "INSERT INTO channels_app_auditentry (at, actor, action, object_type, object_id, object_name, "
            "changes, reason, address, via) SELECT received_at, 'anna', 'paused', '', '', '', '{}', '', '', '' "
            "FROM channels_app_webhookevent ORDER BY id"
        )
        for table in ("webhookevent", "exchange", "conversation", "auditentry"):
            cursor.execute(f"ANALYZE channels_app_{table}")
    return channel


TABLES = [f"channels_app_{name}" for name in ("webhookevent", "exchange", "conversation", "auditentry", "failure")]


def rows_read() -> int:
    """Of the long tables, in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)", [TABLES]
        )
        return int(cursor.fetchone()[0])


RANGES = {
    "ten minutes early on": between(600, 1200),
    "ten minutes late": between(LONG - 1800, LONG - 1200),
    "nearly all": between(10, LONG - 10),
    "from early on": between(600, None),
    "until early on": between(None, 1200),
    "before all of it": between(-1000, -10),
    "after all of it": between(LONG + 2000, None),
}
ASKED: dict[str, Callable[[TimeRange], Any]] = {
    "conversations": lambda during: find_conversations(during=during).lines,
    "calls": lambda during: list_exchanges(CallFilter(during=during)).lines,
    "failed calls": lambda during: list_exchanges(CallFilter(during=during, errors_only=True)).lines,
    "calls that came in": lambda during: list_exchanges(CallFilter(during=during, direction="in")).lines,
    "audit log": lambda during: list(AuditSearch(during=during).entries()[:51]),
}


def test_a_page_reads_no_more_than_it_shows(history: Channel, subtests: pytest.Subtests) -> None:
    for (asked, ask), (name, during) in product(ASKED.items(), RANGES.items()):
        with subtests.test(f"{asked}, {name}"):
            before = rows_read()
            lines = ask(during)
            assert rows_read() - before < MAX_READ
            assert bool(lines) == ("all of it" not in name)


def test_every_conversation_of_a_range_is_listed_once_page_by_page(history: Channel) -> None:
    during, before, seen = between(600, 900), "", []
    while True:
        page = find_conversations(during=during, before=before)
        seen += [line.conversation.pk for line in page.lines]
        before = page.before
        if not before:
            break
    assert len(seen) == len(set(seen)) == 300


def test_every_call_of_a_range_is_listed_once_page_by_page(history: Channel) -> None:
    which, before, seen = CallFilter(during=between(600, 900)), "", []
    while True:
        page = list_exchanges(which, before)
        seen += [(line.direction, line.id) for line in page.lines]
        before = page.before
        if not before:
            break
    assert len(seen) == len(set(seen)) == 600


def test_slow_calls_of_a_range_end_with_it(history: Channel) -> None:
    """They have no index: who looks through the rest of the history finds only what was not asked for."""
    Exchange.objects.filter(started_at=BEGIN + SECOND * 100).update(took_ms=9000)
    page = list_exchanges(CallFilter(is_slow=True, during=between(0, 600)))
    assert len(page.lines) == 1 and not page.before
    assert list_exchanges(CallFilter(is_slow=True, during=between(600, 1200))).before == ""


def test_pages_of_a_range_cost_the_search_and_no_more(history: Channel, admin_client: Client) -> None:
    query = "?since=2026-11-01T00:10Z&until=2026-11-01T00:20Z"
    for address in ("/ops/conversations/", "/ops/exchanges/", "/ops/failures/", "/ops/audit/", "/api/v1/events/"):
        before = rows_read()
        assert admin_client.get(address + query).status_code == 200
        assert rows_read() - before < MAX_READ, address
    assert AuditEntry.objects.exists()
