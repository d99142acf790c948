"""A configuration file, through `apply_config` and `export_config`: what it changes, refuses and shows."""

import copy
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from channels_app.adapters.bots import BOTS
from channels_app.channels.configuration.apply import apply_configuration
from channels_app.channels.configuration.export import export_configuration
from channels_app.channels.configuration.schema import BOT as BOT_KEYS
from channels_app.channels.configuration.schema import CHANNEL as CHANNEL_KEYS
from channels_app.channels.configuration.schema import INBOX_CHANNEL as INBOX_CHANNEL_KEYS
from channels_app.channels.configuration.schema import OFFLOAD_PROVIDER as PROVIDER_KEYS
from channels_app.channels.configuration.source import Problems, References
from channels_app.channels.forms import ChannelForm
from channels_app.models import AuditEntry, Bot, Channel, InboxChannel
from offload.models import OffloadProvider
from tests.pages import submit

PROJECT = Path(__file__).resolve().parents[2]
PUBLIC = "https://bridge.example.com/webhooks"
SECRET = "00ff" * 8
CANARY = "canary-51f0"
EXAMPLE = """
bots:
  - name: Support bot
    kind: http                 # http | chatlayer | …
    settings: {url: "http://127.0.0.1:9001/bot", token: "${ENV:BOT_TOKEN}", signing_secret: "sign-me", timeout_s: 20}
  - name: Chatlayer bot
    kind: chatlayer
    settings: {url: "https://api.chatlayer.ai/v1/channels/webhook/6039/messages", access_token: "access",
               verify_token: "verify me", identify_by: conversationId}
channels:
  - name: Acme EU
    inbox: sparkcentral        # sparkcentral | hootsuite
    settings: {region: eu, base_url: null, client_id: "acme", client_secret: "acme-key", organization_id: null}
    shared_secret: "00ff00ff00ff00ff00ff00ff00ff00ff"
    bot: Support bot
    is_active: true
    inbox_channels: [{id: "0-01c6421333d-000-4a29abb0", name: "Demo Channel", enabled: true}]
    greet: true
    offload_provider: {name: "Agents", verify_token: "offload me", opening_hours: null}
"""


