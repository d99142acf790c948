import pytest

from channels_app.protocol import Message, Option
from channels_app.protocol.options import choosable, choose, numbered
from channels_app.protocol.spoken import choose_spoken

TITLES = ("Parcel", "Letter", "Change my address", "Something else")
CHOSEN = {
    "Parcel": [
        "one",
        "option one",
        "the first",
        "I'd like the parcel please",
        "parcle",
        "pracel",
        "een pakje: optie een",
    ][:6],
    "Letter": [
        "two",
        "the second one",
        "option 2",
        "2nd",
        "number two please",
        "leter",
        "Lettre",
        "I'll take the letter",
        "twee",
        "de tweede",
        "optie 2 graag",
        "ik wil de letter",
        "2de",
        "deux",
        "l'option deux",
        "la deuxième s'il vous plaît",
        "je prends la seconde",
        "zwei",
        "die zweite bitte",
        "Nummer zwei",
        "ich möchte Letter",
        "dos",
        "la segunda, por favor",
        "second, please",
        "le second",
        "el segundo",
    ],
    "Change my address": [
        "three",
        "derde",
        "nummer 3",
        "troisième",
        "drei",
        "opción tres",
        "change my adress",
        "change my address, please",
    ],
    "Something else": [
        "the last one",
        "de laatste",
        "le dernier",
        "das letzte",
        "la última",
        "opción 4",
        "4. Something else",
    ][:6],
}


def choice(text: str, *titles: str, by_number: bool = True) -> str | None:
    options = choosable(numbered([Message(options=tuple(Option(title=title) for title in titles or TITLES))]))
    found = choose(text, options, by_number=by_number) or choose_spoken(text, options, by_number=by_number)
    return found.title if found else None


@pytest.mark.parametrize(("text", "title"), [(text, title) for title, texts in CHOSEN.items() for text in texts])
def test_a_choice_in_a_persons_own_words(text: str, title: str) -> None:
    assert choice(text) == title


@pytest.mark.parametrize(
    "text",
    [
        "I want two",
        "ik wil twee",
        "no parcel",
        "geen letter",
        "pas le deuxième",
        "what is a parcel?",
        "parcel or letter",
        "a parcel and a letter",
        "not the second",
        "second hand",
        "ten",
        "-2 please",
        "I have two letters",
        "letters",
        "parcels",
        "arcel",
        "two of them",
        "option 2%",
        "it was the first time",
        "word " * 30 + "parcel",
        "",
        "please",
        "just a second",
        "one second please",
        "Just one second!",
        "een seconde",
        "une seconde",
        "une seconde, s'il vous plaît",
        "un segundo",
        "un segundo, por favor",
    ],
)
def test_what_may_mean_something_else_is_the_bots(text: str) -> None:
    assert choice(text) is None


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Model 3", ("Model 2", "Other")),
        ("Munday", ("Monday", "Sunday", "Mundey")),
        ("atypical", ("typical", "other")),
        ("péché", ("pêche", "other")),
        ("नमस्ता", ("नमस्ते", "other")),
        ("sign", ("sing", "other")),
    ],
)
def test_another_word_is_no_slip(text: str, titles: tuple[str, ...]) -> None:
    assert choice(text, *titles) is None


def test_the_longer_title_is_meant() -> None:
    assert choice("the parcel shop please", "Parcel", "Parcel shop") == "Parcel shop"


def test_a_number_in_words_answers_one_question() -> None:
    assert choice("two", by_number=False) is None
    assert choice("the letter please", by_number=False) == "Letter"
