"""The set-up of a channel and a bot by the forms of the admin, as a person without script fills them in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from channels_app.adapters.bots.template_presets import PRESETS
from channels_app.channels.live import make_bot as make_connector
from channels_app.models import Bot, Channel, Credential, InboxChannel
from offload.models import OffloadProvider
from tests.builders import SHARED_SECRET, make_bot, make_channel
from tests.conftest import Walker
from tests.pages import fields_of, names_in, submit
from tests.world import BOT, INBOX, World

CANARY = "canary-7f3e-secret-of-the-tests"
ADD_CHANNEL = "/admin/channels_app/channel/add/"
ADD_BOT = "/admin/channels_app/bot/add/"
KEYS = {"inbox": "sparkcentral", "region": "eu", "client_id": "acme", "client_secret": CANARY}


def page_of(row: Any) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def save(client: Client, row: Any, /, **changes: Any) -> Any:
    return submit(client, page_of(row), f"{row._meta.model_name}_form", **changes)


def text_of(response: Any) -> str:
    content: str = response.content.decode()
    return content


def errors_of(response: Any) -> dict[str, list[str]]:
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}


def steps_of(client: Client, channel: Channel) -> dict[str, str]:
    """Words of progress by the first word of each step."""
    steps = client.get(page_of(channel)).context["steps"]
    return {step.title: step.progress.value for step in steps}


# --- the whole way ------------------------------------------------------------------------------------------------


def test_a_person_sets_up_a_channel_from_nothing_to_the_first_answer(
    admin_client: Client, client: Client, world: World
) -> None:
    submit(admin_client, ADD_BOT, "bot_form", name="Parcel bot", kind="http", url=BOT, token="bot-token-of-the-tests")
    bot = Bot.objects.get()
    page = submit(admin_client, ADD_CHANNEL, "channel_form", name="Acme", bot=bot.pk, base_url=INBOX, **KEYS)
    channel = Channel.objects.get()
    assert page.redirect_chain[-1][0] == page_of(channel)  # it stays open: the set-up goes on there
    assert f"https://bridge.example.com/webhooks/inbox/{channel.uuid}/" in text_of(page)
    assert OffloadProvider.objects.get(channel=channel).is_enabled  # its addresses are needed from the start on
    progress = ["done", "to do", "to do", "to do", "done", "waiting", "waiting"]
    assert list(steps_of(admin_client, channel).values()) == progress

    verdict = admin_client.post(f"/admin/channels_app/channel/{channel.pk}/test/")
    assert [line.title for line in verdict.context["lines"] if not line.is_ok] == ["Shared secret"]
    save(admin_client, channel, shared_secret=f" {SHARED_SECRET} ")
    channel.refresh_from_db()
    assert channel.shared_secret == SHARED_SECRET
    assert list(steps_of(admin_client, channel).values())[:5] == ["done", "done", "to do", "done", "done"]

    walker = Walker(client, channel)
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert list(steps_of(admin_client, channel).values()) == ["done"] * 6 + ["waiting"]
    world.bot.replies.append({"complete": "handover"})
    walker.says("I want a person")
    assert set(steps_of(admin_client, channel).values()) == {"done"}
    assert "All done" in text_of(admin_client.get(page_of(channel)))


def test_the_add_page_asks_for_no_more_than_is_needed(admin_client: Client) -> None:
    names = names_in(text_of(admin_client.get(ADD_CHANNEL)), "channel_form")
    own = {name for name in names if not name.startswith(("csrf", "_"))}
    assert own == {"name", "inbox", "region", "client_id", "client_secret", "organization_id", "base_url", "bot"}


# --- settings of a kind -------------------------------------------------------------------------------------------


def test_each_kind_judges_its_own_fields(admin_client: Client) -> None:
    shown = submit(admin_client, ADD_CHANNEL, "channel_form", **{**KEYS, "name": "A", "inbox": "hootsuite"})
    assert set(errors_of(shown)) == {"organization_id"}
    shown = submit(admin_client, ADD_CHANNEL, "channel_form", **{**KEYS, "name": "A", "region": ""})
    assert set(errors_of(shown)) == {"region"}
    assert not Channel.objects.exists()


def test_a_mistake_is_told_in_the_words_of_the_chosen_kind(admin_client: Client) -> None:
    page = text_of(submit(admin_client, ADD_BOT, "bot_form", name="Demo", kind="template", url="nowhere"))
    assert '<a href="#id_url">Address</a>' in page and "Webhook channel address /" not in page


def test_fields_of_another_kind_are_not_kept(admin_client: Client) -> None:
    submit(
        admin_client, ADD_BOT, "bot_form", name="B", kind="http", url=BOT, access_token="x" * 20, verify_token="y" * 20
    )
    own = {"url", "token", "signing_secret", "reply_signature", "timeout_s", "hears_silence"}
    assert set(Bot.objects.get().settings) == own


def test_what_should_be_otherwise_is_told_when_it_is_saved(admin_client: Client, world: World) -> None:
    page = submit(
        admin_client, ADD_BOT, "bot_form", name="B", kind="http", url="http://bot.example.com/", token="t" * 20
    )
    assert "CB-521" in text_of(page) and Bot.objects.count() == 1
    page = submit(
        admin_client,
        ADD_BOT,
        "bot_form",
        name="C",
        kind="chatlayer",
        url="https://chatlayer.example/",
        access_token="parcel",
        verify_token="9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    )
    assert "CB-522" in text_of(page) and Bot.objects.count() == 2


@pytest.mark.parametrize(
    ("kind", "name", "usual"), [("dialogflow", "session_minutes", "1440"), ("directline", "quiet_s", "2")]
)
def test_a_setting_can_be_left_empty_and_filled_in_again(
    admin_client: Client, db: None, kind: str, name: str, usual: str
) -> None:
    bot = make_bot(kind, **{name: int(usual)})

    def shown() -> str:
        return fields_of(text_of(admin_client.get(page_of(bot))), "bot_form")[name]

    for given in ("", usual, "", "7"):
        save(admin_client, bot, **{name: given})
        bot.refresh_from_db()
        assert (shown(), str(bot.settings[name] or "")) == (given, given)


def test_what_a_preset_had_filled_in_can_be_emptied(admin_client: Client, db: None) -> None:
    bot = make_bot("template", preset="dify", **PRESETS["dify"])
    assert "[HANDOVER]" in text_of(admin_client.get(page_of(bot)))
    save(admin_client, bot, handover_marker="")
    save(admin_client, bot, name="Another name")
    bot.refresh_from_db()
    assert (bot.settings["handover_marker"], bot.settings["texts_path"]) == ("", "answer")


def test_a_bot_can_move_to_another_platform(admin_client: Client, db: None) -> None:
    bot = make_bot("http", token=CANARY)
    save(admin_client, bot, kind="chatlayer", access_token="access-token", verify_token="verify-token")
    bot.refresh_from_db()
    assert bot.clear_settings()["access_token"] == "access-token"
    assert make_connector(bot).kind == "chatlayer"
    assert "token" not in bot.settings


@pytest.mark.parametrize(("kind", "has_one"), [("http", True), ("chatlayer", True), ("rasa", False)])
def test_a_reply_url_is_shown_where_somebody_may_call_it(
    admin_client: Client, db: None, kind: str, has_one: bool
) -> None:
    bot = make_bot(kind)
    page = text_of(admin_client.get(f"/admin/channels_app/bot/{bot.pk}/change/"))
    assert (f"/webhooks/bot/{bot.uuid}/" in page) == has_one
    assert ("POSTs its replies here" in page or "paste this URL into your bot" in page) == has_one


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"client_secret": "acme"}, "client_secret", "This is the client ID"),
        ({"client_id": "ann@example.com"}, "client_id", "an e-mail address"),
        ({"client_id": "https://app.sparkcentral.com"}, "client_id", "an address"),
        ({"client_secret": "two words"}, "client_secret", "contains a space or a line break"),
        ({"base_url": "javascript:alert(1)"}, "base_url", "not a valid address"),
    ],
)
def test_mix_ups_are_named_at_the_field(admin_client: Client, changes: dict[str, str], field: str, words: str) -> None:
    shown = submit(admin_client, ADD_CHANNEL, "channel_form", **{**KEYS, "name": "Acme", **changes})
    assert any(words in error for error in errors_of(shown)[field])
    assert f'href="#id_{field}"' in text_of(shown)  # the summary leads to it


@pytest.mark.parametrize(
    ("value", "words"),
    [(CANARY, "client secret from step 1"), ("not hexadecimal!", "only 0-9 and a-f"), ("00ff", "at least 32")],
)
def test_a_wrong_shared_secret_is_recognised(admin_client: Client, world: World, value: str, words: str) -> None:
    submit(admin_client, ADD_CHANNEL, "channel_form", name="Acme", **KEYS)
    shown = save(admin_client, Channel.objects.get(), shared_secret=value)
    assert any(words in error for error in errors_of(shown)["shared_secret"])
    assert not Channel.objects.get().shared_secret_encrypted


def test_a_mix_up_is_shown_with_its_code(admin_client: Client) -> None:
    shown = submit(admin_client, ADD_CHANNEL, "channel_form", **{**KEYS, "name": "Acme", "client_secret": "acme"})
    assert "CB-312" in text_of(shown)


def test_a_secret_that_belongs_to_another_field_is_recognised(admin_client: Client, channel: Channel) -> None:
    shown = save(admin_client, channel, client_secret=SHARED_SECRET)
    assert "the same value as “Shared secret”" in errors_of(shown)["client_secret"][0]
    bot = make_bot("chatlayer", access_token="a-token-of-chatlayer")
    shown = save(admin_client, bot, verify_token="a-token-of-chatlayer")
    assert "the same value as “Access token”" in errors_of(shown)["verify_token"][0]
    shown = save(admin_client, bot, access_token="one-and-the-same", verify_token="one-and-the-same")
    assert set(errors_of(shown)) == {"verify_token"}  # the first of two is as good as any


@pytest.mark.parametrize("field", ["write_back_secret", "verify_token"])
def test_an_offload_provider_has_secrets_of_its_own(admin_client: Client, channel: Channel, field: str) -> None:
    shown = save(admin_client, channel, **{f"offload_provider-0-{field}": SHARED_SECRET})
    assert "the same value as “Shared secret”" in text_of(shown) and "CB-313" in text_of(shown)
    save(admin_client, channel, **{f"offload_provider-0-{field}": "cafe" * 16})
    assert getattr(OffloadProvider.objects.get(), field) == "cafe" * 16


def test_spaces_around_a_value_are_removed_and_told(admin_client: Client, channel: Channel) -> None:
    shown = save(admin_client, channel, client_id=" acme ", shared_secret=f"{SHARED_SECRET} ")
    assert "CB-303: We removed spaces around the value of Client ID and Shared secret." in text_of(shown)
    assert "CB-303" not in text_of(save(admin_client, channel, client_id="acme-2"))


def test_an_error_loses_no_input_but_secrets(admin_client: Client, channel: Channel) -> None:
    changes = {"name": "", "base_url": "https://other.example.com", "fallback_texts-*": "Wait, please", "greet": None}
    hours = {"when": "times", "mon-from-0": "09:00"}
    provider = {f"offload_provider-0-opening_hours-{name}": value for name, value in hours.items()}
    provider["offload_provider-0-closed_texts-*"] = "Closed now"
    shown = save(admin_client, channel, client_secret=CANARY, **changes, **provider)
    kept = fields_of(text_of(shown), "channel_form")
    assert (kept["base_url"], kept["fallback_texts-*"]) == ("https://other.example.com", "Wait, please")
    assert "greet" not in kept
    assert kept["offload_provider-0-closed_texts-*"] == "Closed now"
    assert kept["offload_provider-0-opening_hours-when"] == "times"
    assert kept["offload_provider-0-opening_hours-mon-from-0"] == "09:00"
    assert CANARY not in text_of(shown)
    assert "Paste secrets again" in text_of(shown)


# --- secrets ------------------------------------------------------------------------------------------------------


def test_a_blank_secret_keeps_what_is_saved(admin_client: Client, channel: Channel) -> None:
    before = channel.settings["client_secret"], channel.shared_secret_encrypted
    save(admin_client, channel, client_id="another-client")
    channel.refresh_from_db()
    assert (channel.settings["client_secret"], channel.shared_secret_encrypted) == before
    assert channel.settings["client_id"] == "another-client"


def test_a_new_secret_replaces_the_old(admin_client: Client, channel: Channel) -> None:
    save(admin_client, channel, client_secret=CANARY, shared_secret="ab" * 16)
    channel.refresh_from_db()
    assert (channel.clear_settings()["client_secret"], channel.shared_secret) == (CANARY, "ab" * 16)
    assert channel.shared_secret_saved_at is not None


def test_a_ticked_box_clears_a_secret(admin_client: Client, channel: Channel, bot: Bot) -> None:
    save(admin_client, channel, **{"shared_secret-clear": "on"})
    channel.refresh_from_db()
    assert (channel.shared_secret, channel.shared_secret_saved_at) == ("", None)
    save(admin_client, bot, **{"token-clear": "on"})
    bot.refresh_from_db()
    assert not bot.settings["token"]


def test_what_is_needed_can_not_be_cleared(admin_client: Client, channel: Channel) -> None:
    assert "client_secret-clear" not in names_in(text_of(admin_client.get(page_of(channel))), "channel_form")
    save(admin_client, channel, **{"client_secret-clear": "on"})
    channel.refresh_from_db()
    assert channel.clear_settings()["client_secret"]


def test_a_saved_secret_is_shown_by_its_end_and_date(admin_client: Client, channel: Channel) -> None:
    Channel.objects.update(shared_secret_saved_at=timezone.now().replace(year=2026, month=3, day=14))
    page = text_of(admin_client.get(page_of(channel)))
    assert "Saved · ends in 00ff · 14 Mar 2026" in page
    assert 'autocomplete="new-password"' in page


def test_no_secret_is_on_any_page_or_in_the_history(admin_client: Client, walk_with: Callable[..., Walker]) -> None:
    bot = make_bot("chatlayer", access_token=f"{CANARY}-access", verify_token=f"{CANARY}-verify")
    walker = walk_with(bot=bot)
    channel = walker.channel
    save(admin_client, channel, client_secret=f"{CANARY}-client", shared_secret="cafe" * 16)
    provider = {
        "offload_provider-0-verify_token": f"{CANARY}-offload",
        "offload_provider-0-write_back_secret": "beef" * 16,
    }
    save(admin_client, channel, **provider)
    save(admin_client, bot, access_token=f"{CANARY}-again")
    walker.client.post(
        f"/webhooks/bot/{bot.uuid}/",
        {"verifyToken": f"{CANARY}-verify", "senderId": "x", "message": {"text": "Hi"}},
        content_type="application/json",
    )
    pages = [page_of(channel), page_of(bot), "/ops/", "/admin/channels_app/channel/", "/admin/channels_app/bot/"]
    pages += [page_of(row).replace("change", "history") for row in (channel, bot)]
    texts = [text_of(admin_client.get(page)) for page in pages]
    texts += [text_of(admin_client.post(page_of(row).replace("change", "test"))) for row in (channel, bot)]
    texts += [f"{entry.change_message} {entry.object_repr}" for entry in LogEntry.objects.all()]
    texts += [str(row) for row in Channel.objects.values_list()] + [str(row) for row in Bot.objects.values_list()]
    for secret in (CANARY, "cafe" * 16, "beef" * 16):
        assert not [text for text in texts if secret in text]
    assert "Verify token" in " ".join(texts)


def test_a_secret_whose_key_is_lost_can_be_given_anew(admin_client: Client, channel: Channel, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [b"n" * 32]
    shown = save(admin_client, channel, name="Renamed")
    assert any("encryption key" in error for error in errors_of(shown)["client_secret"])
    save(admin_client, channel, name="Renamed", client_secret=CANARY, shared_secret=SHARED_SECRET)
    channel.refresh_from_db()
    assert (channel.name, channel.clear_settings()["client_secret"]) == ("Renamed", CANARY)


# --- the rest of the page -----------------------------------------------------------------------------------------


def test_inbox_channels_are_ticked_one_by_one(admin_client: Client, channel: Channel) -> None:
    found = InboxChannel.objects.create(
        channel=channel, external_id="wa-1", name="WhatsApp", first_seen_at=timezone.now()
    )
    changes = {"covers_all_inbox_channels": None, "inbox_channels-0-is_enabled": "on"}
    save(admin_client, channel, **changes)
    channel.refresh_from_db()
    found.refresh_from_db()
    assert (channel.covers_all_inbox_channels, found.is_enabled) == (False, True)


def test_new_keys_have_to_be_proven_again(admin_client: Client, channel: Channel, world: World) -> None:
    admin_client.post(f"/admin/channels_app/channel/{channel.pk}/test/")
    assert steps_of(admin_client, channel)["Check the connection"] == "done"
    save(admin_client, channel, client_secret=CANARY)
    assert steps_of(admin_client, channel)["Check the connection"] == "to do"
    assert not Credential.objects.get().token_encrypted


def test_refused_events_are_told_with_their_cause(admin_client: Client, walker: Walker) -> None:
    channel = walker.channel
    walker.client.post(f"/webhooks/inbox/{channel.uuid}/", {}, content_type="application/json")
    for _ in range(2):
        walker.post({"type": "X"}, secret="ab" * 16)
    steps = {step.title: step for step in admin_client.get(page_of(channel)).context["steps"]}
    step = steps["Paste the shared secret"]
    assert (step.code, step.detail.startswith("2 events were refused, the last at ")) == ("CB-305", True)
    assert steps["Give your inbox our webhook URL"].progress == "done"  # it does reach us


def test_a_long_wait_for_the_first_event_says_what_to_check(admin_client: Client, channel: Channel) -> None:
    title = "Turn the virtual agent on, and write “hello” from a phone"
    Channel.objects.update(shared_secret_saved_at=timezone.now() - timedelta(minutes=1))
    steps = {step.title: step for step in admin_client.get(page_of(channel)).context["steps"]}
    assert (steps[title].code, steps[title].detail.endswith("Waiting for the first message.")) == ("", True)
    Channel.objects.update(shared_secret_saved_at=timezone.now() - timedelta(minutes=11))
    page = admin_client.get(page_of(channel))
    assert {step.title: step.code for step in page.context["steps"]}[title] == "CB-401"
    assert "no other Inception agent owns that channel" in text_of(page)
    assert "4) the conversation is private" in text_of(page)


CUSTOM = "Inbox 2.0 › Admin settings › Virtual agents › Custom virtual agents"
USERS = "Sparkcentral › Users tab"


@pytest.mark.parametrize(
    ("inbox", "add", "secret", "switch_on"),
    [
        ("sparkcentral", f"{USERS} › Add Virtual Agent", f"{USERS} › Add Virtual Agent", f"{USERS} › edit the"),
        ("hootsuite", f"{CUSTOM} › Add custom", f"{CUSTOM} › Edit", f"{CUSTOM} › your virtual agent › Channel access"),
    ],
)
def test_menus_are_those_of_the_generation(
    admin_client: Client, channel: Channel, inbox: str, add: str, secret: str, switch_on: str
) -> None:
    Channel.objects.update(inbox=inbox, shared_secret_encrypted="")
    steps = {step.key: step for step in admin_client.get(page_of(channel)).context["steps"]}
    menus = {key: steps[key].where for key in ("url", "secret", "answer")}
    shown = zip(menus.values(), (add, secret, switch_on), strict=True)
    assert all(menu.startswith(expected) for menu, expected in shown), menus
    assert ("“Edit” then shows the shared secret" in steps["url"].detail) == (inbox == "hootsuite")


def test_how_to_get_api_access_is_told_where_it_is_needed(admin_client: Client, channel: Channel) -> None:
    summary, mail = "No API access to Hootsuite Inbox 2.0 yet?", "Subject: Access to the Virtual Agent API"
    added = text_of(admin_client.get(ADD_CHANNEL))
    assert summary in added and mail in added and "never send the client secret" in added
    assert summary not in text_of(admin_client.get(page_of(channel)))
    Channel.objects.update(inbox="hootsuite", settings={})  # a copy: its keys are still to be had
    assert summary in text_of(admin_client.get(page_of(channel)))


def test_keys_that_are_refused_later_say_since_when(admin_client: Client, walker: Walker) -> None:
    walker.says("Hello")
    refused = {"problem": "refused", "problem_code": "CB-201", "problem_since": timezone.now()}
    Credential.objects.update(**refused)
    steps = {step.title: step for step in admin_client.get(page_of(walker.channel)).context["steps"]}
    step = steps["Check the connection"]
    assert (step.code, "replies cannot be sent" in step.detail) == ("CB-204", True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"is_active": False}, "CB-802"),
        ({"is_active": False, "paused_by": "ann", "paused_at": "2026-03-01T10:00Z"}, "CB-803"),
        ({"archived_at": "2026-03-01T10:00Z"}, "CB-804"),
        ({"covers_all_inbox_channels": False}, "CB-805"),
    ],
)
def test_why_a_channel_does_not_answer(
    admin_client: Client, channel: Channel, changes: dict[str, Any], code: str
) -> None:
    Channel.objects.update(**changes)
    assert code in {step.code for step in admin_client.get(page_of(channel)).context["steps"]}


def test_a_channel_that_answers_nowhere_says_so(admin_client: Client, channel: Channel) -> None:
    Channel.objects.update(covers_all_inbox_channels=False)
    page = admin_client.get(page_of(channel))
    assert "The bot answers nowhere" in text_of(page)


def test_pages_say_nothing_inline(admin_client: Client, channel: Channel) -> None:
    """The content security policy allows neither scripts nor styles inside a page."""
    for page in (ADD_CHANNEL, ADD_BOT, page_of(channel), page_of(channel.bot), "/admin/auth/user/"):
        text = text_of(admin_client.get(page))
        assert "<script>" not in text and "<style" not in text and " style=" not in text and " onclick=" not in text


def test_only_who_may_change_a_channel_may_test_it(client: Client, channel: Channel, world: World) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_channel"))
    client.force_login(viewer)
    assert "Test connection" not in text_of(client.get(page_of(channel))).replace("“Test connection”", "")
    assert client.post(f"/admin/channels_app/channel/{channel.pk}/test/").status_code == 403
    assert world.inbox.tokens_given == 0


def test_opening_the_test_does_nothing(admin_client: Client, channel: Channel, world: World) -> None:
    response = admin_client.get(f"/admin/channels_app/channel/{channel.pk}/test/")
    assert (response.status_code, world.inbox.tokens_given) == (302, 0)


def test_a_text_that_is_to_be_said_has_to_be_written(admin_client: Client, channel: Channel) -> None:
    shown = save(admin_client, channel, on_bot_failure="say_text")
    assert "Enter the text" in errors_of(shown)["apology_texts"][0]
    save(admin_client, channel, on_bot_failure="say_text", reply_limit_s="600", **{"apology_texts-*": "One moment"})
    channel.refresh_from_db()
    assert (channel.on_bot_failure, channel.reply_limit_s) == ("say_text", 600)


def test_a_paused_bot_says_so_and_is_asked_again_after_a_change(admin_client: Client, channel: Channel) -> None:
    Bot.objects.update(failures=7, paused_until=timezone.now())
    for row in (channel.bot, channel):
        assert "The bot failed 7 times in a row" in text_of(admin_client.get(page_of(row)))
    save(admin_client, channel.bot, timeout_s="10")
    assert Bot.objects.values_list("failures", "paused_until").get() == (0, None)


def test_names_are_escaped(admin_client: Client, world: World) -> None:
    bot = make_bot(name="<b>bot</b>")
    channel = make_channel(name="<script>alert(1)</script>", bot=bot)
    for page in (page_of(channel), page_of(bot), "/admin/channels_app/bot/", "/admin/channels_app/channel/"):
        text = text_of(admin_client.get(page))
        assert "<script>alert" not in text and "<b>bot" not in text
