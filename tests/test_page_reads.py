"""No page reads more of the long tables than it shows, whatever PostgreSQL has learnt about them lately.

Counted are the rows that it reads to draw a page, not the plans by which it does. That its knowledge is not older than
here, the guards see to (`table_sizes`).
"""

from collections.abc import Callable
from typing import Any, cast

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from channels_app.models import Channel, Conversation, Delivery, Exchange, WebhookEvent
from channels_app.upkeep.table_sizes import ROWS_LEAST, SHARE
from tests.builders import analyze, make_bot, make_channel

pytestmark = pytest.mark.django_db

LONG = ("conversation", "webhookevent", "eventbody", "delivery", "message", "exchange", "contact")
MANY = 8_000
"""Conversations of a busy channel, each with an event, its body, two messages, a delivery and a call."""
MAX_ROWS = 1_500
"""Several times what a page shows: 100 rows of a list with what belongs to each."""

ENDS = ("LIKE UPPER(", '"took_ms" > ', '"target" = ')
"""Statements with an end of their own: what no index knows (words, slow calls, calls of one direction) is looked for
in a window of the newest."""


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def live(channel: Channel, count: int, *, ago: str) -> None:
    """So many conversations that ended, most well, over the time until now."""
    run(f"""
        WITH contact AS (
            INSERT INTO channels_app_contact (channel_id, external_id, primary_identifier, secondary_identifier,
                picture_url, vip, medium_contact_profile_id, attributes)
            SELECT {channel.pk}, gen_random_uuid(), 'Johan', '', '', false, '', '[]' FROM generate_series(1, {count})
            RETURNING id
        ), conversation AS (
            INSERT INTO channels_app_conversation (channel_id, external_id, contact_id, owner, stint, newest_sent_at)
            SELECT {channel.pk}, gen_random_uuid(), id, 'bot', 1, now() - interval '{ago}' FROM contact RETURNING id
        ), event AS (
            INSERT INTO channels_app_webhookevent (source, channel_id, idempotency_key, type, conversation_id, sent_at,
                received_at, state, outcome, finished_at)
            SELECT 'inbox', {channel.pk}, gen_random_uuid(), 'message_received', id, moment, moment,
                'done', CASE WHEN number % 50 = 0 THEN 'dead' ELSE 'replied' END, moment
            FROM (SELECT id, row_number() OVER (ORDER BY id) AS number,
                now() - interval '{ago}' * (1 - (row_number() OVER (ORDER BY id))::float / {count + 1}) AS moment
                FROM conversation) AS one
            RETURNING id, conversation_id, received_at, outcome
        ), body AS (
            INSERT INTO channels_app_eventbody (event_id, raw) SELECT id, repeat('x', 300)::bytea FROM event
        ), said AS (
            INSERT INTO channels_app_message (
                conversation_id, event_id, author, position, text, attachment_url, said_at)
            SELECT conversation_id, id, author, 0, 'Where is my parcel?', '', received_at
            FROM event, (VALUES ('contact'), ('bot')) AS authors(author)
        ), delivery AS (
            INSERT INTO channels_app_delivery (
                event_id, conversation_id, seq, kind, payload, state, tries, first_sent_at)
            SELECT id, conversation_id, 1, 'reply', '{{"outgoing": {{"messages": [], "complete": null, "note": ""}}}}',
                CASE outcome WHEN 'dead' THEN 'failed' ELSE 'sent' END, 1, received_at FROM event
        )
        INSERT INTO channels_app_exchange (event_id, channel_id, target, n, fence, started_at, took_ms, result, code,
            status, error, trace_id, method, url, request, response)
        SELECT id, {channel.pk}, 'bot', 1, 1, received_at, 20, CASE outcome WHEN 'dead' THEN 'failed' ELSE 'sent' END,
            CASE outcome WHEN 'dead' THEN 'CB-502' ELSE '' END, CASE outcome WHEN 'dead' THEN 502 ELSE 200 END,
            '', '', 'POST', 'http://bot.test/bot', '{{}}', '{{}}'
        FROM event
    """)


@pytest.fixture
def channels() -> tuple[Channel, Channel]:
    """A busy one and a quiet one, in tables that hold nothing else."""
    run(f"TRUNCATE {', '.join(f'channels_app_{name}' for name in LONG)} CASCADE")
    return make_channel(bot=make_bot()), make_channel(bot=make_bot())


