"""Opening hours on the page of their channel."""

import re

import pytest
from django.test import Client

from channels_app.models import Channel
from offload.models import OffloadProvider
from tests.channels_app.test_meanwhile import SAVED, Tab, form_of, page_of


@pytest.mark.parametrize("zone", ["Europe/Brussels", "UTC", "CET", "GMT", "Etc/GMT-1"])
def test_saving_another_field_keeps_the_stored_zone(admin_client: Client, channel: Channel, zone: str) -> None:
    hours = {"timezone": zone, "mon": ["09:00-12:30"]}
    provider, _ = OffloadProvider.objects.update_or_create(channel=channel, defaults={"opening_hours": hours})
    tab = Tab(admin_client, page_of(channel), form_of(channel))
    assert re.findall(r'<option value="([^"]*)" selected>', _zone_select(tab.html)) == [zone]
    assert "data-own-zone" not in _zone_select(tab.html)  # else the script would put the browser's in its place

    assert SAVED in tab.save(keep_days="9").content.decode()

    provider.refresh_from_db()
    assert provider.opening_hours == hours


def test_the_browsers_zone_is_offered_where_no_hours_are_stored(admin_client: Client, channel: Channel) -> None:
    OffloadProvider.objects.get_or_create(channel=channel)
    tab = Tab(admin_client, page_of(channel), form_of(channel))
    assert "data-own-zone" in _zone_select(tab.html)


def _zone_select(html: str) -> str:
    found = re.search(r"<select name=\"offload_provider-0-opening_hours-timezone\".*?</select>", html, re.DOTALL)
    assert found
    return found[0]
