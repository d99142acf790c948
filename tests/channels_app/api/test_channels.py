"""Channels over the API: found, added, changed, looked after."""

from collections.abc import Callable
from typing import Any

import pytest

from channels_app.conversations.refusals import count_refusal
from channels_app.models import AuditEntry, Bot, Channel, Conversation
from channels_app.web.api.channel_acts import ACTS
from tests.builders import SHARED_SECRET, make_channel
from tests.channels_app.api.conftest import Program
from tests.world import World

SECRET = "ab12" * 16
NEW = {
    "name": "Acme EU",
    "inbox": "hootsuite",
    "settings": {"region": "eu", "client_id": "client-9", "client_secret": "s" * 40, "organization_id": "org-1"},
}


@pytest.fixture
def path(channel: Channel) -> str:
    return f"channels/{channel.pk}/"


def actions() -> list[str]:
    return list(AuditEntry.objects.filter(object_type="channel").order_by("id").values_list("action", flat=True))


# --- finding ------------------------------------------------------------------------------------------------------


def test_channels_are_listed_without_those_in_the_archive(viewer: Program, admin: Program, db: None) -> None:
    names = ["Acme EU", "Acme US", "Shop NL"]
    rows = [make_channel(name=name, bot=None) for name in names]
    admin.post(f"channels/{rows[0].pk}/archive/")

    def found(**query: Any) -> list[str]:
        return [row["name"] for row in viewer.get("channels/", **query).body["results"]]

    assert found() == ["Shop NL", "Acme US"]
    assert found(archived="true") == ["Acme EU"] and found(name="acme") == ["Acme US"]
    assert viewer.get("channels/", limit=1).body["next"].endswith(f"limit=1&before={rows[2].pk}")


def test_no_answer_holds_a_secret(admin: Program, channel: Channel, path: str) -> None:
    body = admin.get(path).body
    assert body["secrets"]["client_secret"]["ends_in"] == channel.clear_settings()["client_secret"][-4:]
    assert body["secrets"]["shared_secret"]["ends_in"] == SHARED_SECRET[-4:]
    assert SHARED_SECRET not in str(body) and "client-secret" not in str(body)
    assert body["settings"]["client_id"].startswith("client-") and "client_secret" not in body["settings"]


def test_what_is_not_there(admin: Program, db: None) -> None:
    for tail in ("", "set-up/", "refusals/"):
        assert admin.get(f"channels/{10**12}/{tail}").code == "CB-903"


def test_a_channel_tells_how_it_is(viewer: Program, channel: Channel, path: str) -> None:
    body = viewer.get(path).body
    assert body["state"]["kind"] == "setup" and body["repairs"] == [] and body["last_event_at"] is None
    Channel.objects.update(shared_secret_encrypted="")
    for _ in range(3):
        count_refusal("inbox", channel.uuid, "no_secret")
    assert [row["state"]["words"] for row in viewer.get("channels/").body["results"]] == [
        viewer.get(path).body["state"]["words"]
    ]


def test_many_channels_take_no_more_queries_than_one(
    viewer: Program, channel: Channel, django_assert_max_num_queries: Any
) -> None:
    viewer.get("channels/")
    for number in range(6):
        make_channel(name=f"Channel of many {number}")
    with django_assert_max_num_queries(20):
        assert len(viewer.get("channels/").body["results"]) == 7


# --- adding and changing ------------------------------------------------------------------------------------------


