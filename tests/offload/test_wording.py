"""What a provider says: variables, and the switch that comes back by itself."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from channels_app.channels.configuration.apply import apply_configuration
from channels_app.channels.configuration.export import export_configuration
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.protocol.languages import OFFERED
from channels_app.protocol.sentences import Occasion
from offload.models import OffloadProvider
from offload.services import Decision
from offload.wording import filled, in_words, say_for, wrong_in
from tests.conftest import Walker
from tests.offload.test_admin import errors_of, save
from tests.world import World

BRUSSELS = ZoneInfo("Europe/Brussels")
NIGHT = datetime(2026, 11, 27, 20, 0, tzinfo=BRUSSELS)  # a Friday
HOURS = {"timezone": "Europe/Brussels", "mon": ["09:00-17:00"], "sat": ["09:30-12:00"]}
TEXT = "Hello {name}! We are closed. Back { next_opening }."


@pytest.mark.parametrize(
    ("language", "days", "words"),
    [
        ("en", 0, "today at 09:00"),
        ("en-GB", 1, "tomorrow at 09:00"),
        ("en", 3, "on Monday 30 November at 09:00"),
        ("nl", 0, "vandaag om 09:00"),
        ("nl-BE", 3, "op maandag 30 november om 09:00"),
        ("fr", 1, "demain à 09:00"),
        ("fr", 3, "le lundi 30 novembre à 09:00"),
        ("de", 0, "heute um 09:00 Uhr"),
        ("de", 3, "am Montag, 30. November um 09:00 Uhr"),
        ("es", 3, "el lunes 30 de noviembre a las 09:00"),
        ("it", 3, "Lunedì, 30 Novembre, 09:00"),
        ("tlh", 3, "Monday, 30 November, 09:00"),
    ],
)
def test_a_time_is_said_in_the_contacts_language(language: str, days: int, words: str) -> None:
    opening = datetime(2026, 11, 30, 9, tzinfo=BRUSSELS)
    assert in_words(opening, (opening - timedelta(days=days)).astimezone(UTC), language) == words


def test_tomorrow_is_the_providers_tomorrow_also_where_the_clocks_change() -> None:
    """23:30 UTC is the next day in Brussels already; 25 October has 25 hours there."""
    opening = datetime(2026, 10, 25, 9, tzinfo=BRUSSELS)
    assert in_words(opening, datetime(2026, 10, 24, 22, 30, tzinfo=UTC), "en") == "today at 09:00"
    assert in_words(opening, datetime(2026, 10, 24, 21, 30, tzinfo=UTC), "en") == "tomorrow at 09:00"


@pytest.mark.parametrize(
    ("changes", "name", "language", "said"),
    [
        ({}, "Anna", "nl", "Hello Anna! We are closed. Back morgen om 09:30."),
        ({}, "+32470123456", "en", "We are closed. Back tomorrow at 09:30."),
        ({}, "@anna", "en", "We are closed. Back tomorrow at 09:30."),
        ({}, "https://evil.example", "en", "We are closed. Back tomorrow at 09:30."),
        ({}, "अनिल कुमार", "en", "Hello अनिल कुमार! We are closed. Back tomorrow at 09:30."),
        ({"opening_hours": None}, "Anna", "en", "Hello Anna! We are closed."),
        ({"is_enabled": False}, "Anna", "en", "Hello Anna! We are closed."),
        (
            {"is_enabled": False, "disabled_until": datetime(2026, 11, 28, 13, tzinfo=BRUSSELS)},
            "",
            "en",
            "We are closed. Back on Monday 30 November at 09:00.",
        ),
    ],
)
def test_what_is_not_known_is_not_said(changes: dict[str, Any], name: str, language: str, said: str) -> None:
    texts = {"en": TEXT, "nl": TEXT}
    provider = OffloadProvider(**{"opening_hours": HOURS, "closed_texts": texts, **changes})
    occasion = Occasion.CLOSED if provider.is_enabled else Occasion.DISABLED
    assert say_for(Decision(provider, occasion), NIGHT, language=language, fallback="", name=name) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("现在有{waiting}人在等待。请稍候。", "请稍候。"),
        ("ただいま{waiting}人お待ちです！少々お待ちください。", "少々お待ちください。"),
        ("كم ينتظرون؟ {waiting}. نعود قريبا.", "كم ينتظرون؟ نعود قريبا."),
        ("{waiting} लोग प्रतीक्षा में हैं। कृपया रुकें।", "कृपया रुकें।"),
        ("Wait {waiting}.\nVersion 2.0 is here", "Version 2.0 is here"),
    ],
)
def test_sentences_end_as_their_script_ends_them(text: str, said: str) -> None:
    provider = OffloadProvider(queue_texts={"*": text})
    assert say_for(Decision(provider, Occasion.QUEUE), NIGHT, language="", fallback="", name="") == said


def test_a_text_of_which_nothing_is_left_is_replaced_and_an_empty_one_stays_empty() -> None:
    provider = OffloadProvider(closed_texts={"*": "Back {next_opening}."}, opened_texts={})
    said = say_for(Decision(provider, Occasion.CLOSED), NIGHT, language="nl", fallback="", name="")
    assert said.startswith("Ons team is op dit moment niet bereikbaar.")
    assert say_for(Decision(provider, Occasion.OPENED), NIGHT, language="nl", fallback="", name="") == ""


@pytest.mark.parametrize("tag", OFFERED)
def test_our_own_texts_are_whole_with_and_without_what_they_tell(tag: str) -> None:
    provider = OffloadProvider(opened_texts=None, disabled_texts=None, is_enabled=False, opening_hours=HOURS)
    for until in (None, NIGHT + timedelta(hours=1)):
        provider.disabled_until = until
        said = say_for(Decision(provider, Occasion.DISABLED), NIGHT, language=tag, fallback="", name="")
        assert ("09:30" in said, "{" in said, said[-1]) == (until is not None, False, ".")


def test_wrong_variables_are_named() -> None:
    assert wrong_in("{name} {next_opening} { name }") == ""
    for text, named in {"Hi {nmae}": "“{nmae}”", "Hi {name": "“{name”", "name}": "“}”", "{}": "“{}”"}.items():
        assert named in wrong_in(text) and "{next_opening}" in wrong_in(text), text
    assert filled("{Name}", {}) == "{Name}"


# --- on the page and in files -------------------------------------------------------------------------------------


def test_an_unknown_variable_is_an_error_at_the_field_and_a_known_one_is_previewed(
    admin_client: Client, channel: Channel
) -> None:
    shown = save(admin_client, channel, **{"closed_texts-nl": "Dag {naam}"})
    assert "Dutch: “{naam}” is not known. You can use {name}" in errors_of(shown)["closed_texts"][0]
    page = save(admin_client, channel, **{"closed_texts-nl": "Dag {name}, tot {next_opening}"}).content.decode()
    assert "Dag Anna, tot op maandag 30 november om 09:00" in page


def test_a_switch_with_an_end_comes_back_by_itself(walker: Walker, world: World) -> None:
    until = database_now() + timedelta(hours=1)
    OffloadProvider.objects.create(
        channel=walker.channel, is_enabled=False, disabled_reason="Fire drill", disabled_until=until,
        disabled_texts={"*": "One hour, please."}, opened_texts={"*": "Here they are, {name}!", "nl": "Hier zijn ze."},
    )  # fmt: skip
    world.bot.replies = [{"offload": {"reason": "asked"}}, {"messages": [{"text": "Sure."}], "offload": {}}]
    walker.says("agent")
    assert (world.inbox.said("0-conv-1"), world.inbox.completions("0-conv-1")) == (["One hour, please."], [])
    OffloadProvider.objects.update(disabled_until=database_now() - timedelta(seconds=1))
    walker.says("agent")
    assert world.inbox.said("0-conv-1")[1] == "Sure."
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    provider = OffloadProvider.objects.get()
    assert (provider.is_enabled, provider.disabled_reason, provider.disabled_until) == (True, "", None)


def test_the_switch_on_the_page(admin_client: Client, channel: Channel) -> None:
    tomorrow = (database_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    off = {"is_enabled": None, "disabled_reason": "Fire drill"}
    shown = save(admin_client, channel, **off, disabled_until="2026-01-01T09:00")
    assert "This time has passed" in errors_of(shown)["disabled_until"][0]
    page = save(admin_client, channel, **off, disabled_until=tomorrow).content.decode()
    assert "Switched off until" in page and f'value="{tomorrow}"' in page
    save(admin_client, channel, is_enabled="on")
    provider = OffloadProvider.objects.get()
    assert (provider.is_enabled, provider.disabled_reason, provider.disabled_until) == (True, "", None)


def test_the_switch_and_the_texts_in_a_file(channel: Channel) -> None:
    given = {
        "enabled": False,
        "disabled_reason": "Fire drill",
        "disabled_until": "2099-12-01T09:00Z",
        "opened_texts": {"nl": "Dag {name}"},
        "disabled_texts": {"*": "Off"},
    }
    document = {"channels": [{"name": channel.name, "offload_provider": given}]}
    apply_configuration(json.dumps(document).encode(), "bridge.json")
    exported = export_configuration()[0]["channels"][0]["offload_provider"]
    assert {key: exported[key] for key in given} == given