@pytest.fixture(autouse=True)
def database(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", "token-of-the-bot")


@pytest.fixture
def example() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(EXAMPLE)
    return document


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def run(document: Any, *options: str, name: str = "bridge.yaml") -> str:
        """What `apply_config` prints for this document."""
        file = tmp_path / name
        file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        output = io.StringIO()
        call_command("apply_config", str(file), *options, stdout=output)
        return output.getvalue()

    return run


@pytest.fixture
def apply(run: Any) -> Any:
    """The result document."""
    return lambda document, *options: json.loads(run(document, "--json", *options))


@pytest.fixture
def refused(run: Any) -> Any:
    """The problems of a document, and proof that nothing was changed."""

    def refused(document: Any, **options: Any) -> list[str]:
        before = snapshot()
        with pytest.raises(CommandError) as caught:
            run(document, **options)
        assert snapshot() == before
        assert caught.value.returncode == 1
        first, *problems = str(caught.value).splitlines()
        assert first == "The file is refused, and nothing was changed."
        return [problem.removeprefix("  - ") for problem in problems]

    return refused


def snapshot() -> list[Any]:
    tables = (Bot, Channel, InboxChannel, OffloadProvider)
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


def meaning() -> Any:
    """All rows by what they mean: without ids and times, secrets in clear."""
    hidden = {"id", "uuid", "created_at", "updated_at", "revision", "first_seen_at", "keys_saved_at", "keys_saved_by"}
    hidden |= {"shared_secret_saved_at", "shared_secret_saved_by", "paused_at", "archived_at", "old_secret_until"}

    def values(row: Any, **more: Any) -> dict[str, Any]:
        found = {key: value for key, value in vars(row).items() if key not in hidden and not key.startswith("_")}
        found = {key: value for key, value in found.items() if not key.endswith(("_encrypted", "_id", "settings"))}
        return {**found, **more}

    return {
        "bots": [values(row, settings=filled(row.clear_settings())) for row in Bot.objects.all()],
        "channels": [
            values(
                row,
                settings=filled(row.clear_settings()),
                secret=row.shared_secret,
                bot=str(row.bot),
                parts=[(part.external_id, part.name, part.is_enabled) for part in row.inbox_channels.all()],
                provider=values(
                    row.offload_provider,
                    verify_token=row.offload_provider.verify_token,
                    write_back_secret=row.offload_provider.write_back_secret,
                ),
            )
            for row in Channel.objects.all()
        ],
    }


def filled(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value not in (None, "")}


# --- apply -----------------------------------------------------------------------------------------------------------


def test_the_example_end_to_end(apply: Any) -> None:
    result = apply(EXAMPLE)

    support, chatlayer = Bot.objects.get(name="Support bot"), Bot.objects.get(name="Chatlayer bot")
    channel = Channel.objects.get()
    provider = channel.offload_provider
    assert result == {
        "bots": [
            {
                "name": bot.name,
                "uuid": str(bot.uuid),
                "reply_url": f"{PUBLIC}/bot/{bot.uuid}/",
                "changed": "created",
                "warnings": [],
            }
            for bot in (support, chatlayer)
        ],
        "channels": [
            {
                "name": "Acme EU",
                "uuid": str(channel.uuid),
                "webhook_url": f"{PUBLIC}/inbox/{channel.uuid}/",
                "offload_url": f"{PUBLIC}/offload/{provider.uuid}/",
                "write_back_url": f"{PUBLIC}/write-back/{provider.uuid}/",
                "changed": "created",
                "warnings": [],
            }
        ],
    }
    assert support.clear_settings() == {
        "url": "http://127.0.0.1:9001/bot",
        "token": "token-of-the-bot",
        "signing_secret": "sign-me",
        "reply_signature": "time_and_body",
        "hears_silence": False,
        "timeout_s": 20,
    }
    assert "token-of-the-bot" not in json.dumps(support.settings)
    assert chatlayer.clear_settings()["verify_token"] == "verify me"
    assert filled(channel.clear_settings()) == {"region": "eu", "client_id": "acme", "client_secret": "acme-key"}
    assert (channel.inbox, channel.bot, channel.shared_secret) == ("sparkcentral", support, SECRET)
    assert channel.shared_secret_saved_at is not None
    assert not channel.covers_all_inbox_channels
    assert [(row.external_id, row.name, row.is_enabled) for row in channel.inbox_channels.all()] == [
        ("0-01c6421333d-000-4a29abb0", "Demo Channel", True)
    ]
    assert (provider.name, provider.verify_token, provider.opening_hours) == ("Agents", "offload me", None)


def test_the_file_in_the_documentation(apply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    monkeypatch.setenv("SUPPORT_BOT_TOKEN", "token")
    monkeypatch.setenv("ACME_EU_CLIENT_SECRET", "acme-key")
    monkeypatch.setenv("ACME_EU_SHARED_SECRET", SECRET)
    assert apply(example)["channels"][0]["changed"] == "created"


def test_the_same_file_twice_changes_nothing(apply: Any) -> None:
    apply(EXAMPLE)
    before = snapshot()
    again = apply(EXAMPLE)
    assert {item["changed"] for items in again.values() for item in items} == {"unchanged"}
    assert snapshot() == before


def test_json_and_yaml_mean_the_same(run: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run(EXAMPLE)
    before = snapshot()
    for name in ("bridge.json", "bridge.yml", "bridge.conf", "bridge"):
        assert "3 unchanged" in run(example, name=name)
    text = io.TextIOWrapper(io.BytesIO(EXAMPLE.encode()))
    monkeypatch.setattr(sys, "stdin", text)
    call_command("apply_config", "-", stdout=io.StringIO())
    assert snapshot() == before


def test_a_plan_shows_the_difference_and_changes_nothing(run: Any, apply: Any, example: dict[str, Any]) -> None:
    assert "created    channel “Acme EU”" in run(example, "--plan")
    assert snapshot() == [[], [], [], []]

    run(example)
    before = snapshot()
    channel = example["channels"][0]
    channel["settings"]["region"] = "us"
    channel["settings"]["client_secret"] = "another-key"
    channel["shared_secret"] = "11" * 16
    channel["bot"] = "Chatlayer bot"
    channel["inbox_channels"] = [{"id": "other", "name": "Other"}]
    channel["offload_provider"] = {"opening_hours": {"timezone": "Europe/Brussels", "mon": ["09:00-17:00"]}}
    plan = run(example, "--plan")
    assert snapshot() == before
    assert "old_secret_until: null → " in plan  # the one before is taken too for a while, as after a rotation
    assert [line.strip() for line in plan.splitlines() if "url" not in line and "until" not in line] == [
        "unchanged  bot “Support bot”",
        "unchanged  bot “Chatlayer bot”",
        "updated    channel “Acme EU”",
        "shared_secret: changed",
        'bot: "Support bot" → "Chatlayer bot"',
        'settings.region: "eu" → "us"',
        "settings.client_secret: changed",
        'offload_provider.opening_hours: null → {"timezone": "Europe/Brussels", "mon": ["09:00-17:00"]}',
        'inbox_channels["other"].name: null → "Other"',
        'inbox_channels["other"].enabled: null → true',
        'inbox_channels["0-01c6421333d-000-4a29abb0"].enabled: true → false',
        "This was a plan: nothing was changed.",
    ]
    assert apply(example, "--plan")["channels"][0]["changed"] == "updated"
    assert snapshot() == before


def test_a_plan_promises_no_address_of_what_does_not_exist(apply: Any) -> None:
    planned = apply(EXAMPLE, "--plan")
    assert planned["bots"][0] == {
        "name": "Support bot",
        "uuid": None,
        "reply_url": None,
        "changed": "created",
        "warnings": [],
    }
    assert {planned["channels"][0][key] for key in ("uuid", "webhook_url", "offload_url", "write_back_url")} == {None}


def test_what_the_file_leaves_out_stays(apply: Any) -> None:
    apply(EXAMPLE)
    before = meaning()
    partial = {
        "bots": [{"name": "Support bot", "settings": {"timeout_s": 5}}],
        "channels": [{"name": "Acme EU", "greeting": "never", "settings": {"region": "us"}, "offload_provider": None}],
    }
    result = apply(partial)
    assert result["bots"][0]["changed"] == result["channels"][0]["changed"] == "updated"
    before["bots"][1]["settings"]["timeout_s"] = 5
    before["channels"][0]["settings"]["region"] = "us"
    before["channels"][0] |= {"greeting": "never", "greet": False}
    assert meaning() == before
    assert apply({"channels": [{"name": "Acme EU"}]})["channels"][0]["changed"] == "unchanged"


def test_only_rows_that_change_get_a_new_revision(apply: Any, example: dict[str, Any]) -> None:
    apply(example)
    revision = Channel.objects.get().revision
    example["channels"][0]["offload_provider"]["closed_text"] = "We are closed."
    example["bots"][0]["settings"]["timeout_s"] = 21
    apply(example)
    assert dict(Bot.objects.values_list("name", "revision")) == {"Support bot": 2, "Chatlayer bot": 1}
    assert Channel.objects.get().revision == revision
    assert OffloadProvider.objects.get().closed_text == "We are closed."


@pytest.mark.parametrize(
    ("saved", "given", "greeting"),
    [
        ("with_first_message", {"greet": False}, "never"),
        ("never", {"greet": True}, "with_first_message"),
        ("always", {"greet": True}, "always"),  # the older word says less
        ("never", {"greeting": "always"}, "always"),
        ("never", {"greet": True, "greeting": "never"}, "never"),
    ],
)
def test_the_older_word_for_the_greeting_is_still_read(
    apply: Any, example: dict[str, Any], saved: str, given: dict[str, Any], greeting: str
) -> None:
    del example["channels"][0]["greet"]
    example["channels"][0]["greeting"] = saved
    apply(example)
    apply({"channels": [{"name": "Acme EU", **given}]})
    channel = Channel.objects.get()
    assert (channel.greeting, channel.greet) == (greeting, greeting != "never")
    assert apply({"channels": [{"name": "Acme EU", **given}]})["channels"][0]["changed"] == "unchanged"


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_the_empty_text_clear_a_secret(apply: Any, example: dict[str, Any], nothing: str | None) -> None:
    apply(example)
    example["bots"][0]["settings"]["token"] = nothing
    example["channels"][0]["shared_secret"] = nothing
    example["channels"][0]["offload_provider"]["verify_token"] = nothing
    example["channels"][0]["bot"] = nothing
    apply(example)
    channel = Channel.objects.get()
    assert not Bot.objects.get(name="Support bot").clear_settings()["token"]
    assert (channel.shared_secret, channel.shared_secret_saved_at, channel.bot) == ("", None, None)
    assert channel.offload_provider.verify_token == ""


def test_a_new_shared_secret_is_dated(apply: Any, example: dict[str, Any]) -> None:
    apply(example)
    first = Channel.objects.get().shared_secret_saved_at
    example["channels"][0]["greet"] = False
    apply(example)
    assert Channel.objects.get().shared_secret_saved_at == first
    example["channels"][0]["shared_secret"] = " " + "ab" * 16 + " "
    apply(example)
    channel = Channel.objects.get()
    assert channel.shared_secret == "ab" * 16
    assert channel.shared_secret_saved_at is not None
    assert first is not None
    assert channel.shared_secret_saved_at > first


def test_every_channel_gets_an_offload_provider(apply: Any, example: dict[str, Any]) -> None:
    del example["channels"][0]["offload_provider"]
    assert apply(example)["channels"][0]["offload_url"].startswith(f"{PUBLIC}/offload/")
    OffloadProvider.objects.all().delete()
    again = apply(example)["channels"][0]
    assert again["changed"] == "unchanged"
    assert again["write_back_url"].startswith(f"{PUBLIC}/write-back/")
    assert OffloadProvider.objects.get().name == "Agents"


def test_inbox_channels_that_are_not_named_are_switched_off_and_kept(apply: Any, example: dict[str, Any]) -> None:
    apply(example)
    listed = example["channels"][0]["inbox_channels"]

    def rows() -> dict[str, bool]:
        return dict(InboxChannel.objects.values_list("external_id", "is_enabled"))

    listed[:] = [{"id": "a"}, {"id": "b", "enabled": False}]
    apply(example)
    assert rows() == {"0-01c6421333d-000-4a29abb0": False, "a": True, "b": False}
    assert not Channel.objects.get().covers_all_inbox_channels
    listed.clear()
    apply(example)
    assert Channel.objects.get().covers_all_inbox_channels
    assert rows() == {"0-01c6421333d-000-4a29abb0": False, "a": True, "b": False}
    example["channels"][0]["covers_all_inbox_channels"] = False
    apply(example)
    assert not Channel.objects.get().covers_all_inbox_channels


def test_a_bot_and_a_channel_may_share_a_name_and_a_bot_may_be_there_already(
    apply: Any, example: dict[str, Any]
) -> None:
    apply({"bots": example["bots"]})
    channel = {**example["channels"][0], "name": "Support bot", "bot": "Chatlayer bot"}
    assert apply({"channels": [channel]})["channels"][0]["changed"] == "created"
    assert str(Channel.objects.get().bot) == "Chatlayer bot"


def test_the_demo_of_inbox_two(apply: Any) -> None:
    settings = {"base_url": "http://127.0.0.1:9000", "client_id": "c", "client_secret": "s", "organization_id": "1"}
    channel = {"name": "Demo", "inbox": "hootsuite", "settings": {**settings, "region": "eu"}, "bot": None}
    apply({"channels": [channel]})
    assert Channel.objects.get().clear_settings() == {**settings, "region": "eu"}
    assert Channel.objects.get().covers_all_inbox_channels


def test_another_kind_begins_without_the_old_settings(apply: Any, refused: Any, example: dict[str, Any]) -> None:
    apply(example)
    settings = {"url": "https://chatlayer.example/hook"}
    moved = {"name": "Support bot", "kind": "chatlayer", "settings": settings}
    assert refused({"bots": [moved]}) == [
        "bots[0].settings.access_token: This field is required.",
        "bots[0].settings.verify_token: This field is required.",
    ]
    settings |= {"access_token": "a", "verify_token": "v"}
    assert apply({"bots": [moved]})["bots"][0]["changed"] == "updated"
    assert filled(Bot.objects.get(name="Support bot").clear_settings()) == settings

    channel = {"name": "Acme EU", "inbox": "hootsuite"}
    assert "channels[0].settings.organization_id: This field is required." in refused({"channels": [channel]})


def test_an_unfinished_row_is_left_in_peace_until_somebody_touches_it(apply: Any, refused: Any) -> None:
    Channel.objects.create(name="Half", inbox="sparkcentral")
    half = {"name": "Half", "settings": {"client_id": None, "region": ""}, "greet": False}
    assert apply({"channels": [half]})["channels"][0]["changed"] == "updated"
    half["settings"] = {"region": "eu"}
    assert refused({"channels": [half]}) == [
        "channels[0].settings.client_id: This field is required.",
        "channels[0].settings.client_secret: This field is required.",
    ]


def test_additional_keys(apply: Any, example: dict[str, Any]) -> None:
    channel = example["channels"][0]
    channel |= {"bot_tries": 4, "fallback_text": "One moment,\na colleague takes over."}
    channel["offload_provider"] |= {"enabled": False, "closed_text": "Closed.", "write_back_secret": "ab" * 16}
    apply(example)
    row = Channel.objects.get()
    assert (row.bot_tries, row.fallback_text) == (4, channel["fallback_text"])
    provider = row.offload_provider
    assert (provider.is_enabled, provider.closed_text, provider.write_back_secret) == (False, "Closed.", "ab" * 16)


def test_dates_in_yaml_need_no_quotes(apply: Any) -> None:
    hours = 'opening_hours: {timezone: Europe/Brussels, mon: ["09:00-17:00"], closed: [2026-12-25]}'
    apply(EXAMPLE.replace("opening_hours: null", hours))
    saved = OffloadProvider.objects.get().opening_hours
    assert saved == {"timezone": "Europe/Brussels", "mon": ["09:00-17:00"], "closed": ["2026-12-25"]}


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_time(apply: Any, example: dict[str, Any]) -> None:
    """As when several containers start, each with the same file."""

    def apply_one(_: int) -> list[str]:
        try:
            return [one.changed for one in apply_configuration(json.dumps(example).encode())]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        results = sorted(threads.map(apply_one, range(4)))
    assert results == [["created"] * 3, *[["unchanged"] * 3] * 3]


# --- refusals --------------------------------------------------------------------------------------------------------

DROP = object()
CHANNEL, BOT = ("channels", 0), ("bots", 0)
NOT_TEXT = "must be text. In YAML, put it in quotes."
NOT_TEXT_IN_FORM = "This must be text. In a configuration file, put it in quotes."
CASES: list[tuple[tuple[Any, ...], Any, str]] = [
    (("robots",), [], "robots: is not known. Known are: bots, channels."),
    (("bots",), {}, "bots: must be a list."),
    (BOT, "Support bot", "bots[0]: must be an object with: name, kind, settings, max_failures, pause_s."),
    ((*BOT, "color"), "red", "bots[0].color: is not known. Known are: name, kind, settings, max_failures, pause_s."),
    ((*BOT, "name"), DROP, "bots[0].name: is missing."),
    ((*BOT, "name"), "  ", "bots[0].name: is missing."),
    ((*BOT, "name"), 12, f"bots[0].name: {NOT_TEXT}"),
    ((*BOT, "name"), "a\nb", "bots[0].name: Write one line of plain text."),
    ((*BOT, "name"), "n" * 101, "bots[0].name: Ensure this field has no more than 100 characters."),
    ((*BOT, "name"), "Chatlayer bot", "bots[1].name: is the same as that of bots[0]."),
    ((*BOT, "kind"), DROP, "bots[0].kind: is missing."),
    ((*BOT, "kind"), "telepathy", f"bots[0].kind: Must be one of: {', '.join(BOTS)}."),
    ((*BOT, "kind"), ["http"], f"bots[0].kind: {NOT_TEXT}"),
    ((*BOT, "settings"), [], "bots[0].settings: must be an object."),
    ((*BOT, "settings", "url"), DROP, "bots[0].settings.url: This field is required."),
    ((*BOT, "settings", "url"), "ftp://x", "bots[0].settings.url: This is not a valid address."),
    ((*BOT, "settings", "url"), {}, "bots[0].settings.url: Give a single value."),
    ((*BOT, "settings", "token"), 12, f"bots[0].settings.token: {NOT_TEXT_IN_FORM}"),
    ((*BOT, "settings", "timeout_s"), "soon", "bots[0].settings.timeout_s: Enter a whole number."),
    (
        (*BOT, "settings", "timeout_s"),
        99,
        "bots[0].settings.timeout_s: Ensure this value is less than or equal to 45.",
    ),
    (
        (*BOT, "settings", "tokn"),
        "x",
        "bots[0].settings.tokn: Not known. Known are: url, token, signing_secret, reply_signature, hears_silence, "
        "timeout_s.",
    ),
    (("bots", 1, "settings", "identify_by"), "name", "bots[1].settings.identify_by: Must be one of: conversationId,"),
    ((*CHANNEL, "inbox"), "Sparkcentral", "channels[0].inbox: Must be one of: sparkcentral, hootsuite."),
    ((*CHANNEL, "settings", "region"), "mars", "channels[0].settings.region: Must be one of: eu, us."),
    ((*CHANNEL, "settings", "region"), DROP, "channels[0].settings.region: Choose the region"),
    ((*CHANNEL, "settings", "client_id"), 83, f"channels[0].settings.client_id: {NOT_TEXT_IN_FORM}"),
    ((*CHANNEL, "settings", "client_secret"), None, "channels[0].settings.client_secret: This field is required."),
    (
        (*CHANNEL, "settings", "client_secret"),
        "acme",
        "channels[0].settings.client_secret: CB-312: This is the client",
    ),
    ((*CHANNEL, "shared_secret"), 11223344, f"channels[0].shared_secret: {NOT_TEXT_IN_FORM}"),
    ((*CHANNEL, "shared_secret"), "acme-key", "channels[0].shared_secret: CB-302: This is the client secret"),
    ((*CHANNEL, "shared_secret"), "00ff", "channels[0].shared_secret: CB-309: A shared secret has"),
    (
        (*CHANNEL, "bot"),
        "Nobody",
        "channels[0].bot: there is no bot with this name. There are: Chatlayer bot, Support",
    ),
    ((*CHANNEL, "bot"), 7, f"channels[0].bot: {NOT_TEXT}"),
    ((*CHANNEL, "is_active"), "yes", "channels[0].is_active: must be true or false."),
    ((*CHANNEL, "greet"), None, "channels[0].greet: must be true or false."),
    (
        (*CHANNEL, "greeting"),
        "sometimes",
        "channels[0].greeting: Must be one of: with_first_message, always, never.",
    ),
    ((*CHANNEL, "offer_hours"), 0, "channels[0].offer_hours: Ensure this value is greater than or equal to 1."),
    ((*CHANNEL, "bot_tries"), 0, "channels[0].bot_tries: Ensure this value is greater than or equal to 1."),
    ((*CHANNEL, "bot_tries"), True, "channels[0].bot_tries: must be a whole number."),
    ((*CHANNEL, "fallback_text"), 5, f"channels[0].fallback_text: {NOT_TEXT}"),
    (
        (*CHANNEL, "fallback_texts"),
        "a\0b",
        "channels[0].fallback_texts.*: Write plain text of at most 65536 characters.",
    ),
    (
        (*CHANNEL, "fallback_texts"),
        5,
        "channels[0].fallback_texts: must be text, an object of texts by language, or null.",
    ),
    (
        (*CHANNEL, "fallback_texts"),
        {"nl": 5},
        "channels[0].fallback_texts.nl: Must be text. In YAML, put it in quotes.",
    ),
    (
        (*CHANNEL, "fallback_texts"),
        {"no language": "x"},
        "channels[0].fallback_texts.no language: Not a language. Give its tag, such as nl or pt-BR, or * for every "
        "other language.",
    ),
    ((*CHANNEL, "inbox_channels"), None, "channels[0].inbox_channels: must be a list."),
    (
        (*CHANNEL, "inbox_channels", 0),
        "x",
        "channels[0].inbox_channels[0]: must be an object with: id, name, enabled, buttons.",
    ),
    ((*CHANNEL, "inbox_channels", 0, "id"), DROP, "channels[0].inbox_channels[0].id: is missing."),
    ((*CHANNEL, "inbox_channels", 0, "id"), 1, f"channels[0].inbox_channels[0].id: {NOT_TEXT}"),
    ((*CHANNEL, "inbox_channels", 0, "enabled"), 1, "channels[0].inbox_channels[0].enabled: must be true or false."),
    (
        (*CHANNEL, "inbox_channels"),
        [{"id": "a"}, {"id": "a"}],
        "channels[0].inbox_channels[1].id: is the same as that of channels[0].inbox_channels[0].",
    ),
    ((*CHANNEL, "offload_provider"), "Agents", "channels[0].offload_provider: must be an object."),
    ((*CHANNEL, "offload_provider", "name"), "", "channels[0].offload_provider.name: This field is required."),
    (
        (*CHANNEL, "offload_provider", "verify_token"),
        1,
        f"channels[0].offload_provider.verify_token: {NOT_TEXT_IN_FORM}",
    ),
    (
        (*CHANNEL, "offload_provider", "write_back_secret"),
        "xyz",
        "channels[0].offload_provider.write_back_secret: CB-301: A Sparkcentral shared secret has only 0-9 and a-f.",
    ),
    ((*CHANNEL, "offload_provider", "opening_hours"), "9-5", "channels[0].offload_provider.opening_hours: must be an"),
    (
        (*CHANNEL, "offload_provider", "opening_hours"),
        {"timezone": "Europe/Brussels"},
        "channels[0].offload_provider.opening_hours: No day has opening hours.",
    ),
    (
        (*CHANNEL, "offload_provider", "opening_hours"),
        {"timezone": "Europe/Brussels", "mon": ["9-17"]},
        "channels[0].offload_provider.opening_hours.mon[0]: must be a span such as 09:00-17:30.",
    ),
    (
        (*CHANNEL, "offload_provider", "opening_hours"),
        {"timezone": "Mars", "mon": ["09:00-17:00"]},
        "channels[0].offload_provider.opening_hours.timezone: name one such as Europe/Brussels.",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), CASES, ids=[expected[:60] for *_, expected in CASES])
def test_a_refusal_names_its_place(
    refused: Any, example: dict[str, Any], path: tuple[Any, ...], value: Any, expected: str
) -> None:
    problems = refused(with_change(example, path, value))
    assert [problem for problem in problems if problem.startswith(expected)], problems
    if path[:2] == CHANNEL:
        assert len(problems) == 1


# For a row that is there already: what is left out stays, and another name is another row.
UPDATES = [case for case in CASES if case[1] is not DROP and case[0] != (*BOT, "name")]


@pytest.mark.parametrize(("path", "value", "expected"), UPDATES, ids=[expected[:60] for *_, expected in UPDATES])
def test_an_update_is_refused_with_the_same_words(
    apply: Any, refused: Any, example: dict[str, Any], path: tuple[Any, ...], value: Any, expected: str
) -> None:
    apply(example)
    problems = refused(with_change(example, path, value))
    assert [problem for problem in problems if problem.startswith(expected)], problems


def with_change(example: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(example)
    *parents, last = path
    holder: Any = changed
    for key in parents:
        holder = holder[key]
    if value is DROP:
        del holder[last]
    else:
        holder[last] = value
    return changed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "The file must be an object with: bots, channels."),
        ("just words", "The file must be an object with: bots, channels."),
        ("bots:\n  - name: *unknown-alias\n", "The file is not YAML that can be read."),
        ("bots: [\n", "The file is not YAML that can be read."),
        ("bots: !!python/object:os.system {}", "The file is not YAML that can be read."),
        ("bots: &a [*a]", "The file is nested too deeply."),
        ("bots: []\nbots: []", "Line 2: the key “bots” stands twice in the same mapping."),
        ('{"bots": [], "bots": []}', "Line 1: the key “bots” stands twice in the same mapping."),
    ],
)
def test_what_is_no_configuration(refused: Any, text: str, expected: str) -> None:
    (problem,) = refused(text)
    assert problem.startswith(expected)
    assert "unknown-alias" not in problem


def test_what_is_no_json(refused: Any) -> None:
    assert refused("{'bots': []}", name="bridge.json") == [
        "The file is not JSON that can be read. It is invalid at line 1, column 2."
    ]
    assert refused('{"bots": [], "bots": []}', name="bridge.json") == [
        "The key “bots” stands twice in the same object."
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: No such file or directory"):
        call_command("apply_config", str(tmp_path / "missing.yaml"))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="not UTF-8"):
        call_command("apply_config", str(binary))


def test_all_problems_are_told_at_once(refused: Any, example: dict[str, Any]) -> None:
    example["bots"][0]["settings"]["token"] = "${ENV:NOT_SET}"
    example["bots"][1]["settings"]["color"] = "red"
    channel = example["channels"][0]
    channel["settings"]["region"] = "mars"
    channel["greet"] = 1
    channel["offload_provider"]["write_back_secret"] = "zz"
    channel["bot"] = "Nobody"
    assert [problem.partition(": ")[0] for problem in refused(example)] == [
        "bots[0].settings.token",
        "channels[0].greet",
        "bots[1].settings.color",
        "channels[0].bot",
        "channels[0].settings.region",
        "channels[0].offload_provider.write_back_secret",
    ]


def test_a_late_problem_undoes_the_bots(refused: Any, example: dict[str, Any]) -> None:
    example["channels"][0]["shared_secret"] = "not hexadecimal"
    assert refused(example)
    assert not Bot.objects.exists()


def test_a_failure_of_the_database_undoes_everything(
    run: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the last step fails")

    monkeypatch.setattr(InboxChannel, "save", fail)
    with pytest.raises(RuntimeError):
        run(example)
    assert snapshot() == [[], [], [], []]


def test_a_saved_secret_without_its_key_is_a_problem(apply: Any, refused: Any) -> None:
    apply(EXAMPLE)
    with override_settings(ENCRYPTION_KEYS=[b"x" * 32]):
        problems = refused(EXAMPLE)
    assert problems[0].startswith("bots[0]: A saved secret needs the encryption key")


# --- references ------------------------------------------------------------------------------------------------------


def test_values_come_from_the_environment_and_from_files(
    apply: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from-a-file\n", encoding="utf-8")
    monkeypatch.setenv("ACME_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("HOOK", "6039")
    monkeypatch.setenv("HOOK_HOST", "bot.example")
    monkeypatch.setenv("TIMEOUT", "7")
    example["bots"][0]["settings"] |= {
        "url": "https://${ENV:HOOK_HOST}/hook/${ENV:HOOK}/x",
        "timeout_s": "${ENV:TIMEOUT}",
    }
    channel = example["channels"][0]
    channel["settings"]["client_secret"] = "${ENV:ACME_KEY}"
    channel["inbox_channels"][0]["name"] = "${ENV:HOOK}"
    channel["fallback_text"] = "Write $${ENV:HOOK} or ${HOOK}"
    apply(example)
    bot = Bot.objects.get(name="Support bot").clear_settings()
    assert (bot["url"], bot["timeout_s"]) == ("https://bot.example/hook/6039/x", 7)
    row = Channel.objects.get()
    assert row.clear_settings()["client_secret"] == "from-a-file"
    assert InboxChannel.objects.get().name == "6039"
    assert row.fallback_text == "Write ${ENV:HOOK} or ${HOOK}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${ENV:NOT_SET}", "the environment variable NOT_SET (or NOT_SET_FILE) is missing or empty."),
        ("a ${ENV:EMPTY} b", "the environment variable EMPTY (or EMPTY_FILE) is missing or empty."),
        ("${ENV:LOST}", "LOST_FILE names a file that can't be read as UTF-8 text."),
        ("${ENV:BOTH}", "BOTH and BOTH_FILE are both set: keep one of them."),
        ("${ENV:}", "this is not a reference to a variable."),
        ("${ENV:a-b}", "this is not a reference to a variable."),
        ("${ENV:BOT_TOKEN", "this is not a reference to a variable."),
    ],
)
def test_a_reference_that_leads_nowhere(
    refused: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    variables = {"EMPTY": " ", "LOST_FILE": "/nowhere/at/all", "BOTH": "x", "BOTH_FILE": "/nowhere/at/all"}
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    example["channels"][0]["shared_secret"] = value
    (problem,) = refused(example)
    assert problem.startswith(f"channels[0].shared_secret: {expected}")


def test_what_a_variable_holds_is_not_looked_into() -> None:
    problems = Problems()
    references = References(problems, {"A": "${ENV:B}", "B": "b"})
    assert references.resolve({"x": ["${ENV:A}", 1, None]}) == {"x": ["${ENV:B}", 1, None]}
    assert (problems, references.paths) == ({}, {"x[0]"})


# --- the same verb as page and API -------------------------------------------------------------------------------


def entries() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("via", "action", "object_type"))


def test_what_a_file_changes_is_in_the_audit_log(run: Any, example: dict[str, Any]) -> None:
    run(example, "--plan")
    assert not entries()
    run(example)
    kinds = ["bot", "bot", "channel", "offloadprovider", "inboxchannel"]
    assert entries() == [("command", "added", kind) for kind in kinds]
    run(example)
    assert len(entries()) == len(kinds)

    example["channels"][0] |= {"keep_days": 7, "shared_secret": "11" * 16}
    example["channels"][0]["offload_provider"]["closed_text"] = "Closed."
    example["channels"][0]["inbox_channels"][0]["enabled"] = False
    run(example)
    changed = AuditEntry.objects.order_by("id")[len(kinds) :]
    assert [entry.object_type for entry in changed] == ["channel", "offloadprovider", "inboxchannel"]
    assert changed[0].changes["keep_days"] == [30, 7] and changed[0].changes["shared_secret"] == "changed"
    assert changed[1].changes["closed_texts"] == [None, {"*": "Closed."}]
    assert changed[2].changes == {"is_enabled": [True, False]}
    assert all(entry.actor and "11" * 16 not in str(entry.changes) for entry in changed)


def test_a_file_pauses_and_archives_like_the_page(apply: Any, example: dict[str, Any]) -> None:
    apply(example)
    for given, is_active, is_archived in (
        ({"is_active": False}, False, False),
        ({"is_active": True}, True, False),
        ({"archived": True}, False, True),
        ({"archived": True, "is_active": True}, False, True),
        ({"archived": False}, False, False),
    ):
        apply({"channels": [{"name": "Acme EU", **given}]})
        row = Channel.objects.get()
        assert (row.is_active, row.archived_at is not None) == (is_active, is_archived), given
        assert (row.paused_at is not None, row.paused_by != "") == (not is_active, not is_active), given
        assert apply({"channels": [{"name": "Acme EU", **given}]})["channels"][0]["changed"] == "unchanged"


def test_a_new_shared_secret_does_not_forget_the_one_before(apply: Any, example: dict[str, Any]) -> None:
    apply(example)
    assert Channel.objects.get().old_secret == ""
    apply({"channels": [{"name": "Acme EU", "shared_secret": "ab" * 16}]})
    row = Channel.objects.get()
    assert (row.shared_secret, row.old_secret) == ("ab" * 16, SECRET)
    assert row.old_secret_until and row.old_secret_until > row.updated_at


def test_other_settings_of_a_bot_give_it_another_chance(apply: Any, example: dict[str, Any]) -> None:
    apply(example)
    Bot.objects.update(failures=9, paused_until=timezone.now())
    apply(example)
    assert set(Bot.objects.values_list("failures", flat=True)) == {9}
    apply({"bots": [{"name": "Support bot", "settings": {"timeout_s": 7}}]})
    assert (Bot.objects.get(name="Support bot").failures, Bot.objects.get(name="Chatlayer bot").failures) == (0, 9)


def test_what_works_and_should_be_otherwise_is_said(apply: Any, example: dict[str, Any], tmp_path: Path) -> None:
    example["bots"][0]["settings"]["url"] = "http://bot.example.com/bot"
    example["bots"][1]["settings"] |= {"access_token": "word", "verify_token": "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"}
    for _ in range(2):  # also when nothing changes
        bots = apply(example)["bots"]
        assert [warning["code"] for bot in bots for warning in bot["warnings"]] == ["CB-521", "CB-522"]
    file, errors = tmp_path / "bridge.json", io.StringIO()
    file.write_text(json.dumps(example), encoding="utf-8")
    call_command("apply_config", str(file), stdout=io.StringIO(), stderr=errors)
    assert errors.getvalue().startswith("warning: bot “Support bot”: CB-521: ")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"name": "n" * 101}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"offer_hours": 0}, "offer_hours"),
    ({"bot_tries": 0}, "bot_tries"),
    ({"bot_tries": 101}, "bot_tries"),
    ({"answer_within_s": 241}, "answer_within_s"),
    ({"reply_limit_s": 1}, "reply_limit_s"),
    ({"keep_days": 0}, "keep_days"),
    ({"greeting": "sometimes"}, "greeting"),
    ({"on_bot_failure": "shrug"}, "on_bot_failure"),
    ({"shared_secret": "xyz"}, "shared_secret"),
    ({"shared_secret": "00ff"}, "shared_secret"),
    ({"settings": {"region": "mars"}}, "region"),
    ({"settings": {"client_id": "https://x.example"}}, "client_id"),
    ({"settings": {"client_secret": "acme"}}, "client_secret"),
    ({"settings": {"base_url": "ftp://x"}}, "base_url"),
]


