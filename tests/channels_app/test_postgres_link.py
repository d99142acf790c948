"""A PostgreSQL that falls silent: nobody waits for ever, and everything goes on by itself on a new connection."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.slots import free_lost_leases
from channels_app.lib import postgres as postgres_link
from channels_app.lib.clocks import database_now
from channels_app.lib.postgres import Link, limits, waiting_at_most
from channels_app.lib.statements import fetch
from channels_app.models import Bot, Channel, Conversation, WebhookEvent
from channels_app.web.webhooks import base as webhooks
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.silent import SilentProxy

pytestmark = pytest.mark.django_db(transaction=True)


def server_of_the_tests() -> tuple[str, int] | str:
    host, port = connection.settings_dict["HOST"], int(connection.settings_dict["PORT"] or 5432)
    return str(Path(host) / f".s.PGSQL.{port}") if host.startswith("/") else (host, port)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentProxy]:
    """Between this thread's connection and PostgreSQL."""
    monkeypatch.setattr(postgres_link, "LOOK_S", 0.05)
    with SilentProxy(server_of_the_tests()) as proxy:
        before = dict(connection.settings_dict)
        connection.close()
        connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(proxy.port)}
        yield proxy
        connection.close()
        connection.settings_dict |= before


@pytest.fixture
def impatient() -> Iterator[None]:
    with waiting_at_most(0.5):
        yield


def link() -> Link:
    connection.ensure_connection()
    assert isinstance(connection.connection, Link)
    return connection.connection


@pytest.mark.parametrize("answers_only", [True, False])
def test_a_statement_on_a_dead_connection_ends_and_the_next_has_a_new_one(
    proxy: SilentProxy, impatient: None, answers_only: bool
) -> None:
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]
    proxy.silence_present(answers_only=answers_only)
    with pytest.raises(OperationalError, match="did not answer in time"):
        fetch("SELECT %(one)s", {"one": 1})
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]  # without anybody closing the dead one


def test_so_does_one_of_the_orm(proxy: SilentProxy, impatient: None) -> None:
    assert Bot.objects.count() == 0
    proxy.silence_present()
    with pytest.raises(OperationalError, match="did not answer in time"):
        Bot.objects.count()
    connection.close_if_unusable_or_obsolete()  # as each request begins
    assert Bot.objects.count() == 0


def test_and_a_commit(proxy: SilentProxy, impatient: None) -> None:
    with pytest.raises(OperationalError), transaction.atomic():
        make_bot()
        proxy.silence_present()
    connection.close()
    assert Bot.objects.count() == 0


def test_a_server_that_is_frozen_lets_nobody_in_and_nobody_waits_for_it(proxy: SilentProxy, impatient: None) -> None:
    proxy.silence_all()
    with pytest.raises(OperationalError):
        fetch("SELECT %(one)s", {"one": 1})
    proxy.speak()
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]


def test_a_frozen_process_of_postgresql_is_left(impatient: None) -> None:
    connection.close()
    pid = link().info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(OperationalError, match="did not answer in time"):
            fetch("SELECT %(one)s", {"one": 1})
        assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]
        assert link().info.backend_pid != pid
    finally:
        os.kill(pid, signal.SIGCONT)


def test_one_that_is_slow_and_not_silent_is_heard_out() -> None:
    before = limits.answer_s  # of this thread: a pump that ran in it has left its own
    with waiting_at_most(5.0):
        assert fetch("SELECT 1 FROM pg_sleep(%(seconds)s)", {"seconds": 0.6}) == [(1,)]
    assert limits.answer_s == before


def test_after_a_silence_no_other_connection_is_waited_for_either(proxy: SilentProxy, impatient: None) -> None:
    """Whoever has one of the same age takes a new one, instead of finding out by waiting, too."""
    old = link()
    found: list[bool] = []

    def meet_silence() -> None:
        connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(proxy.port)}
        try:
            with waiting_at_most(0.2):
                fetch("SELECT %(one)s", {"one": 1})
                proxy.silence_present()
                with pytest.raises(OperationalError):
                    fetch("SELECT %(one)s", {"one": 1})
            found.append(True)
        finally:
            connection.close()

    thread = threading.Thread(target=meet_silence)
    thread.start()
    thread.join()
    assert found
    assert old.is_suspect
    assert fetch("SELECT %(one)s", {"one": 1}) == [(1,)]
    assert link() is not old
    assert not old.is_cut


