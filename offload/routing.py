"""Routing rules: from what is known at a handover to topics, tags, attributes, last words and lines of the note. Pure.

A row is `{"condition", "field", "matches", "effect", "name", "value"}`, all texts. Rows are read from the top; each
that fits has its effect. `matches` is a list with commas, letter case aside, in which `*` stands for anything; empty:
any value. In `value`, `{value}` is what was found.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from offload.opening_hours import DAYS

PARTS = {"condition": 20, "field": 100, "matches": 500, "effect": 20, "name": 100, "value": 500}
"""The parts of a row, and the characters of each at most."""
FOUND = "{value}"
MAX_STARS = 2
"""In one value: each more multiplies the time that a comparison can take."""

Row = Mapping[str, str]


class Condition(StrEnum):
    ALWAYS = "always"
    OTHERWISE = "otherwise"
    REASON = "reason"
    INTENT = "intent"
    TOPIC = "topic"
    PAYLOAD = "payload"
    LANGUAGE = "language"
    MEDIUM = "medium"
    INBOX_CHANNEL = "inbox_channel"
    ATTRIBUTE = "attribute"
    WORDS = "words"
    HOUR = "hour"

    @property
    def has_field(self) -> bool:
        """Whether it looks at one of several that have names."""
        return self in (Condition.PAYLOAD, Condition.ATTRIBUTE)

    @property
    def has_matches(self) -> bool:
        return self not in (Condition.ALWAYS, Condition.OTHERWISE)


class Effect(StrEnum):
    TOPIC = "topic"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    TEXT = "text"
    NOTE = "note"
    AND = "and"
    """The next row has to fit as well; only it has an effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of a handover."""

    reason: str = ""
    intents: Sequence[str] = ()
    topics: Sequence[str] = ()
    payload: Any = None
    language: str = ""
    medium: str = ""
    inbox_channel: Sequence[str] = ()
    """Its name and its id."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    words: Sequence[str] = ()
    """Of the contact, a message each, the latest first."""
    at: datetime | None = None
    """In the time zone of the opening hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """`fits`: by the number of each row that fits (0 is the first) what was found."""

    topics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    notes: tuple[str, ...] = ()
    fits: Mapping[int, str] = field(default_factory=dict)


def route(rows: Sequence[Row], case: Case) -> Routed:
    """Of several values for one attribute, and of several texts, the first counts."""
    fits = dict(_fitting(rows, case))
    done = [(Effect(rows[number]["effect"]), rows[number]["name"], _filled(rows[number], found))
            for number, found in fits.items()]  # fmt: skip
    attributes: dict[str, str] = {}
    for effect, name, value in done:
        if effect is Effect.ATTRIBUTE:
            attributes.setdefault(name, value)

    def all_of(wanted: Effect) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for effect, _, value in done if effect is wanted and value))

    return Routed(
        topics=all_of(Effect.TOPIC),
        tags=all_of(Effect.TAG),
        attributes=attributes,
        text=next(iter(all_of(Effect.TEXT)), ""),
        notes=all_of(Effect.NOTE),
        fits=fits,
    )


def _fitting(rows: Sequence[Row], case: Case) -> Iterator[tuple[int, str]]:
    """The rows that have an effect, each with what was found; of a chain the last thing that was."""
    had: set[tuple[str, str]] = set()
    chain: str | None = ""
    for number, row in enumerate(rows):
        kind = (row["effect"], row["name"])
        if row["condition"] == Condition.OTHERWISE:
            is_first = kind not in had
            found = "" if is_first else None
        else:
            found = _found(row, case)
        chain = None if chain is None or found is None else found or chain
        if row["effect"] == Effect.AND:
            continue
        if chain is not None:
            had.add(kind)
            yield number, chain
        chain = ""


def _filled(row: Row, found: str) -> str:
    return row["value"].replace(FOUND, found)[: PARTS["value"]].strip()


def _found(row: Row, case: Case) -> str | None:
    """The value for which this row fits; None: it doesn't."""
    wanted = [part for text in row["matches"].split(",") if (part := text.strip())]
    match Condition(row["condition"]):
        case Condition.ALWAYS | Condition.OTHERWISE:
            return ""
        case Condition.HOUR:
            return _hour(wanted, case.at)
        case Condition.WORDS:
            return _first(wanted, case.words, as_words=True)
        case Condition.LANGUAGE:
            return _first([*wanted, *(f"{tag}-*" for tag in wanted)], [case.language])
        case Condition.PAYLOAD:
            return _first(wanted, _values(case.payload, row["field"]))
        case Condition.ATTRIBUTE:
            named = {name.casefold(): value for name, value in case.attributes.items()}
            return _first(wanted, [named.get(row["field"].casefold(), "")])
        case Condition.REASON | Condition.MEDIUM as one:
            return _first(wanted, [getattr(case, one)])
        case many:
            return _first(wanted, getattr(case, {"intent": "intents", "topic": "topics"}.get(many, many)))


