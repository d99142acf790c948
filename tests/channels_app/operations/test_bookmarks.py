"""What the admin had beside the operator pages is found on these: old addresses, refused requests, several at once."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from channels_app.conversations.refusals import count_refusal
from channels_app.models import Conversation, Delivery, DeliveryState, Exchange, Owner, WebhookEvent
from offload.models import Offload, OffloadProvider
from tests.builders import make_bot
from tests.conftest import Walker
from tests.world import World

ADMIN, HAND_OVER = "/admin/channels_app", "/ops/conversations/hand-over/"


@pytest.fixture
def handed_over(walker: Walker, world: World) -> Offload:
    """A row of each kind, with different numbers."""
    walker.says("Hello", "0-conv-0")
    world.bot.replies.append({"offload": {"reason": "sales"}})
    walker.starts()
    walker.says("A person, please")
    return Offload.objects.get()


def test_bookmarks_of_the_admins_lists_lead_to_the_operator_pages(admin_client: Client, handed_over: Offload) -> None:
    talk, event = handed_over.conversation_id, handed_over.event_id
    delivery = Delivery.objects.get(event=event).pk
    expected = {
        f"{ADMIN}/conversation/": "/ops/conversations/",
        f"{ADMIN}/conversation/?q=0-conv-1": f"/ops/conversations/{talk}/",
        f"{ADMIN}/conversation/?owner=bot&o=1": "/ops/conversations/?owner=bot",
        f"{ADMIN}/conversation/{talk}/change/": f"/ops/conversations/{talk}/",
        f"{ADMIN}/conversation/{talk}/hand-over/": f"/ops/conversations/{talk}/hand-over/",
        f"{ADMIN}/webhookevent/": "/ops/exchanges/?direction=in",
        f"{ADMIN}/webhookevent/{event}/change/": f"/ops/events/{event}/",
        f"{ADMIN}/webhookevent/{event}/again/": f"/ops/events/{event}/",
        f"{ADMIN}/delivery/": "/ops/exchanges/?direction=inbox",
        f"{ADMIN}/delivery/{delivery}/change/": f"/ops/conversations/{talk}/?event={event}",
        f"{ADMIN}/delivery/{delivery}/again/": f"/ops/deliveries/{delivery}/again/",
        f"{ADMIN}/intakecount/": "/ops/refused/",
        f"{ADMIN}/credential/": "/ops/workers/",
        f"{ADMIN}/workerslot/": "/ops/workers/",
        "/admin/offload/offload/": "/ops/conversations/",
        f"/admin/offload/offload/{handed_over.pk}/change/": f"/ops/conversations/{talk}/",
    }
    found = {old: admin_client.get(old, follow=True) for old in expected}
    assert {old: page.redirect_chain[-1][0] for old, page in found.items()} == expected
    assert {page.status_code for page in found.values()} == {200}


@pytest.mark.parametrize("old", ["conversation/999/change/", "delivery/999/change/", "webhookevent/999/change/"])
def test_a_bookmark_of_what_is_gone_leads_nowhere(admin_client: Client, old: str) -> None:
    assert admin_client.get(f"{ADMIN}/{old}", follow=True).status_code == 404


def test_the_request_for_an_agent_is_told_on_the_conversations_page(
    admin_client: Client, handed_over: Offload
) -> None:
    page = admin_client.get(f"/ops/conversations/{handed_over.conversation_id}/").content.decode()
    assert "Handed over to the agents" in page and "sales" in page


def test_refused_requests_are_told_by_name(admin_client: Client, walker: Walker) -> None:
    provider = OffloadProvider.objects.get_or_create(channel=walker.channel)[0]
    count_refusal("inbox", walker.channel.uuid, "bad_signature")
    count_refusal("bot", make_bot(name="<b>Parcel</b> bot").uuid, "bad_verify_token")
    count_refusal("offload", provider.uuid, "bad_verify_token")
    count_refusal("inbox", None, "unknown_address")
    page = admin_client.get("/ops/refused/").content.decode()
    of = f"{provider.name} of {walker.channel.name}"
    for words in (of, "&lt;b&gt;Parcel", "CB-305: Signature does not match", "CB-504: ", "unknown address"):
        assert words in page
    assert 'href="/ops/codes/CB-305/"' in page
    page = admin_client.get("/ops/refused/?code=CB-305").content.decode()
    rows = page.split("<tbody>")[1]
    assert "CB-305" in rows and "CB-504" not in rows
    assert admin_client.get("/ops/refused/?code=\0").status_code == 200
    assert "/ops/refused/" in admin_client.get("/ops/exchanges/").content.decode()


def test_each_code_of_refused_requests_is_offered_once_and_finds_its_own(admin_client: Client, walker: Walker) -> None:
    """One reason has another code at each of our addresses, and one code several reasons."""
    count_refusal("inbox", walker.channel.uuid, "no_secret")
    count_refusal("bot", make_bot(name="Parcel bot").uuid, "no_secret")
    count_refusal("guard", None, "lost_wakeup")
    count_refusal("inbox", walker.channel.uuid, "new_secret")  # nothing was refused
    page = admin_client.get("/ops/refused/").content.decode()
    offered = re.findall(r'<option value="(CB-\d+)"', page)
    assert "New secret" not in page
    assert offered == sorted(set(offered)) and {"CB-304", "CB-512", "CB-520", "CB-706"} <= set(offered)
    for code in ("CB-304", "CB-512", "CB-706"):
        rows = admin_client.get("/ops/refused/", {"code": code}).content.decode().split("<tbody>")[1]
        assert re.findall(r"CB-\d+(?=:)", rows) == [code]


def test_several_are_handed_over_from_the_list(admin_client: Client, walker: Walker, world: World) -> None:
    for name in ("0-conv-1", "0-conv-2"):
        walker.says("Hello", name)
    theirs = Conversation.objects.create(channel=walker.channel, external_id="0-theirs", owner=Owner.OTHER)
    ids = list(Conversation.objects.order_by("pk").values_list("pk", flat=True))
    listed = admin_client.get("/ops/conversations/").content.decode()
    assert [f'name="id" value="{pk}"' in listed for pk in ids] == [pk != theirs.pk for pk in ids]
    asked = admin_client.get(HAND_OVER, {"id": ids}).content.decode()
    assert "Hand over 3 conversations?" in asked and "0-conv-2" in asked
    assert not WebhookEvent.objects.filter(type="handover_ordered").exists()
    done = admin_client.post(HAND_OVER, {"id": ids, "reason": "fire drill"}, follow=True).content.decode()
    assert "The handover of 2 conversations is ordered." in done and "Not ordered for 1" in done
    walker.work()
    assert world.inbox.completions("0-conv-1") == world.inbox.completions("0-conv-2") == ["HANDOVER"]


@pytest.mark.parametrize("query", ["", "?id=", "?id=x", "?id=\u0661", "?id=999999", "?id=" + "9" * 30])
def test_without_a_tick_nothing_is_handed_over(admin_client: Client, query: str) -> None:
    for ask in (admin_client.get, admin_client.post):
        assert "Tick the conversations" in ask(f"{HAND_OVER}{query}", follow=True).content.decode()


def test_a_viewer_hands_nothing_over(client: Client, walker: Walker) -> None:
    walker.says("Hello")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.set(Group.objects.filter(name="Viewer"))
    client.force_login(viewer)
    talk = walker.conversation()
    assert 'name="id"' not in client.get("/ops/conversations/").content.decode()
    assert client.post(HAND_OVER, {"id": talk.pk}).status_code == 403
    assert not WebhookEvent.objects.filter(type="handover_ordered").exists()


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.REFUSED, DeliveryState.UNCONFIRMED])
def test_a_lost_reply_is_sent_again_from_its_call(
    admin_client: Client, walker: Walker, world: World, state: str
) -> None:
    walker.says("Hello")
    delivery = Delivery.objects.latest("pk")
    Delivery.objects.filter(pk=delivery.pk).update(state=state)
    call, again = Exchange.objects.get(delivery=delivery).pk, f"/ops/deliveries/{delivery.pk}/again/"
    assert again in admin_client.get(f"/ops/exchanges/{call}/").content.decode()
    assert "The reply is sent again." in admin_client.post(again, follow=True).content.decode()
    before = len(world.inbox.calls)
    walker.work()
    delivery.refresh_from_db()
    assert (delivery.state, len(world.inbox.calls)) == (DeliveryState.SENT, before + 1)
