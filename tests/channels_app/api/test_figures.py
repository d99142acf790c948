"""The dashboard, the queue and bots over the API."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from channels_app.models import AuditEntry, Bot, Channel, Credential, WorkerSlot
from tests.builders import TOKEN
from tests.channels_app.api.conftest import Program
from tests.conftest import Walker
from tests.counting import count_newest


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_the_figures_of_the_dashboard(viewer: Program, walker: Walker, window: str) -> None:
    walker.starts()
    walker.says("Hello")
    body = viewer.get("figures/", window=window, channel=walker.channel.pk).body
    assert body["window"] == window and len(body["starts"]) == len(body["inbound"]["cells"])
    assert "window" in viewer.get("figures/", window="1y").fields


def test_figures_count_what_was_counted(viewer: Program, walker: Walker) -> None:
    walker.starts()
    walker.says("Hello")
    count_newest(timezone.now(), timedelta(hours=1))
    body = viewer.get("figures/", window="1h").body
    assert body["inbound"]["total"] == 2
    assert [row["channel_id"] for row in body["health"]] in ([walker.channel.pk], [])


def test_the_queue_and_who_works(viewer: Program, walker: Walker) -> None:
    now = timezone.now()
    slot = {"host": "h", "pid": 1, "version": "9.9", "started_at": now, "beat_at": now}
    WorkerSlot.objects.create(name="w", kind="worker", **slot)
    Credential.objects.create(account_key="5f2c9a01" * 4, quota_used=1, quota_limit=2, token_encrypted="CIPHERTEXT")
    body = viewer.get("queue/").body
    assert [(row["name"], row["is_alive"]) for row in body["workers"]] == [("w", True)]
    assert body["accounts"][0]["key"] == "5f2c9a01" and "CIPHERTEXT" not in str(body)
    assert "CB-703" in [problem["code"] for problem in body["problems"]] and "9.9" in body["versions"]
    assert len(body["per_minute"]) == 60 and {row["name"] for row in body["services"]} == {"PostgreSQL", "Redis"}


def test_bots_are_listed_added_changed_and_tested(admin: Program, bot: Bot) -> None:
    [row] = admin.get("bots/").body["results"]
    assert set(row["secrets"]["token"]) == {"is_saved", "ends_in"} and TOKEN not in str(row)
    assert row["warnings"] == []
    new = admin.post("bots/", {"name": "Parcel bot", "kind": "http", "settings": {"url": "https://bot.example.com/"}})
    assert new.status == 201 and admin.get(f"bots/{new.body['id']}/").body["name"] == "Parcel bot"
    Bot.objects.filter(pk=bot.pk).update(failures=5, paused_until=timezone.now())
    changed = admin.patch(f"bots/{bot.pk}/", {"settings": {"timeout_s": 10}}).body
    assert (changed["settings"]["timeout_s"], changed["failures"], changed["paused_until"]) == (10, 0, None)
    bot.refresh_from_db()
    assert bot.clear_settings()["token"] == TOKEN
    assert admin.post(f"bots/{bot.pk}/test/").body["is_ok"]
    assert list(AuditEntry.objects.filter(object_type="bot").order_by("id").values_list("action", flat=True)) == [
        "added",
        "changed",
    ]


def test_what_of_a_bots_settings_should_be_otherwise_is_told(admin: Program) -> None:
    settings = {"url": "http://bot.example.com/", "token": "t" * 20}
    added = admin.post("bots/", {"name": "Parcel bot", "kind": "http", "settings": settings}).body
    assert [warning["code"] for warning in added["warnings"]] == ["CB-521"]
    changed = admin.patch(f"bots/{added['id']}/", {"settings": {"token": None}})
    assert (changed.status, changed.body.get("warnings")) == (200, []), changed.body["errors"]


@pytest.mark.parametrize(
    ("query", "shown"),
    [("code={}", "code=••••"), ("{}", "••••"), ("a=1;code={}", "a=••••"), ("to=//c?sig={}", "to=••••")],
)
def test_a_key_in_an_address_is_shown_only_to_who_may_change_it(
    admin: Program, operator: Program, admin_client: Client, client: Client, bot: Bot, query: str, shown: str
) -> None:
    """Neither in the audit log, nor in what leaves the house."""
    key, address = "key-canary-51f0", f"https://bot.example.com/api?{query}"
    changed = admin.patch(f"bots/{bot.pk}/", {"settings": {"url": address.format(key)}}).body
    assert [warning["code"] for warning in changed["warnings"]] == ["CB-524"]
    assert admin.patch(f"bots/{bot.pk}/", {"settings": {"url": address.format(f"{key}-2")}}).status == 200
    [newest, before, *_] = AuditEntry.objects.filter(object_type="bot").order_by("-id")
    assert newest.changes["settings.url"] == "changed"
    assert before.changes["settings.url"][1] == f"https://bot.example.com/api?{shown}"

    channel = Channel.objects.get()
    page = f"/admin/channels_app/bot/{bot.pk}/change/"
    assert key not in str(operator.get(f"bots/{bot.pk}/").body)
    person = User.objects.get(username="robot-Operator")
    person.is_staff = True
    person.save()
    client.force_login(person)
    for answer in (
        client.get(page),
        admin_client.get("/ops/audit/"),
        admin_client.get(f"/admin/channels_app/channel/{channel.pk}/export/"),
        admin_client.get(f"/admin/channels_app/channel/{channel.pk}/diagnostics/?download=1"),
    ):
        assert answer.status_code == 200 and key not in answer.content.decode()
    assert f"{key}-2" in admin_client.get(page).content.decode()
    assert admin.get(f"bots/{bot.pk}/").body["settings"]["url"] == address.format(f"{key}-2")


def test_mistakes_about_bots_are_told_at_their_fields(admin: Program, bot: Bot) -> None:
    assert "settings.url" in admin.post("bots/", {"name": "x", "kind": "http", "settings": {"url": "ftp://x"}}).fields
    assert "name" in admin.post("bots/", {"name": bot.name, "kind": "http"}).fields
    assert "settings.colour" in admin.patch(f"bots/{bot.pk}/", {"settings": {"colour": 1}}).fields
    assert "kind" in admin.post("bots/", {"name": "x", "kind": "nlp"}).fields


def test_only_admins_change_bots(operator: Program, bot: Bot) -> None:
    assert operator.get(f"bots/{bot.pk}/").status == 200
    calls = [operator.post("bots/", {}), operator.patch(f"bots/{bot.pk}/", {}), operator.post(f"bots/{bot.pk}/test/")]
    assert {answer.status for answer in calls} == {403}
