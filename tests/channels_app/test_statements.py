"""Statements on a kept connection: prepared, and none the worse for what happens to the connection meanwhile."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, DataError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from channels_app.lib import prepared, statements
from channels_app.lib.statements import fetch
from channels_app.models import Bot
from tests.builders import make_bot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_connection():
    """What is prepared here belongs to no other test."""
    connection.close()
    yield
    connection.close()


def prepared_count():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        return cursor.fetchone()[0]


def kill_connection():
    """As an operator or a restart does, from another connection."""
    pid = connection.connection.info.backend_pid
    killer = connection.copy()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])
    killer.close()


def test_values_come_back_as_they_went():
    moment = datetime(2026, 3, 4, 5, 6, 7, 89, UTC)
    values = {"number": 7, "text": "it's 100 % ✓", "moment": moment, "nothing": None, "raw": b"\0\xff", "many": [1, 2]}
    rows = fetch(
        "SELECT %(number)s, %(text)s::text, %(moment)s::timestamptz, %(nothing)s::text, %(raw)s::bytea,"
        " %(many)s::bigint[], %(number)s + 1",
        values,
    )
    assert rows == [(7, "it's 100 % ✓", moment, None, b"\0\xff", [1, 2], 8)]
    assert rows[0][2].utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "NULL", "null", '"', "\\", '\\"', "{a,b}", " a, b ", "it's ✓\n\t", "'); DROP"])
def test_texts_in_a_list_come_back_as_they_went(text):
    assert fetch("SELECT %(texts)s::text[]", {"texts": [text, None, text]}) == [([text, None, text],)]


def test_lists_of_nothing_and_of_large_numbers_come_back_as_they_went():
    values = {"none": [], "numbers": [0, -1, 2**62], "documents": ['{"a": "\\"\\\\"}']}
    rows = fetch("SELECT %(none)s::text[], %(numbers)s::bigint[], (%(documents)s::jsonb[])[1] ->> 'a'", values)
    assert rows == [([], [0, -1, 2**62], '"\\')]


def test_a_text_in_a_list_that_postgresql_can_not_keep_is_refused_and_not_cut():
    with pytest.raises(DataError, match="NUL"):
        fetch("SELECT %(texts)s::text[]", {"texts": ["a\0b"]})


def test_it_is_prepared_once_whatever_the_size_of_its_numbers():
    statement = "SELECT %(number)s, %(many)s::bigint[]"
    for number in (1, 100_000, 2**40):
        assert fetch(statement, {"number": number, "many": [number]}) == [(number, [number])]
    assert fetch(statement, {"number": 1, "many": []}) == [(1, [])]
    assert prepared_count() == 1


def test_nothing_is_prepared_where_that_is_switched_off():
    connection.ensure_connection()
    connection.connection.prepare_threshold = None
    assert fetch("SELECT %(number)s", {"number": 3}) == [(3,)]
    assert prepared_count() == 0


def test_a_connection_keeps_only_so_many(monkeypatch):
    monkeypatch.setattr(prepared, "MAX_PREPARED", 2)
    for number in range(4):
        assert fetch(f"SELECT %(value)s + {number}", {"value": 1}) == [(1 + number,)]
    assert prepared_count() == 2


def test_it_is_committed_when_it_returns():
    bot = make_bot()
    fetch("UPDATE channels_app_bot SET failures = 3 WHERE id = %(id)s RETURNING id", {"id": bot.pk})
    connection.close()
    assert Bot.objects.get(pk=bot.pk).failures == 3


def test_as_the_first_of_a_transaction_it_is_undone_with_it():
    bot = make_bot()
    with pytest.raises(RuntimeError), transaction.atomic():
        fetch("UPDATE channels_app_bot SET failures = 3 WHERE id = %(id)s RETURNING id", {"id": bot.pk})
        raise RuntimeError
    assert Bot.objects.get(pk=bot.pk).failures == 0


def test_in_a_transaction_that_failed_it_is_not_tried():
    with transaction.atomic():
        with pytest.raises(DataError):
            fetch("SELECT 1 / %(zero)s", {"zero": 0})
        with pytest.raises(DatabaseError):
            fetch("SELECT %(one)s", {"one": 1})
        connection.set_rollback(True)


def test_a_mistake_is_told_as_django_tells_it_and_the_connection_goes_on():
    with pytest.raises(DataError, match="division by zero"):
        fetch("SELECT 1 / %(zero)s", {"zero": 0})
    assert fetch("SELECT 6 / %(three)s", {"three": 3}) == [(2,)]


def test_a_plan_does_not_outlive_what_was_known_when_it_was_made(monkeypatch):
    """A table is filled behind the back of PostgreSQL's upkeep: the statement is planned for what is there now."""
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute("CREATE TEMPORARY TABLE grown (id bigint PRIMARY KEY)")
        cursor.execute("INSERT INTO grown VALUES (1); ANALYZE grown")

        def rows_read_through():
            counted = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'grown'"
            cursor.execute(counted)
            before = cursor.fetchone()[0]
            fetch("SELECT count(*) FROM grown WHERE id = %(id)s", {"id": 1})
            cursor.execute(counted)
            return cursor.fetchone()[0] - before

        with transaction.atomic():
            assert rows_read_through() == 1
            cursor.execute("INSERT INTO grown SELECT generate_series(2, 20000)")
            assert rows_read_through() == 20_000  # by the plan for a table of one row
            monkeypatch.setattr(prepared, "PLANS_KEPT_S", 0.0)
            assert rows_read_through() == 0
    assert prepared_count() == 1


