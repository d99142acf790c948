"""What a figure on a page consists of: a sentence, a plot, the same as a table, and what it means."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from channels_app.lib.times import TimeRange, stamp
from channels_app.lib.zones import zone_mark
from channels_app.operations.figures.dashboard import Dashboard


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
class Cells:
    """The times of the places of a plot."""

    since: str
    width_s: int
    count: int

    @classmethod
    def of(cls, starts: Sequence[datetime], width: timedelta) -> Self:
        return cls(since=stamp(starts[0]), width_s=int(width.total_seconds()), count=len(starts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table; `share` draws a bar beside it, `url` makes its name a link; `at`: where it begins."""

    name: str
    cells: Sequence[str]
    share: SafeString | None = None
    url: str = ""
    at: datetime | None = None

    @property
    def for_programs(self) -> tuple[str, ...]:
        """Of a file: a time with its day, and in UTC."""
        return (stamp(self.at) if self.at else self.name, *self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure. Without a plot its table is the plot. `axis`: the top, the first and the last place of the plot;
    `cells_url`: where its cells lead, each with its own time (see figures.js)."""

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
    cells_url: str = ""


def link_to(words: str, view: str, *args: Any, **query: Any) -> Link | None:
    """A link to another operator page, or None while there is no such page."""
    with suppress(NoReverseMatch):
        found = {name: value for name, value in query.items() if value not in (None, "")}
        return Link(words=words, url=reverse(view, args=args) + (f"?{urlencode(found, safe=':')}" if found else ""))
    return None


def clock(start: datetime, facts: Dashboard) -> str:
    """A place of the time axis: with its day where the window is longer than one."""
    local = localtime(start)
    return f"{local:%a %H:%M}" if facts.window.name == "7d" else f"{local:%H:%M}"


def axis(facts: Dashboard, top: str) -> tuple[str, str, str]:
    return top, f"{clock(facts.starts[0], facts)} {zone_mark(facts.starts[0])}", "now"


def of_window(facts: Dashboard) -> dict[str, str]:
    """For an address: the time of the figures, and what follows."""
    return TimeRange(since=facts.starts[0]).query()


def by_time(facts: Dashboard, *columns: Sequence[str]) -> list[Row]:
    cells = zip(*columns, strict=True)
    return [
        Row(name=clock(start, facts), cells=values, at=start)
        for start, values in zip(facts.starts, cells, strict=True)
    ]


def sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}." if words else ""
