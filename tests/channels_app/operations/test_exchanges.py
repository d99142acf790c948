"""All calls, and one call."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import AuditEntry, Delivery, EventBody, Exchange, WebhookEvent
from channels_app.web.pages.bodies import curl_signed, curl_with_token
from tests.builders import SHARED_SECRET, sign
from tests.channels_app.operations.test_conversations import plain, text_of, viewer
from tests.conftest import Walker
from tests.world import World, answer

__all__ = ["viewer"]


@pytest.fixture
def failed(walker: Walker, world: World) -> WebhookEvent:
    """A bot that failed and then answered; the inbox refused it all."""
    world.bot.replies = [answer(502, {"token": "CANARY", "why": "down"})]
    world.inbox.faults = [answer(422), answer(422), answer(422)]
    walker.says("I am ill")
    Exchange.objects.filter(status=502).update(took_ms=4100)
    return WebhookEvent.objects.get()


def call_to(target: str) -> Exchange:
    return Exchange.objects.filter(target=target).earliest("pk")


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_tells_each_call(
    admin_client: Client, failed: WebhookEvent, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(15):
        page = plain(text_of(admin_client.get("/ops/exchanges/")))
    assert re.search(r"✗ Bot answered with an error CB-502 to the bot message of the contact 502 4.1 s", page)
    assert "↓" not in page and re.search(r"✗ failed: needs an operator (CB-\d+ )?in message of the contact", page)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 6),
        ({"direction": "in"}, 1),
        ({"direction": "bot"}, 2),
        ({"direction": "inbox"}, 3),
        ({"code": "cb-502"}, 1),
        ({"status": "5xx"}, 1),
        ({"status": "4xx"}, 3),
        ({"slow": "1"}, 1),
        ({"conversation": "9999"}, 0),
        ({"channel": "9999"}, 0),
        ({"direction": "x", "status": "x", "before": "x"}, 6),
    ],
)
def test_filters(admin_client: Client, failed: WebhookEvent, query: dict[str, str], count: int) -> None:
    page = text_of(admin_client.get("/ops/exchanges/", query))
    assert page.count('<th scope="row">') == count


def test_a_search_through_many_goes_on(
    admin_client: Client, failed: WebhookEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_app.operations.calls.WINDOW", 2)
    page = text_of(admin_client.get("/ops/exchanges/", {"slow": "1"}))
    assert "No call among the newest matches this filter." in page
    older = re.search(r'href="([^"]+)">Search further back', page)
    assert older
    older = re.search(r'href="([^"]+)">Search further back', text_of(admin_client.get(older[1].replace("&amp;", "&"))))
    assert older and "4.1 s" in text_of(admin_client.get(older[1].replace("&amp;", "&")))


# --- one call -----------------------------------------------------------------------------------------------------


def test_a_call_to_the_bot(admin_client: Client, failed: WebhookEvent) -> None:
    page = text_of(admin_client.get(f"/ops/exchanges/{call_to('bot').pk}/"))
    words = plain(page)
    assert "try 1: answered 502 after 4.1 s" in words and "CB-502: Bot answered with an error" in words
    assert "I am ill" in page and "CANARY" not in page and "<mark>•" in page
    assert "this call" in words and "As it was sent" in words and "style=" not in page


def test_a_call_to_the_inbox_can_be_made_again(
    admin_client: Client, failed: WebhookEvent, walker: Walker, world: World
) -> None:
    page = text_of(admin_client.get(f"/ops/exchanges/{call_to('inbox').pk}/"))
    again = re.search(r'href="(/ops/deliveries/\d+/again/)">Retry', page)
    assert again and "Send the reply again?" in text_of(admin_client.get(again[1]))
    assert "The reply is sent again." in text_of(admin_client.post(again[1], follow=True))
    walker.work()
    assert world.inbox.said("0-conv-1")[0] == "You said: I am ill"
    assert AuditEntry.objects.get(action="sent again").object_type == "delivery"
    assert "Nothing: it is sent." in text_of(admin_client.get(again[1]))
    assert "Nothing was sent." in text_of(admin_client.post(again[1], follow=True))


def test_what_came_in(admin_client: Client, failed: WebhookEvent) -> None:
    page = text_of(admin_client.get(f"/ops/events/{failed.pk}/"))
    words = plain(page)
    assert "Sparkcentral called us: message of the contact. Ended after" in words and "I am ill" in page
    assert f"/ops/conversations/{failed.conversation_id}/again/?event={failed.pk}" in page
    assert "hexkey" in page and "$SECRET" in page and SHARED_SECRET not in page


def test_who_may_not_read_texts_sees_what_kind_of_body_it_was(viewer: Client, failed: WebhookEvent) -> None:
    Exchange.objects.filter(target="inbox").update(response="<html>I am ill</html>")
    for address in (
        f"/ops/events/{failed.pk}/",
        *(f"/ops/exchanges/{pk}/" for pk in failed.exchanges.values_list("pk", flat=True)),
    ):
        page = text_of(viewer.get(address))
        assert "I am ill" not in page and "Johan" not in page and "Retry" not in page
    page = text_of(viewer.get(f"/ops/exchanges/{call_to('inbox').pk}/"))
    assert "Hidden entirely" in page and "sendMessage" in page
    assert not AuditEntry.objects.exists()


def test_reading_a_body_is_written_down(admin_client: Client, failed: WebhookEvent) -> None:
    text_of(admin_client.get(f"/ops/events/{failed.pk}/"))
    text_of(admin_client.get(f"/ops/exchanges/{call_to('bot').pk}/"))
    assert list(AuditEntry.objects.values_list("action", "object_id")) == [("read texts", str(failed.conversation_id))]


def test_bodies_that_are_cut_missing_or_deleted(admin_client: Client, failed: WebhookEvent) -> None:
    cut = '{"text": "abc… [cut here: 9000 more characters]'
    Exchange.objects.filter(target="bot").update(request=cut, response="")
    page = text_of(admin_client.get(f"/ops/exchanges/{call_to('bot').pk}/"))
    assert "<mark>… [cut here: 9000 more characters]</mark>" in page
    assert "Only the beginning is kept." in page and "No body." in page
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(days=31))
    EventBody.objects.all().delete()
    assert "Deleted after 30 days." in text_of(admin_client.get(f"/ops/events/{failed.pk}/"))
    assert "Deleted after 30 days." in text_of(admin_client.get(f"/ops/exchanges/{call_to('bot').pk}/"))


def test_a_call_whose_delivery_is_gone(admin_client: Client, failed: WebhookEvent) -> None:
    Delivery.objects.all().delete()
    text_of(admin_client.get("/ops/exchanges/"))
    assert "Retry" in text_of(admin_client.get(f"/ops/exchanges/{call_to('inbox').pk}/"))  # its event failed


@pytest.mark.parametrize("address", ["exchanges/999", "events/999", "deliveries/999/again"])
def test_what_is_not_there(admin_client: Client, db: None, address: str) -> None:
    assert admin_client.get(f"/ops/{address}/").status_code == 404


# --- curl ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the snippet needs openssl")
def test_the_snippet_signs_as_the_platform_does() -> None:
    body = json.dumps({"text": "it's $HOME, \"quoted\"\nand `more` \\ 'so'"})
    script = curl_signed("https://bridge.example.com/webhooks/inbox/x/", "X-Test-Signature", body)
    said = _run(f"SECRET={SHARED_SECRET}\ncurl() {{ printf '%s\\0' \"$@\"; }}\n{script}")
    assert f"X-Test-Signature: {sign(body.encode())}" in said and body in said


def test_a_token_is_a_variable() -> None:
    body = '{"text": "it\'s me"}'
    script = curl_with_token("PUT", "https://bot.example.com/a b", body)
    said = _run(f"TOKEN=abc\ncurl() {{ printf '%s\\0' \"$@\"; }}\n{script}")
    assert "Authorization: Bearer abc" in said and body in said and "https://bot.example.com/a b" in said


def _run(script: str) -> list[str]:
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")
