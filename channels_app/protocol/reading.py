"""What a person reads of a text: its letters without what keyboards, scripts and hurry change. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from channels_app.protocol.visible import FLAG_TAGS, is_space, is_zero_width

SIGNS = str.maketrans({"№": "#", "°": "o"})
_APOSTROPHES = "'\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02c8\u2032\u05f3`\u00b4"
_QUOTES = '"\u201c\u201d\u201e\u201f\u2033\u05f4'
DASHES = " -\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212"
"""What may stand between a number and its title."""
_SAME = str.maketrans(
    {**dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_QUOTES, '"'), "\u2212": "-", "\u2043": "-", "\u0640": None}
    | dict.fromkeys(range(0x1F3FB, 0x1F400))  # the colour of a thumb's skin
)
"""Keyboards differ in these; the Arabic one that goes away only draws a word out."""
_TAKEN_APART = str.maketrans(
    {"ø": "o\u0338", "đ": "d\u0335", "ð": "d\u0336", "ħ": "h\u0335", "ł": "l\u0335", "ŧ": "t\u0335"}
    | {"ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ŋ": "n\u0335"}
    | {"\u06cc": "\u064a", "\u06a9": "\u0643"}  # Persian and Arabic keyboards have their own ye and kaf
)
"""Letters with a stroke, which Unicode doesn't take apart, and letters that keyboards lack."""
_TRANSCRIBED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "Ø": "Oe", "å": "aa", "Å": "Aa"}
)
_KEPT_AT_EDGES = "#%&@/\\"
"""Punctuation that makes another word: C#, 50%. A dash does, too: A-."""
_KEYCAP = "\u20e3"


def _marks_left_out(base: str) -> Sequence[str] | range | None:
    """The marks that people who write this letter leave out, and are read all the same; None: all of them.

    In most scripts there are none: they are vowels, tones, or make another letter.
    """
    match unicodedata.name(base, "").partition(" ")[0]:
        case "LATIN":
            return None
        case "GREEK":  # accents and breathings, which capitals lack; not the dialytika
            return "\u0300\u0301\u0313\u0314\u0342\u0345"
        case "CYRILLIC" if base in "аеиоуыэюяіє":  # the stress; \u0451 is printed as \u0435. Not the breve of \u0439
            return "\u0301\u0308" if base == "\u0435" else "\u0301"
        case "ARABIC" if base == "\u0627":  # also hamza and madda
            return [chr(code) for code in (*range(0x64B, 0x656), 0x670)]
        case "ARABIC":  # vowels and doubling
            return [chr(code) for code in (*range(0x64B, 0x653), 0x670)]
        case "HEBREW":  # points and accents
            return [chr(code) for code in range(0x591, 0x5C8)]
    return ""


@dataclass(slots=True)
class Letter:
    """A letter with the marks that belong to it, and those that may be left out."""

    base: str
    marks: str = ""


def letters_of(text: str) -> list[Letter]:
    """What is read of a text: case, width, edges and kinds of dash, apostrophe and space aside."""
    decomposed = unicodedata.normalize("NFKD", shown(text).translate(_SAME))
    folded = unicodedata.normalize("NFKD", decomposed.casefold()).translate(_TAKEN_APART).replace("i\u0307", "i")
    dashes = "".join("-" if unicodedata.category(letter) == "Pd" else letter for letter in folded)
    letters: list[Letter] = []
    for letter in " ".join(trimmed(dashes.replace(_KEYCAP, "")).split()):
        if not letters or unicodedata.category(letter)[0] != "M":
            letters.append(Letter(letter))
            continue
        left_out = _marks_left_out(letters[-1].base[0])
        if left_out is None or letter in left_out:
            letters[-1].marks += letter
        else:
            letters[-1].base += letter
    return letters


Word = Sequence[Letter]


def words(text: str) -> list[Word]:
    """The words of a text, each as it is read."""
    parts = re.split("[ ']", shown(text).translate(_SAME))
    return [letters for letters in map(letters_of, parts) if letters]


def transcribed(text: str) -> str:
    """As it is written on a keyboard without these letters: "gruen" for "grün". "ss" for "ß" is read anyway."""
    return shown(text).translate(_TRANSCRIBED)


def letters_without_pictures(text: str) -> list[Letter]:
    return letters_of(_without_pictures(re.sub(f".\ufe0f?{_KEYCAP}", "", text)))


def is_alike(said: Word, title: Word) -> bool:
    """Whether both read the same: one of them may leave marks out, but none may have others than the other."""
    if [letter.base for letter in said] != [letter.base for letter in title]:
        return False
    pairs = [(set(ours.marks), set(theirs.marks)) for ours, theirs in zip(said, title, strict=True)]
    return all(ours <= theirs for ours, theirs in pairs) or all(theirs <= ours for ours, theirs in pairs)


def shown(text: str) -> str:
    """Without what can't be seen, and composed."""
    if text.isascii() and text.isprintable():  # most texts: nothing to compose, nothing that can't be seen
        return " ".join(text.split())
    return " ".join(unicodedata.normalize("NFC", "".join(_seen(text))).split())


def _seen(text: str) -> Iterator[str]:
    for letter in text:
        if is_space(letter):
            yield " "
        elif not is_zero_width(letter) or ord(letter) in FLAG_TAGS:
            yield letter


def _without_pictures(text: str) -> str:
    return "".join(letter for letter in text if unicodedata.category(letter) != "So" and letter != _KEYCAP)


def trimmed(text: str) -> str:
    """Without spaces and punctuation around it."""
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_edge(letter: str) -> bool:
    category = unicodedata.category(letter)
    return letter in " '" or (category[0] == "P" and category != "Pd" and letter not in _KEPT_AT_EDGES)


def plain_number(text: str) -> str:
    """With plain digits: full-width, encircled, of an emoji; those of other scripts are digits to Python too."""
    composed = unicodedata.normalize("NFKC", shown(text).translate(SIGNS).translate(_SAME))
    return _without_pictures(composed).strip()
