"""Options as a numbered list, for inboxes without buttons, and the contact's "2" or a title back to the option."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Protocol, TypeVar

from channels_app.protocol import Message


class OptionLike(Protocol):
    """What `choose` needs of an option: ours, or a row that remembers one."""

    @property
    def title(self) -> str: ...

    @property
    def is_choosable(self) -> bool: ...


AnyOption = TypeVar("AnyOption", bound=OptionLike)

_NUMBER = re.compile(r"#?\s*(\d{1,4})\s*[.)]?")  # four digits: nobody is offered more, and int() of thousands is slow


def write_out(message: Message, first_number: int = 1) -> str:
    """The message's text with its options below: "1. Parcel" to choose, then "Help page: https://…" to follow.

    `first_number` lets the messages of one reply share one numbering.
    """
    choosable = [option for option in message.options if option.is_choosable]
    links = [option for option in message.options if not option.is_choosable]
    lines = [
        message.text,
        *(f"{number}. {option.title}" for number, option in enumerate(choosable, first_number)),
        *(": ".join(part for part in (option.title, option.url or option.phone) if part) for option in links),
    ]
    return "\n".join(line for line in lines if line)


def choose(text: str, options: Sequence[AnyOption]) -> AnyOption | None:
    """The option that the contact's text means, if any.

    A number in the list wins over a title, because the list asked for numbers; a title as written wins over one
    that only looks alike. Of equal titles the first is meant.
    """
    choosable = [option for option in options if option.is_choosable]
    number = _number(text)
    if number is not None and 1 <= number <= len(choosable):
        return choosable[number - 1]
    for simplify in (str.strip, _fold):
        wanted = simplify(text)
        for option in choosable:
            if wanted and simplify(option.title) == wanted:
                return option
    return None


def _number(text: str) -> int | None:
    found = _NUMBER.fullmatch(_without_marks(text).strip())
    return int(found[1]) if found else None


def _fold(text: str) -> str:
    """Case, accents, width, and punctuation and space around it aside: "«Ça va ?»" and "ca va" are the same."""
    folded = _without_marks(_without_marks(text).casefold())
    start, end = 0, len(folded)
    while start < end and _is_edge(folded[start]):
        start += 1
    while end > start and _is_edge(folded[end - 1]):
        end -= 1
    return " ".join(folded[start:end].split())


def _without_marks(text: str) -> str:
    """Compatibility form without combining marks: full-width digits, accents, and the keycap of an emoji digit."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.category(letter).startswith("M"))


def _is_edge(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PZC"  # punctuation, space, control; symbols such as an emoji count
