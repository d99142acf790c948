"""What PostgreSQL knows of the tables is not older than what pages can bear."""

import pytest
from django.db import connection

from channels_app.upkeep.table_sizes import ROWS_LEAST, learn_sizes
from tests.bridge import eventually

TABLE = "channels_app_intakecount"


def add(count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} (door, reason, day, count, last_at, last_network)"
            " SELECT 'inbox', 'r' || number || random(), now()::date, 1, now(), ''"
            " FROM generate_series(1, %s) AS number",
            [count],
        )
        cursor.execute("SELECT pg_stat_force_next_flush()")


def known_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [TABLE])
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_table_that_has_grown_is_looked_at_and_then_left_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} SET (autovacuum_enabled = off)")
        cursor.execute(f"TRUNCATE {TABLE}")
        cursor.execute(f"ANALYZE {TABLE}")
    try:
        add(ROWS_LEAST // 2)
        assert TABLE not in learn_sizes()
        add(ROWS_LEAST)
        eventually(lambda: TABLE in learn_sizes())
        assert known_rows() == ROWS_LEAST // 2 + ROWS_LEAST
        assert TABLE not in learn_sizes()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} RESET (autovacuum_enabled)")
