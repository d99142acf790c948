import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from channels_app.protocol import Message, Option
from channels_app.protocol.options import choosable, choose, numbered, write_out
from channels_app.protocol.visible import is_visible

PARCEL, LETTER, CAFE = (
    Option(title="Parcel", payload=1),
    Option(title="Letter", payload=2),
    Option(title="Café «Ça va»"),
)
HELP, CALL = Option(title="Help page", url="https://help.example"), Option(title="Call us", phone="+32 11 00 00 00")
TITLES = st.text(min_size=1, max_size=10)


def listed(*titles: str) -> list[Option]:
    """These titles as the contact was shown them; each title's payload is its place."""
    options = tuple(Option(title=title, payload=place) for place, title in enumerate(titles))
    return choosable(numbered([Message(options=options)]))


def index(text: str, titles: list[str]) -> int | None:
    chosen = choose(text, listed(*titles))
    return chosen.payload if chosen else None


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        ([Message(text="Hi")], ["Hi"]),
        ([Message()], [""]),
        ([Message(text="Which?", options=(PARCEL, LETTER))], ["Which?\n1. Parcel\n2. Letter"]),
        (
            [Message(text="A", options=(PARCEL,)), Message(options=(HELP, LETTER))],
            ["A\n1. Parcel", "2. Letter\nHelp page: https://help.example"],
        ),
        (
            [Message(text="Which?", options=(HELP, PARCEL, CALL, LETTER))],
            ["Which?\n1. Parcel\n2. Letter\nHelp page: https://help.example\nCall us: +32 11 00 00 00"],
        ),
        ([Message(options=(Option(title="", url="https://help.example"),))], ["https://help.example"]),
    ],
)
def test_options_are_written_below_the_text(messages: list[Message], texts: list[str]) -> None:
    assert [write_out(message) for message in numbered(messages)] == texts


def test_numbers_go_on_behind_what_stands() -> None:
    standing = listed("Yes", "No")
    assert write_out(numbered([Message(options=(PARCEL, LETTER))], standing)[0]) == "3. Parcel\n4. Letter"


@pytest.mark.parametrize(
    ("titles", "is_numbered"),
    [
        (["Parcel", "Letter"], True),
        (["0", "1", "2"], False),
        (["1", "2"], False),
        (["5", "4", "3", "2", "1"], False),
        (["10", "20"], False),
        (["٣", "٤"], False),
        (["1️⃣", "2️⃣"], False),
        (["1. Parcel", "2. Letter"], False),
        (["2 persons", "4 persons"], False),
        (["10:00", "10:30"], False),
        (["Two persons", "1 person"], False),  # "1" would be read as the first line
        (["Password", "2 factors"], True),  # it is the second
        (["Parcel", "24/7 help", "3D print"], True),
        (["Parcel", "3D print", "24/7 help"], False),
        (["-1", "Zero"], True),
        (["1. Parcel", "5. Letter", "Other"], False),
    ],
)
def test_a_list_whose_titles_are_numbers_is_written_without_ours(titles: list[str], is_numbered: bool) -> None:
    assert [bool(option.number) for option in listed(*titles)] == [is_numbered] * len(titles)


@pytest.mark.parametrize(
    ("titles", "lines"),
    [
        (["1. Parcel", "2. Letter", "Other"], ["1. Parcel", "2. Letter", "3. Other"]),
        (["1) Parcel", "Letter"], ["1) Parcel", "2. Letter"]),
        (["(1) Parcel", "Letter"], ["(1) Parcel", "2. Letter"]),
        (["1 - Parcel", "Letter"], ["1 - Parcel", "2. Letter"]),
        (["1: Parcel", "Letter"], ["1: Parcel", "2. Letter"]),
        (["1️⃣ Parcel", "Letter"], ["1️⃣ Parcel", "2. Letter"]),
        (["① Parcel", "Letter"], ["① Parcel", "2. Letter"]),
        (["Other", "1. Parcel", "2. Letter"], ["Other", "1. Parcel", "2. Letter"]),
        (["Password", "2 factors", "2-fold"], ["Password", "2 factors", "2-fold"]),
        (["Password", "2 factors"], ["1. Password", "2. 2 factors"]),
        (["Password", "2-day ticket"], ["1. Password", "2. 2-day ticket"]),
        (["Monday", "2:30"], ["1. Monday", "2. 2:30"]),
    ],
)
def test_what_a_bot_has_numbered_is_not_numbered_again(titles: list[str], lines: list[str]) -> None:
    shown = listed(*titles)
    assert write_out(Message(options=tuple(shown))).split("\n") == lines
    numbers = [line.partition(".")[0] for line in lines]
    if numbers == ["1", "2", "3"]:
        assert [choose(number, shown) for number in numbers] == shown


