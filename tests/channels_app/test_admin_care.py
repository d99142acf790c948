"""What a person does to a channel from its page: each act asks first, is permitted by itself, and is written down."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from channels_app.channels import deletion as channel_deletion
from channels_app.lib.http.session import Answer, ApiSession, Request
from channels_app.models import AuditEntry, Channel, Conversation, IntakeCount
from tests.builders import SHARED_SECRET, make_channel, make_event
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World, answer

NEW_SECRET = "ab12" * 16
CANARY = "canary-7f3e-secret-of-the-tests"


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content


def errors_on(response: Any) -> str:
    return " ".join(error for errors in response.context["form"].errors.values() for error in errors)


def url(channel: Channel, name: str = "change") -> str:
    return f"/admin/channels_app/channel/{channel.pk}/{name}/"


def act(client: Client, channel: Channel, tail: str, /, **values: Any) -> str:
    """Open the page of an act, fill it in, press its button; the page that follows."""
    return text_of(submit(client, url(channel, tail), "care_form", **values))


def again(channel: Channel) -> Channel:
    return Channel.objects.get(pk=channel.pk)


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    """Somebody who may look at channels and pause them, and nothing else."""
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_channel", "pause_channel")))
    client.force_login(user)
    return client


# --- pause, archive, copy -----------------------------------------------------------------------------------------


def test_a_channel_is_paused_and_resumed_with_a_reason(admin_client: Client, channel: Channel) -> None:
    assert "your agents get every conversation" in text_of(admin_client.get(url(channel, "pause")))
    page = act(admin_client, channel, "pause", reason="A campaign")
    assert "‖ Paused" in page and "Paused by admin" in page
    assert not again(channel).is_active
    page = act(admin_client, channel, "resume")
    assert "is active again" in page
    assert again(channel).is_active
    assert list(AuditEntry.objects.order_by("id").values_list("action", "reason", "via", "actor")) == [
        ("paused", "A campaign", "admin", "admin"),
        ("resumed", "", "admin", "admin"),
    ]


@pytest.mark.parametrize(("policy", "words"), [("say_text", "read your text"), ("keep", "waits for the bot")])
def test_what_follows_a_pause_is_told_as_it_was_chosen(
    admin_client: Client, channel: Channel, policy: str, words: str
) -> None:
    Channel.objects.update(when_paused=policy)
    told = [text_of(admin_client.get(url(channel, "pause"))), act(admin_client, channel, "pause")]
    assert all(words in page and "agents get every conversation" not in page for page in told)


def test_opening_a_page_does_nothing(admin_client: Client, channel: Channel) -> None:
    channel.old_secret = SHARED_SECRET
    channel.save()
    before = again(channel).revision
    for name in ("pause", "resume", "archive", "restore", "clone", "rotate-secret", "rotate-url", "delete"):
        assert admin_client.get(url(channel, name)).status_code == 200, name
    for name in ("replace-keys", "send-test", "diagnostics", "switch-region", "skip-hand-over", "keep-old-secret"):
        assert admin_client.get(url(channel, name)).status_code == 200, name
    assert again(channel).revision == before
    assert not AuditEntry.objects.exists()


def test_who_may_pause_need_not_be_able_to_change(operator: Client, channel: Channel) -> None:
    assert operator.post(url(channel, "pause"), {"reason": ""}).status_code == 302
    assert not again(channel).is_active
    for name in ("archive", "clone", "rotate-secret", "rotate-url", "delete", "replace-keys", "diagnostics", "export"):
        assert operator.get(url(channel, name)).status_code == 403, name
        assert operator.post(url(channel, name), {"reason": "x", "name": channel.name}).status_code == 403, name


def test_there_is_no_such_channel(admin_client: Client, db: None) -> None:
    for name in ("pause", "replace-keys", "delete", "set-up", "diagnostics"):
        assert admin_client.get(f"/admin/channels_app/channel/999/{name}/").status_code == 404


def test_an_archived_channel_is_hidden_until_somebody_asks_for_it(admin_client: Client, channel: Channel) -> None:
    other = make_channel(name="Another")
    act(admin_client, channel, "archive")
    shown = admin_client.get("/admin/channels_app/channel/").context["cl"].result_list
    assert list(shown) == [other]
    shown = admin_client.get("/admin/channels_app/channel/", {"state": "archived"}).context["cl"].result_list
    assert list(shown) == [channel]
    page = act(admin_client, channel, "restore")
    assert "resume it when it is ready" in page and "‖ Paused" in page


def test_a_copy_opens_at_its_first_step(admin_client: Client, channel: Channel) -> None:
    page = act(admin_client, channel, "clone")
    clone = Channel.objects.exclude(pk=channel.pk).get()
    assert clone.name == f"{channel.name} 2"
    assert f"Copied from {channel.name}" in page and "Create API keys and enter them here</a>" in page
    shown = submit(admin_client, url(channel, "clone"), "care_form", name=channel.name)
    assert "A channel with this name already exists." in errors_on(shown)
    shown = submit(admin_client, url(channel, "clone"), "care_form", name="Acme\u202eEU")
    assert "Write one line of plain text." in errors_on(shown)


def test_the_hand_over_is_skipped_with_a_reason_only(admin_client: Client, channel: Channel) -> None:
    shown = submit(admin_client, url(channel, "skip-hand-over"), "care_form", reason=" ")
    assert "This field is required." in errors_on(shown)
    page = act(admin_client, channel, "skip-hand-over", reason="This bot <b>never</b> hands over")
    assert "Skipped: This bot &lt;b&gt;never&lt;/b&gt; hands over" in page
    page = act(admin_client, channel, "want-hand-over")
    assert "Skip…" in page


# --- rotation -----------------------------------------------------------------------------------------------------


def test_a_shared_secret_is_rotated_with_a_meter(admin_client: Client, walker: Walker) -> None:
    channel = walker.channel
    page = act(admin_client, channel, "rotate-secret", shared_secret=f" {NEW_SECRET} ", overlap="1")
    assert "Both are accepted now." in page
    for secret in (NEW_SECRET, NEW_SECRET, SHARED_SECRET):
        assert walker.post(make_event(), secret=secret).status_code == 200
    page = text_of(admin_client.get(url(channel)))
    assert "Verified with new: <strong>2</strong> · with old: <strong>1</strong>" in page
    assert f"ends in {NEW_SECRET[-4:]}" in page and "by admin" in page
    assert again(channel).old_secret_until <= timezone.now() + timedelta(hours=1)  # type: ignore[operator]
    question = text_of(admin_client.get(url(channel, "retire-old-secret")))
    assert "So far 2 events came with the new secret, and 1 with the old one." in question
    page = act(admin_client, channel, "retire-old-secret")
    assert "Verified with new" not in page
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 401
    page = text_of(admin_client.get(url(channel)))
    assert "CB-308" in page  # and its button
    act(admin_client, channel, "keep-old-secret")
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 200
    assert actions() == ["rotated shared secret", "retired old secret", "kept old secret longer"]
    assert NEW_SECRET not in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", "Paste the new shared secret."), ("xyz", "only 0-9 and a-f"), ("ab", "at least 32")],
)
def test_what_is_no_secret_is_explained(admin_client: Client, channel: Channel, typed: str, words: str) -> None:
    shown = submit(admin_client, url(channel, "rotate-secret"), "care_form", shared_secret=typed, overlap="24")
    assert words in errors_on(shown)
    assert again(channel).shared_secret == SHARED_SECRET


def test_the_first_secret_is_saved_from_its_step(admin_client: Client, channel: Channel) -> None:
    channel.shared_secret = ""
    channel.save()
    page = text_of(admin_client.get(url(channel)))
    assert 'id="first-secret"' in page and f'action="{url(channel, "rotate-secret")}"' in page
    page = text_of(admin_client.post(url(channel, "rotate-secret"), {"shared_secret": NEW_SECRET}, follow=True))
    assert "The shared secret is saved." in page and 'id="first-secret"' not in page
    assert again(channel).shared_secret == NEW_SECRET
    assert not again(channel).old_secret_encrypted


def test_the_webhook_url_is_rotated_and_counts_who_still_calls_the_old_one(
    admin_client: Client, walker: Walker
) -> None:
    channel = walker.channel
    old = channel.uuid
    page = act(admin_client, channel, "rotate-url", reason="It was on a poster")
    assert f"/webhooks/inbox/{again(channel).uuid}/" in page and again(channel).uuid != old
    assert walker.post(make_event()).status_code == 200
    page = text_of(admin_client.get(url(channel)))
    assert "The old URL still works" in page and "Called <strong>1</strong> time since" in page
    assert "CB-409" in page
    act(admin_client, channel, "retire-old-url")
    assert walker.post(make_event()).status_code == 404


def test_keys_are_tried_before_they_replace_the_old(
    admin_client: Client, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"client_id": "new-client", "client_secret": CANARY}
    with monkeypatch.context() as patch:
        patch.setattr(world.inbox, "handle", lambda *args: answer(401))
        page = act(admin_client, channel, "replace-keys", **keys)
    assert "Not saved: the previous keys are still in use." in page and "CB-201" in page
    assert 'value="new-client"' in page and CANARY not in page  # nothing is lost but the secret
    assert again(channel).clear_settings()["client_id"] != "new-client"
    page = act(admin_client, channel, "replace-keys", **keys)
    assert "The new keys are accepted and saved." in page and CANARY not in page
    assert again(channel).clear_settings()["client_secret"] == CANARY
    assert again(channel).keys_saved_by == "admin"
    assert actions() == ["replaced API keys"]


def test_new_keys_are_judged_as_on_the_page_of_the_channel(
    admin_client: Client, channel: Channel, world: World
) -> None:
    keys = {"client_id": "new-client", "client_secret": SHARED_SECRET}
    shown = submit(admin_client, url(channel, "replace-keys"), "care_form", **keys)
    assert "Shared secret" in errors_on(shown) and not world.inbox.tokens_given
    assert again(channel).clear_settings()["client_secret"] != SHARED_SECRET and not actions()


def test_keys_of_the_other_region_are_one_button_away(
    admin_client: Client, channel: Channel, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the US server takes them."""

    def server(session: ApiSession, request: Request, **limits: Any) -> Answer:
        if "sparkcentral.com" not in request.target.host:
            return world.answer(session, request, **limits)
        is_us = request.target.host == "public-api.sparkcentral.com"
        return answer(200, {"access_token": "t", "expires_in": 3600}) if is_us else answer(401)

    monkeypatch.setattr(ApiSession, "_answer", server)
    other = make_channel("sparkcentral", bot=channel.bot)
    other.put_settings({**other.clear_settings(), "base_url": "", "region": "eu"})
    other.save()
    page = text_of(admin_client.post(url(other, "test")))
    assert "These keys belong to the US server." in page and url(other, "switch-region") in page
    page = act(admin_client, other, "switch-region")
    assert "The region is changed" in page
    assert again(other).clear_settings()["region"] == "us"
    shown = submit(admin_client, url(other, "switch-region"), "care_form")  # the EU server takes them less than ever
    assert "No other server accepts these keys" in text_of(shown)


