"""Times on pages are in the zone of who reads them, and say which; programs get UTC."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.access.audit import Actor, record_audit
from channels_app.models import AuditEntry, Preference, WebhookEvent
from tests.conftest import Walker

AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
PAGE = "/ops/time-zone/"


@pytest.fixture
def person(client: Client, db: None) -> User:
    """May log in, and nothing else."""
    user = User.objects.create_user("noor", is_staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def talk(walker: Walker) -> Walker:
    walker.says("Hello")
    WebhookEvent.objects.update(received_at=AT)
    return walker


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


def zone_on(page: str) -> str:
    found = re.search(r'data-zone="([^"]+)"', page)
    assert found, "no zone in the header"
    return found[1]


@pytest.mark.parametrize(
    ("cookie", "chosen", "zone"),
    [
        (None, None, "UTC"),
        ("Europe/Brussels", None, "Europe/Brussels"),
        ("Europe/Brussels", "", "Europe/Brussels"),
        ("Europe/Brussels", "America/New_York", "America/New_York"),
        (None, "America/New_York", "America/New_York"),
        ("Asia/Calcutta", None, "Asia/Calcutta"),  # an old name that browsers still give
        ("Europe/Brussels", "Mars/Base_1", "Europe/Brussels"),  # a machine with older tables
        *((name, None, "UTC") for name in ("../../etc/passwd", "/etc/localtime", "Europe", "", "x" * 4000, "é")),
    ],
)
def test_the_zone_is_the_chosen_one_else_the_browsers(
    client: Client, person: User, cookie: str | None, chosen: str | None, zone: str
) -> None:
    if chosen is not None:
        Preference.objects.create(user=person, time_zone=chosen)
    if cookie is not None:
        client.cookies["time_zone"] = cookie
    assert zone_on(html(client, "/admin/")) == zone_on(html(client, PAGE)) == zone


def test_it_is_chosen_on_a_page_for_everybody_who_can_log_in(client: Client, person: User) -> None:
    client.cookies["time_zone"] = "Europe/Brussels"
    page = html(client, PAGE)
    assert "my browser&#x27;s zone (Europe/Brussels)" in page and "Kathmandu" in page
    saved = client.post(PAGE, {"time_zone": "Asia/Kathmandu"}, follow=True).content.decode()
    assert "Times are shown in Asia/Kathmandu." in saved and zone_on(saved) == "Asia/Kathmandu"
    assert '<option value="Asia/Kathmandu" selected>' in html(client, PAGE)
    saved = client.post(PAGE, {"time_zone": ""}, follow=True).content.decode()
    assert "Times are shown in your browser&#x27;s zone." in saved and zone_on(saved) == "Europe/Brussels"


def test_an_unknown_zone_is_refused(client: Client, person: User) -> None:
    page = client.post(PAGE, {"time_zone": "Mars/Base_1"}).content.decode()
    assert "Select a valid choice" in page and not Preference.objects.exists()


def test_it_is_one_persons_and_ends_with_them(client: Client, person: User) -> None:
    Preference.objects.create(user=person, time_zone="Asia/Tokyo")
    client.force_login(User.objects.create_user("mia", is_staff=True))
    assert zone_on(html(client, PAGE)) == "UTC"
    person.delete()
    assert not Preference.objects.exists()


def test_times_are_in_that_zone_and_say_so(admin_client: Client, talk: Walker) -> None:
    admin_client.cookies["time_zone"] = "Europe/Brussels"
    event = WebhookEvent.objects.get()
    shown = {
        "/ops/conversations/": "2 Mar 00:30:00",
        "/ops/exchanges/?direction=in": "2 Mar 00:30:00",
        f"/ops/conversations/{event.conversation_id}/": "00:30:00.000",
        f"/ops/events/{event.pk}/": "2 Mar 00:30:00",
    }
    for address, words in shown.items():
        page = html(admin_client, address)
        time = f'<time datetime="2026-03-02T00:30:00+01:00" title="2 Mar 2026 00:30:00 CET (UTC+01:00)">{words}</time>'
        assert time in page, address
        assert "Times in Europe/Brussels" in page


@pytest.mark.parametrize(
    ("zone", "words"),
    [("UTC", "1 Mar 2026 23:30:00 UTC"), ("Asia/Kathmandu", "2 Mar 2026 05:15:00 UTC+05:45")],
)
def test_zones_without_a_short_name_are_told_by_their_distance(
    admin_client: Client, talk: Walker, zone: str, words: str
) -> None:
    admin_client.cookies["time_zone"] = zone
    assert f'title="{words}"' in html(admin_client, "/ops/conversations/")


def test_no_time_of_a_page_stands_without_its_zone(admin_client: Client, talk: Walker) -> None:
    """Whatever else changes: each `time` names its zone, and the header does for all the others."""
    event = WebhookEvent.objects.get()
    record_audit(Actor(name="anna", via="admin"), "paused", talk.channel)
    addresses = (
        "",
        "conversations/",
        f"conversations/{event.conversation_id}/",
        "exchanges/",
        "failures/",
        "workers/",
    )
    for address in (*addresses, "audit/", "refused/", f"events/{event.pk}/"):
        page = html(admin_client, f"/ops/{address}")
        times = re.findall(r"<time [^>]*>", page)
        assert all(' title="' in time and "UTC" in time for time in times), address
        assert zone_on(page) == "UTC"


def test_programs_get_utc(admin_client: Client, talk: Walker) -> None:
    admin_client.cookies["time_zone"] = "Europe/Brussels"
    Preference.objects.create(user=User.objects.get(username="admin"), time_zone="Asia/Tokyo")
    [event] = admin_client.get("/api/v1/events/").json()["results"]
    assert event["received_at"] == "2026-03-01T23:30:00Z"
    record_audit(Actor(name="anna", via="admin"), "paused", talk.channel)
    audit = b"".join(admin_client.get("/ops/audit/export.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert f"{AuditEntry.objects.latest('pk').at:%Y-%m-%dT%H}" in audit and "+00:00" in audit
    figures = b"".join(admin_client.get("/ops/figures/inbound.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert re.search(r"^[0-9-]{10}T[0-9]{2}:[03]0Z,", figures, re.MULTILINE)


def test_a_conversation_to_take_away_says_its_zone(admin_client: Client, talk: Walker) -> None:
    admin_client.cookies["time_zone"] = "Europe/Brussels"
    text = html(admin_client, f"/ops/conversations/{talk.conversation().pk}/export/text/")
    assert "Times are in Europe/Brussels." in text


def test_the_doors_of_the_platforms_and_the_api_do_not_ask_for_it(admin_client: Client, walker: Walker) -> None:
    admin_client.cookies["time_zone"] = walker.client.cookies["time_zone"] = "Europe/Brussels"
    with CaptureQueriesContext(connection) as asked:
        walker.says("Hello")
        admin_client.get("/api/v1/events/")
    assert not [one for one in asked.captured_queries if "preference" in one["sql"]]