def test_a_migration_takes_as_long_as_it_takes(impatient: None) -> None:
    with connection.schema_editor() as editor:
        editor.execute("SELECT pg_sleep(1)")
    assert limits.answer_s == 0.5


# --- at the doors -------------------------------------------------------------------------------------------------


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TRY_S", 0.5)


def test_an_event_on_a_dead_connection_is_stored_on_a_new_one(
    channel: Channel, client: Client, proxy: SilentProxy, hurry: None
) -> None:
    walker = Walker(client, channel)
    assert walker.post(make_event("CONVERSATION_STARTED")).json() == {}
    proxy.silence_present()
    response = walker.post(make_event())
    assert (response.status_code, response.json()) == (200, {})
    assert WebhookEvent.objects.count() == 2


def test_an_event_that_was_stored_without_our_hearing_of_it_is_stored_once(
    channel: Channel, client: Client, proxy: SilentProxy, hurry: None
) -> None:
    walker = Walker(client, channel)
    assert walker.post(make_event("CONVERSATION_STARTED")).json() == {}
    proxy.silence_present(answers_only=True)
    assert walker.post(make_event()).json() == {}
    assert WebhookEvent.objects.count() == 2


def test_while_all_is_silent_the_answer_hands_over_and_a_probe_is_answered(
    channel: Channel, client: Client, proxy: SilentProxy, hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    walker = Walker(client, channel)
    assert walker.post(make_event("CONVERSATION_STARTED")).json() == {}
    monkeypatch.setattr(webhooks, "HOLD_S", 1.0)
    proxy.silence_all()
    assert walker.post(make_event()).json()["complete"] == "HANDOVER"
    assert client.get("/readyz").status_code == 503
    proxy.speak()
    assert client.get("/readyz").status_code == 200
    assert walker.post(make_event()).json() == {}


# --- in workers ---------------------------------------------------------------------------------------------------


def age_leases(seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_app_conversation SET lease_until = lease_until - make_interval(secs => %s)", [seconds]
        )


def test_a_claim_whose_answer_was_lost_is_undone_by_its_own_process(
    walker: Walker, proxy: SilentProxy, impatient: None
) -> None:
    assert claim_due_conversation("us") is None  # its statement is prepared by now
    assert walker.post(make_event()).json() == {}
    proxy.silence_present(answers_only=True)
    with pytest.raises(OperationalError):
        claim_due_conversation("us")
    connection.close()  # as whoever meets it does
    assert Conversation.objects.get().lease_slot == "us"  # PostgreSQL did it
    assert claim_due_conversation("others") is None
    assert free_lost_leases("us", [], database_now()) == 0  # another thread may just be getting it
    age_leases(3)
    assert free_lost_leases("others", [], database_now()) == 0
    assert free_lost_leases("us", [], database_now()) == 1
    assert claim_due_conversation("others") is not None


def test_what_is_in_our_hands_is_not_taken_from_us(walker: Walker) -> None:
    walker.post(make_event())
    lease = claim_due_conversation("us")
    assert lease is not None
    age_leases(3)
    assert free_lost_leases("us", [lease.conversation_id], database_now()) == 0


def test_what_came_into_our_hands_since_we_looked_is_not_taken_either(walker: Walker) -> None:
    """To renew a thousand leases may take longer than a claim may be on its way."""
    looked_at = database_now() - timedelta(seconds=5)
    walker.post(make_event())
    assert claim_due_conversation("us") is not None
    age_leases(3)
    assert free_lost_leases("us", [], looked_at) == 0
    assert free_lost_leases("us", [], database_now()) == 1