@pytest.mark.parametrize(("given", "field"), MISTAKES, ids=[f"{field}-{given}" for given, field in MISTAKES])
def test_page_api_and_file_refuse_with_the_same_sentence(
    admin_client: Client, apply: Any, refused: Any, example: dict[str, Any], given: dict[str, Any], field: str
) -> None:
    """At the page each field is posted by its own name, and settings are fields like others."""
    is_named = "name" in given
    if not is_named:
        apply(example)
    by_file = {**example["channels"][0], **given} if is_named else {"name": "Acme EU", **given}
    [problem] = refused({"bots": example["bots"], "channels": [by_file]})
    _, _, sentence = problem.partition(": ")
    code, _, rest = sentence.partition(": ")
    sentence = rest if code.startswith("CB-") else sentence
    if is_named:
        apply(example)
    row = Channel.objects.get()

    answer = admin_client.patch(f"/api/v1/channels/{row.pk}/", json.dumps(given), content_type="application/json")
    assert [error["detail"] for error in answer.json()["errors"]] == [sentence]

    flat = {key: value for key, value in given.items() if key != "settings"} | given.get("settings", {})
    form = (
        submit(admin_client, f"/admin/channels_app/channel/{row.pk}/change/", "channel_form", **flat)
        .context["adminform"]
        .form
    )
    assert form.errors[field] == [sentence]


