"""The offload provider on the channel's page, and the list of requests for humans."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from channels_app.conversations.refusals import count_refusal
from channels_app.models import Channel
from offload.models import OffloadProvider
from offload.opening_hours import problem
from tests.pages import fields_of, submit


def page_of(channel: Channel) -> str:
    return f"/admin/channels_app/channel/{channel.pk}/change/"


def save(client: Client, channel: Channel, **changes: Any) -> Any:
    provider = {f"offload_provider-0-{name}": value for name, value in changes.items()}
    return submit(client, page_of(channel), "channel_form", **provider)


@pytest.fixture
def provider(channel: Channel) -> OffloadProvider:
    return OffloadProvider.objects.create(channel=channel, verify_token_encrypted="", name="Agents")


def errors_of(response: Any) -> dict[str, list[str]]:
    (inline,) = [
        found for found in response.context["inline_admin_formsets"] if found.formset.prefix == "offload_provider"
    ]
    return {name: list(errors) for name, errors in inline.formset.forms[0].errors.items()}


def test_saving_a_channel_gives_it_a_provider_with_addresses(admin_client: Client, channel: Channel) -> None:
    page = save(admin_client, channel).content.decode()
    provider = OffloadProvider.objects.get(channel=channel)
    assert f"https://bridge.example.com/webhooks/offload/{provider.uuid}/" in page
    assert f"https://bridge.example.com/webhooks/write-back/{provider.uuid}/" in page
    save(admin_client, channel)
    assert OffloadProvider.objects.count() == 1


def test_secrets_of_a_provider_are_kept_replaced_and_cleared(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    save(admin_client, channel, verify_token="my own phrase, 1", write_back_secret="ab" * 16)
    provider.refresh_from_db()
    assert (provider.verify_token, provider.write_back_secret) == ("my own phrase, 1", "ab" * 16)
    page = save(admin_client, channel, **{"closed_texts-*": "Closed"}).content.decode()
    provider.refresh_from_db()
    assert (provider.verify_token, provider.closed_text) == ("my own phrase, 1", "Closed")
    assert "my own phrase" not in page and "abab" not in page.replace("ends in abab", "")
    save(admin_client, channel, **{"verify_token-clear": "on", "write_back_secret-clear": "on"})
    provider.refresh_from_db()
    assert (provider.verify_token, provider.write_back_secret) == ("", "")


def test_a_write_back_secret_that_is_none_is_refused(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    shown = save(admin_client, channel, write_back_secret="not hexadecimal at all")
    assert "only 0-9 and a-f" in errors_of(shown)["write_back_secret"][0]


def save_hours(client: Client, channel: Channel, **entered: str) -> Any:
    """As somebody who chooses "at these times" and fills in these fields, e.g. `mon_from_0="09:00"`."""
    fields = {f"opening_hours-{name.replace('_', '-')}": value for name, value in {"when": "times", **entered}.items()}
    return save(client, channel, **fields)


WEEK = {"timezone": "Europe/Brussels", "mon_from_0": "09:00", "mon_until_0": "12:30"}


def test_opening_hours_are_entered_by_day_and_shown_again(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    afternoon = {"mon_from_1": "13:30", "mon_until_1": "18:00"}
    save_hours(
        admin_client, channel, **WEEK, **afternoon, fri_from_0="22:00", fri_until_0="02:00", closed_1="2026-12-25"
    )
    provider.refresh_from_db()
    saved = {
        "timezone": "Europe/Brussels",
        "mon": ["09:00-12:30", "13:30-18:00"],
        "fri": ["22:00-02:00"],
        "closed": ["2026-12-25"],
    }
    assert provider.opening_hours == saved
    page = save(admin_client, channel).content.decode()  # as it is shown
    provider.refresh_from_db()
    assert provider.opening_hours == saved
    assert re.search(r"Open\.|Closed\. Opens \w+ \d+ \w+, \d\d:\d\d \(Europe/Brussels\)\.", page)
    save(admin_client, channel, **{"opening_hours-when": "always"})
    provider.refresh_from_db()
    assert provider.opening_hours is None


def test_a_day_until_midnight_and_a_whole_day(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    whole = {"sat_from_0": "00:00", "sat_until_0": "00:00", "sun_from_0": "18:00", "sun_until_0": "00:00"}
    for _ in range(2):
        save_hours(admin_client, channel, timezone="UTC", **whole)
        provider.refresh_from_db()
        assert provider.opening_hours == {"timezone": "UTC", "sat": ["00:00-24:00"], "sun": ["18:00-24:00"]}
        whole = {}


def test_hours_of_a_file_with_many_spans_survive_a_save(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    spans = ["07:00-09:00", "10:00-12:00", "13:00-15:00", "16:00 - 18:00"]
    days = [f"2026-12-{day}" for day in range(10, 20)]
    provider.opening_hours = {"timezone": "Asia/Kolkata", "mon": spans, "closed": days}
    provider.save()
    save(admin_client, channel, **{"closed_texts-*": "Closed"})
    provider.refresh_from_db()
    assert provider.opening_hours == {
        "timezone": "Asia/Kolkata",
        "mon": [*spans[:3], "16:00-18:00"],
        "closed": days,
    }


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({**WEEK, "timezone": ""}, "Choose a time zone."),
        ({**WEEK, "timezone": "Mars"}, "Choose a time zone."),
        ({"timezone": "UTC"}, "No day has opening hours."),
        ({}, "No day has opening hours."),
        ({**WEEK, "tue_from_0": "09:00"}, "Tuesday: give both times"),
        ({**WEEK, "wed_until_1": "09:00"}, "Wednesday: give both times"),
        ({**WEEK, "thu_from_0": "9", "thu_until_0": "17"}, "Thursday: must be a span such as 09:00-17:30."),
        ({**WEEK, "fri_from_0": "09:00", "fri_until_0": "09:00"}, "same time. For a whole day, enter 00:00 – 00:00."),
        ({**WEEK, "closed_0": "Christmas"}, "Days off: must be a date such as 2026-12-25."),
    ],
)
def test_wrong_opening_hours_are_explained_and_still_there(
    admin_client: Client, channel: Channel, provider: OffloadProvider, entered: dict[str, str], words: str
) -> None:
    shown = save_hours(admin_client, channel, **entered)
    assert words in errors_of(shown)["opening_hours"][0]
    provider.refresh_from_db()
    assert provider.opening_hours is None
    kept = fields_of(shown.content.decode(), "channel_form")
    for name, value in entered.items():
        if value not in ("Mars", ""):
            assert value in (kept[f"offload_provider-0-opening_hours-{name.replace('_', '-')}"], "Christmas")


def test_refused_offload_requests_are_told(admin_client: Client, channel: Channel, provider: OffloadProvider) -> None:
    count_refusal("offload", provider.uuid, "bad_verify_token")
    page = admin_client.get(page_of(channel))
    step = page.context["steps"][-1]
    assert (step.progress, "verify token is not the one saved" in step.detail) == ("needs attention", True)
    assert "Agents" in admin_client.get("/ops/refused/").content.decode()


def saved_hours() -> dict[str, Any]:
    return OffloadProvider.objects.get().opening_hours or {}


def test_public_holidays_are_chosen_listed_and_ticked_where_agents_work(
    admin_client: Client, channel: Channel, provider: OffloadProvider, database_clock: Callable[[datetime], None]
) -> None:
    database_clock(datetime(2026, 11, 1, 12, tzinfo=UTC))
    page = save_hours(admin_client, channel, **WEEK, country="DE").content.decode()
    assert saved_hours()["holidays"] == "DE"
    assert "Fri 25 Dec 2026: Christmas Day" in page and "Wed 6 Jan 2027" not in page
    assert '<option value="BY">Bayern</option>' in page
    save_hours(admin_client, channel, country="DE", region="BY", works_1="2026-12-26")
    page = save_hours(admin_client, channel).content.decode()
    assert (saved_hours()["holidays"], saved_hours()["open"]) == ("DE-BY", ["2026-12-26"])
    assert "Wed 6 Jan 2027: Epiphany" in page
    assert 'value="2026-12-26" checked aria-label="Sat 26 Dec 2026: Second Day of Christmas, agents work"' in page
    database_clock(datetime(2028, 1, 1, tzinfo=UTC))
    save_hours(admin_client, channel, country="BE")  # what was ticked is no longer in sight
    assert (saved_hours()["holidays"], saved_hours()["open"]) == ("BE", ["2026-12-26"])
    save_hours(admin_client, channel, country="")
    assert not {"holidays", "open"} & saved_hours().keys()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("Atlantis", "holidays: no public holidays are known of it. Name a country such as BE or DE-BY."),
        ("GB-KENT", "The regions of GB are: ENG, NIR, SCT, WLS."),
        (7, "Name a country"),
        (["BE"], "Name a country"),
    ],
)
def test_an_unknown_place_is_refused(place: Any, words: str) -> None:
    assert words in str(problem({"timezone": "UTC", "mon": ["09:00-10:00"], "holidays": place}))
    assert problem({"timezone": "UTC", "mon": ["09:00-10:00"], "holidays": "CH-Stadt Zurich"}) is None
