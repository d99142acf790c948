"""Each role opens every page and calls every operation: no secret anywhere, and no words for who may not read them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from channels_app.access.roles import ROLES
from tests.conftest import Walker
from tests.everywhere.installation import WORDS, Installation, build
from tests.everywhere.walk import API, TYPED, Seen, forms_on, operations, pages, visit
from tests.world import World

READERS = ("Operator", "Admin", "Superuser")
OTHERS = ("Viewer", "Auditor", "No role", "Stranger")
CLOSED_TO_ALL = 403
"""Django's pages to add or delete rows that nobody edits."""
REACHED = (200, 201, 202, 302, 409)
SAFE_TO_SEND = ("/bug-report/", "/diagnostics/")
"""What may be given to anybody: no words in it, whoever asks."""


@pytest.fixture
def there(walker: Walker, world: World, settings: Any) -> Installation:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # many log-ins, in no time
    return build(walker, world)


def client_of(role: str) -> Client:
    client = Client(raise_request_exception=False)
    if role != "Stranger":
        user = User.objects.create_user(f"somebody: {role}", is_staff=True, is_superuser=role == "Superuser")
        user.groups.set(Group.objects.filter(name=role))
        client.force_login(user)
    return client


def everything(client: Client, there: Installation) -> Iterator[Seen]:
    """Every page, what its forms send, and every operation."""
    sent = set[str]()
    for place in pages(there):
        seen = visit(client, place)
        yield seen
        for try_ in forms_on(seen):
            if (key := f"{try_} {sorted(try_.fields)}") not in sent:
                sent.add(key)
                yield visit(client, try_)
    yield from (visit(client, place) for place in operations(there))


def found_in(seen: Seen, texts: Iterator[str] | frozenset[str] | tuple[str, ...]) -> set[str]:
    shown = seen.text.casefold()
    return {text for text in texts if text.casefold() in shown}


OTHERWISE = {
    "GET /admin/logout/": 405,  # a form on each page posts it
    "GET /admin/r/": 404,  # Django's "view on site": there is none
    "GET /webhooks/bot/": 401,  # a bot that asks whether agents are there shows its token
    "GET /webhooks/offload/": 401,  # a platform's look whether the door is there shows its token
}


def is_reached(seen: Seen) -> bool:
    if seen.place.url.startswith(API):
        return seen.status in REACHED
    expected = next((status for start, status in OTHERWISE.items() if str(seen.place).startswith(start)), 0)
    return seen.status in (*REACHED, CLOSED_TO_ALL, expected)


@pytest.mark.parametrize("role", [*READERS, *OTHERS])
def test_nobody_is_shown_a_secret_and_only_readers_words(there: Installation, role: str) -> None:
    """A new page or operation that this walk can't open fails here, until it is told how."""
    assert {*ROLES, "Superuser", "No role", "Stranger"} == {*READERS, *OTHERS}
    client, faults, words = client_of(role), set[str](), set[str]()
    for seen in everything(client, there):
        leaks = found_in(seen, there.secrets | {TYPED})
        said = found_in(seen, WORDS)
        words |= said
        is_open = role in READERS and not any(part in seen.place.url for part in SAFE_TO_SEND)
        leaks |= set() if is_open else said
        faults |= {f"{seen.place}: shows {leaks}"} if leaks else set()
        is_missed = role == "Superuser" and not is_reached(seen)
        faults |= {f"{seen.place}: {seen.status}"} if seen.status >= 500 or is_missed else set()
        is_kept = seen.status == 200 and "no-store" not in seen.headers.get("Cache-Control", "")
        faults |= {f"{seen.place}: a browser keeps it"} if is_kept and "/webhooks/" not in seen.place.url else set()
    assert not faults, "\n".join(sorted(faults))
    if role in READERS:
        assert words == set(WORDS), f"nobody ever sees {set(WORDS) - words}: that they are covered proves nothing"