# --- export ----------------------------------------------------------------------------------------------------------


def exported(*options: str) -> str:
    output = io.StringIO()
    call_command("export_config", *options, stdout=output)
    return output.getvalue()


FULL = """
bots:
  - {name: Acme, kind: http, settings: {url: "http://bot:9001", token: "the-bot"}}
  - {name: 24/7 Zürich, kind: chatlayer, settings: {url: "https://c.example", access_token: access, verify_token: v}}
  - {name: 客服, kind: http, settings: {url: "http://bot:9001", token: "kefu"}}
channels:
  - name: Acme
    inbox: hootsuite
    settings: {client_id: acme, client_secret: "acme-key", organization_id: "626731"}
    shared_secret: "00ff00ff00ff00ff00ff00ff00ff00ff"
    bot: 客服
    is_active: false
    inbox_channels: [{id: a, name: "2026-12-25", enabled: true}, {id: b, name: "on", enabled: false}]
    greet: false
    bot_tries: 3
    fallback_text: "Costs $5, $${ENV:X}, $$$${ENV:\\nOne moment"
    offload_provider:
      name: Humans
      verify_token: "please verify"
      write_back_secret: "abababababababababababababababab"
      enabled: false
      closed_text: Closed.
      opening_hours: {timezone: Europe/Brussels, fri: ["22:00-02:00"], closed: [2026-12-25]}
  - name: acme!
    inbox: sparkcentral
    settings: {region: us, client_id: other, client_secret: "other-key"}
  - name: Nowhere
    inbox: sparkcentral
    settings: {region: us, client_id: third, client_secret: "third-key"}
    inbox_channels: []
    covers_all_inbox_channels: false
"""
VARIABLES = {
    "BOT_24_7_ZURICH_ACCESS_TOKEN": "access",
    "BOT_24_7_ZURICH_VERIFY_TOKEN": "v",
    "ACME_TOKEN": "the-bot",
    "BOT_TOKEN": "kefu",
    "ACME_CLIENT_SECRET": "acme-key",
    "ACME_SHARED_SECRET": "00ff" * 8,
    "ACME_VERIFY_TOKEN": "please verify",
    "ACME_WRITE_BACK_SECRET": "ab" * 16,
    "CHANNEL_ACME_CLIENT_SECRET": "other-key",
    "NOWHERE_CLIENT_SECRET": "third-key",
}