@pytest.mark.parametrize(
    ("said", "title"),
    [
        *((f"2{between}Coffee", "Coffee") for between in (" - ", "-", " – ", ". - ", " — ", ") ")),
        *((f"{number} Coffee", "Coffee") for number in ("№2", "# 2.", "No. 2", "nr 2", "2️⃣")),
        *((said, "☕ Coffee") for said in ("2. Coffee", "2 - coffee", "2 Coffee", "2. ☕ Coffee", "2. ☕️ coffee")),
        ("2. - A", "- A"),
        ("2. -A", "-A"),
        ("2. A", "A ☕"),
    ],
)
def test_the_line_as_it_was_shown_or_nearly(said: str, title: str) -> None:
    assert index(said, ["Tea", title, "Water"]) == 1


@pytest.mark.parametrize("said", ["2. 🍵 Coffee", "1. Coffee", "2 - 3", "2 -", "2. Coffee and tea"])
def test_a_line_of_two_meanings_chooses_none(said: str) -> None:
    assert index(said, ["Tea", "☕ Coffee", "🍵 Coffee"]) is None


def test_a_list_of_numbers_beside_another_list() -> None:
    how_many = Message(options=tuple(Option(title=str(number)) for number in range(1, 4)))
    shown = numbered([how_many, Message(options=(PARCEL, HELP, LETTER))])
    assert [write_out(message) for message in shown] == [
        "1\n2\n3",
        "4. Parcel\n5. Letter\nHelp page: https://help.example",
    ]
    assert choose("4", choosable(shown)) == shown[1].options[0]
    assert choose("2", choosable(shown)) == shown[0].options[1]


SECOND = """2 | 2. | 2) | (2) | [2] | {2} | #2 | # 2 . | 02 | "2" | '2' | “2” | «2» | „2“ | ‚2‘ | *2* | _2_ |
    **2** | `2` | 2! | 2, | 2: | 2; | 2? | 2… | (2). | 2.) | №2 | № 2 | n° 2 | nº2 | No. 2 | nr 2 |
    Nr. 2 | ２ | ＃２． | （２） | 【2】 | 2。 | 2、 | ٢ | ۲ | ٢، | २ | २। | ২ | ೨ | ๒ | ② | ⑵ | ⒉ | ² | 𝟐 | 2️⃣ |
    2 👍 | 👉 2 | 2. Letter | 2) letter | 2: LETTER! | 2 Letter | 2 letter | 2.Letter | ２．Ｌｅｔｔｅｒ |
    2. *Letter* | letter | LETTER! | «Letter» | (letter) | Ｌｅｔｔｅｒ | lettér | ¡Letter! | Letter 🙂 |
    📧 letter | 𝐋𝐞𝐭𝐭𝐞𝐫"""
NONE = """0 | 4 | -1 | -2 | +2 | −2 | 2.5 | 2,5 | 22 | 2 parcels | 2 of them | 2 2 | 1 2 | 1,2 | 1 and 2 |
    1. Letter | 2% | €2 | 2€ | $2 | 2:30 | 2/2 | 1-2 | Help page | Call us | 2. Help page | ! | ? | 👍 |
    Let | lett er | letters | cafe ca va | parcel letter | ½ | Ⅱ | n"""


@pytest.mark.parametrize(
    "text", [form.strip(" \n") for form in SECOND.split("|")] + [" 2 \n", "\t2", "2\u00a0", "\u30002"]
)
def test_ways_to_choose_the_second(text: str) -> None:
    shown = numbered([Message(options=(PARCEL, HELP, LETTER, CALL, CAFE))])
    assert choose(text, choosable(shown)) == shown[0].options[2]


