"""Log-ins: written down, and refused for a while after too many that failed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client

from channels_app.access import logins
from channels_app.access.logins import (
    KNOWN_FOR,
    TRIES,
    TRIES_FROM_ANYWHERE,
    TRIES_OF_NETWORK,
    WAIT,
    WAIT_ANYWHERE,
    Try,
    refused_until,
)
from channels_app.lib.clocks import database_now
from channels_app.models import AuditEntry
from chatbridge.proxy import ProxyMiddleware

NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def cheap_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def failures(count: int, address: str = HOME, ago: timedelta = timedelta(minutes=1)) -> list[Try]:
    return [Try(NOW - ago, address, False)] * count


# --- the rule -----------------------------------------------------------------------------------------------------


def test_a_few_slips_are_free_and_then_a_name_rests() -> None:
    assert refused_until(failures(TRIES - 1), HOME, NOW, is_known=True) is None
    until = refused_until(failures(TRIES), HOME, NOW, is_known=True)
    assert until == NOW - timedelta(minutes=1) + WAIT
    assert refused_until(failures(TRIES, ago=WAIT), HOME, NOW, is_known=True) is None


def test_a_log_in_that_worked_forgives_what_was_before() -> None:
    tries = [*failures(1), Try(NOW - timedelta(minutes=2), HOME, True), *failures(TRIES, ago=timedelta(minutes=3))]
    assert refused_until(tries, HOME, NOW, is_known=True) is None


def test_guessing_elsewhere_does_not_touch_the_one_at_home() -> None:
    tries = failures(TRIES_FROM_ANYWHERE * 2, ELSEWHERE)
    assert refused_until(tries, HOME, NOW, is_known=True) is None
    assert refused_until(tries, HOME, NOW, is_known=False) == NOW - timedelta(minutes=1) + WAIT_ANYWHERE
    assert refused_until(tries[1:TRIES_FROM_ANYWHERE], HOME, NOW, is_known=False) is None


# --- the page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def anna(db: None) -> User:
    return User.objects.create_user("anna", password="correct horse", is_staff=True, is_superuser=True)


def log_in(client: Client, name: str = "anna", password: str = "wrong", address: str = HOME) -> str:
    page = client.post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=address)
    content: str = page.content.decode()
    return "in" if page.status_code == 302 else content


def facts() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "address"))


def test_every_log_in_and_log_out_is_written_down(client: Client, anna: User) -> None:
    log_in(client)
    assert log_in(client, password="correct horse") == "in"
    client.post("/admin/logout/", REMOTE_ADDR=HOME)
    words = ["failed to log in", "logged in", "logged out"]
    assert facts() == [("anna", word, HOME) for word in words]


def test_a_name_that_nobody_has_is_not_kept_because_it_may_be_a_password(client: Client, anna: User) -> None:
    log_in(client, name="correct horse", password="anna")
    assert facts() == [("unknown name", "failed to log in", HOME)]
    assert "correct horse" not in str(AuditEntry.objects.values().get())


def test_after_some_tries_not_even_the_right_password_opens(client: Client, anna: User) -> None:
    for _ in range(TRIES):
        assert "Too many" not in log_in(client)
    assert "Too many log-ins with this name failed. Try again in 15 minutes." in log_in(
        client, password="correct horse"
    )
    assert len(facts()) == TRIES  # who is refused adds nothing
    assert log_in(client, password="correct horse", address=ELSEWHERE) == "in"
    User.objects.create_user("bert", password="battery staple", is_staff=True)
    assert log_in(client, "bert", "battery staple") == "in"


def test_names_that_nobody_has_are_refused_likewise(client: Client, db: None) -> None:
    pages = [log_in(client, name=name) for name in ("Nobody", "nobody", "NOBODY", "nobody", "nobody", "nobody")]
    assert ["Too many" in page for page in pages] == [False] * TRIES + [True]


def test_the_wait_ends(client: Client, anna: User, database_clock: Any) -> None:
    for _ in range(TRIES):
        log_in(client)
    database_clock(database_now() + WAIT)
    assert log_in(client, password="correct horse") == "in"


def test_a_guesser_with_many_addresses_locks_out_nobody_who_is_known(
    client: Client, anna: User, database_clock: Any
) -> None:
    assert log_in(client, password="correct horse") == "in"
    for number in range(TRIES_FROM_ANYWHERE):
        log_in(client, address=f"198.51.100.{number}")
    assert "Too many" in log_in(client, password="correct horse", address="198.51.100.99")
    assert log_in(client, password="correct horse") == "in"
    database_clock(database_now() + KNOWN_FOR)
    assert log_in(client, password="correct horse", address="198.51.100.99") == "in"


# --- who called ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_its_word_counts_and_nobody_elses(header: str, address: str) -> None:
    request = HttpRequest()
    request.META |= {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": header}
    seen: list[Any] = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    ProxyMiddleware(answer)(request)
    assert seen == [address]


# --- many at once -------------------------------------------------------------------------------------------------


def at_once(count: int, act: Callable[[int], str]) -> list[str]:
    """What each of so many threads got, all begun together."""
    start = threading.Barrier(count)

    def run(number: int) -> str:
        try:
            start.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_time_are_not_more_than_one_after_the_other() -> None:
    User.objects.create_user("anna", password="correct horse", is_staff=True)
    for _ in range(3):
        pages = at_once(24, lambda number: log_in(Client(), password=f"guess {number}"))
        assert all("Too many" in page or "correct username" in page for page in pages)
    looked_at = AuditEntry.objects.filter(action="failed to log in").count()
    assert 0 < looked_at <= TRIES


def test_no_more_passwords_are_looked_at_than_there_are_places(
    client: Client, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "_places", threading.BoundedSemaphore(1))
    monkeypatch.setattr(logins, "PATIENCE_S", 0.01)
    with logins._places:
        assert "Too many people are logging in right now" in log_in(client, password="correct horse")
    assert facts() == []
    assert log_in(client, password="correct horse") == "in"


def test_a_network_that_tries_many_names_rests_and_who_is_known_there_does_not(client: Client, anna: User) -> None:
    assert log_in(client, password="correct horse") == "in"
    client.post("/admin/logout/", REMOTE_ADDR=HOME)
    for number in range(TRIES_OF_NETWORK):
        log_in(client, name=f"somebody-{number}", address=f"203.0.113.{number}")
    written = AuditEntry.objects.count()
    assert "Too many log-ins from your network failed" in log_in(client, name="another", address="203.0.113.200")
    assert AuditEntry.objects.count() == written  # nobody looked at the password
    assert "Too many" not in log_in(client, name="another", address=ELSEWHERE)
    assert log_in(client, password="correct horse") == "in"