NOT_IN_A_FILE = {
    "channel": "id uuid revision created_at updated_at "  # what a row is, not what it says
    "shared_secret_saved_at shared_secret_saved_by keys_saved_at keys_saved_by paused_at paused_by copied_from "
    "first_event_at live_at handed_over_at "  # when and by whom
    "old_secret_encrypted old_secret_until old_uuid old_uuid_until "  # a rotation that lasts
    "greet",  # follows from greeting
    "bot": "id uuid revision created_at updated_at failures paused_until",
    "inboxchannel": "id channel first_seen_at",
    "offloadprovider": "id uuid channel",
}
KEYS = {"external_id": "id", "is_enabled": "enabled", "shows_buttons": "buttons", "archived_at": "archived"}


@pytest.mark.parametrize(
    ("model", "readers"),
    [(Channel, CHANNEL_KEYS), (Bot, BOT_KEYS), (InboxChannel, INBOX_CHANNEL_KEYS), (OffloadProvider, PROVIDER_KEYS)],
)
def test_each_field_of_a_row_has_a_place_in_the_file(model: Any, readers: Any) -> None:
    """A new one needs a key in configuration_schema and in the export, or a reason above."""
    names = {field.name for field in model._meta.concrete_fields} - set(NOT_IN_A_FILE[model._meta.model_name].split())
    assert {KEYS.get(name, name).removesuffix("_encrypted") for name in names} <= set(readers)


