"""Options as a numbered list, for inboxes without buttons, and the contact's "2" or a title back to the option.

Nothing is guessed: what fits two options is text, and the bot may ask.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from channels_app.protocol import Message, Option
from channels_app.protocol.visible import FLAG_TAGS, is_space, is_visible, is_zero_width


def numbered(messages: Sequence[Message], standing: Sequence[Option] = ()) -> tuple[Message, ...]:
    """The messages, their options with the numbers that they are shown with.

    They go on behind those of `standing`, which the contact has before them. A list has none if its titles are
    numbers themselves, or one of them would be read as the number of another line: "2 persons" in the first. Where
    the bot numbers its titles, only those that it left without get one of ours.
    """
    titles = [option.title for option in (*standing, *choosable(messages))]
    leads, marks = [_lead(title) for title in titles], [_mark(title) for title in titles]
    place, lines = len(standing), []
    for message in messages:
        own = range(place, place := place + sum(option.is_choosable for option in message.options))
        others = (leads[:at] + leads[at + 1 :] for at in own)
        is_plain = (
            all(leads[at] for at in own)
            or any(marks[at] not in (None, at + 1) for at in own)
            or any(
                lead is not None and lead.number == at + 1
                for at, rest in zip(own, others, strict=True)
                for lead in rest
            )
        )
        lines.append(message if is_plain else replace(message, options=_with_numbers(message.options, own.start + 1)))
    return tuple(lines)


_TOKEN = re.compile(r"cb[0-9a-f]+-[0-9]+")


def with_buttons(messages: Sequence[Message], standing: Sequence[Option], turn_id: int) -> tuple[Message, ...]:
    """The messages, their options as buttons behind those of `standing`, offered in answer to this turn.

    A press sends a short word of ours back instead of the option's payload, which may be long, and anything.
    """
    place, shown = len(standing), []
    for message in messages:
        options = []
        for option in message.options:
            place += option.is_choosable
            options.append(replace(option, token=f"cb{turn_id:x}-{place}") if option.is_choosable else option)
        shown.append(replace(message, options=tuple(options), has_buttons=bool(options)))
    return tuple(shown)


def is_token(payload: object) -> bool:
    """Whether a button of ours sent this: of an offer that stands, or of an older one."""
    return isinstance(payload, str) and _TOKEN.fullmatch(payload) is not None


def choosable(messages: Sequence[Message]) -> list[Option]:
    return [option for message in messages for option in message.options if option.is_choosable]


def _with_numbers(options: Sequence[Option], first: int) -> tuple[Option, ...]:
    numbers = iter(range(first, first + len(options)))
    return tuple(_with_number(option, next(numbers)) if option.is_choosable else option for option in options)


def _with_number(option: Option, number: int) -> Option:
    return option if _mark(option.title) == number else replace(option, number=number)


def write_out(message: Message) -> str:
    """The message's text with its options below."""
    return "\n".join(line for line in (message.text, *lines(message)) if line)


def lines(message: Message) -> list[str]:
    """A line for each option: "1. Parcel" to choose, then "Help page: https://…" to follow. A wish for the place where
    the contact is has one if it is put in words."""
    links = [option for option in message.options if not option.is_choosable]
    return [
        *(f"{option.number}. {option.title}" if option.number else option.title for option in choosable([message])),
        *(
            ": ".join(part for part in (option.title, option.url or option.phone) if part)
            for option in links
            if not option.wants_location
        ),
        *(option.title for option in links if option.wants_location and any(map(str.isalpha, option.title))),
    ]


def choose(text: str, options: Sequence[Option], *, by_number: bool = True) -> Option | None:
    """The option that the contact's text means, if it means one and no other.

    A title as written wins, then one that reads the same, then a number, then a title but for its pictures.
    `by_number`: whether a number alone can mean one, be it also a title.
    """
    if not by_number and _NUMBER.fullmatch(_trimmed(_plain_number(text).casefold())):
        return None
    offered = [option for option in options if option.is_choosable and is_visible(text)]
    for simplify in (str.strip, _shown):
        wanted = simplify(text)
        if found := [option for option in offered if simplify(option.title) == wanted]:
            return _only(found)
    for find in (partial(_alike, read=_letters), _by_number, partial(_alike, read=_letters_without_pictures)):
        if found := find(text, offered):
            return _only(found)
    return None


def _only(found: Sequence[Option]) -> Option | None:
    """The one that was found. Two of one title and payload are one for the bot."""
    first = found[0]
    is_one = all((option.title, option.payload) == (first.title, first.payload) for option in found)
    return first if is_one else None


# --- by its number ------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?:#|no\.?|nr\.?)?\s*(\d{1,4})")  # nobody is offered more, and int() of thousands is slow
_LINE = re.compile(r"(?:#|no\.?|nr\.?)?\s*(\d{1,4})\s*[.):]?\s*(\D.*)", re.DOTALL | re.IGNORECASE)
_LEAD = re.compile(r"[^\w+-]*(?:n[or]\.?\s*)?([+-]?\d{1,4})(?!\d)([.,/]\d)?")
_MARK = re.compile(r"[^\w+-]*(\d{1,4})(?:\s*[.):\]]\s*|\s+[-\u2013\u2014]\s+)(?!\d)")
_PICTURED = re.compile(r"\d\ufe0f?\u20e3|[\u2460-\u249b\u2776-\u2793]")
"""A number as emoji, or in a circle: nobody takes it for a part of the words."""
_SIGNS = str.maketrans({"№": "#", "°": "o"})