@pytest.mark.parametrize(
    "text", [form.strip(" \n") for form in NONE.split("|")] + ["", " \n", "9" * 5000, "\u200b", "\u2800"]
)
def test_what_chooses_nothing(text: str) -> None:
    assert choose(text, choosable(numbered([Message(options=(PARCEL, HELP, LETTER, CALL, CAFE))]))) is None


INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\u2066\u2068\u2069"
    "\ufeff\ufe0f\u034f\U000e0001\x00\x1f\u2800\u3164"
)


@pytest.mark.parametrize("letter", list(INVISIBLE), ids=lambda letter: f"{ord(letter):04x}")
@pytest.mark.parametrize(
    "form", ["{0}2", "2{0}", "{0}2{0}", "{0}2.{0}", "({0}2)", "{0} 2", "{0}Letter", "Le\u00adtter{0}"]
)
def test_what_cannot_be_seen_changes_nothing(letter: str, form: str) -> None:
    assert index(form.format(letter), ["Parcel", "Letter"]) == 1
    assert index("Letter", ["Parcel", form.replace("2", "Letter").format(letter)]) == 1


@pytest.mark.parametrize(
    ("text", "titles", "place"),
    [
        ("9", [str(number) for number in range(11)], 9),
        ("0", [str(number) for number in range(11)], 0),
        ("10", [str(number) for number in range(11)], 10),
        ("11", [str(number) for number in range(11)], None),
        ("٩", [str(number) for number in range(11)], 9),
        ("9!", [str(number) for number in range(11)], 9),
        ("9", ["٠", "٩"], 1),
        ("5", ["5", "4", "3", "2", "1"], 0),
        ("2", ["2", "1"], 0),
        ("2 persons", ["1 person", "2 persons", "4 persons"], 1),
        ("2", ["2 persons", "4 persons"], 0),
        ("1", ["2 persons", "4 persons"], None),
        ("4", ["2 persons", "4 persons"], 1),
        ("2", ["2 persons", "2 rooms"], None),
        ("2 Rooms", ["2 persons", "2 rooms"], 1),
        ("1", ["1️⃣ Parcel", "2️⃣ Letter"], 0),
        ("2️⃣", ["1️⃣ Parcel", "2️⃣ Letter"], 1),
        ("letter", ["1️⃣ Parcel", "2️⃣ Letter"], 1),
        ("2", ["1. Parcel", "2. Letter"], 1),
        ("2", ["2.5 kg", "5 kg"], None),
        ("10", ["10:00", "10:30"], None),
        ("10:30", ["10:00", "10:30"], 1),
        ("8", [f"{hour}:00" for hour in range(8, 20)], 0),
        ("-1", ["-1", "1"], 0),
        ("1", ["-1", "1"], 1),
        ("1", ["-1", "0"], None),
        ("50", ["5%", "50%"], 1),
    ],
)
def test_titles_that_are_numbers(text: str, titles: list[str], place: int | None) -> None:
    assert index(text, titles) == place


@pytest.mark.parametrize(
    ("text", "titles", "place"),
    [
        ("yes", ["Yes", "yes"], 1),  # as written, before what only looks alike
        ("\u200fyes\u00a0", ["Yes", "yes"], 1),
        ("YES", ["Yes", "yes"], None),
        ("yes!", ["Yes", "yes"], None),
        ("CAFE", ["Café", "Cafe"], None),
        ("Café", ["Café", "Cafe"], 0),
        ("HAYIR", ["Hayır", "Hayir"], None),
        ("año", ["Ano", "Año"], 1),  # all its marks agree
        ("CAFÉ!", ["Cafe", "Café"], 1),
        ("ano!", ["Ano", "Año"], 0),
        ("ano", ["Año", "Ano"], 1),
        ("ANO", ["Año", "Ano"], None),  # capitals often lack their marks
        ("grosse", ["Größe", "Grosse"], 1),
        ("GRÖSSE", ["Größe", "Grosse"], 0),
        ("groesse", ["Größe", "Grosse"], 0),
        ("gruen", ["Rot", "Grün"], 1),
        ("grün", ["Rot", "Gruen"], 1),
        ("gruen", ["Grün", "Gruen"], 1),
        ("2. gruen!", ["Rot", "Grün"], 1),
        ("Weiss", ["Weiß", "Gelb"], 0),
        ("oe", ["Ö", "O"], 0),
        ("año", ["Año", "año."], None),
        ("same", ["same", "same"], None),  # two cards, each with "Order": which?
        ("2", ["same", "same"], 1),
        ("yes", ["👍 Yes", "👎 Yes"], None),
        ("👍", ["👎", "👍"], 1),
        ("👍🏽", ["👎", "👍"], 1),
        ("?", ["!", "?"], 1),
        ("❤", ["❤️"], 0),
        ("👩‍🚀", ["👩", "👩‍🚀"], 1),
        ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", ["🏴󠁧󠁢󠁥󠁮󠁧󠁿", "Other"], None),
        ("c", ["C", "C#"], 0),
        ("a-", ["A", "A-", "A+"], 1),
        ("a", ["A", "A-", "A+"], 0),
        ("ma", ["Má", "Mà"], None),
        ("MÁ", ["Má", "Mà"], 0),
    ],
)
def test_titles_that_are_alike(text: str, titles: list[str], place: int | None) -> None:
    assert index(text, titles) == place


