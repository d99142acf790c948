"""The pages on which people only read, and the two buttons on them."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from channels_app.events import count_refusal
from channels_app.masking import readable_body
from channels_app.models import (
    Channel,
    Conversation,
    Credential,
    Delivery,
    DeliveryState,
    EventBody,
    Owner,
    WebhookEvent,
    WorkerSlot,
)
from tests.builders import make_bot
from tests.conftest import Walker
from tests.world import World

XSS = "<script>alert('x')</script>"
LISTS = ("conversation", "webhookevent", "delivery", "intakecount", "credential", "workerslot")


def url(model: str, rest: str = "") -> str:
    return f"/admin/channels_app/{model}/{rest}"


def text_of(response: Any) -> str:
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


@pytest.fixture
def talk(walker: Walker, world: World) -> Conversation:
    """A conversation of a few turns."""
    world.bot.replies += [{"messages": [{"text": f"Hello {XSS}", "attachment": {"url": "http://files.test/map.png"}}]}]
    walker.starts()
    walker.says(f"Where is it? {XSS}")
    return walker.conversation()


@pytest.fixture
def viewer(client: Client, db: None) -> Client:
    """Somebody who may read everything and change nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return client


# --- lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", LISTS)
def test_lists_ask_few_questions_however_long_they_are(
    admin_client: Client, walker: Walker, django_assert_max_num_queries: Any, model: str
) -> None:
    now = timezone.now()
    for number in range(6):
        walker.says(f"Hello {number}", f"0-conv-{number}")
        count_refusal("inbox", walker.channel.uuid, f"reason_{number}")
        Credential.objects.create(account_key=f"{number}" * 8)
        WorkerSlot.objects.create(
            name=f"w{number}",
            host="h",
            pid=1,
            kind="worker",
            version="1",
            started_at=now,
            beat_at=now,
        )
    with django_assert_max_num_queries(15):
        text_of(admin_client.get(url(model)))


@pytest.mark.parametrize("model", LISTS)
def test_nobody_edits_what_the_bridge_writes(admin_client: Client, talk: Conversation, model: str) -> None:
    page = text_of(admin_client.get(url(model)))
    assert "Add " not in page.split("changelist-form")[0].split('id="content"')[1]
    assert admin_client.get(url(model, "add/")).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": talk.pk, "post": "yes"}
    admin_client.post(url(model), selected)
    assert Conversation.objects.exists()
    for rest in (f"{talk.pk}/delete/", f"{talk.pk}/change/"):
        assert admin_client.post(url(model, rest), {"owner": "closed", "post": "yes"}).status_code in (200, 302, 403)
    assert Conversation.objects.get().owner == Owner.BOT


@pytest.mark.parametrize("term", ["0-conv-1", "SESSION", "joh", "contact-johan"])
def test_a_conversation_is_found_by_what_people_have_of_it(
    admin_client: Client, talk: Conversation, term: str
) -> None:
    Conversation.objects.create(channel=talk.channel, external_id="0-other")
    term = str(talk.session_id) if term == "SESSION" else term
    found = admin_client.get(url("conversation"), {"q": term}).context["cl"].queryset
    assert [row.external_id for row in found] == ["0-conv-1"]


def test_filters_use_words(admin_client: Client, talk: Conversation) -> None:
    Conversation.objects.create(channel=talk.channel, external_id="0-other", owner=Owner.OTHER)
    found = admin_client.get(url("conversation"), {"owner": "other"}).context["cl"].queryset
    assert [row.external_id for row in found] == ["0-other"]
    assert admin_client.get(url("webhookevent"), {"outcome": "replied"}).context["cl"].result_count == 2
    assert admin_client.get(url("webhookevent"), {"outcome": "dead"}).context["cl"].result_count == 0


def test_refused_requests_are_listed_by_name(admin_client: Client, channel: Channel) -> None:
    count_refusal("inbox", channel.uuid, "bad_signature")
    count_refusal("bot", make_bot(name="Parcel bot").uuid, "bad_verify_token")
    count_refusal("inbox", None, "unknown_address")
    page = text_of(admin_client.get(url("intakecount")))
    for words in (channel.name, "Parcel bot", "CB-305: Signature does not match", "CB-504: ", "unknown address"):
        assert words in page


def test_no_token_leaves_the_list_of_credentials(admin_client: Client, db: None) -> None:
    row = Credential.objects.create(account_key="abcdef0123456789", token_encrypted="v1:CIPHERTEXT")
    page = text_of(admin_client.get(url("credential")))
    assert "abcdef01" in page and "abcdef0123456789" not in page and "CIPHERTEXT" not in page
    assert admin_client.get(url("credential", f"{row.pk}/change/")).status_code == 403


# --- the page of a conversation -----------------------------------------------------------------------------------


def test_a_conversation_opens_on_its_page_for_operators(admin_client: Client, talk: Conversation) -> None:
    page = text_of(admin_client.get(url("conversation", f"{talk.pk}/change/"), follow=True))
    assert "Where is it?" in page and "The bot answered" in page


def test_a_page_that_is_not_there(admin_client: Client) -> None:
    for rest in ("999/hand-over/", "x/hand-over/"):
        assert admin_client.get(url("conversation", rest)).status_code == 404
    for rest in ("999/change/", "x/change/"):
        assert admin_client.get(url("conversation", rest), follow=True).status_code == 404
    assert admin_client.get(url("delivery", "999/again/")).status_code == 404


# --- hand over ----------------------------------------------------------------------------------------------------


