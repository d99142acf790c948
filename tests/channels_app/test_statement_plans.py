"""How PostgreSQL would run the statements of every message: single rows by their keys, whatever it knows of tables.

Plans are kept for a while, and the first ones are made when a new installation has next to nothing in its tables: then
the planner likes to read them through. What it knows is set here, in tables of the test's own: it is never what other
tests happened to leave behind.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from channels_app.conversations import claim, contacts, events
from channels_app.conversations import lookup as conversations
from channels_app.conversations import release as endings
from channels_app.deliveries import inline, recording, writing
from channels_app.lib.prepared import numbered_statement
from channels_app.models import Channel, ContactRow
from channels_app.tasks import read_by_index
from chatbridge.settings import BASE_DIR
from tests import statements
from tests.builders import analyze, make_channel

pytestmark = pytest.mark.django_db

IN_ORDER = "conversation_due"  # read from its beginning on: the one that waits longest comes first
OPEN = "event_open_in_order"
AT_THE_DOORS = {
    "store": events._store_from_inbox(is_first=False, waits=False, if_short=False),
    "store the first": events._store_from_inbox(is_first=True, waits=True, if_short=True),
    "store in conversation": events._STORE_IN_CONVERSATION,
    "session of bot": conversations._SESSION_OF_BOT,
}
STATEMENTS = {
    **AT_THE_DOORS,
    "claim": claim._CLAIM_DUE,
    "take": claim._TAKE,
    "begin": conversations._begin(joins=False, chooses=False),
    "begin with its start": conversations._begin(joins=True, chooses=True),
    "write": writing._write(merges=True, answers=True, calls=True, offers=False),
    "write an offer": writing._write(
        merges=False, answers=False, calls=True, offers=True, remembers=True, checks=True
    ),
    "find answers": inline._FIND,
    "take an answer": inline._TAKE,
    "take back an offer": inline._TAKE_BACK,
    "mark": recording._MARK_IN_FLIGHT,
    "record": recording._RECORD,
    "record with call": recording._RECORD_WITH_CALL,
    "keep contact": contacts._KEEP_CONTACT,
    "find inbox channel": contacts._FIND_INBOX_CHANNEL,
    "end with milestones": endings._give_back(
        ends=True, puts_off=False, tries=True, calls=True, claims=True, reaches=("handed_over_at", "live_at")
    ),
    "wait": endings._give_back(ends=False, puts_off=True, tries=False, calls=False, claims=False),
    "let go": endings._give_back(ends=True, puts_off=True, tries=True, calls=True, claims=True),
}


def plan_of(statement: str) -> list[str]:
    """As it is kept for whatever values come; PostgreSQL 15 has no EXPLAIN (GENERIC_PLAN)."""
    text, names, _ = numbered_statement(statement)
    with connection.cursor() as cursor:
        cursor.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE explained AS {text.decode()}")
        cursor.execute(f"EXPLAIN (COSTS OFF) EXECUTE explained({', '.join(['NULL'] * len(names))})")
        lines = [row[0] for row in cursor.fetchall()]
        cursor.execute("DEALLOCATE explained; RESET plan_cache_mode")
        return lines


def scans(plan: list[str]) -> Iterator[tuple[str, bool]]:
    """The index of each scan, and whether it is entered by a key."""
    for line, following in zip(plan, [*plan[1:], ""], strict=True):
        found = re.search(r"Index (?:Only )?Scan using (\S+)", line)
        if found:
            yield found[1], "Index Cond:" in following


@pytest.fixture(autouse=True)
def like_a_worker() -> Iterator[None]:
    read_by_index(connection)
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort; RESET jit")


HOT_TABLES = (
    *("conversation", "webhookevent", "eventbody", "delivery", "message", "exchange"),
    *("contact", "inboxchannel"),
)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def add_conversations(channel: Channel, count: int) -> None:
    """Each with an event that is open, its body and a delivery."""
    run(f"""
        WITH conversation AS (
            INSERT INTO channels_app_conversation (channel_id, external_id)
            SELECT {channel.pk}, gen_random_uuid() FROM generate_series(1, {count}) RETURNING id
        ), event AS (
            INSERT INTO channels_app_webhookevent
                (source, channel_id, idempotency_key, type, conversation_id, sent_at)
            SELECT 'inbox', {channel.pk}, gen_random_uuid(), 'MESSAGE_RECEIVED', id, now() FROM conversation
            RETURNING id, conversation_id
        ), body AS (
            INSERT INTO channels_app_eventbody (event_id, raw) SELECT id, repeat('x', 500)::bytea FROM event
        )
        INSERT INTO channels_app_delivery (event_id, conversation_id, seq, kind, payload, state, tries)
        SELECT id, conversation_id, 1, 'reply', '{{}}', 'sent', 1 FROM event
    """)


def nothing(channel: Channel) -> None:
    """A new installation, of which PostgreSQL knows nothing yet."""


def one_of_each(channel: Channel) -> None:
    """It was looked at when it had next to nothing in its tables."""
    ContactRow.objects.create(channel=channel, external_id="contact-1")
    channel.inbox_channels.create(external_id="inbox-channel-1")
    add_conversations(channel, 1)
    analyze()


def one_of_each_then_many(channel: Channel) -> None:
    """It was looked at then and never since, and everybody waits."""
    one_of_each(channel)
    add_conversations(channel, 3_000)


def many(channel: Channel) -> None:
    """It was looked at lately."""
    add_conversations(channel, 3_000)
    analyze()


def test_the_document_shows_them_as_they_are() -> None:
    assert statements.FILE.read_text() == statements.document(), "The statements have changed: make statements"


def test_the_document_has_those_of_every_module() -> None:
    package = BASE_DIR / "channels_app"
    users = [file for file in package.rglob("*.py") if "statements import fetch" in file.read_text()]
    modules = {".".join(file.relative_to(package).with_suffix("").parts) for file in users}
    assert {statement.module for statement in statements.STATEMENTS} == modules


KNOWLEDGE = (nothing, one_of_each, one_of_each_then_many, many)


@pytest.fixture
def channel() -> Channel:
    """In tables that hold nothing else, not even the room of rows that are gone."""
    run(f"TRUNCATE {', '.join(f'channels_app_{name}' for name in HOT_TABLES)} CASCADE")
    return make_channel()


@pytest.mark.parametrize("knowledge", KNOWLEDGE)
def test_a_statement_reads_rows_by_their_keys(channel: Channel, knowledge: Callable[[Channel], None]) -> None:
    knowledge(channel)
    for name, statement in STATEMENTS.items():
        plan = plan_of(statement)
        shown = "\n".join([name, *plan])
        assert [index for index, is_by_key in scans(plan) if not is_by_key and index != IN_ORDER] == [], shown
        assert not [line for line in plan if "Seq Scan" in line or "Bitmap" in line], shown


LEADING = ("_pkey", "_session_id_key", "_bot_id_", "_channel_id_", "_account_key_", "delivery_of_", IN_ORDER, OPEN)
"""Indexes by whose first column the statements ask. While a table is a page PostgreSQL may as well look for an id in
an index that has it in second place."""


@pytest.mark.parametrize("knowledge", [one_of_each_then_many, many])
def test_in_long_tables_a_key_is_the_beginning_of_its_index(
    channel: Channel, knowledge: Callable[[Channel], None]
) -> None:
    knowledge(channel)
    for name, statement in STATEMENTS.items():
        plan = plan_of(statement)
        others = [index for index, _ in scans(plan) if not any(mark in index for mark in LEADING)]
        assert others == [], "\n".join([name, *plan])


@pytest.mark.parametrize("knowledge", [one_of_each_then_many, many])
def test_so_do_the_doors_whose_connections_are_for_pages_too(
    channel: Channel, knowledge: Callable[[Channel], None]
) -> None:
    run("RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort; RESET jit")
    knowledge(channel)
    for name, statement in AT_THE_DOORS.items():
        long_ones = [line for line in plan_of(statement) if "Seq Scan" in line and "_conversation" in line]
        assert long_ones == [], name


@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@pytest.mark.parametrize("name", ["take", "claim", "let go", "wait"])
def test_open_events_are_read_in_the_order_of_their_index(
    channel: Channel, knowledge: Callable[[Channel], None], name: str
) -> None:
    knowledge(channel)
    plan = plan_of(STATEMENTS[name])
    looks = {"let go": 2}  # what is left, and what is next
    assert sum(OPEN in line for line in plan) == looks.get(name, 1), "\n".join(plan)
    assert not [line for line in plan if "Sort" in line], "\n".join(plan)