@dataclass(frozen=True, slots=True)
class _Lead:
    """The number that a title begins with."""

    number: int
    is_whole: bool
    """Not the first half of "2.5" or "24/7"."""


def _lead(title: str) -> _Lead | None:
    found = _LEAD.match(_plain_number(title).casefold())
    return _Lead(int(found[1]), not found[2]) if found else None


def _mark(title: str) -> int | None:
    """The number that a bot has put before this title, as we would: "2. Parcel", not "2 persons"."""
    found = (_LEAD if _PICTURED.match(title) else _MARK).match(_plain_number(title).casefold())
    return int(found[1]) if found else None


def _by_number(text: str, offered: Sequence[Option]) -> list[Option]:
    """The options that "2" means: shown with it, or with a title that begins with it; or the line as it was shown."""
    plain = _trimmed(_plain_number(text).casefold())
    if found := _NUMBER.fullmatch(plain):
        number = int(found[1])
        return [option for option in offered if option.number == number or _begins_with(option.title, number)]
    if (found := _LINE.fullmatch(_trimmed(_shown(text.translate(_SIGNS))))) and (number := int(found[1])):
        lines = [option for option in offered if option.number == number]
        said = [_letters(rest) for rest in (found[2], found[2].lstrip(_DASHES))]
        return [option for option in lines if _is_one_of(said, option.title)]
    return []


def _is_one_of(said: "Sequence[Sequence[_Letter]]", title: str) -> bool:
    """Whether one of these is the title, whose pictures may be left out."""
    titles = _letters(title), _letters_without_pictures(title)
    return any(one and is_alike(one, letters) for one in said for letters in titles)


def _begins_with(title: str, number: int) -> bool:
    lead = _lead(title)
    return lead is not None and lead.is_whole and lead.number == number


def _plain_number(text: str) -> str:
    """With plain digits: full-width, encircled, of an emoji; those of other scripts are digits to Python too."""
    composed = unicodedata.normalize("NFKC", _shown(text).translate(_SIGNS).translate(_SAME))
    return _without_pictures(composed).strip()


# --- by its title -------------------------------------------------------------------------------------------------

_APOSTROPHES = "'\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02c8\u2032\u05f3`\u00b4"
_QUOTES = '"\u201c\u201d\u201e\u201f\u2033\u05f4'
_DASHES = " -\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212"
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
class _Letter:
    """A letter with the marks that belong to it, and those that may be left out."""

    base: str
    marks: str = ""


def _letters(text: str) -> list[_Letter]:
    """What is read of a text: case, width, edges and kinds of dash, apostrophe and space aside."""
    decomposed = unicodedata.normalize("NFKD", _shown(text).translate(_SAME))
    folded = unicodedata.normalize("NFKD", decomposed.casefold()).translate(_TAKEN_APART).replace("i\u0307", "i")
    dashes = "".join("-" if unicodedata.category(letter) == "Pd" else letter for letter in folded)
    letters: list[_Letter] = []
    for letter in " ".join(_trimmed(dashes.replace(_KEYCAP, "")).split()):
        if not letters or unicodedata.category(letter)[0] != "M":
            letters.append(_Letter(letter))
            continue
        left_out = _marks_left_out(letters[-1].base[0])
        if left_out is None or letter in left_out:
            letters[-1].marks += letter
        else:
            letters[-1].base += letter
    return letters


Word = Sequence[_Letter]


def words(text: str) -> list[Word]:
    """The words of a text, each as it is read."""
    parts = re.split("[ ']", _shown(text).translate(_SAME))
    return [letters for letters in map(_letters, parts) if letters]


def _letters_without_pictures(text: str) -> list[_Letter]:
    return _letters(_without_pictures(re.sub(f".\ufe0f?{_KEYCAP}", "", text)))


def _alike(text: str, offered: Sequence[Option], *, read: Callable[[str], list[_Letter]]) -> list[Option]:
    """One whose marks are those that were written wins; a text without any may have left them out."""
    said = read(text)
    found = [option for option in offered if said and is_alike(said, read(option.title))]
    has_marks = any(letter.marks for letter in said)
    return [option for option in found if has_marks and said == read(option.title)] or found


def is_alike(said: Word, title: Word) -> bool:
    """Whether both read the same: one of them may leave marks out, but none may have others than the other."""
    if [letter.base for letter in said] != [letter.base for letter in title]:
        return False
    pairs = [(set(ours.marks), set(theirs.marks)) for ours, theirs in zip(said, title, strict=True)]
    return all(ours <= theirs for ours, theirs in pairs) or all(theirs <= ours for ours, theirs in pairs)


def _shown(text: str) -> str:
    """Without what can't be seen, and composed."""
    return " ".join(unicodedata.normalize("NFC", "".join(_seen(text))).split())


def _seen(text: str) -> Iterator[str]:
    for letter in text:
        if is_space(letter):
            yield " "
        elif not is_zero_width(letter) or ord(letter) in FLAG_TAGS:
            yield letter


def _without_pictures(text: str) -> str:
    return "".join(letter for letter in text if unicodedata.category(letter) != "So" and letter != _KEYCAP)


def _trimmed(text: str) -> str:
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