def known_when_one_channel_had_all(busy: Channel, quiet: Channel) -> None:
    live(busy, MANY, ago="30 days")
    analyze()
    live(quiet, 3, ago="1 hour")


def known_when_it_was_smaller(busy: Channel, quiet: Channel) -> None:
    live(busy, int(MANY * (1 - SHARE)) - ROWS_LEAST, ago="30 days")
    analyze()
    live(quiet, 3, ago="2 hours")
    live(busy, int(MANY * SHARE) + ROWS_LEAST, ago="1 hour")


def well_known(busy: Channel, quiet: Channel) -> None:
    live(quiet, 3, ago="40 days")
    live(busy, MANY, ago="30 days")
    analyze()


def addresses(busy: Channel, quiet: Channel) -> list[str]:
    """All lists, with and without filters, and a page of each thing that lists lead to."""
    event = WebhookEvent.objects.filter(channel=busy, outcome="dead").latest("pk")
    conversation, delivery = event.conversation_id, Delivery.objects.get(event_id=event.pk).pk
    exchange = Exchange.objects.get(event_id=event.pk).pk
    lists = ("channel", "bot", "conversation", "delivery", "webhookevent", "intakecount", "credential", "workerslot")
    admin = [f"/admin/channels_app/{name}/" for name in lists]
    admin += [f"/admin/channels_app/channel/{channel.pk}/change/" for channel in (busy, quiet)]
    admin += [
        f"/admin/channels_app/webhookevent/{event.pk}/change/",
        f"/admin/channels_app/delivery/{delivery}/change/",
    ]
    admin += [f"/admin/channels_app/conversation/{conversation}/change/"]
    filters = [f"?channel={quiet.pk}", f"?channel={busy.pk}"]
    ops = ["/ops/", "/ops/?window=7d", "/ops/failures/", "/ops/failures/?state=all", "/ops/workers/", "/ops/audit/"]
    ops += [f"/ops/conversations/{query}" for query in ("", "?q=0-conv-7", "?q=nobody@example.com", *filters)]
    ops += [
        f"/ops/exchanges/{query}" for query in ("", "?errors=1", "?code=CB-502", "?code=CB-999", "?slow=1", *filters)
    ]
    ops += [f"/ops/conversations/{conversation}/", f"/ops/events/{event.pk}/", f"/ops/exchanges/{exchange}/"]
    things = [
        "channels",
        "bots",
        "conversations",
        "calls",
        "events",
        "deliveries",
        "failures",
        "figures",
        "queue",
        "me",
    ]
    api = [f"/api/v1/{name}/" for name in things]
    api += [f"/api/v1/{name}/{query}" for name in ("conversations", "calls", "events") for query in filters]
    api += [f"/api/v1/channels/{quiet.pk}/", f"/api/v1/channels/{quiet.pk}/set-up/"]
    api += [f"/api/v1/channels/{busy.pk}/diagnostics/", f"/api/v1/conversations/{conversation}/"]
    api += [f"/api/v1/conversations/{conversation}/{part}/" for part in ("explain", "bug-report")]
    api += [f"/api/v1/events/{event.pk}/", f"/api/v1/exchanges/{exchange}/", f"/api/v1/deliveries/{delivery}/"]
    return [*admin, *ops, *api]


def rows_read() -> int:
    """Of the long tables, since the transaction began."""
    raw = cast("psycopg.Connection[Any]", connection.connection)
    counted = "sum(seq_tup_read + coalesce(idx_tup_fetch, 0))"
    tables = "pg_stat_xact_user_tables WHERE relname = ANY(%s)"
    row = raw.execute(f"SELECT {counted} FROM {tables}", [[f"channels_app_{name}" for name in LONG]]).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize("knowledge", [known_when_one_channel_had_all, known_when_it_was_smaller, well_known])
def test_no_page_reads_more_than_it_shows(
    admin_client: Client,
    admin_user: User,
    channels: tuple[Channel, Channel],
    knowledge: Callable[[Channel, Channel], None],
) -> None:
    knowledge(*channels)
    assert Conversation.objects.count() > MANY
    too_much = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        before = rows_read()
        result = execute(sql, params, many, context)
        has_an_end = any(mark in sql for mark in ENDS)
        if (count := rows_read() - before) > MAX_ROWS and not has_an_end:
            too_much.append(f"{address}: {count} rows for {sql}")
        return result

    for address in addresses(*channels):
        with connection.execute_wrapper(watch):
            assert admin_client.get(address, follow=True).status_code == 200, address
    assert "\n".join(too_much) == ""