def _first(wanted: Sequence[str], values: Iterable[str], *, as_words: bool = False) -> str | None:
    for value in values:
        if not value:
            continue
        if not wanted:
            return " ".join(value.split())
        for pattern in wanted:
            found = _pattern(pattern, as_words)
            match = found.search(value) if as_words else found.fullmatch(value.strip())
            if match:
                return " ".join(match[0].split())
    return None


@lru_cache(maxsize=2_000)
def _pattern(text: str, as_words: bool) -> re.Pattern[str]:
    """`*` is anything; among words, the rest of one."""
    anything = r"\w*" if as_words else ".*"
    parts = anything.join(r"\s+".join(map(re.escape, part.split())) for part in re.split(r"\*+", text))
    return re.compile(rf"(?<!\w){parts}(?!\w)" if as_words else parts, re.IGNORECASE | re.DOTALL)


def _values(payload: Any, path: str) -> list[str]:
    """What a payload has there; `a.b` is b in a. A list has several values."""
    value = payload
    for name in filter(None, path.split(".")):
        found = {str(key).casefold(): one for key, one in value.items()} if isinstance(value, dict) else {}
        value = found.get(name.casefold())
    several = value if isinstance(value, list) else [value]
    return [_plain(one) for one in several if isinstance(one, str | int | float)]


def _plain(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)


def _hour(wanted: Sequence[str], at: datetime | None) -> str | None:
    """Days and spans: one of each has to fit where there are any. A span can reach over midnight."""
    if at is None:
        return None
    days = [part.casefold() for part in wanted if part.casefold() in DAYS]
    spans = [span.groups() for part in wanted if (span := _SPAN.fullmatch(part))]
    minute = at.hour * 60 + at.minute
    is_in = [_is_within(minute, *(int(part) for part in span)) for span in spans]
    fits = (not days or DAYS[at.weekday()] in days) and (not spans or any(is_in))
    return f"{at:%H:%M}" if fits else None


def _is_within(minute: int, *span: int) -> bool:
    begin, end = span[0] * 60 + span[1], span[2] * 60 + span[3]
    return begin <= minute < end if begin < end else minute >= begin or minute < end


# --- what a row may be ---


def wrong_in(row: object) -> tuple[str, str]:
    """Which part of a row can't be saved, and why; two empty texts: none."""
    if not isinstance(row, dict) or not {"condition", "effect"} <= row.keys() <= PARTS.keys():
        return "", f"Enter an object with {', '.join(PARTS)}."
    for part, text in row.items():
        if not isinstance(text, str):
            return part, "This must be text. In a configuration file, put it in quotes."
        if len(text) > PARTS[part] or not _is_one_line(text):
            return part, f"Write this as one line of at most {PARTS[part]} characters."
    if row["condition"] not in set(Condition):
        return "condition", f"Choose when it fits. Known are: {', '.join(Condition)}."
    if row["effect"] not in set(Effect):
        return "effect", f"Choose what follows. Known are: {', '.join(Effect)}."
    return _missing(Condition(row["condition"]), Effect(row["effect"]), {part: row.get(part, "") for part in PARTS})


def _is_one_line(text: str) -> bool:
    """Spaces that don't break are in many French texts, joiners in pictures."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def _missing(condition: Condition, effect: Effect, row: Row) -> tuple[str, str]:
    if condition is Condition.ATTRIBUTE and not row["field"].strip():
        return "field", "Enter the name of the contact attribute."
    if condition in (Condition.WORDS, Condition.HOUR) and not row["matches"].strip():
        example = "e.g. invoice, refund*" if condition is Condition.WORDS else "e.g. sat, sun, or 17:00-09:00"
        return "matches", f"Enter what it must be, {example}."
    if any(part.count("*") > MAX_STARS for part in row["matches"].split(",")):
        return "matches", f"Use at most {MAX_STARS} * in one value."
    if condition is Condition.HOUR:
        wrong = [part for text in row["matches"].split(",") if (part := text.strip())
                 and part.casefold() not in DAYS and not _SPAN.fullmatch(part)]  # fmt: skip
        if wrong:
            return "matches", f"“{wrong[0]}” is no time: write 17:00-09:00, or a day: {', '.join(DAYS)}."
    if effect is Effect.ATTRIBUTE and not re.fullmatch(r"[A-Za-z0-9_]+", row["name"].strip()):
        return "name", "Enter the attribute's name: letters without accents, digits and _."
    if effect is not Effect.AND and not row["value"].strip():
        return "value", "Enter the value."
    return "", ""


def chain_problem(rows: Sequence[Row]) -> str:
    """What is wrong with the rows together; empty: nothing."""
    if rows and rows[-1]["effect"] == Effect.AND:
        return "The last row says “and the next row must fit too”, but there is no next row."
    return ""
