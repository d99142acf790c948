"""The offload provider on the channel's page, and the list of requests for humans."""

import json
from typing import Any

import pytest
from django.test import Client

from channels_app.events import count_refusal
from channels_app.models import Channel
from offload.models import Offload, OffloadProvider
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World

HOURS = {"mon": ["09:00-17:00"], "timezone": "Europe/Brussels", "closed": ["2026-12-25"]}


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
    page = save(admin_client, channel, closed_text="Closed").content.decode()
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


def test_opening_hours_are_saved_and_shown_in_the_order_of_the_week(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    page = save(admin_client, channel, opening_hours=json.dumps(HOURS)).content.decode()
    provider.refresh_from_db()
    assert provider.opening_hours == HOURS
    assert page.index("&quot;timezone&quot;: ") < page.index("&quot;mon&quot;: ") < page.index("&quot;closed&quot;: ")
    save(admin_client, channel, opening_hours="")
    provider.refresh_from_db()
    assert not provider.opening_hours


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('{"mon": }', "This is not JSON: line 1, column 9"),
        ('{"timezone": "Europe/Brussels", "mon": ["9-17"]}', "mon[0]: must be a span such as 09:00-17:30."),
        ('{"timezone": "Mars", "mon": ["09:00-17:00"]}', "timezone: name one such as Europe/Brussels."),
        ('{"timezone": "Europe/Brussels", "monday": ["09:00-17:00"]}', "monday: is not known"),
        ("[]", "must be an object"),
        ("[" * 50_000, "This is not JSON"),
        ('{"mon": ' + "1" * 5000 + "}", "This is not JSON"),
    ],
)
def test_wrong_opening_hours_are_explained(
    admin_client: Client, channel: Channel, provider: OffloadProvider, typed: str, words: str
) -> None:
    shown = save(admin_client, channel, opening_hours=typed)
    assert words in errors_of(shown)["opening_hours"][0]
    provider.refresh_from_db()
    assert provider.opening_hours is None


def test_what_was_typed_wrongly_is_still_there(
    admin_client: Client, channel: Channel, provider: OffloadProvider
) -> None:
    shown = save(admin_client, channel, opening_hours='{"monday": ["09:00-17:00"]}')
    assert "&quot;monday&quot;" in shown.content.decode()


def test_refused_offload_requests_are_told(admin_client: Client, channel: Channel, provider: OffloadProvider) -> None:
    count_refusal("offload", provider.uuid, "bad_verify_token")
    page = admin_client.get(page_of(channel))
    step = page.context["steps"][-1]
    assert (step.progress, "another verify token" in step.detail) == ("needs attention", True)
    assert "Agents" in admin_client.get("/admin/channels_app/intakecount/").content.decode()


def test_offloads_are_listed_and_read_only(
    admin_client: Client, walker: Walker, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        world.bot.replies.append(
            {"offload": {"reason": "<b>sales</b>", "payload": {"team": "sales", "token": "CANARY"}}}
        )
        walker.says("A person, please", f"0-conv-{number}")
    with django_assert_max_num_queries(15):
        page = admin_client.get("/admin/offload/offload/", {"reason": "asked_for_human"}).content.decode()
    assert page.count("&lt;b&gt;sales&lt;/b&gt;") == 4
    assert "handed over" in page
    one = Offload.objects.first()
    assert one
    detail = admin_client.get(f"/admin/offload/offload/{one.pk}/change/").content.decode()
    assert "&quot;team&quot;: &quot;sales&quot;" in detail and "CANARY" not in detail
    assert admin_client.get("/admin/offload/offload/add/").status_code == 403
    assert admin_client.post(f"/admin/offload/offload/{one.pk}/delete/", {"post": "yes"}).status_code == 403
