"""Options as a numbered list, for inboxes without buttons, and the contact's "2" or a title back to the option.

Nothing is guessed: what fits two options is text, and the bot may ask.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from channels_app.protocol import Message, Option
from channels_app.protocol.reading import (
    DASHES,
    SIGNS,
    Letter,
    Word,
    is_alike,
    letters_of,
    letters_without_pictures,
    plain_number,
    shown,
    transcribed,
    trimmed,
)
from channels_app.protocol.visible import is_visible


def numbered(messages: Sequence[Message], standing: Sequence[Option] = ()) -> tuple[Message, ...]:
    """The messages, their options with the numbers that they are shown with.

    They go on behind those of `standing`, which the contact has before them. A list has none if its titles are
    numbers themselves, or one of them would be read as the number of another line: "2 persons" in the first. Where
    the bot numbers its titles, only those without a number get one from us.
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

    A press sends back a short key instead of the option's payload, which may be long and of any type.
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
    """Whether one of our buttons sent this: from the current offer or an older one."""
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

    A title as written wins, then one that reads the same, with its umlauts taken apart or not, then a number, then a
    title but for its pictures.
    `by_number`: whether a number alone can mean one, be it also a title.
    """
    offered = [option for option in options if option.is_choosable]
    if not offered or not is_visible(text) or (not by_number and is_number(text)):
        return None
    for simplify in (str.strip, shown):
        wanted = simplify(text)
        if found := [option for option in offered if simplify(option.title) == wanted]:
            return _only(found)
    as_transcribed = partial(_alike, read=lambda written: letters_of(transcribed(written)))
    as_written, without_pictures = partial(_alike, read=letters_of), partial(_alike, read=letters_without_pictures)
    for find in (as_written, as_transcribed, _by_number, without_pictures):
        if found := find(text, offered):
            return _only(found)
    return None


def is_number(text: str) -> bool:
    """Whether it is the number of an option, should there be one: "2", "no. 2"."""
    return _NUMBER.fullmatch(trimmed(plain_number(text).casefold())) is not None


def _only(found: Sequence[Option]) -> Option | None:
    """The one that was found. Two of one title and payload are one for the bot."""
    first = found[0]
    is_one = all((option.title, option.payload) == (first.title, first.payload) for option in found)
    return first if is_one else None


# --- by its number ------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?:#|no\.?|nr\.?)?\s*(\d{1,4})")  # no offer has more, and int() of thousands of digits is slow
_DENIES = re.compile(r"\W*no(?![^\W\d_])", re.IGNORECASE)
_LINE = re.compile(r"(?:#|no\.?|nr\.?)?\s*(\d{1,4})\s*[.):]?\s*(\D.*)", re.DOTALL | re.IGNORECASE)
_LEAD = re.compile(r"[^\w+-]*(?:n[or]\.?\s*)?([+-]?\d{1,4})(?!\d)([.,/]\d)?")
_MARK = re.compile(r"[^\w+-]*(\d{1,4})(?:\s*[.):\]]\s*|\s+[-\u2013\u2014]\s+)(?!\d)")
_PICTURED = re.compile(r"\d\ufe0f?\u20e3|[\u2460-\u249b\u2776-\u2793]")
"""A number as emoji, or in a circle: can't be mistaken for part of the text."""


@dataclass(frozen=True, slots=True)
class _Lead:
    """The number that a title begins with."""

    number: int
    is_whole: bool
    """Not the first half of "2.5" or "24/7"."""


def _lead(title: str) -> _Lead | None:
    found = _LEAD.match(plain_number(title).casefold())
    return _Lead(int(found[1]), not found[2]) if found else None


def _mark(title: str) -> int | None:
    """The number that a bot has put before this title, as we would: "2. Parcel", not "2 persons"."""
    found = (_LEAD if _PICTURED.match(title) else _MARK).match(plain_number(title).casefold())
    return int(found[1]) if found else None


def _by_number(text: str, offered: Sequence[Option]) -> list[Option]:
    """The options that "2" means: shown with it, or with a title that begins with it; or the line as it was shown."""
    plain = trimmed(plain_number(text).casefold())
    if found := _NUMBER.fullmatch(plain):
        number = int(found[1])
        if _DENIES.match(text) and any(_DENIES.match(option.title) for option in offered):
            return []  # "no 1" in answer to "Yes" or "No"
        return [option for option in offered if option.number == number or _begins_with(option.title, number)]
    if (found := _LINE.fullmatch(trimmed(shown(text.translate(SIGNS))))) and (number := int(found[1])):
        lines = [option for option in offered if option.number == number]
        said = [letters_of(rest) for rest in (found[2], found[2].lstrip(DASHES))]
        return [option for option in lines if _is_one_of(said, option.title)]
    return []


def _is_one_of(said: Sequence[Word], title: str) -> bool:
    """Whether one of these is the title, whose pictures may be left out."""
    titles = letters_of(title), letters_without_pictures(title), letters_of(transcribed(title))
    return any(one and is_alike(one, letters) for one in said for letters in titles)


def _begins_with(title: str, number: int) -> bool:
    lead = _lead(title)
    return lead is not None and lead.is_whole and lead.number == number


def _alike(text: str, offered: Sequence[Option], *, read: Callable[[str], list[Letter]]) -> list[Option]:
    """One with the very marks that were written wins; else a text without any may have left them out, as capitals
    often do."""
    said = read(text)
    found = [option for option in offered if said and is_alike(said, read(option.title))]
    is_exact = any(letter.marks for letter in said) or not text.isupper()
    return [option for option in found if is_exact and said == read(option.title)] or found