def test_two_options_of_one_title_and_payload_are_one() -> None:
    assert choose("help", [Option(title="Help", payload={"to": "help"}), Option(title="Help", payload={"to": "help"})])


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("HAYIR", "Hayır"),
        ("hayir", "Hayır"),
        ("EVET, İPTAL", "Evet, iptal"),
        ("IPTAL", "İptal"),
        ("CEKİLİS", "Çekiliş"),
        ("lodz", "Łódź"),
        ("ŁÓDŹ", "Łódź"),
        ("kob", "Køb"),
        ("aero", "Ærø"),
        ("coeur", "Cœur"),
        ("da nang", "Đà Nẵng"),
        ("đà nang", "Đà Nẵng"),
        ("STRASSE", "Straße"),
        ("thorn", "Þorn"),
        ("CAFE", "Café"),
        ("Cafe\u0301", "Café"),
        ("café", "Cafe"),
        ("ﬁle", "File"),
        ("I don't know", "I don’t know"),
        ("i don`t know", "I don’t know"),
        ("I don\u00b4t know", "I don’t know"),
        ("e-mail", "E\u2011mail"),
        ("E–MAIL", "e-mail"),
        ("yes", "👍 Yes"),
        ("Yes!!", "👍🏽 Yes"),
        ("deutsch", "🇩🇪 Deutsch"),
        ("👍", "👍🏿"),
        ("yes  please", "Yes\u00a0please"),
        ("ΟΧΙ", "Όχι"),
        ("ναι", "ΝΑΊ"),
        ("ΟΔΟΣ", "Οδός"),
        ("еще", "Ещё"),
        ("ДА", "да"),
        ("за\u0301мок", "Замок"),
        ("კი", "ᲙᲘ"),
        ("ԱՅՈ", "այո"),
        ("نعم", "نَعَم"),
        ("الغاء", "إلغاء"),
        ("شـكـرا", "شكرا"),
        ("علی", "علي"),
        ("می\u200cخواهم", "میخواهم"),
        ("שלום", "שָׁלוֹם"),
        ("צ'ק", "צ׳ק"),
        ("हाँ।", "हाँ"),
        ("ﾊﾟﾝ", "パン"),
        ("はい。", "はい"),
        ("\u1112\u1161\u11ab", "한"),
        ("ใช่", "ใช่"),
    ],
)
def test_case_and_accents_of_real_languages(text: str, title: str) -> None:
    assert index(text, ["Something else", title]) == 1
    assert index(title, ["Something else", text]) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("की", "का"),
        ("हंस", "हँस"),
        ("दिन", "दीन"),
        ("सजा", "सज़ा"),
        ("কি", "কী"),
        ("பால்", "பல்"),
        ("ข้าว", "ขาว"),
        ("ไหม", "ไหม้"),
        ("ເສືອ", "ເສື້ອ"),
        ("မ", "မှ"),
        ("かき", "かぎ"),
        ("ハン", "パン"),
        ("びょういん", "びよういん"),
        ("말", "맘"),
        ("달", "딸"),
        ("й", "и"),
        ("мій", "мии"),
        ("їх", "іх"),
        ("ќе", "ке"),
        ("παϊδάκια", "παιδάκια"),
        ("πότε", "ποτέ"),
        ("عَلَم", "عِلْم"),
        ("درس", "دري"),
        ("سأل", "سؤل"),
        ("סָפַר", "סֵפֶר"),
        ("שׁם", "שׂם"),
        ("má", "mà"),
        ("pêche", "péché"),
        ("año", "anó"),
        ("50%", "50#"),
        ("да\u0306", "да"),
    ],
)
def test_a_mark_that_makes_another_word_is_not_dropped(one: str, other: str) -> None:
    for text, title in ((one, other), (other, one)):
        assert index(text, [title]) is None
        assert index(f"{text}!", [title, text, "else"]) == 1


