"""PostgreSQL that answers and can't be used: what doors, pages, API and `/readyz` make of it, and that it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import Error, connection
from django.test import Client
from psycopg.pq import ExecStatus

from channels_app.channels import readiness
from channels_app.lib import outages
from channels_app.lib.postgres import Link
from channels_app.lib.prepared import session_of
from channels_app.models import WebhookEvent
from channels_app.web.webhooks import base as webhooks
from tests.builders import make_event
from tests.channels_app.test_views import bot_says
from tests.conftest import Walker
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(webhooks, "HOLD_S", 0.6)
    monkeypatch.setattr(webhooks, "HOLD_STEP_S", 0.05)
    yield
    connection.close()


@contextmanager
def failing_with(code: str, table: str = "channels_app_webhookevent") -> Iterator[None]:
    """PostgreSQL itself refuses each new row with this SQLSTATE."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'in a test' USING ERRCODE = '{code}'; END $$;"
            f" CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"
            " EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse() CASCADE")


def set_read_only(word: str) -> None:
    """For all connections to come, as when another server has become the primary."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute(f"ALTER DATABASE {connection.ops.quote_name(name)} SET default_transaction_read_only = {word}")


@pytest.fixture
def read_only() -> Iterator[Callable[[], None]]:
    yield lambda: set_read_only("on")
    connection.close()
    set_read_only("off")
    connection.close()


@pytest.mark.parametrize(
    "code", ["08006", "25006", "40001", "42P01", "53100", "53300", "57014", "57P01", "58030", "XX000"]
)
def test_what_is_not_the_events_fault_is_waited_for_and_then_handed_over(walker: Walker, code: str) -> None:
    assert walker.post(make_event("CONVERSATION_STARTED")).json() == {}
    with failing_with(code):
        response = walker.post(make_event())
        assert response.status_code == 200
        assert response.json()["complete"] == "HANDOVER"
    assert walker.post(make_event(text="Once more")).json() == {}
    assert WebhookEvent.objects.count() == 2


AWAY = [
    *("08000", "08001", "08003", "08004", "08006", "08P01", "25006", "25P03", "25P04", "28000", "28P01", "3D000"),
    *("42501", "42703", "42P01", "53000", "53100", "53200", "53300", "53400"),
    *("57P01", "57P02", "57P03", "57P04", "57P05", "58000", "58030", "58P01", "58P02", "XX000", "XX001", "XX002"),
]
BUSY = ["0A000", "26000", "40001", "40003", "40P01", "55P03", "57014"]
OF_THE_STATEMENT = ["21000", "22001", "22P05", "23503", "23505", "23514", "25P02", "42601", "54000", "P0001"]


def raised(code: str) -> Error:
    """As PostgreSQL raises it, and as Django tells it."""
    with pytest.raises(Error) as caught, connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'in a test' USING ERRCODE = '{code}'; END $$")
    return caught.value


def test_all_classes_of_errors_are_decided() -> None:
    kinds = {code: outages.trouble_of(raised(code)) for code in [*AWAY, *BUSY, *OF_THE_STATEMENT]}
    assert [code for code, trouble in kinds.items() if trouble and trouble.is_away] == AWAY
    assert [code for code, trouble in kinds.items() if trouble and not trouble.is_away] == BUSY
    assert [code for code, trouble in kinds.items() if trouble is None] == OF_THE_STATEMENT


def test_a_connection_that_breaks_under_a_statement_is_an_outage(db: None) -> None:
    """libpq may give its error before it knows that the connection is bad: the door answered 500."""
    connection.ensure_connection()
    link = cast(Link, connection.connection)
    broken = link.pgconn.make_empty_result(ExecStatus.FATAL_ERROR)
    assert isinstance(session_of(link)._error(broken), psycopg.OperationalError)


def test_a_connection_to_the_old_primary_is_left_for_the_server_that_takes_writes(walker: Walker) -> None:
    walker.post(make_event("CONVERSATION_STARTED"))
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    response = walker.post(make_event())
    assert (response.status_code, response.json()) == (200, {})
    assert WebhookEvent.objects.count() == 2


def test_while_only_the_old_primary_is_there_the_answer_hands_over_and_nothing_is_ready(
    walker: Walker, read_only: Callable[[], None]
) -> None:
    walker.post(make_event("CONVERSATION_STARTED"))
    assert walker.client.get("/readyz").status_code == 200
    read_only()
    connection.close()
    assert walker.post(make_event()).json()["complete"] == "HANDOVER"
    response = walker.client.get("/readyz")
    assert response.status_code == 503
    assert "read-only" in response.json()["why"]
    set_read_only("off")
    assert walker.client.get("/readyz").status_code == 200
    assert walker.post(make_event()).json() == {}


def test_an_open_connection_that_became_read_only_is_not_ready_and_left(walker: Walker) -> None:
    assert walker.client.get("/readyz").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert walker.client.get("/readyz").status_code == 503
    assert walker.client.get("/readyz").status_code == 200


def test_a_full_disk_that_a_look_does_not_show_is_told_for_a_moment(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_with("53100"):
        walker.post(make_event())
    response = walker.client.get("/readyz")
    assert response.status_code == 503
    assert "disk is full" in response.json()["why"]
    monkeypatch.setattr(outages._known, "hidden_until", 0.0)
    assert walker.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("code", ["25006", "53100", "57014", "XX001"])
def test_other_doors_ask_to_try_again(walker: Walker, world: World, code: str) -> None:
    """What they say is theirs to repeat."""
    world.bot.replies = [{}]
    walker.says("Hello")
    with failing_with(code):
        assert bot_says(walker, {"messages": [{"text": "Later"}]}).status_code == 503
    assert bot_says(walker, {"messages": [{"text": "Later"}]}).status_code == 202


@pytest.mark.parametrize("code", ["25006", "53100", "57014", "XX000"])
def test_a_page_says_in_plain_words_that_it_can_not_be_had_now(
    channel: Any, admin_user: User, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    form = {"name": "Agents", "username": "new", "password1": "Ax9!long-enough", "password2": "Ax9!long-enough"}
    with failing_with(code, "auth_user"):
        response = client.post("/admin/auth/user/add/", {**form, "usable_password": "true"})
    assert response.status_code == 503
    text = response.content.decode()
    assert "PostgreSQL can&#x27;t be used: " in text
    assert "may not have been saved" in text
    assert response["Retry-After"]
    assert not any(record.exc_info for record in caplog.records)


def test_what_fails_beside_the_view_is_told_likewise(admin_user: User) -> None:
    """The session is saved when the view is over."""
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    client.get("/admin/")
    with failing_with("25006", "django_session"):
        response = client.post("/admin/logout/")
    assert response.status_code == 503
    assert "read-only" in response.content.decode()


def test_a_defect_is_still_a_500(admin_user: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    with failing_with("P0001", "django_session"):
        assert client.post("/admin/logout/").status_code == 500


def test_the_log_says_it_once_and_names_the_server_s_words(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        outages.met(raised("53100"))
    lines = [record.getMessage() for record in caplog.records if "CB-711" in record.getMessage()]
    assert len(lines) == 1
    assert "its disk is full" in lines[0]
    assert "in a test" in lines[0]


def test_a_missing_table_is_told_as_a_migration_that_is_missing() -> None:
    with pytest.raises(Error) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM there_is_no_such_table")
    trouble = outages.trouble_of(caught.value)
    assert trouble is not None
    assert "migrate" in trouble.why


def test_readiness_is_found_again_after_doubt(walker: Walker) -> None:
    assert walker.client.get("/readyz").json() == {"ready": True}
    readiness.forget()
    assert walker.client.get("/readyz").json() == {"ready": True}
