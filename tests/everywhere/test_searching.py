"""What is covered can't be found out by asking for it: a search answers who may not read texts by ids alone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.conftest import Walker

NAME, NUMBER, SAID = "Qvortrup", "+4915112348765", "zebrafinch"
PERSON = {"id": "contact-of-qvortrup", "primaryIdentifier": NAME, "secondaryIdentifier": NUMBER}
DOORS = ("/ops/conversations/", "/api/v1/conversations/")


@pytest.fixture
def client_of(walker: Walker) -> Callable[[str], Client]:
    walker.says(SAID, data={"contactProfile": PERSON})

    def make(role: str) -> Client:
        user = User.objects.create_user(role, is_staff=True)
        user.groups.set(Group.objects.filter(name=role))
        client = Client()
        client.force_login(user)
        return client

    return make


def answers(client: Client, door: str, term: str) -> bool:
    """Whether something was found: then a page opens, or has a link to it."""
    response: Any = client.get(door, {"q": term})
    if door.startswith("/api/"):
        return bool(response.json()["results"])
    return response.status_code == 302 or "Found by" in response.content.decode()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("term", [NAME, "q", "qvo", NUMBER, "8765", "151", SAID, "zebra", "contact-of-qvortrup"])
def test_only_readers_find_by_names_and_words(client_of: Callable[[str], Client], door: str, term: str) -> None:
    assert answers(client_of("Operator"), door, term)
    assert not answers(client_of("Viewer"), door, term)
    assert not answers(client_of("Auditor"), door, term)


@pytest.mark.parametrize("door", DOORS)
def test_everybody_finds_by_ids(client_of: Callable[[str], Client], walker: Walker, door: str) -> None:
    talk, viewer = walker.conversation(), client_of("Viewer")
    event = talk.events.get()
    terms = (talk.external_id, str(talk.session_id), f"conversation {talk.pk}", f"event {event.pk}", str(talk.pk))
    assert [term for term in (*terms, event.idempotency_key) if not answers(viewer, door, term)] == []


@pytest.mark.parametrize(
    "query",
    [
        "channel/?shared_secret_encrypted__startswith=v1",
        "channel/?old_secret_encrypted__regex=.",
        "channel/?settings__client_secret__startswith=v1",
        "channel/?conversations__contact__primary_identifier__startswith=Q",
        "channel/?bot__settings__token__startswith=v1",
        "bot/?settings__token__startswith=v1",
        "bot/?settings__url__contains=token",
        "bot/?channel__conversations__contact__secondary_identifier__contains=8765",
    ],
)
def test_lists_are_filtered_by_what_they_offer_alone(client_of: Callable[[str], Client], query: str) -> None:
    response = client_of("Viewer").get(f"/admin/channels_app/{query}")
    assert response.status_code == 400


@pytest.mark.parametrize("query", ["", "?inbox__exact=hootsuite", "?state=live", "?q=Channel", "?bot__id__exact=1"])
def test_the_filters_that_a_list_offers_work(client_of: Callable[[str], Client], query: str) -> None:
    assert client_of("Viewer").get(f"/admin/channels_app/channel/{query}").status_code == 200