def test_errors_leave_no_plans_behind():
    for _ in range(3):
        with pytest.raises(DataError):
            fetch("SELECT 1 / %(zero)s", {"zero": 0})
    assert prepared_count() == 1


def test_what_somebody_else_forgot_is_prepared_anew():
    fetch("SELECT %(one)s", {"one": 1})
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(DatabaseError, match="does not exist"):
        fetch("SELECT %(one)s", {"one": 1})
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]


def test_a_killed_connection_is_an_operational_error_and_the_next_statement_has_a_new_one():
    fetch("SELECT %(one)s", {"one": 1})
    kill_connection()
    with pytest.raises(OperationalError):
        fetch("SELECT %(one)s", {"one": 1})
    connection.close()  # as whoever catches it does
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]


def test_an_idle_connection_that_was_killed_is_left_without_an_error(monkeypatch):
    fetch("SELECT %(one)s", {"one": 1})
    kill_connection()
    monkeypatch.setattr(statements, "IDLE_S", 0.0)
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]


def test_a_plan_that_a_migration_made_useless_is_made_anew():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE thing (number int)")
        cursor.execute("INSERT INTO thing VALUES (5)")
    try:
        assert fetch("SELECT number FROM thing WHERE number = %(number)s", {"number": 5}) == [(5,)]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE thing ALTER number TYPE text")
        statement = "SELECT number FROM thing WHERE number <> %(text)s"
        assert fetch(statement, {"text": "x"}) == [("5",)]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE thing ALTER number TYPE varchar(9)")
        with pytest.raises(DatabaseError, match="cached plan"):
            fetch(statement, {"text": "x"})
        assert fetch(statement, {"text": "x"}) == [("5",)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE thing")


def test_other_threads_go_on_while_it_waits():
    seen: list[float] = []

    def tick():
        while not done.is_set():
            seen.append(time.monotonic())
            time.sleep(0.01)

    done = threading.Event()
    thread = threading.Thread(target=tick)
    thread.start()
    before = len(seen)
    fetch("SELECT 1 FROM pg_sleep(%(seconds)s)", {"seconds": 0.5})
    done.set()
    thread.join()
    assert len(seen) - before > 1  # of about fifty, on a quiet machine


def test_whoever_counts_statements_sees_it():
    with CaptureQueriesContext(connection) as seen:
        fetch("SELECT %(one)s", {"one": 1})
    assert len(seen) == 1
