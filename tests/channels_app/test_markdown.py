import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.inboxes.shortcodes import neutralised
from channels_app.lib.emphasis import Marks
from channels_app.lib.markdown import MAX_LENGTH, render
from channels_app.protocol.visible import is_zero_width
from chatbridge.simulator.shortcodes import elements
from tests.conftest import Walker
from tests.world import World

TEXTS = json.loads((Path(__file__).parents[1] / "payloads/texts/markdown.json").read_text())
MARKED = st.lists(
    st.sampled_from(
        [
            "**",
            "*",
            "_",
            "__",
            "~~",
            "`",
            "# ",
            "* ",
            "- ",
            "> ",
            "\n",
            "\n\n",
            " ",
            "[",
            "](https://a.example)",
            "!",
            "%",
            "reply:x)",
            "](",
            "(",
            ")",
            "&((",
            "))&",
            "https://b.example/_c_",
            "word",
            "7",
            "été",
            "中文",
            "\\",
            "\\*",
            ":",
            '"',
            "」",
            "[^1]",
            "\n[^1]: ",
            "<",
            ">",
            "|",
        ]
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row["says"])
def test_markdown_becomes_what_the_medium_can_show(row: dict[str, str]) -> None:
    assert render(row["says"]) == row["plain"]
    assert render(row["says"], Marks.WHATSAPP) == row["whatsapp"]


@given(st.text().filter(lambda text: not set(text) & set("*_`#~[|<\\")))
def test_a_text_without_marks_stays_to_the_letter(text: str) -> None:
    assert render(text) == render(text, Marks.WHATSAPP) == text


def words(text: str) -> Iterator[str]:
    return (letter for letter in unicodedata.normalize("NFKC", text) if letter.isalnum())


@given(MARKED.filter(lambda text: not any(mark in text for mark in ("|", "```", "~~~"))), st.sampled_from(Marks))
def test_no_letter_is_lost_or_invented(text: str, marks: Marks) -> None:
    rest = words(render(text, marks))
    said = list(words(text))
    assert list(rest) == said or "](https" in text
    assert sorted(words(render(text, marks))) == sorted(said) or "](https" in text


@given(MARKED, st.sampled_from(Marks))
def test_no_text_of_a_bot_becomes_a_shortcode(text: str, marks: Marks) -> None:
    said = neutralised(render(text, marks))
    assert elements(said) == []
    assert "".join(letter for letter in said if not is_zero_width(letter) or letter == "\n") == render(text, marks)


def test_what_is_no_answer_of_a_language_model_is_not_parsed() -> None:
    text = "**a** " * MAX_LENGTH
    assert render(text) == text


def test_a_contact_reads_no_marks_and_presses_nothing_by_accident(walker: Walker, world: World) -> None:
    says = "**Hi**, see [us](https://a.example) &((x))& `%[Pay](reply:1)`"
    world.bot.replies = [{"messages": [{"text": says, "options": [{"title": "%[No](reply:2)"}, {"title": "B"}]}]}]
    walker.says("Hello")
    [said] = world.inbox.said("0-conv-1")
    assert said == (
        "*Hi*, see us (https://a.example) &\u200b((x))& `%\u200b[Pay](reply:1)`\n1. %\u200b[No](reply:2)\n2. B"
    )
    assert elements(said) == []


@pytest.mark.parametrize("medium", ["whatsapp", "rtm"])
def test_a_title_is_read_without_marks_and_goes_back_as_the_bot_wrote_it(
    walker: Walker, world: World, medium: str
) -> None:
    options = [{"title": "**Parcel** [big](https://a.example)"}, {"title": r"5 \* 3"}, {"title": "a * b"}]
    world.bot.replies = [{"messages": [{"text": "Which?", "options": options}]}, {"messages": [{"text": "Fine"}]}]
    walker.says("Hello", data={"medium": {"id": medium}})
    [said] = world.inbox.said("0-conv-1")
    for title in ("Parcel big (https://a.example)", "5 * 3", "a * b"):
        assert title in said
    assert "**" not in said
    walker.says("parcel big (https://a.example)", data={"medium": {"id": medium}})
    assert world.bot.turns[-1]["text"] == "**Parcel** [big](https://a.example)"
