"""How PostgreSQL would run the statements of every message: single rows by their keys, whatever it knows of tables.

Plans are kept, and the first ones are made when a new installation has next to nothing in its tables: then the planner
likes to read them through.
"""

import re
from collections.abc import Iterator

import pytest
from django.db import connection

from channels_app import conversations, deliveries, endings, events, leases
from channels_app.models import ContactRow
from channels_app.statements import _numbered
from channels_app.tasks import read_by_index
from tests.builders import make_channel

pytestmark = pytest.mark.django_db

IN_ORDER = "conversation_due"  # read from its beginning on: the one that waits longest comes first
STATEMENTS = {
    "store": events._STORE_FROM_INBOX,
    "store in conversation": events._STORE_IN_CONVERSATION,
    "claim": leases._CLAIM_DUE,
    "take": leases._TAKE,
    "begin": conversations._BEGIN,
    "write": deliveries._write(merges=True, answers=True, calls=True),
    "mark": deliveries._MARK_IN_FLIGHT,
    "record": deliveries._RECORD_WITH_CALL,
    "let go": endings._give_back(ends=True, puts_off=True, tries=True, calls=True, claims=True),
}


def plan_of(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN, COSTS OFF) {_numbered(statement).text.decode()}")
        return [row[0] for row in cursor.fetchall()]


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
        cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan")


@pytest.fixture
def nearly_empty() -> None:
    """A channel, its bot and its first contact, and a planner that knows how few they are."""
    ContactRow.objects.create(channel=make_channel(), external_id="contact-1")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE channels_app_channel, channels_app_bot, channels_app_contact")


@pytest.mark.usefixtures("nearly_empty")
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_reads_rows_by_their_keys(name: str) -> None:
    plan = plan_of(STATEMENTS[name])
    found = list(scans(plan))
    assert found, plan
    assert [index for index, is_by_key in found if not is_by_key and index != IN_ORDER] == [], "\n".join(plan)
    assert not [line for line in plan if "Seq Scan" in line or "Bitmap" in line], "\n".join(plan)


def test_open_events_are_read_in_the_order_of_their_index() -> None:
    plan = plan_of(STATEMENTS["let go"])
    assert sum("event_open_in_order" in line for line in plan) == 2, "\n".join(plan)  # what is left, and what is next
    assert not [line for line in plan if "Sort" in line], "\n".join(plan)
