from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from channels_app.options import choose, write_out
from channels_app.protocol import Message, Option

PARCEL, LETTER, CAFE = (
    Option(title="Parcel", payload=1),
    Option(title="Letter", payload=2),
    Option(title="Café «Ça va»"),
)
HELP, CALL = Option(title="Help page", url="https://help.example"), Option(title="Call us", phone="+32 11 00 00 00")
OFFERED = (PARCEL, HELP, LETTER, CAFE)
TITLES = st.text(min_size=1, max_size=10)


@pytest.mark.parametrize(
    ("message", "first", "text"),
    [
        (Message(text="Hi"), 1, "Hi"),
        (Message(), 1, ""),
        (Message(text="Which?", options=(PARCEL, LETTER)), 1, "Which?\n1. Parcel\n2. Letter"),
        (Message(options=(PARCEL,)), 4, "4. Parcel"),
        (
            Message(text="Which?", options=(HELP, PARCEL, CALL, LETTER)),
            1,
            "Which?\n1. Parcel\n2. Letter\nHelp page: https://help.example\nCall us: +32 11 00 00 00",
        ),
        (Message(options=(Option(title="", url="https://help.example"),)), 1, "https://help.example"),
    ],
)
def test_options_are_written_below_the_text(message: Message, first: int, text: str) -> None:
    assert write_out(message, first) == text


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("1", PARCEL),
        ("2", LETTER),
        ("2.", LETTER),
        ("2)", LETTER),
        ("#2", LETTER),
        (" 2 \n", LETTER),
        ("# 2 .", LETTER),
        ("02", LETTER),
        ("２", LETTER),
        ("＃２．", LETTER),
        ("٢", LETTER),
        ("२", LETTER),
        ("②", LETTER),
        ("2️⃣", LETTER),
        ("3", CAFE),
        ("letter", LETTER),
        ("  LETTER! ", LETTER),
        ("«Letter»", LETTER),
        ("cafe ca va", None),
        ("cafe «ca va", CAFE),
        ("CAFÉ  «ÇA VA»!", CAFE),
        ("Cafe\u0301 «C\u0327a va»", CAFE),
        ("0", None),
        ("4", None),
        ("-1", None),
        ("2.5", None),
        ("2 parcels", None),
        ("22", None),
        ("9" * 5000, None),
        ("Help page", None),
        ("", None),
        (" \n", None),
        ("!", None),
        ("Let", None),
    ],
)
def test_what_the_contact_writes_is_turned_back_into_the_option(text: str, chosen: Option | None) -> None:
    assert choose(text, OFFERED) == chosen


@pytest.mark.parametrize(
    ("text", "titles", "index"),
    [
        ("yes", ["Yes", "yes"], 1),  # as written, before what only looks alike
        ("YES", ["Yes", "yes"], 0),
        ("same", ["same", "same"], 0),
        ("2", ["2", "1"], 1),  # the list asked for its numbers
        ("10", ["10", "20"], 0),
        ("👍", ["👎", "👍"], 1),
        ("?", ["!", "?"], 1),
        ("❤", ["❤️"], 0),
    ],
)
def test_titles_that_are_alike(text: str, titles: list[str], index: int) -> None:
    options = [Option(title=title, payload=place) for place, title in enumerate(titles)]
    assert choose(text, options) == options[index]


def offered(titles: list[str], links: list[bool]) -> list[Option]:
    return [
        Option(title=title, payload=place, url="https://x.example" if is_link else "")
        for place, (title, is_link) in enumerate(zip(titles, links, strict=False))
    ]


@given(
    st.lists(TITLES, min_size=1, max_size=8),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.sampled_from(["{}", "{}.", "{})", "#{}", " {} "]),
)
def test_each_number_in_the_list_chooses_its_line(titles: list[str], links: list[bool], form: str) -> None:
    options = offered([title.replace("\n", " ") for title in titles], links)
    lines = write_out(Message(options=tuple(options))).split("\n")
    choosable = [option for option in options if option.is_choosable]
    for number, option in enumerate(choosable, 1):
        assert lines[number - 1] == f"{number}. {option.title}" or "\r" in option.title
        assert choose(form.format(number), options) is option


@given(TITLES, st.lists(TITLES, max_size=5), st.sampled_from([str, str.strip, "{}!".format, " «{}» ".format]))
def test_a_title_chooses_an_option_of_that_title(title: str, others: list[str], write: Any) -> None:
    options = offered([*others, title], [False] * 6)
    assume(title.strip() and any(letter.isalpha() for letter in title))
    chosen = choose(write(title), options)
    assert chosen is not None


@given(st.text(), st.lists(TITLES, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_only_what_can_be_chosen_is_chosen(text: str, titles: list[str], links: list[bool]) -> None:
    options = offered(titles, links)
    chosen = choose(text, options)
    assert chosen is None or (chosen.is_choosable and text.strip())


@given(st.text(" \t\n\u3000\x1f", max_size=5))
def test_a_title_of_nothing_is_never_chosen_by_nothing(text: str) -> None:
    assert choose(text, [Option(title=" "), Option(title=text)]) is None
