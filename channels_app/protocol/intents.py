"""What a bot understood of a contact's words, or did not, and the topics that a channel's table gives for it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ANY_ENDING = "*"
_NOT_UNDERSTOOD = re.compile(
    r"(^|[\W_])(fallback|not[\W_]*understood|no[\W_]*match|out[\W_]*of[\W_]*scope|unknown|none)([\W_]|$)",
    re.IGNORECASE,
)
"""How bots name the intent of words that they don't understand."""
_NAMED = re.compile("“(.*?)”(?: \\(|,|\\.|$)")


@dataclass(frozen=True, slots=True)
class Intent:
    """`score`: how sure the bot is, from 0 to 1, if it says so."""

    name: str
    score: float | None = None

    def __str__(self) -> str:
        return f"“{self.name}”" if self.score is None else f"“{self.name}” ({self.score:.0%})"


def named_in(words: str) -> list[str]:
    """The names of intents that were written out for operators."""
    return _NAMED.findall(words)


def is_miss(name: str, also: Iterable[str] = ()) -> bool:
    """Whether the intent says that the bot did not understand; `also`: what a channel's bot calls it besides, each a
    name, or with `*` at its end how names begin."""
    return bool(_NOT_UNDERSTOOD.search(name)) or any(_fits(_plain(wanted), _plain(name)) for wanted in also)


def topics_of(names: Iterable[str], table: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The topics of all rows that fit one of these intents, each once, in the order of the table.

    A row is `{"intent", "topic"}`; letter case aside, its intent is the name, or with `*` at its end how names begin.
    """
    known = [_plain(name) for name in names]
    found = (row["topic"] for row in table if any(_fits(_plain(row["intent"]), name) for name in known))
    return tuple(dict.fromkeys(found))


def _fits(wanted: str, name: str) -> bool:
    return name.startswith(wanted.removesuffix(ANY_ENDING)) if wanted.endswith(ANY_ENDING) else name == wanted


def _plain(name: str) -> str:
    return name.strip().casefold()
