import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from channels_app.adapters.inboxes.media import MEDIA, medium_of
from channels_app.protocol.splitting import Size, split_message, split_text, utf8_bytes, utf16_units
from channels_app.protocol.visible import is_visible
from chatbridge.simulator.shortcodes import shown
from tests.conftest import Walker
from tests.world import World

WORDS = st.sampled_from(
    [
        *[
            "word",
            "Straße",
            "नमस्ते",
            "สวัสดีครับ",
            "こんにちは。",
            "안녕하세요",
            "مرحبا",
            "שלום",
            "👩‍👩‍👧‍👦",
            "🇧🇪",
            "é",
            "👍🏽",
        ],
        *["https://a.example/x?y=1 ", "One. ", "Why? ", "。", "\n", "\n\n", " ", "  ", "\r\n", "١٢", "❤️", "1️⃣"],
    ]
)
TEXTS = st.lists(WORDS, max_size=60).map("".join) | st.text(max_size=200)
SIZES = st.sampled_from([utf16_units, utf8_bytes, len])


def seen(text: str) -> list[str]:
    """What a reader sees as single letters."""
    return [grapheme for grapheme in iter_graphemes(text) if grapheme.strip()]


@pytest.mark.parametrize(
    ("text", "most", "parts"),
    [
        ("Short.", 10, ["Short."]),
        ("A paragraph.\n\nAnother one, which is longer.", 30, ["A paragraph.", "Another one, which is longer."]),
        ("One line\nand another line", 20, ["One line", "and another line"]),
        ("It is so. Is it? Yes it is.", 18, ["It is so. Is it?", "Yes it is."]),
        ("これは長い文です。次の文です。", 10, ["これは長い文です。", "次の文です。"]),
        ("no end of words here", 10, ["no end of", "words here"]),
        ("Donaudampfschifffahrt", 10, ["Donaudampf", "schifffahr", "t"]),
        ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 15, ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"]),
        ("🇧🇪🇳🇱🇫🇷", 9, ["🇧🇪🇳🇱", "🇫🇷"]),
        ("见https://a.example/long/path", 27, ["见", "https://a.example/long/path"]),
        ("See https://a.example/a/path for it", 30, ["See https://a.example/a/path", "for it"]),
        ("A. B. C. D. A longer sentence at the end", 35, ["A. B. C. D. A longer sentence at", "the end"]),
    ],
)
def test_a_text_is_cut_where_a_reader_would_pause(text: str, most: int, parts: list[str]) -> None:
    assert split_text(text, most) == parts


@given(TEXTS, st.integers(30, 80), SIZES)
def test_nothing_is_lost_and_every_part_fits(text: str, most: int, size: Size) -> None:
    parts = split_text(text, most, size)
    assert [letter for part in parts for letter in part if not letter.isspace()] == [
        letter for letter in text if not letter.isspace()
    ] or not all(map(is_visible, text))
    assert all(size(part) <= most for part in parts)


@given(st.lists(WORDS, max_size=60).map("".join), st.integers(30, 80), SIZES)
def test_nothing_that_is_seen_as_one_is_cut(text: str, most: int, size: Size) -> None:
    parts = split_text(text, most, size)
    assert [grapheme for part in parts for grapheme in seen(part)] == seen(text)
    assert sum(part.count("https://a.example/x?y=1") for part in parts) == text.count("https://a.example/x?y=1")


@given(TEXTS, st.lists(st.text("abc ", min_size=1, max_size=20).filter(str.strip), max_size=9), st.integers(40, 90))
def test_the_lines_stay_whole_and_stand_at_the_end(text: str, lines: list[str], most: int) -> None:
    parts = split_message(text, lines, most)
    assert all(utf16_units(part) <= most for part in parts)
    said = [line for part in parts for line in part.split("\n")]
    assert said[len(said) - len(lines) :] == lines


def test_the_last_part_has_the_options() -> None:
    assert split_message("One two three. Four five six.", ["1. Yes", "2. No"], 28) == [
        "One two three.",
        "Four five six.\n1. Yes\n2. No",
    ]


@pytest.mark.parametrize("medium", [*MEDIA, "carrier pigeon", ""])
def test_a_contact_gets_all_of_a_long_text_in_one_call(walker: Walker, world: World, medium: str) -> None:
    limits = medium_of(medium)
    text = " ".join(f"Sentence {n} is here 👍🏽." for n in range(900))
    world.bot.replies = [{"messages": [{"text": text, "options": [{"title": "Yes"}, {"title": "No"}]}]}]
    walker.says("Hello", data={"medium": {"id": medium}})
    said = world.inbox.said("0-conv-1")
    said_last = "[Yes]\n[No]" if limits.shows_buttons else "1. Yes\n2. No"
    assert " ".join(map(shown, said)) == f"{text}\n{said_last}"
    assert all(limits.size(part) <= limits.max_length for part in said)
    assert len(said) <= limits.size(text) / limits.max_length * 1.1 + 1
