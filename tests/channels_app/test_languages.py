"""Which language a contact reads, and which of our texts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from channels_app.channels.forms.texts_field import TextsField
from channels_app.models import Channel
from channels_app.protocol import ContactAttribute
from channels_app.protocol.languages import OFFERED, language_tag, pick_text
from channels_app.protocol.sentences import READY, Occasion, Wording, with_single
from offload.models import OffloadProvider
from tests.builders import make_channel, make_event
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World, answer


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        *(("nl", "nl"), ("NL", "nl"), ("nl-be", "nl-BE"), ("nl_BE", "nl-BE"), ("nl_BE.UTF-8", "nl-BE")),
        *(("fr-CA,fr;q=0.9,en;q=0.5", "fr-CA"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419")),
        *(("Dutch", "nl"), ("Deutsch", "de"), ("español", "es"), ("Vlaams", "nl")),
        *(("", ""), ("und", ""), ("unknown", ""), ("x", ""), ("nl BE", ""), ("12", ""), ("a" * 40, ""), ("*", "")),
    ],
)
def test_a_language_is_read_however_it_is_named(told: str, tag: str) -> None:
    assert language_tag(told) == tag


OWN = {"nl": "Nee", "nl-BE": "Neen", "*": "No", "de": " \u200b"}


@pytest.mark.parametrize(
    ("texts", "language", "fallback", "text"),
    [
        (OWN, "nl-BE", "", "Neen"),
        (OWN, "nl-NL", "", "Nee"),
        (OWN, "nl", "", "Nee"),
        (OWN, "it", "nl", "No"),
        (OWN, "", "nl", "Nee"),
        (OWN, "", "", "No"),
        (OWN, "de", "", "No"),
        ({"fr": "Non", "en": "No"}, "it", "fr", "Non"),
        ({"fr": "Non", "en": "No"}, "it", "", "No"),
        ({"fr": "Non"}, "it", "es", "Non"),
        ({"pt-BR": "Não"}, "pt", "", "Não"),
        ({"nl": "\u200b"}, "nl", "nl", ""),
        ({}, "nl", "nl", ""),
    ],
)
def test_a_contact_reads_the_nearest_text(texts: dict[str, str], language: str, fallback: str, text: str) -> None:
    assert pick_text(texts, language, fallback) == text


def test_our_own_sentences_are_there_for_every_occasion_and_language() -> None:
    assert set(READY) == set(Occasion)
    for texts in READY.values():
        assert set(texts) == set(OFFERED)
        assert len(set(texts.values())) == len(OFFERED)


@pytest.mark.parametrize(
    ("told", "attributes", "language"),
    [
        ("nl", {"language": "fr"}, "nl"),
        ("", {"Language": "fr"}, "fr"),
        ("und", {"language": "French"}, "fr"),
        ("", {"language": "whatever"}, "de"),
        ("", {"tongue": "fr"}, "de"),
        ("", {}, "de"),
    ],
)
def test_the_event_comes_first_then_the_contacts_choice_then_the_channel(
    told: str, attributes: dict[str, str], language: str
) -> None:
    wording = Wording(language="de", attribute="language", texts={})
    found = [ContactAttribute(attribute=name, value=value) for name, value in attributes.items()]
    assert wording.language_of(told, found) == language
    assert Wording(attribute="", texts={}).language_of("", found) == ""


@pytest.mark.parametrize(
    ("texts", "text", "after"),
    [
        (None, "One", {"*": "One"}),
        (None, "", {}),
        ({}, "One", {"*": "One"}),
        ({"*": "Old"}, "One", {"*": "One"}),
        ({"*": "Old", "nl": "Oud"}, "One", {"*": "One", "nl": "Oud"}),
        ({"nl": "Oud"}, "One", {"nl": "One"}),
        ({"*": "Old", "nl": "Oud"}, "", {}),
    ],
)
def test_who_knows_one_text_only_leaves_the_other_languages(
    texts: dict[str, str] | None, text: str, after: dict[str, str]
) -> None:
    assert with_single(texts, text, "") == after


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (None, None),
        ({}, {}),
        ("", {}),
        ("Hi\r\nyou", {"*": "Hi\nyou"}),
        ({"nl_be": "Dag", "en": " "}, {"nl-BE": "Dag"}),
        ({"en": None}, {}),
        (dict(READY[Occasion.HANDOVER]), None),
        ({"klingon!": "x"}, "Not a language"),
        ({"nl": 5}, "Must be text"),
        ({5: "x"}, "Must be text"),
        ({"nl": "a", "NL": "b"}, "two texts in Dutch"),
        ({"nl": "a\x00"}, "Write plain text"),
        (["nl"], "Must be text, or an object"),
    ],
)
def test_texts_are_judged_alike_wherever_they_come_from(given: Any, texts: Any) -> None:
    from django.forms import ValidationError

    field = TextsField(Occasion.HANDOVER)
    if isinstance(texts, str):
        with pytest.raises(ValidationError) as refused:
            field.clean(given)
        assert texts in refused.value.messages[0]
    else:
        assert field.clean(given) == texts


def test_a_contact_is_answered_in_his_language_and_the_bot_is_told_it(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(fallback_texts=None, language="fr", bot_tries=1)
    attributes = {
        "browser": [{"attribute": "Browser language", "value": "de-AT,de;q=0.9", "source": "MEDIUM"}],
        "own": [{"attribute": "language", "value": "Spanish", "source": "AGENT"}],
        "none": [],
    }
    ready = READY[Occasion.HANDOVER]
    for case, (data, told, said) in {
        "event": ({"language": "nl-BE", "contactAttributes": attributes["browser"]}, "nl-BE", ready["nl"]),
        "browser": ({"contactAttributes": attributes["browser"] + attributes["own"]}, "de-AT", ready["de"]),
        "own": ({"contactAttributes": attributes["own"]}, "es", ready["es"]),
        "none": ({"contactAttributes": []}, "fr", ready["fr"]),
        "unwritten": ({"language": "it", "contactAttributes": []}, "it", ready["fr"]),
    }.items():
        world.bot.replies = [answer(400)]
        walker.post(make_event(conversation=case, data=data))
        walker.work()
        assert world.bot.turns[-1]["language"] == told, case
        assert world.inbox.said(case) == [said], case


def test_an_agent_who_is_away_is_excused_in_the_contacts_language(walker: Walker, world: World) -> None:
    OffloadProvider.objects.create(channel=walker.channel, is_enabled=False, closed_texts={"nl": "Dicht", "*": "Shut"})
    for conversation, language, said in (("a", "nl-NL", "Dicht"), ("b", "pt", "Shut")):
        world.bot.replies = [{"offload": {}}]
        walker.post(make_event(conversation=conversation, data={"language": language}))
        walker.work()
        assert world.inbox.said(conversation) == [said]


@pytest.mark.parametrize(("text", "texts"), [("", {}), ("Old words", {"*": "Old words"})])
def test_a_version_before_goes_on_with_its_single_text(db: None, text: str, texts: dict[str, str]) -> None:
    """It changes its column alone; the texts follow."""
    channel = make_channel(fallback_texts={"*": "Before"}, apology_texts={"*": "Before"})
    provider = OffloadProvider.objects.create(channel=channel, closed_texts={"*": "Before"})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE channels_app_channel SET fallback_text = %s", [text])
        cursor.execute("UPDATE offload_offloadprovider SET closed_text = %s", [text])
    channel, provider = Channel.objects.get(), OffloadProvider.objects.get()
    assert (channel.fallback_texts, channel.apology_texts, provider.closed_texts) == (texts, texts, texts)
    channel.fallback_texts = {"nl": "Nieuw", "*": "New"}
    channel.save()
    assert Channel.objects.get().fallback_text == "New"


def test_the_page_keeps_what_is_written_in_each_language(admin_client: Client, db: None) -> None:
    channel = make_channel(fallback_texts=None)
    OffloadProvider.objects.create(channel=channel)
    page = f"/admin/channels_app/channel/{channel.pk}/change/"
    submit(admin_client, page, "channel_form")
    assert Channel.objects.get().fallback_texts is None  # nobody wrote anything
    written = {
        "fallback_texts-nl": "Momentje",
        "fallback_texts-more-language": "pt-BR",
        "fallback_texts-more-text": "Já",
    }
    submit(admin_client, page, "channel_form", language="pt", **written)
    row = Channel.objects.get()
    assert row.fallback_texts == {**READY[Occasion.HANDOVER], "nl": "Momentje", "pt-BR": "Já"}
    assert row.language == "pt"
    wrong = {"fallback_texts-more-text": "Ciao"}
    shown = submit(admin_client, page, "channel_form", **wrong).content.decode()
    assert "Choose the language of the added text." in shown and "Ciao" in shown
    emptied = {f"fallback_texts-{tag}": "" for tag in (*row.fallback_texts, "*")}
    submit(admin_client, page, "channel_form", **emptied)
    assert Channel.objects.get().fallback_texts == {}