# --- tests and diagnostics ----------------------------------------------------------------------------------------


def test_a_test_to_ourselves_says_what_it_proves(admin_client: Client, channel: Channel, world: World) -> None:
    assert "It can&#x27;t prove" in text_of(admin_client.get(url(channel, "send-test")))
    page = text_of(admin_client.post(url(channel, "send-test")))
    assert "✓ Accepted" in page and "as expected" in page
    world.ourselves = answer(401, {"detail": "No."})
    page = text_of(admin_client.post(url(channel, "send-test")))
    assert "▲ Not accepted: 401" in page and "a different shared secret" in page and "It says: No." in page
    Channel.objects.update(shared_secret_encrypted="")
    page = text_of(admin_client.post(url(channel, "send-test")))
    assert "nothing could be signed" in page


def test_diagnostics_are_a_file_without_secrets(admin_client: Client, channel: Channel) -> None:
    response = admin_client.post(url(channel, "diagnostics"))
    assert response["Content-Disposition"].startswith('attachment; filename="diagnostics-channel-')
    document = json.loads(response.content)
    assert document["channel"]["name"] == channel.name
    assert SHARED_SECRET not in response.content.decode()
    assert actions() == ["downloaded diagnostics"]


def test_settings_are_exported_without_secrets(admin_client: Client, channel: Channel) -> None:
    text = admin_client.get(url(channel, "export")).content.decode()
    assert f"name: {channel.name}" in text and "${ENV:" in text
    assert SHARED_SECRET not in text and channel.clear_settings()["client_secret"] not in text