def test_a_channel_is_added(admin: Program, world: World, bot: Bot) -> None:
    answer = admin.post("channels/", {**NEW, "bot": bot.pk, "shared_secret": SECRET, "bot_tries": 3})
    assert answer.status == 201
    channel = Channel.objects.get(name="Acme EU")
    assert channel.clear_settings()["client_secret"] == "s" * 40 and channel.shared_secret == SECRET
    assert (channel.bot, channel.bot_tries, channel.is_active) == (bot, 3, True)
    entry = AuditEntry.objects.get(action="added")
    assert (entry.actor, entry.via, entry.object_id) == ("robot-Admin", "api", str(channel.pk))
    assert entry.changes["settings.client_secret"] == "changed" and SECRET not in str(entry.changes)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"colour": "red"}, "colour", ""),
        ({"is_active": False}, "is_active", ""),
        ({"name": ""}, "name", ""),
        ({"name": None}, "name", ""),
        ({"inbox": "front"}, "inbox", ""),
        ({"bot": 999}, "bot", ""),
        ({"answer_within_s": 0}, "answer_within_s", ""),
        ({"on_bot_failure": "say_text", "apology_texts": {}}, "apology_texts", ""),
        ({"settings": {**NEW["settings"], "colour": 1}}, "settings.colour", ""),  # type: ignore[dict-item]
        ({"settings": {**NEW["settings"], "client_id": []}}, "settings.client_id", ""),  # type: ignore[dict-item]
        ({"settings": {"region": "eu"}}, "settings.client_id", ""),
        ({"shared_secret": "x" * 64}, "shared_secret", "CB-301"),
        ({"shared_secret": "s" * 40}, "shared_secret", "CB-302"),
    ],
)
def test_a_mistake_is_told_at_its_field_with_its_code(
    admin: Program, db: None, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = admin.post("channels/", {**NEW, **changes})
    assert (answer.status, answer.code) == (400, "CB-904")
    assert field in answer.fields
    assert code in {error["code"] for error in answer.body["errors"] if error["field"] == field}
    assert not Channel.objects.exists() and not actions()


def test_a_name_is_taken_once(admin: Program, channel: Channel) -> None:
    assert "name" in admin.post("channels/", {**NEW, "name": channel.name}).fields
    assert "name" in admin.post(f"channels/{channel.pk}/clone/", {"name": channel.name}).fields


def test_what_is_left_out_stays(admin: Program, channel: Channel, path: str) -> None:
    before = channel.clear_settings()
    body = admin.patch(path, {"greet": False, "settings": {"client_id": "client-new"}}).body
    assert (body["greet"], body["settings"]["client_id"]) == (False, "client-new")
    channel.refresh_from_db()
    assert channel.clear_settings() == {**before, "client_id": "client-new"}
    assert channel.shared_secret == SHARED_SECRET and channel.bot is not None
    entry = AuditEntry.objects.get(action="changed")
    assert entry.changes["greet"] == [True, False] and "shared_secret" not in entry.changes
    assert entry.changes["settings.client_id"] == [before["client_id"], "client-new"]
    assert (channel.keys_saved_by, body["secrets"]["client_secret"]["saved_by"]) == ("robot-Admin", "robot-Admin")


def test_the_bot_is_switched_on_for_an_inbox_channel(admin: Program, channel: Channel, path: str) -> None:
    given = {"external_id": "whatsapp-1", "name": "WhatsApp NL", "is_enabled": True}
    for changes, shown in ((given, True), ({"external_id": "whatsapp-1", "is_enabled": False}, False)):
        [row] = admin.patch(path, {"inbox_channels": [changes]}).body["inbox_channels"]
        assert (row["name"], row["is_enabled"]) == ("WhatsApp NL", shown)
    actions = AuditEntry.objects.filter(object_type="inboxchannel").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["added", "changed"]
    wrong = admin.patch(path, {"name": "Other", "inbox_channels": [{"external_id": "x", "colour": 1}]})
    assert "inbox_channels[0].colour" in wrong.fields and admin.get(path).body["name"] == channel.name


def test_a_change_that_changes_nothing_is_not_written_down(admin: Program, channel: Channel, path: str) -> None:
    assert admin.patch(path, {"name": channel.name}).status == 200
    assert not actions()


def test_a_body_that_is_no_object_is_refused(admin: Program, db: None) -> None:
    bodies: list[Any] = [[], "text", 5, None]
    for body in bodies:
        assert admin.post("channels/", body).code == "CB-904"


# --- acts ---------------------------------------------------------------------------------------------------------


def test_a_channel_is_paused_and_resumed(admin: Program, channel: Channel, path: str) -> None:
    body = admin.post(f"{path}pause/", {"reason": "The bot greets itself."}).body
    assert (body["is_active"], body["paused_by"]) == (False, "robot-Admin")
    assert admin.post(f"{path}resume/").body["is_active"] is True
    assert actions() == ["paused", "resumed"]
    assert AuditEntry.objects.get(action="paused").reason == "The bot greets itself."


def test_the_shared_secret_is_rotated(admin: Program, channel: Channel, path: str) -> None:
    wrong = admin.post(f"{path}rotate-secret/", {"shared_secret": "no"})
    assert (wrong.status, wrong.code) == (409, "CB-301")
    body = admin.post(f"{path}rotate-secret/", {"shared_secret": SECRET, "overlap_hours": 1}).body
    assert body["secrets"]["shared_secret"]["ends_in"] == SECRET[-4:]
    assert body["secret_rotation"]["old"] == {"count": 0, "last_at": None}
    assert admin.post(f"{path}keep-old-secret/").body["secret_rotation"] is not None
    assert admin.post(f"{path}retire-old-secret/").body["secret_rotation"] is None
    assert SECRET not in str(list(AuditEntry.objects.values()))


def test_the_webhook_url_is_rotated(admin: Program, channel: Channel, path: str) -> None:
    before = admin.get(path).body["webhook_url"]
    body = admin.post(f"{path}rotate-url/", {"reason": "It leaked."}).body
    assert body["webhook_url"] != before and body["address_rotation"] is not None
    assert admin.post(f"{path}retire-old-url/").body["address_rotation"] is None


def test_new_keys_are_saved_only_if_they_work(admin: Program, channel: Channel, path: str, world: World) -> None:
    keys = {"client_id": "client-new", "client_secret": "t" * 40}
    answer = admin.post(f"{path}replace-keys/", {"settings": keys})
    assert answer.body["is_saved"] and answer.body["lines"][0]["is_ok"]
    channel.refresh_from_db()
    assert channel.clear_settings()["client_secret"] == "t" * 40
    assert "settings.colour" in admin.post(f"{path}replace-keys/", {"settings": {"colour": 1}}).fields


def test_a_channel_is_tested(admin: Program, channel: Channel, path: str) -> None:
    lines = admin.post(f"{path}test/").body["lines"]
    assert {"API keys", "Shared secret"} <= {line["title"] for line in lines}


def test_its_set_up_and_refused_events_are_told(viewer: Program, channel: Channel, path: str) -> None:
    count_refusal("inbox", channel.uuid, "bad_signature")
    assert len(viewer.get(f"{path}set-up/").body["results"]) >= 6
    [refusal] = viewer.get(f"{path}refusals/").body["results"]
    assert (refusal["code"], refusal["count"]) == ("CB-305", 1)


def test_a_channel_is_cloned_and_deleted(admin: Program, channel: Channel, path: str) -> None:
    clone = admin.post(f"{path}clone/", {"name": "Acme US"})
    assert (clone.status, clone.body["copied_from"]) == (201, channel.name)
    assert clone.body["secrets"]["client_secret"]["is_saved"] is False
    Conversation.objects.create(channel=channel, external_id="0-conv-1")
    assert "name" in admin.post(f"{path}delete/", {"name": "Acme US"}).fields
    assert admin.post(f"{path}delete/", {"name": channel.name}).body == {"is_deleted": True}
    assert admin.get(path).status == 404


def test_diagnostics_hold_no_secret(admin: Program, channel: Channel, path: str) -> None:
    text = str(admin.get(f"{path}diagnostics/").body)
    assert channel.name in text and SHARED_SECRET not in text


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["Viewer", "Operator", "Auditor", ""])
def test_only_admins_change_channels(program: Callable[..., Program], channel: Channel, path: str, role: str) -> None:
    caller = program(role)
    assert caller.get(path).status == (200 if role else 403)
    acts = [*(act.path for act in ACTS), "replace-keys", "test", "clone", "delete"]
    answers = [
        caller.post("channels/", NEW),
        caller.patch(path, {}),
        *(caller.post(f"{path}{act}/", {}) for act in acts),
    ]
    assert {answer.status for answer in answers} == {403}
    assert caller.get(f"{path}diagnostics/").status == 403
    assert not actions()
