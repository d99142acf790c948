"""What a bot understood of the contact's words, and the topics that a channel's table gives for it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ANY_ENDING = "*"
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