def test_a_person_hands_a_conversation_over(
    admin_client: Client, talk: Conversation, walker: Walker, world: World
) -> None:
    page = text_of(admin_client.get(url("conversation", f"{talk.pk}/hand-over/")))
    assert "Johan (0-conv-1)" in page  # it asks first
    assert not WebhookEvent.objects.filter(type="handover_ordered").exists()
    admin_client.post(url("conversation", f"{talk.pk}/hand-over/"), {"confirmed": "yes"})
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert talk.offloads.get().requested_by == "admin"
    assert LogEntry.objects.get().object_id == str(talk.pk)
    admin_client.post(url("conversation", f"{talk.pk}/hand-over/"), {"confirmed": "yes"})
    assert talk.events.filter(type="handover_ordered").count() == 1  # agents have it by now


def test_several_are_handed_over_from_the_list(admin_client: Client, walker: Walker, world: World) -> None:
    for name in ("0-conv-1", "0-conv-2"):
        walker.says("Hello", name)
    Conversation.objects.create(channel=walker.channel, external_id="0-theirs", owner=Owner.OTHER)
    selected = {"action": "hand_over", "_selected_action": list(Conversation.objects.values_list("pk", flat=True))}
    page = text_of(admin_client.post(url("conversation"), selected))
    assert "Hand over to an agent?" in page and page.count('name="_selected_action"') == 3
    done = text_of(admin_client.post(url("conversation"), {**selected, "confirmed": "yes"}, follow=True))
    assert "Hand-over ordered for 2 conversations." in done and "Not ordered for 1" in done
    walker.work()
    assert world.inbox.completions("0-conv-1") == world.inbox.completions("0-conv-2") == ["HANDOVER"]


def test_a_viewer_hands_nothing_over(viewer: Client, talk: Conversation) -> None:
    assert viewer.post(url("conversation", f"{talk.pk}/hand-over/")).status_code == 403
    viewer.post(url("conversation"), {"action": "hand_over", "_selected_action": talk.pk, "confirmed": "yes"})
    assert not WebhookEvent.objects.filter(type="handover_ordered").exists()


# --- deliveries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.REFUSED, DeliveryState.UNCONFIRMED])
def test_a_lost_delivery_is_sent_again(
    admin_client: Client, talk: Conversation, walker: Walker, world: World, state: str
) -> None:
    delivery = talk.deliveries.latest("id")
    Delivery.objects.filter(pk=delivery.pk).update(state=state)
    before = len(world.inbox.calls)
    assert "Send again…" in text_of(admin_client.get(url("delivery", f"{delivery.pk}/change/")))
    assert "late answer" in text_of(admin_client.get(url("delivery", f"{delivery.pk}/again/")))
    page = text_of(admin_client.post(url("delivery", f"{delivery.pk}/again/"), follow=True))
    assert "1 delivery is sent again." in page
    walker.work()
    delivery.refresh_from_db()
    assert (delivery.state, len(world.inbox.calls)) == (DeliveryState.SENT, before + 1)


def test_nothing_is_sent_into_a_conversation_of_the_agents(admin_client: Client, talk: Conversation) -> None:
    Delivery.objects.update(state=DeliveryState.FAILED)
    Conversation.objects.update(owner=Owner.OTHER)
    selected = {"action": "send_again", "_selected_action": list(Delivery.objects.values_list("pk", flat=True))}
    page = text_of(admin_client.post(url("delivery"), {**selected, "confirmed": "yes"}, follow=True))
    assert "the conversation isn&#x27;t with the bot any more" in page
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.FAILED}


def test_a_delivery_that_arrived_is_not_sent_again(admin_client: Client, viewer: Client, talk: Conversation) -> None:
    delivery = talk.deliveries.latest("id")
    assert "Send again…" not in text_of(viewer.get(url("delivery", f"{delivery.pk}/change/")))
    assert viewer.post(url("delivery", f"{delivery.pk}/again/")).status_code == 403


def test_the_page_of_a_delivery_tells_each_try(admin_client: Client, talk: Conversation) -> None:
    page = text_of(admin_client.get(url("delivery", f"{talk.deliveries.latest('id').pk}/change/")))
    assert "accepted (200)" in page and "You said" in page


# --- bodies -------------------------------------------------------------------------------------------------------


def test_the_page_of_an_event_shows_its_body_without_secrets(admin_client: Client, talk: Conversation) -> None:
    event = talk.events.latest("id")
    EventBody.objects.filter(event=event).update(raw=json.dumps({"verifyToken": "CANARY", "a": XSS}).encode())
    page = text_of(admin_client.get(url("webhookevent", f"{event.pk}/change/")))
    assert "CANARY" not in page and XSS not in page and "&lt;script&gt;" in page
    EventBody.objects.all().delete()
    assert "Not kept any more" in text_of(admin_client.get(url("webhookevent", f"{event.pk}/change/")))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"verifyToken": "CANARY"}', '"verifyToken": "••••"'),
        (b'{"a": [{"access_token": "CANARY"}]}', '"access_token": "••••"'),
        (b'{"clientSecret": {"x": "CANARY"}}', '"clientSecret": "••••"'),
        (b'{"api_key": 12345678, "password": null}', '"password": null'),
        (b'{"verifyToken": "CANARY", "cut', '"verifyToken": "••••"'),
        (b'{"verifyToken": "CANARY', '"verifyToken": "••••"'),
        (b'{"verifyToken": "CAN\\"ARY", x', '"verifyToken": "••••"'),
        (b'\xff{"verifyToken": "CANARY"}', '"verifyToken": "••••"'),
        (b"[" * 100_000 + b'{"verifyToken": "CANARY"}', '"verifyToken": "••••"'),
        ("grüß \x00".encode(), "grüß"),
    ],
)
def test_bodies_are_readable_whatever_they_are(raw: bytes, shown: str) -> None:
    text = readable_body(raw)
    assert shown in text
    assert "CANARY" not in text and "12345678" not in text and "ARY" not in text