def test_what_the_page_saves_comes_back_from_a_file(
    admin_client: Client, apply: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every field of the page with an unusual value; then into an empty database."""
    apply(example)
    channel, bot = Channel.objects.get(), Bot.objects.get(name="Support bot")
    page = f"/admin/channels_app/bot/{bot.pk}/change/"
    submit(
        admin_client,
        page,
        "bot_form",
        reply_signature="body",
        timeout_s="9",
        token="page-token",
        signing_secret="page-sign",
    )
    page = f"/admin/channels_app/channel/{channel.pk}/change/"
    fields = {
        "greeting": "always",
        "offer_hours": "5",
        "burst_quiet_ms": "1500",
        "drops_overtaken_answers": "on",
        "resolved_texts-nl": "Tot ziens",
        "hands_over_on_words": "on",
        "agent_words-nl": "mens, collega",
        "max_misses": "2",
        "miss_intents": "weet_niet",
        "on_contact_file": "say_text",
        "file_texts-*": "In\r\nwords, please",
        "typing_after_s": "4",
        "on_silence": "resolve",
        "silent_minutes": "45",
        "silence_texts-*": "Still there?",
        "silent_end_minutes": "15",
        "silence_end_texts-*": "Bye",
        "bot_tries": "3",
        "answer_within_s": "50",
        "keep_days": "12",
        "on_bot_failure": "say_text",
        "fallback_texts-*": "One\r\nmoment",
        "apology_texts-nl": "Sorry",
        "failure_policies-slow": "stay_silent",
        "hold_after_s": "4",
        "holding_texts-nl": "Momentje",
        "max_bounces": "3",
        "alert_minutes": "7",
        "alert_mail_to": "lead@example.com",
        "when_paused": "keep",
        "paused_texts-nl": "Dicht",
        "inline_answers": "always",
        "language": "nl",
        "language_attribute": "taal",
        "reply_limit_s": "400",
        "delegation_dialog": "state-1",
        "delegation_text": "/callback",
        "intent_topics-intent-0": "parcel.*",
        "intent_topics-topic-0": "Shipping",
        "routing_rules-condition-0": "words",
        "routing_rules-matches-0": "refund, money back",
        "routing_rules-effect-0": "topic",
        "routing_rules-value-0": "Refunds",
        "region": "us",
        "base_url": "https://proxy.example",
        "shared_secret": "ab" * 16,
        "covers_all_inbox_channels": "on",
        "offload_provider-0-name": "Humans",
        "offload_provider-0-closed_texts-*": "Closed.\r\nSorry.",
        "offload_provider-0-verify_token": "page verify",
        "offload_provider-0-write_back_secret": "cd" * 16,
        "offload_provider-0-opening_hours-when": "times",
        "inbox_channels-0-name": "WhatsApp",
        "offload_provider-0-opening_hours-timezone": "Europe/Brussels",
        "offload_provider-0-opening_hours-mon-from-0": "09:00",
        "offload_provider-0-opening_hours-mon-until-0": "17:00",
    }
    answer = submit(admin_client, page, "channel_form", **fields)
    assert "was changed successfully" in answer.content.decode()
    row = Channel.objects.get()
    usual = Channel(inbox="sparkcentral")
    for name in ChannelForm._meta.fields or ():
        assert name in ("inbox", "covers_all_inbox_channels") or getattr(row, name) != getattr(usual, name), name
    for act, given in (("skip-hand-over", {"reason": "It never hands over."}), ("archive", {"reason": ""})):
        admin_client.post(f"/admin/channels_app/channel/{channel.pk}/{act}/", given)
    before, text = meaning(), exported()
    secrets = {
        "SUPPORT_BOT_TOKEN": "page-token",
        "SUPPORT_BOT_SIGNING_SECRET": "page-sign",
        "CHATLAYER_BOT_ACCESS_TOKEN": "access",
        "CHATLAYER_BOT_VERIFY_TOKEN": "verify me",
        "ACME_EU_CLIENT_SECRET": "acme-key",
        "ACME_EU_SHARED_SECRET": "ab" * 16,
        "ACME_EU_VERIFY_TOKEN": "page verify",
        "ACME_EU_WRITE_BACK_SECRET": "cd" * 16,
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    Channel.objects.all().delete()
    Bot.objects.all().delete()
    apply(text)
    after = meaning()
    assert before["channels"][0].pop("paused_by") and after["channels"][0].pop("paused_by")  # by other people
    assert after == before
    assert Channel.objects.get().archived_at and Channel.objects.get().paused_at
    assert exported() == text


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_round_trip(run: Any, apply: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    apply(FULL)
    text, before, rows = exported(*options), meaning(), snapshot()
    assert set(export_configuration()[1]) == set(VARIABLES)
    assert not [secret for secret in VARIABLES.values() if len(secret) > 6 and secret in text]
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)

    again = apply(text)
    assert {item["changed"] for items in again.values() for item in items} == {"unchanged"}
    assert snapshot() == rows

    Channel.objects.all().delete()
    Bot.objects.all().delete()
    apply(text)
    assert meaning() == before
    assert exported(*options) == text


def test_the_export_of_the_example_reads_like_the_example(apply: Any) -> None:
    apply(EXAMPLE)
    text = exported()
    assert text.startswith("# Before apply_config, set these variables")
    assert "#   SUPPORT_BOT_TOKEN\n" in text
    document = yaml.safe_load(text)
    assert document["bots"][1]["settings"]["token"] == "${ENV:SUPPORT_BOT_TOKEN}"
    assert document["channels"] == [
        {
            "name": "Acme EU",
            "inbox": "sparkcentral",
            "settings": {
                "region": "eu",
                "client_id": "acme",
                "client_secret": "${ENV:ACME_EU_CLIENT_SECRET}",
                "organization_id": None,
                "base_url": None,
            },
            "shared_secret": "${ENV:ACME_EU_SHARED_SECRET}",
            "bot": "Support bot",
            "is_active": True,
            "inbox_channels": [{"id": "0-01c6421333d-000-4a29abb0", "name": "Demo Channel", "enabled": True}],
            "greeting": "with_first_message",
            "offload_provider": {
                "name": "Agents",
                "verify_token": "${ENV:ACME_EU_VERIFY_TOKEN}",
                "opening_hours": None,
            },
        }
    ]


def test_an_unfinished_channel_without_a_provider_survives_its_export(apply: Any) -> None:
    Channel.objects.create(name="Half", inbox="sparkcentral", settings={"region": "eu"})
    document = json.loads(exported("--json"))
    assert document["channels"][0]["shared_secret"] is None
    assert document["channels"][0]["settings"]["client_secret"] is None
    assert apply(document)["channels"][0]["changed"] == "unchanged"


def test_an_export_needs_no_key(apply: Any) -> None:
    apply(EXAMPLE)
    with override_settings(ENCRYPTION_KEYS=[]):
        assert "${ENV:ACME_EU_CLIENT_SECRET}" in exported()


def test_the_export_of_nothing() -> None:
    assert exported() == "bots: []\nchannels: []\n"


# --- secrets ---------------------------------------------------------------------------------------------------------


def canary_everywhere(example: dict[str, Any]) -> dict[str, Any]:
    """A secret in each place that may hold one, and in some that must not."""
    example["bots"][0]["settings"] |= {"token": f"{CANARY}-1", "signing_secret": f"{CANARY}-2"}
    example["bots"][1]["settings"] |= {"access_token": f"{CANARY}-3", "verify_token": f"{CANARY}-4"}
    channel = example["channels"][0]
    channel["settings"]["client_secret"] = f"{CANARY}-5"
    channel["offload_provider"]["verify_token"] = f"{CANARY}-6"
    return example


def test_secrets_are_never_shown(run: Any, example: dict[str, Any]) -> None:
    shown = run(canary_everywhere(example), "--plan") + run(example) + run(example, "--json") + exported()
    example["bots"][0]["settings"]["token"] = f"{CANARY}-7"
    shown += run(example, "--plan") + run(example)
    assert "settings.token: changed" in shown
    assert CANARY not in shown


@pytest.mark.parametrize(
    "path",
    [
        ("bots", 0, "kind"),
        ("bots", 0, "settings", "url"),
        ("bots", 0, "settings", "timeout_s"),
        ("bots", 1, "settings", "identify_by"),
        ("channels", 0, "inbox"),
        ("channels", 0, "settings", "region"),
        ("channels", 0, "shared_secret"),
        ("channels", 0, "bot"),
        ("channels", 0, "greet"),
        ("channels", 0, "inbox_channels"),
        ("channels", 0, "offload_provider", "opening_hours"),
        ("channels", 0, "offload_provider", "write_back_secret"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(
    refused: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch, path: tuple[Any, ...]
) -> None:
    monkeypatch.setenv("SOME_SECRET", CANARY)
    for value in (CANARY, "${ENV:SOME_SECRET}"):
        assert CANARY not in "\n".join(refused(with_change(example, path, value)))


def test_what_came_from_the_environment_is_not_shown_either(
    run: Any, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(example)
    monkeypatch.setenv("HOOK", CANARY)
    example["bots"][0]["settings"]["url"] = "https://bot.example/${ENV:HOOK}"
    plan = run(example, "--plan")
    assert "settings.url: changed" in plan
    assert CANARY not in plan


@pytest.mark.parametrize("text", [f"token: *{CANARY}", f"token: !{CANARY} x", f"a: [{CANARY}\nb: @{CANARY}"])
def test_a_syntax_error_shows_nothing_of_the_file(refused: Any, text: str) -> None:
    assert CANARY not in "\n".join(refused(text))


@pytest.mark.django_db(transaction=True)
def test_as_a_process(tmp_path: Path, example: dict[str, Any]) -> None:
    """Exit codes and streams, and no traceback."""
    environment = {**os.environ, "DATABASE_URL": url_of(settings.DATABASES["default"])}
    file = tmp_path / "bridge.json"

    def process(*options: str) -> subprocess.CompletedProcess[str]:
        file.write_text(json.dumps(example), encoding="utf-8")
        command = [sys.executable, "manage.py", "apply_config", str(file), *options]
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    good = process("--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["channels"][0]["changed"] == "created"
    assert process("--plan").returncode == 0

    canary_everywhere(example)["channels"][0]["shared_secret"] = CANARY
    bad = process("--json")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "channels[0].shared_secret: CB-301: A Sparkcentral shared secret has only 0-9 and a-f." in bad.stderr
    assert CANARY not in bad.stderr
    assert "Traceback" not in bad.stderr


def url_of(database: dict[str, Any]) -> str:
    place = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"]}
    known = {key: value for key, value in {**place, "password": database["PASSWORD"]}.items() if value}
    return f"postgresql:///{quote(database['NAME'])}?{urlencode(known)}"