def test_saving_and_checking_saves_first(admin_client: Client, channel: Channel, world: World) -> None:
    page = submit(
        admin_client, url(channel), "channel_form", _check="Save and check", **{"fallback_texts-*": "One moment"}
    )
    assert page.redirect_chain[-1][0] == url(channel, "test")
    assert "Your entries are saved" in text_of(page) and "checks passed" in text_of(page)
    assert again(channel).fallback_text == "One moment"
    given = world.inbox.tokens_given
    admin_client.get(url(channel, "test"))  # opened again it leads back, and calls nobody
    assert world.inbox.tokens_given == given


# --- delete -------------------------------------------------------------------------------------------------------


def test_a_channel_is_deleted_by_typing_its_name(admin_client: Client, walker: Walker) -> None:
    channel = walker.channel
    walker.says("Hello")
    page = text_of(admin_client.get(url(channel, "delete")))
    assert "1 conversation, 1 event, 1 delivery" in page and "Archive the channel" in page
    shown = submit(admin_client, url(channel, "delete"), "care_form", name="something else")
    assert "not the name of this channel" in errors_on(shown)
    assert Conversation.objects.exists()
    page = act(admin_client, channel, "delete", name=channel.name, reason="Contract ended")
    assert "is deleted, with everything in it." in page
    assert not Channel.objects.exists() and not Conversation.objects.exists()
    assert AuditEntry.objects.get(action="ordered deletion").reason == "Contract ended"


