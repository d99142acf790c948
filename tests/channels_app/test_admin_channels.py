"""The list of channels: how each is, what needs attention, and no more questions for many than for a few."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from channels_app.access.audit import CHANGED
from channels_app.channels.rotations import rotate_shared_secret
from channels_app.conversations.refusals import count_refusal
from channels_app.models import (
    AuditEntry,
    Bot,
    Channel,
    Credential,
    Figure,
    InboxChannel,
    IntakeCount,
    Period,
    WorkerSlot,
)
from channels_app.operations.checks.facts import facts_of
from channels_app.operations.checks.repairs import find_repairs, state_of
from channels_app.operations.checks.steps import setup_steps
from offload.models import OffloadProvider
from tests.builders import make_bot, make_channel, make_event
from tests.channels_app.test_rotations import ANN, NEW_SECRET
from tests.conftest import Walker
from tests.fakes.google import AGENT, service_account_key
from tests.pages import submit
from tests.world import World

LIST = "/admin/channels_app/channel/"


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content


def names(client: Client, **query: str) -> set[str]:
    return {channel.name for channel in client.get(LIST, query).context["cl"].result_list}


def codes_of(channel: Channel) -> list[str]:
    return [str(repair.code) for repair in find_repairs(facts_of(Channel.objects.get(pk=channel.pk)))]


def state(channel: Channel) -> str:
    facts = facts_of(Channel.objects.get(pk=channel.pk))
    return str(state_of(facts.channel, setup_steps(facts), find_repairs(facts)))


def slot(beat_at: Any) -> WorkerSlot:
    values = {"host": "h", "pid": 1, "kind": "worker", "version": "1", "started_at": beat_at, "beat_at": beat_at}
    return WorkerSlot.objects.create(name="w1", **values)


# --- how a channel is ---------------------------------------------------------------------------------------------


def test_a_channel_goes_from_its_first_step_to_live(admin_client: Client, walker: Walker) -> None:
    channel = walker.channel
    fresh = Channel.objects.create(name="Fresh", inbox="sparkcentral")
    assert state(fresh) == "○ Step 1 of 7"
    assert state(channel) == "○ Step 2 of 7"
    admin_client.post(f"{LIST}{channel.pk}/test/")
    assert state(channel) == "○ Step 3 of 7"
    walker.post(make_event())
    assert state(channel) == "○ Step 6 of 7"
    walker.work()
    assert state(channel) == "● Live"


def test_new_keys_take_a_step_back_and_leave_it_live(admin_client: Client, walker: Walker) -> None:
    channel = walker.channel
    walker.says("Hello")
    assert state(channel) == "● Live"
    submit(admin_client, f"{LIST}{channel.pk}/change/", "channel_form", client_secret="another-secret")
    steps = {step.key: step.progress for step in setup_steps(facts_of(Channel.objects.get()))}
    assert (steps["connection"], steps["answer"]) == ("to do", "done")


# --- what needs attention -----------------------------------------------------------------------------------------


def test_a_healthy_channel_needs_nothing(walker: Walker) -> None:
    walker.says("Hello")
    assert codes_of(walker.channel) == []


def test_refused_keys_are_told_since_when(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    Credential.objects.update(problem="It refuses", problem_code="CB-201", problem_since=timezone.now())
    assert codes_of(walker.channel) == ["CB-204"]
    assert state(walker.channel) == "▲ Keys refused while live"
    page = text_of(admin_client.get(LIST))
    assert "Needs attention (1)" in page and f"{LIST}{walker.channel.pk}/replace-keys/" in page
    assert names(admin_client, state="attention") == {walker.channel.name}
    card = text_of(admin_client.get(f"{LIST}{walker.channel.pk}/change/"))
    assert "replies cannot be sent: the keys are refused" in card and "Likely causes" in card


def test_an_outage_of_the_token_server_is_no_refusal(walker: Walker) -> None:
    walker.says("Hello")
    Credential.objects.update(problem="503", problem_code="CB-203", problem_since=timezone.now())
    assert codes_of(walker.channel) == ["CB-203"]


@pytest.mark.parametrize(
    ("reason", "code"),
    [("bad_signature", "CB-305"), ("too_old", "CB-403"), ("malformed", "CB-406"), ("old_secret", "CB-308")],
)
def test_refused_events_need_attention_until_one_is_accepted(walker: Walker, reason: str, code: str) -> None:
    count_refusal("inbox", walker.channel.uuid, reason)
    assert codes_of(walker.channel) == [code]
    walker.post(make_event())
    assert codes_of(walker.channel) == []  # so it was somebody else


def test_a_scanner_without_a_signature_needs_no_attention(walker: Walker) -> None:
    count_refusal("inbox", walker.channel.uuid, "no_signature")
    assert codes_of(walker.channel) == []


def test_an_old_refusal_needs_no_attention(walker: Walker) -> None:
    count_refusal("inbox", walker.channel.uuid, "bad_signature")
    IntakeCount.objects.update(last_at=timezone.now() - timedelta(hours=25))
    assert codes_of(walker.channel) == []


def test_only_the_old_secret_seen_for_an_hour_needs_attention(walker: Walker) -> None:
    rotate_shared_secret(walker.channel, NEW_SECRET, ANN)
    walker.post(make_event())
    assert codes_of(walker.channel) == []  # changing it there takes a moment
    Channel.objects.update(shared_secret_saved_at=timezone.now() - timedelta(hours=2))
    assert codes_of(walker.channel) == ["CB-307"]
    walker.post(make_event(), secret=NEW_SECRET)
    assert codes_of(walker.channel) == []


def test_a_bot_that_is_left_alone_or_refused_needs_attention(walker: Walker) -> None:
    walker.says("Hello")
    Bot.objects.update(failures=7, paused_until=timezone.now())
    assert codes_of(walker.channel) == ["CB-510"]
    Bot.objects.update(failures=0, paused_until=None)
    bot = Bot.objects.get()
    count_refusal("bot", bot.uuid, "bad_verify_token")
    assert codes_of(walker.channel) == ["CB-504"]
    bot.save()  # changed since
    assert codes_of(walker.channel) == []


def test_a_channel_without_bot_needs_attention_once_it_is_called(walker: Walker) -> None:
    Channel.objects.update(bot=None)
    assert codes_of(walker.channel) == []  # a step of the set-up
    walker.post(make_event())
    assert codes_of(walker.channel) == ["CB-801"]
    Channel.objects.update(is_active=False)
    assert codes_of(walker.channel) == []


def test_calls_of_the_day_that_run_out_need_attention(walker: Walker) -> None:
    walker.says("Hello")
    Credential.objects.update(quota_used=95, quota_limit=100)
    assert codes_of(walker.channel) == ["CB-207"]
    assert state(walker.channel) == "● Live"  # a warning is no trouble yet


def test_lost_encryption_keys_need_attention(walker: Walker, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [b"n" * 32]
    assert codes_of(walker.channel) == ["CB-104"]


def test_nothing_of_an_archived_channel_needs_attention(walker: Walker) -> None:
    count_refusal("inbox", walker.channel.uuid, "archived")
    Channel.objects.update(archived_at=timezone.now(), is_active=False)
    assert codes_of(walker.channel) == []
    assert state(walker.channel) == "□ Archived"


NEXT = re.compile(r'<p class="next">.*?</p>', re.DOTALL)


def next_of(client: Client, channel: Channel) -> str:
    found = NEXT.search(text_of(client.get(f"{LIST}{channel.pk}/change/")))
    assert found
    return found[0]


def refuse_keys(channel: Channel) -> None:
    Credential.objects.update(problem="It refuses", problem_code="CB-201", problem_since=timezone.now())


def refuse_signatures(channel: Channel) -> None:
    count_refusal("inbox", channel.uuid, "bad_signature")


def pause_bot(channel: Channel) -> None:
    Bot.objects.update(failures=7, paused_until=timezone.now())


def refuse_bot(channel: Channel) -> None:
    count_refusal("bot", Bot.objects.get().uuid, "bad_verify_token")


def refuse_offloads(channel: Channel) -> None:
    count_refusal("offload", channel.offload_provider.uuid, "bad_verify_token")


BROKEN: list[tuple[Callable[[Channel], None], str, str]] = [
    (refuse_keys, "Keys refused while live", "/replace-keys/"),
    (refuse_signatures, "Signature does not match", "/rotate-secret/"),
    (pause_bot, "Bot paused after failures", "/admin/channels_app/bot/"),
    (refuse_bot, "Wrong verify token", "/admin/channels_app/bot/"),
    (refuse_offloads, "Wrong verify token", "#offload_provider-group"),
]


@pytest.mark.parametrize(("fail", "name", "link"), BROKEN)
def test_next_is_what_broke_and_not_what_nobody_has_done_yet(
    admin_client: Client, walker: Walker, fail: Callable[[Channel], None], name: str, link: str
) -> None:
    slot(timezone.now())
    OffloadProvider.objects.get_or_create(channel=walker.channel)
    admin_client.post(f"{LIST}{walker.channel.pk}/test/")
    walker.says("Hello")
    assert "#step-hand_over" in next_of(admin_client, walker.channel)
    fail(Channel.objects.get())
    following = next_of(admin_client, walker.channel)
    assert name in following and link in following
    Channel.objects.update(handover_skipped="Nobody needs it")  # all steps were done
    assert name in next_of(admin_client, walker.channel)


def test_next_is_to_resume_a_channel_that_is_paused(admin_client: Client, walker: Walker) -> None:
    """And not to turn on in the inbox what is turned on there."""
    slot(timezone.now())
    admin_client.post(f"{LIST}{walker.channel.pk}/test/")
    walker.says("Hello")
    Channel.objects.update(is_active=False, paused_at=timezone.now(), paused_by="anna")
    following = next_of(admin_client, walker.channel)
    assert "Channel paused" in following and "/resume/" in following
    assert "Turn the virtual agent on" not in following


@pytest.mark.parametrize(("inbox", "reports"), [("sparkcentral", False), ("hootsuite", True)])
def test_the_last_step_names_the_menus_of_its_inbox(
    admin_client: Client, channel: Channel, inbox: str, reports: bool
) -> None:
    Channel.objects.update(inbox=inbox)
    OffloadProvider.objects.get_or_create(channel=channel)
    step = admin_client.get(f"{LIST}{channel.pk}/change/").context["steps"][-1]
    assert ("Write Back URL" in step.where, "write-back URL" in step.detail) == (reports, reports)
    assert [address.label for address in step.addresses] == ["Offload URL", *(["Write-back URL"] if reports else [])]


@pytest.mark.parametrize(
    ("path", "name"), [("channels_app/bot", "Bots"), ("channels_app/apitoken", "API tokens"), ("auth/user", "People")]
)
def test_a_list_is_called_what_the_menu_calls_it(admin_client: Client, path: str, name: str) -> None:
    page = text_of(admin_client.get(f"/admin/{path}/"))
    assert f"<title>{name} |" in page and f"<h1>{name}</h1>" in page


def test_next_is_the_worker_that_is_not_there(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    walker.post(make_event())
    following = next_of(admin_client, walker.channel)
    assert "No worker" in following and "/ops/workers/" in following


def test_in_the_set_up_a_step_that_can_wait_waits(admin_client: Client, world: World) -> None:
    """Its address is not public and the bot answers nowhere, but that was never otherwise."""
    fresh = Channel.objects.create(name="Fresh", inbox="sparkcentral", covers_all_inbox_channels=False)
    assert "#step-keys" in next_of(admin_client, fresh)


def test_silent_workers_are_told_above_all_channels(admin_client: Client, walker: Walker) -> None:
    walker.post(make_event())
    assert "Nothing is processing messages" in text_of(admin_client.get(LIST))
    page = text_of(admin_client.get(f"{LIST}{walker.channel.pk}/change/"))
    assert "Waiting: 1 conversation; nothing is lost" in page
    worker = slot(timezone.now())
    assert "Nothing is processing messages" not in text_of(admin_client.get(LIST))
    WorkerSlot.objects.filter(pk=worker.pk).update(beat_at=timezone.now() - timedelta(minutes=5))
    assert "Nothing is processing messages" in text_of(admin_client.get(LIST))


def test_of_a_refused_request_the_network_and_the_size_are_kept(
    admin_client: Client, walker: Walker, settings: Any
) -> None:
    address = f"/webhooks/inbox/{walker.channel.uuid}/"
    walker.client.post(address, b"x" * 77, content_type="application/json", REMOTE_ADDR="203.0.113.57")
    row = IntakeCount.objects.get()
    assert (row.reason, row.last_network, row.last_bytes) == ("no_signature", "203.0.113.0/24", 77)
    page = text_of(admin_client.get(f"{LIST}{walker.channel.pk}/change/"))
    assert "203.0.113.0/24" in page and "77 bytes" in page and "203.0.113.57" not in page

    told: dict[str, Any] = {
        "headers": {"X-Forwarded-For": "198.51.100.1, 2001:db8:1:2:3::4"},
        "REMOTE_ADDR": "10.0.0.1",
    }
    walker.client.post(address, b"{}", content_type="application/json", **told)  # nobody whom we trust says so
    assert IntakeCount.objects.get().last_network == "10.0.0.0/24"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # as with BEHIND_PROXY
    walker.client.post(address, b"{}", content_type="application/json", **told)
    assert IntakeCount.objects.get().last_network == "2001:db8:1::/48"


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_asks_as_much_for_many_channels_as_for_a_few(
    admin_client: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        channel = make_channel(covers_all_inbox_channels=number % 2 == 0)
        OffloadProvider.objects.create(channel=channel)
        InboxChannel.objects.create(channel=channel, external_id="wa", is_enabled=True)
        count_refusal("inbox", channel.uuid, "bad_signature")
    slot(timezone.now())
    with django_assert_max_num_queries(16):
        page = text_of(admin_client.get(LIST))
    assert "Needs attention (12)" in page


def test_the_list_shows_the_figures_of_a_day(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    now = timezone.now()
    start = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    for name, label, value in (("answer_time", "1", 418), ("handover", "bot_failed", 3), ("outcome", "dead", 2)):
        Figure.objects.create(
            channel=walker.channel, period=Period.HALF_HOUR, start=start, name=name, label=label, value=value
        )
    row = text_of(admin_client.get(LIST)).split('<table id="result_list">')[1]
    assert '<td class="field-answered">418</td>' in row
    assert '<td class="field-failed">5</td>' in row
    assert '<td class="field-handed_over">3</td>' in row
    assert " s ago</time>" in row


def test_channels_are_found_by_name_and_by_the_end_of_what_people_have(admin_client: Client, world: World) -> None:
    first, _ = make_channel(name="Acme EU"), make_channel(name="Shop NL")
    client_id = first.clear_settings()["client_id"]
    for term in ("acme", str(first.uuid)[-8:], str(first.uuid).upper(), f"{str(first.uuid)[-6:]}/", client_id):
        assert names(admin_client, q=term) == {"Acme EU"}, term
    assert names(admin_client, q="%") == set()


def test_channels_are_filtered_by_state(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    make_channel(name="New")
    make_channel(name="Resting", is_active=False)
    make_channel(name="Gone", archived_at=timezone.now())
    admin_client.get(LIST)
    assert names(admin_client) == {walker.channel.name, "New", "Resting"}
    for key, expected in (
        ("live", walker.channel.name),
        ("setup", "New"),
        ("paused", "Resting"),
        ("archived", "Gone"),
    ):
        assert names(admin_client, state=key) == {expected}


def test_an_empty_list_says_how_to_begin(admin_client: Client, db: None) -> None:
    page = text_of(admin_client.get(LIST))
    assert "A channel connects one Sparkcentral virtual agent" in page and f"{LIST}add/" in page


def test_names_and_reasons_are_escaped(admin_client: Client, world: World) -> None:
    channel = make_channel(name="<script>alert(1)</script>", bot=make_bot(name="<b>bot</b>"))
    count_refusal("inbox", channel.uuid, "bad_signature")
    page = text_of(admin_client.get(LIST))
    assert "<script>alert" not in page and "<b>bot" not in page


# --- the audit log ------------------------------------------------------------------------------------------------


def test_what_a_form_changes_is_written_down_with_before_and_after(admin_client: Client, channel: Channel) -> None:
    OffloadProvider.objects.create(channel=channel, closed_text="Closed")
    submit(
        admin_client,
        f"{LIST}{channel.pk}/change/",
        "channel_form",
        client_secret="canary-secret",
        **{
            "fallback_texts-*": "One moment",
            "offload_provider-0-closed_texts-*": "Come back later",
            "offload_provider-0-verify_token": "canary-token",
        },
    )
    entries = {entry.object_type: entry for entry in AuditEntry.objects.all()}
    changes = entries["channel"].changes
    assert changes["fallback_texts"] == [{}, {"*": "One moment"}]
    assert changes["settings.client_secret"] == CHANGED
    assert set(changes) == {
        "fallback_text",
        "fallback_texts",
        "settings.client_secret",
        "keys_saved_at",
        "keys_saved_by",
    }
    provider = entries["offloadprovider"].changes
    assert provider == {
        "closed_text": ["Closed", "Come back later"],
        "closed_texts": [{"*": "Closed"}, {"*": "Come back later"}],
        "verify_token": CHANGED,
    }
    assert entries["channel"].actor == "admin" and entries["channel"].via == "admin"
    assert "canary" not in str([entry.changes for entry in AuditEntry.objects.all()])


def test_saving_without_a_change_writes_nothing_down(admin_client: Client, channel: Channel) -> None:
    OffloadProvider.objects.create(channel=channel)
    submit(admin_client, f"{LIST}{channel.pk}/change/", "channel_form")
    assert not AuditEntry.objects.exists()


def test_bots_and_people_are_written_down_too(admin_client: Client, world: World) -> None:
    bot = make_bot(name="Parcel bot")
    submit(admin_client, f"/admin/channels_app/bot/{bot.pk}/change/", "bot_form", timeout_s="10", token="canary")
    entry = AuditEntry.objects.get()
    assert entry.changes == {"settings.timeout_s": [20, 10], "settings.token": CHANGED}
    admin_client.post(f"/admin/channels_app/bot/{bot.pk}/delete/", {"post": "yes"})
    assert AuditEntry.objects.latest("id").action == "deleted"

    person = User.objects.create_user("ann", password="x", is_staff=True)
    group = Group.objects.get_or_create(name="Viewer")[0]
    changes = {"first_name": "Ann", "groups": str(group.pk), "user_permissions": None}
    submit(admin_client, f"/admin/auth/user/{person.pk}/change/", "user_form", **changes)
    first, second = AuditEntry.objects.filter(object_type="user").order_by("id")
    assert first.changes == {"first_name": ["", "Ann"]}
    assert second.changes == {"groups": [[], ["Viewer"]]}
    password = {"password1": "a-long-canary-word", "password2": "a-long-canary-word", "usable_password": "true"}
    admin_client.post(f"/admin/auth/user/{person.pk}/password/", password)
    assert AuditEntry.objects.latest("id").action == "changed password"
    assert "canary" not in str([entry.changes for entry in AuditEntry.objects.all()])


def test_who_opens_a_page_and_saves_it_changes_nothing(admin_client: Client, channel: Channel) -> None:
    """Not even what the page shows of a setting that was never chosen, or the ends of lines of a browser."""
    Channel.objects.update(fallback_text="One\nmoment", on_bot_failure="say_text")
    OffloadProvider.objects.create(channel=channel, closed_text="Closed.\nSorry.")
    bots: dict[str, dict[str, Any]] = {
        "http": {"url": "https://bot.example.com/bot"},
        "chatlayer": {"url": "https://c.example.com", "access_token": "a" * 20, "verify_token": "any words"},
        "rasa": {"url": "https://r.example.com", "start_message": "/greet", "timeout_s": 7},
        "template": {"url": "https://t.example.com", "body": '{\n"a": {{text}}}', "texts_path": "reply"},
        "openai": {"url": "https://o.example.com", "model": "m", "prompt": "Two\n\nlines", "temperature": 0.0},
        "directline": {"secret": "s" * 40, "greeting_event": "nothing", "quiet_s": 0, "at_end": "nothing"},
    }
    bots["dialogflow"] = {"agent": AGENT, "service_account_key": service_account_key(), "at_end": "nothing"}
    rows: list[Any] = [channel]
    for kind, settings in bots.items():
        row = Bot(name=kind, kind=kind)
        row.put_settings(settings)
        row.save()
        rows.append(row)
    for row in rows:
        row.refresh_from_db()
        name = row._meta.model_name
        answer = submit(admin_client, f"/admin/channels_app/{name}/{row.pk}/change/", f"{name}_form")
        assert "was changed successfully" in text_of(answer)
        assert type(row).objects.get(pk=row.pk).revision == row.revision
    assert not AuditEntry.objects.exists()