FOLDED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")
LETTERS = st.characters(categories=["Lo"]).filter(
    lambda letter: (
        not unicodedata.name(unicodedata.normalize("NFKD", letter)[0], "").startswith(FOLDED_SCRIPTS)
        and is_visible(letter)
    )
)
MARKS = st.characters(categories=["Mn", "Mc"]).filter(is_visible)


@given(LETTERS, MARKS)
def test_other_scripts_lose_no_mark(letter: str, mark: str) -> None:
    assert index(letter, [letter + mark]) is None
    assert index(letter + mark, [letter]) is None


def offered(titles: list[str], links: list[bool]) -> list[Option]:
    return [
        Option(title=title, payload=place, url="https://x.example" if is_link else "")
        for place, (title, is_link) in enumerate(zip(titles, links, strict=False))
    ]


@given(
    st.lists(TITLES, min_size=1, max_size=8, unique=True),
    st.lists(st.booleans(), min_size=8, max_size=8),
    st.sampled_from(["{}", "{}.", "{})", "#{}", " {} ", "({})", "\u200f{}", "*{}*", "№{}"]),
)
def test_each_number_in_the_list_chooses_its_line(titles: list[str], links: list[bool], form: str) -> None:
    message = numbered([Message(options=tuple(offered([" ".join(title.split()) for title in titles], links)))])[0]
    lines = write_out(message).split("\n")
    for option in choosable([message]):
        if option.number:
            assert f"{option.number}. {option.title}" in lines or len(lines) > len(message.options)
            text = form.format(option.number)
            is_title = any(other.title.strip() == text.strip() for other in message.options)
            assert is_title or choose(text, message.options) == option


@given(st.lists(TITLES, min_size=1, max_size=6, unique_by=str.strip), st.data())
def test_a_title_as_written_wins(titles: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(titles) - 1))
    assume(is_visible(titles[place]))
    assert index(f" {titles[place]}\n", titles) == place


@given(TITLES, st.lists(TITLES, max_size=5), st.sampled_from([str, str.upper, "{}!".format, " «{}» ".format]))
def test_what_is_chosen_is_chosen_by_no_accident(text: str, titles: list[str], write: Any) -> None:
    """Whichever way the others stand: the order of a list decides nothing."""
    options = listed(*titles)
    chosen, turned = choose(write(text), options), choose(write(text), options[::-1])
    assert chosen == turned or (chosen and turned and (chosen.title, chosen.payload) == (turned.title, turned.payload))


@given(st.text(), st.lists(TITLES, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_only_what_can_be_chosen_is_chosen(text: str, titles: list[str], links: list[bool]) -> None:
    chosen = choose(text, offered(titles, links))
    assert chosen is None or (chosen.is_choosable and text.strip())


@given(st.text(" \t\n\u3000\x1f\u200b\u2800", max_size=5))
def test_a_title_of_nothing_is_never_chosen_by_nothing(text: str) -> None:
    assert choose(text, [Option(title=" "), Option(title="\u200b")]) is None


@pytest.mark.parametrize(
    ("titles", "said", "chosen"),
    [
        (("No. 5", "No. 3", "No. 2"), "no. 3", "No. 3"),
        (("Nr. 4", "Nr. 2", "Nr. 1"), "nr. 1", "Nr. 1"),
        (("NO2", "CO2", "O3"), "no2", "NO2"),
    ],
)
def test_a_title_that_reads_the_same_wins_over_a_number(titles: tuple[str, ...], said: str, chosen: str) -> None:
    options = numbered(
        [Message(text="Which?", options=tuple(Option(title=title, payload=title) for title in titles))]
    )[0].options
    found = choose(said, options)
    assert found is not None and found.title == chosen
