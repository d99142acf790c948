"""What a figure on a page consists of: a sentence, a plot, the same as a table, and what it means."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from channels_app.dashboard import Dashboard


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """`css` or `pattern` as its series has it."""

    words: str
    css: str = ""
    value: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    words: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table; `share` draws a bar beside it, `url` makes its name a link."""

    name: str
    cells: Sequence[str]
    share: SafeString | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure. Without a plot its table is the plot. `axis`: the top, the first and the last place of the plot."""

    key: str
    title: str
    definition: str
    head: Sequence[str]
    rows: Sequence[Row]
    note: str = ""
    plot: SafeString | None = None
    axis: Sequence[str] = ()
    legend: Sequence[Legend] = ()
    link: Link | None = None


def link_to(words: str, view: str, *args: Any, **query: Any) -> Link | None:
    """A link to another operator page, or None while there is no such page."""
    with suppress(NoReverseMatch):
        found = {name: value for name, value in query.items() if value not in (None, "")}
        return Link(words=words, url=reverse(view, args=args) + (f"?{urlencode(found)}" if found else ""))
    return None


def clock(start: datetime, facts: Dashboard) -> str:
    """A place of the time axis: with its day where the window is longer than one."""
    local = localtime(start)
    return f"{local:%a %H:%M}" if facts.window.name == "7d" else f"{local:%H:%M}"


def axis(facts: Dashboard, top: str) -> tuple[str, str, str]:
    return top, clock(facts.starts[0], facts), "now"


def by_time(facts: Dashboard, *columns: Sequence[str]) -> list[Row]:
    cells = zip(*columns, strict=True)
    return [Row(name=clock(start, facts), cells=values) for start, values in zip(facts.starts, cells, strict=True)]


def sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}." if words else ""
