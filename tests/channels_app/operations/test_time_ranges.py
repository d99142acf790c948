"""“It was at 14:05”: lists of what happened then, on pages and by the API."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client

from channels_app.access.audit import Actor, record_audit
from channels_app.models import Exchange, Failure, FailureGroup, WebhookEvent
from channels_app.operations.failures.grouping import gather_failures
from tests.conftest import Walker
from tests.world import World, answer

ACCEPTS = "/ops/conversations/", "/ops/exchanges/", "/ops/failures/", "/ops/audit/"
API = tuple(f"/api/v1/{name}/" for name in ("conversations", "calls", "events", "deliveries", "failures"))
API = (*API, "/api/v1/bulk-retries/", "/api/v1/audit/")
NOW = datetime(2026, 11, 28, 13, 20, tzinfo=UTC)
"""14:20 in Brussels."""
HOUR = timedelta(hours=1)
FIVE_PAST = datetime(2026, 11, 28, 13, 5, tzinfo=UTC)


@pytest.fixture
def brussels(admin_client: Client, database_clock: Callable[[datetime], None]) -> Client:
    database_clock(NOW)
    admin_client.cookies["time_zone"] = "Europe/Brussels"
    return admin_client


@pytest.fixture
def talk(walker: Walker, world: World) -> Walker:
    """An hour apart from each other: Ada at 12:05, Ben, whose bot failed, at 14:05, and Ada again at 14:15."""
    for minutes, name in ((-120, "0-ada"), (0, "0-ben"), (10, "0-ada")):
        world.bot.replies = [answer(502, {"error": "down"})] * 2 if name == "0-ben" else []
        last = WebhookEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        walker.says("Hello", name)
        moment = FIVE_PAST + timedelta(minutes=minutes)
        WebhookEvent.objects.filter(pk__gt=last).update(received_at=moment)
        Exchange.objects.filter(event_id__gt=last).update(started_at=moment)
    while gather_failures():
        pass
    return walker


def html(client: Client, address: str, **query: Any) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


def test_a_conversation_is_found_by_the_time_of_day_and_shown_as_it_was_then(brussels: Client, talk: Walker) -> None:
    ben, ada = talk.conversation("0-ben"), talk.conversation("0-ada")
    page = html(brussels, "/ops/conversations/", since="14:05")
    event = ben.events.get()
    assert f'href="/ops/conversations/{ben.pk}/?event={event.pk}"' in page
    assert f"/ops/conversations/{ada.pk}/" not in page
    assert "from 28 Nov 14:00:00 CET to 28 Nov 14:10:00 CET" in page
    page = html(brussels, "/ops/conversations/", since="12:00-12:10")
    first = ada.events.earliest("pk")
    assert f'href="/ops/conversations/{ada.pk}/?event={first.pk}"' in page and "28 Nov 12:05:00" in page
    assert "No conversation had an event from" in html(brussels, "/ops/conversations/", since="yesterday 14:05")


@pytest.mark.parametrize("term", ["0-ada", "Johan", "Hello"])
def test_a_search_is_narrowed_to_the_time_too(brussels: Client, talk: Walker, term: str) -> None:
    ada = talk.conversation("0-ada")
    first = ada.events.earliest("pk")
    response = brussels.get("/ops/conversations/", {"q": term, "since": "12:05"}, follow=True)
    shown = f"?event={first.pk}"
    assert shown in response.content.decode() or response.redirect_chain[-1][0].endswith(shown)
    assert "Nothing was found" in html(brussels, "/ops/conversations/", q=term, since="2026-11-20")


def test_calls_are_found_by_the_time_of_day(brussels: Client, talk: Walker) -> None:
    page = html(brussels, "/ops/exchanges/", since="14:05", errors="1")
    assert "CB-502" in page and "28 Nov 14:05:00" in page and "14:15:00" not in page
    assert "No call matches this filter." in html(brussels, "/ops/exchanges/", since="13:00-13:05")


def test_causes_are_found_by_the_time_of_day(brussels: Client, talk: Walker) -> None:
    group = FailureGroup.objects.get()
    page = html(brussels, "/ops/failures/", since="14:05")
    query = "?since=2026-11-28T13%3A00Z&amp;until=2026-11-28T13%3A10Z"
    assert f'href="/ops/failures/{group.pk}/{query}"' in page
    assert "No cause of failures is open from" in html(brussels, "/ops/failures/", since="14:15-14:20")
    one = html(brussels, f"/ops/failures/{group.pk}/", since="14:05")
    assert "0-ben" in one and "code=CB-502&amp;channel=" in one
    assert "0-ben" not in html(brussels, f"/ops/failures/{group.pk}/", since="14:15-14:20")


def test_an_event_that_failed_again_is_found_when_it_came_and_when_it_failed_last(
    brussels: Client, talk: Walker
) -> None:
    """It came at 13:05 and failed; somebody did it again an hour later, in vain."""
    WebhookEvent.objects.filter(conversation=talk.conversation("0-ben")).update(received_at=FIVE_PAST - HOUR)
    failure = Failure.objects.get()
    for since, is_there in (("13:05", True), ("14:05", True), ("13:30-14:00", False)):
        page = html(brussels, "/ops/failures/", since=since)
        assert (f"/ops/failures/{failure.group_id}/" in page) is is_there, since
        assert ("0-ben" in html(brussels, f"/ops/failures/{failure.group_id}/", since=since)) is is_there


def test_the_audit_log_and_its_file_are_of_the_time(brussels: Client, talk: Walker) -> None:
    record_audit(Actor(name="anna", via="admin"), "paused", talk.channel)
    at = "2026-11-28T13:00:00Z"
    page = html(brussels, "/ops/audit/", since=at)
    [url] = re.findall(r'href="([^"]+export\.csv[^"]*)"', page)
    assert "since=2026-11-28T13%3A00Z" in url
    refused = brussels.get("/ops/audit/export.csv", {"since": "soon"})
    assert refused.status_code == 400 and "is not a time" in refused.content.decode()


@pytest.mark.parametrize("address", ACCEPTS)
def test_the_range_stays_where_the_list_goes_on(brussels: Client, talk: Walker, address: str) -> None:
    """In links it is what it was when the person typed it; in the form it is what the person can type."""
    page = html(brussels, address, since="14:05-14:10")
    assert 'name="since" value="2026-11-28 14:05"' in page and 'name="until" value="2026-11-28 14:10"' in page
    again = html(brussels, address, since="2026-11-28 14:05", until="2026-11-28 14:10")
    for shown in (page, again):
        assert "from 28 Nov 14:05:00 CET to 28 Nov 14:10:00 CET" in shown
    page = html(brussels, address, since="14:05-")
    assert 'name="until" value="now"' in page and "from 28 Nov 14:05:00 CET</strong>" in page


def test_older_pages_keep_the_range(brussels: Client, talk: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_app.operations.search.PAGE", 1)
    monkeypatch.setattr("channels_app.operations.calls.PAGE", 1)
    for address, words in (("/ops/conversations/", "Earlier conversations"), ("/ops/exchanges/", "Earlier calls")):
        page = html(brussels, address, since="12:00-14:20")
        [url] = re.findall(rf'href="([^"]+)">{words}', page)
        assert "since=2026-11-28T11%3A00Z" in url and "until=2026-11-28T13%3A20Z" in url, address
        older = brussels.get(url.replace("&amp;", "&")).content.decode()
        assert "since=2026-11-28T11%3A00Z" in re.findall(r'href="([^"]+)">Newest', older)[0]


@pytest.mark.parametrize("address", ACCEPTS)
@pytest.mark.parametrize("query", [{"since": "25:99"}, {"until": "<b>"}, {"since": "14:05", "until": "yesterday"}])
def test_what_is_no_time_is_said_and_nothing_is_listed(
    brussels: Client, talk: Walker, address: str, query: dict[str, str]
) -> None:
    page = html(brussels, address, **query)
    assert 'role="alert"' in page and 'aria-invalid="true"' in page and "<b>" not in page
    assert "<tbody>" not in page and 'class="matrix"' not in page
    for name, value in query.items():
        assert f'name="{name}" value="{value}"'.replace("<b>", "&lt;b&gt;") in page


def test_the_time_is_read_in_the_zone_of_who_asks(brussels: Client, talk: Walker) -> None:
    brussels.cookies["time_zone"] = "America/New_York"
    assert "No conversation had an event" in html(brussels, "/ops/conversations/", since="14:05")
    page = html(brussels, "/ops/conversations/", since="8:05 am")
    assert "from 28 Nov 08:00:00 EST to 28 Nov 08:10:00 EST" in page and "28 Nov 08:05:00" in page


# --- the API ------------------------------------------------------------------------------------------------------


def ids(client: Client, address: str, **query: str) -> list[Any]:
    response = client.get(address, query)
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_the_api_lists_what_happened_then(brussels: Client, talk: Walker) -> None:
    then = {"since": "2026-11-28T13:05:00Z", "until": "2026-11-28T14:06:00+01:00"}
    ben = talk.conversation("0-ben")
    event = ben.events.get()
    assert ids(brussels, "/api/v1/events/", **then) == [event.pk]
    [line] = brussels.get("/api/v1/conversations/", then).json()["results"]
    assert (line["id"], line["event_id"], line["last_event"]["id"]) == (ben.pk, event.pk, event.pk)
    calls = brussels.get("/api/v1/calls/", then).json()["results"]
    assert {call["event_id"] for call in calls} == {event.pk}
    assert ids(brussels, "/api/v1/failures/", **then) == [FailureGroup.objects.get().pk]
    assert ids(brussels, "/api/v1/failures/", until="2026-11-28T13:05:00Z") == []
    assert ids(brussels, "/api/v1/events/", since="2026-11-28T13:15:00Z", outcome="replied") == [
        WebhookEvent.objects.latest("pk").pk
    ]


def test_the_api_s_next_page_keeps_the_range(brussels: Client, talk: Walker) -> None:
    query, seen = urlencode({"since": "2026-11-28T11:00:00Z", "until": "2026-11-28T13:06:00Z", "limit": 1}), []
    address: str | None = f"/api/v1/events/?{query}"
    while address:
        answered = brussels.get(address).json()
        seen += [row["id"] for row in answered["results"]]
        address = answered["next"]
    expected = WebhookEvent.objects.filter(received_at__lt=FIVE_PAST + timedelta(minutes=1)).order_by("-pk")
    assert seen == list(expected.values_list("pk", flat=True)) and len(seen) == 2


@pytest.mark.parametrize("address", API)
@pytest.mark.parametrize(
    "text", ["14:05", "yesterday", "2026-11-28", "2026-11-28T13:05:00", "2026-11-28T13:05:00 01:00", "1", "\0", ""]
)
@pytest.mark.parametrize("name", ["since", "until"])
def test_the_api_takes_times_with_their_zone_only(admin_client: Client, address: str, text: str, name: str) -> None:
    response = admin_client.get(f"{address}?{name}={quote(text)}")
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["field"] == name and ("RFC 3339" in error["detail"] or "\0" in text)


@pytest.mark.parametrize("address", API)
def test_the_api_refuses_a_range_that_ends_before_it_begins(admin_client: Client, address: str) -> None:
    query = {"since": "2026-11-28T13:05:00Z", "until": "2026-11-28T14:05:00+01:00"}
    response = admin_client.get(address, query)
    assert response.status_code == 400 and "after the beginning" in response.content.decode()


@pytest.mark.parametrize("address", API)
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-28T13:05:00.123456789Z"])
def test_the_api_takes_every_time_there_is(admin_client: Client, address: str, moment: str) -> None:
    for name in ("since", "until"):
        assert admin_client.get(address, {name: moment}).status_code == 200


def test_a_bulk_retry_is_planned_in_the_zone_of_who_plans_it(brussels: Client, talk: Walker) -> None:
    WebhookEvent.objects.filter(conversation=talk.conversation("0-ben")).update(outcome="dead")
    for since, count in (("14:05", 1), ("13:05", 0)):
        form = {"channel": talk.channel.pk, "since": since, "until": ""}
        page = brussels.post("/ops/bulk/", form, follow=True).content.decode()
        assert f"<strong>{count} match" in page