def test_a_long_deletion_goes_on_from_its_page(
    admin_client: Client, walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = walker.channel
    for number in range(3):
        walker.says("Hello", f"0-conv-{number}")
    monkeypatch.setattr(channel_deletion, "BATCH", 1)
    monkeypatch.setattr("channels_app.web.admin.channel_tools.ROUND_S", 0.0)
    page = text_of(admin_client.post(url(channel, "delete"), {"name": channel.name}))
    assert "Still to be deleted: 3 conversations, 2 events" in page and "data-go-on" in page
    assert again(channel).archived_at
    for _ in range(30):
        going = admin_client.post(url(channel, "delete"), {"name": channel.name, "go_on": "yes"})
        if going.status_code == 302:
            break
    assert not Channel.objects.exists()
    assert actions() == ["ordered deletion", "deleted"]


def test_many_are_never_deleted_at_once(admin_client: Client, channel: Channel) -> None:
    selected = {"action": "delete_selected", "_selected_action": channel.pk, "post": "yes"}
    admin_client.post("/admin/channels_app/channel/", selected)
    assert Channel.objects.exists()


# --- the live part ------------------------------------------------------------------------------------------------


def test_the_steps_tick_themselves(admin_client: Client, walker: Walker) -> None:
    channel = walker.channel
    admin_client.post(url(channel, "test"))
    IntakeCount.objects.create(
        door="inbox", owner_uuid=channel.uuid, reason="no_signature", day="2020-01-01", last_at=timezone.now()
    )
    before = text_of(admin_client.get(url(channel, "set-up")))
    assert 'data-waiting="yes"' in before and "Waiting for the first message …" in before
    assert walker.post(make_event()).status_code == 200
    came = text_of(admin_client.get(url(channel, "set-up")))
    assert 'data-waiting="yes"' in came and "First event received at" in came
    walker.work()
    live = text_of(admin_client.get(url(channel, "set-up")))
    assert f'data-announcement="{channel} answered its first customer at' in live
    assert "● Live" in live
    stamps = {text.split('data-stamp="')[1].split('"')[0] for text in (before, came, live)}
    assert len(stamps) == 3
    assert live.lstrip().startswith("<section")  # a part of the page, and no page


def test_a_viewer_sees_the_steps_and_no_buttons(operator: Client, channel: Channel) -> None:
    page = text_of(operator.get(url(channel)))
    assert "Set-up:" in page and "Pause…" in page  # which is all that this person may do
    for word in ("Rotate…", "Archive…", "Delete…", "Diagnostics…", "Save secret", "Test connection</button>"):
        assert word not in page


def test_one_check_is_told_as_one() -> None:
    told = [
        render_to_string("admin/chatbridge/verdict.html", {"lines": [object()] * count, "opts": Channel._meta})
        for count in (1, 3)
    ]
    assert "The check passed" in told[0]
    assert "All 3 checks passed" in told[1]


def test_the_timeout_is_entered_in_minutes_and_the_rule_is_said(admin_client: Client, channel: Channel) -> None:
    page = text_of(admin_client.get(url(channel)))
    assert url(channel, "timeouts") in page and "never “Resolved”" in page
    asked = text_of(admin_client.get(url(channel, "timeouts")))
    assert 'value="5"' in asked and "closed before anyone has seen it" in asked and "up to 23 hours" in asked
    shown = submit(admin_client, url(channel, "timeouts"), "care_form", minutes="61")
    assert "less than or equal to 60" in errors_on(shown) and again(channel).reply_limit_s == 300
    act(admin_client, channel, "timeouts", minutes="30")
    assert again(channel).reply_limit_s == 1800
    assert AuditEntry.objects.latest("pk").changes["reply_limit_s"] == [300, 1800]
