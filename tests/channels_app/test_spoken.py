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


NUMBERED = [f"Card {letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
ABOVE_TEN = {
    11: "eleven / the eleventh / elf / de elfde / onze / la onzième / die elfte / den elften / once / la undécima",
    12: "twelve / the twelfth one / de twaalfde / le douzième / der zwölfte / zwoelfter / el duodécimo",
    13: "thirteen / 13th / dertien / de dertiende / treize / dreizehn / die dreizehnte / trece / decimotercera",
    15: "fifteenth / vijftiende / quinze / fünfzehn / fuenfzehnte / quince / el decimoquinto",
    17: "seventeenth / zeventiende / dix-sept / le dix-septième / siebzehnte / diecisiete / decimoséptima",
    20: "twenty / twentieth / the last / twintigste / vingtième / zwanzig / am zwanzigsten / veinte / vigésima",
}


@pytest.mark.parametrize(
    ("text", "number"), [(text, number) for number, texts in ABOVE_TEN.items() for text in texts.split(" / ")]
)
def test_a_long_list_has_higher_numbers(text: str, number: int) -> None:
    assert choice(text, *NUMBERED) == (None if text.startswith("am ") else NUMBERED[number - 1])
    assert choice(text) == ("Something else" if text == "the last" else None)


@pytest.mark.parametrize("titles", [("Yes", "No"), ("No", "Yes"), ("No, thanks", "Other"), ("Sí", "No")])
@pytest.mark.parametrize("text", ["no 1", "No 2", "no. 1", "NO 1!", "no1", "no, 1"])
def test_a_no_is_no_abbreviation_where_it_is_an_answer(text: str, titles: tuple[str, ...]) -> None:
    assert choice(text, *titles) is None


@pytest.mark.parametrize("text", ["1", "#1", "nr 1", "n° 1", "№ 1", "number 1"])
def test_other_words_for_a_number_are_clear_then_too(text: str) -> None:
    assert choice(text, "Yes", "No") == "Yes"


def test_elsewhere_it_is_one() -> None:
    assert choice("no 1") == choice("no. 1") == "Parcel"


@pytest.mark.parametrize("text", ["ich nehme gruen", "das gruene", "Gruen bitte", "I'd like grün"])
def test_umlauts_may_be_taken_apart_in_a_sentence(text: str) -> None:
    assert choice(text, "Rot", "Grün") == (None if text == "das gruene" else "Grün")


def test_the_longer_title_is_meant() -> None:
    assert choice("the parcel shop please", "Parcel", "Parcel shop") == "Parcel shop"


def test_a_number_in_words_answers_one_question() -> None:
    assert choice("two", by_number=False) is None
    assert choice("the letter please", by_number=False) == "Letter"
