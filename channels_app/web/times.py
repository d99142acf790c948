"""Times on pages: in the reader's zone, which hovering shows; and the time range that a list is asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone, localtime

from channels_app.lib.clocks import database_now
from channels_app.lib.times import ALWAYS, TimeError, TimeRange, as_typed, read_range
from channels_app.lib.zones import zone_mark

DAY, DAY_WITH_YEAR = "j M H:i:s", "j M Y H:i:s"


def clock(value: datetime | None) -> SafeString | str:
    """The time of day to the millisecond, because a conversation is followed in tenths of a second: "10:31:58.120"."""
    if value is None:
        return "–"
    return moment(value, f"{localtime(value):%H:%M:%S}.{value.microsecond // 1000:03}")


def day_clock(value: datetime | None) -> SafeString | str:
    """Day and time, the year only where it is another one: "1 Mar 10:31:58"."""
    return "–" if value is None else moment(value, _day_clock(value))


def day(value: datetime) -> str:
    """ "Sunday 1 March 2026"."""
    return date_format(localtime(value), "l j F Y")


def full(value: datetime) -> str:
    """With its zone, and how far that is from UTC: "1 Mar 2026 10:31:58 CET (UTC+01:00)"."""
    local = localtime(value)
    mark, offset = zone_mark(value), f"UTC{local.isoformat()[-6:]}"
    more = "" if mark in ("UTC", offset) else f" ({offset})"
    return f"{date_format(local, DAY_WITH_YEAR)} {mark}{more}"


def moment(value: datetime, words: str) -> SafeString:
    """A time as it is written in `words`."""
    return format_html('<time datetime="{}" title="{}">{}</time>', localtime(value).isoformat(), full(value), words)


def range_words(during: TimeRange) -> str:
    """ "from 28 Nov 14:00:00 to 28 Nov 14:10:00 CET"."""
    ends = (("from", during.since), ("to", during.until))
    parts = [f"{word} {_day_clock(end)} {zone_mark(end)}" for word, end in ends if end]
    return " ".join(parts) if during.since else " ".join(parts).replace("to ", "before ", 1)


def _day_clock(value: datetime) -> str:
    local = localtime(value)
    return date_format(local, DAY if local.year == localtime().year else DAY_WITH_YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTime:
    """`since` and `until`: as the fields show it; `problem`: why it is no range, else ""."""

    during: TimeRange = ALWAYS
    since: str = ""
    until: str = ""
    problem: str = ""

    @property
    def query(self) -> dict[str, str]:
        """For addresses of the same list, of its other pages and its exports."""
        return self.during.query()

    @property
    def words(self) -> str:
        return range_words(self.during) if self.during else ""


def asked_time(request: HttpRequest) -> AskedTime:
    since, until = (request.GET.get(name, "").strip() for name in ("since", "until"))
    try:
        during = parse_range(since, until)
    except TimeError as error:
        return AskedTime(since=since, until=until, problem=str(error))
    return AskedTime(during=during, since=_shown(during, "since"), until=_shown(during, "until"))


def parse_range(since: str, until: str) -> TimeRange:
    """In the zone of who asks. Raises TimeError."""
    return read_range(since, until, now=database_now(), zone=_zone())


def _shown(during: TimeRange, name: str) -> str:
    end: Any = getattr(during, name)
    if end is not None:
        return as_typed(end, _zone())
    return "now" if during and name == "until" else ""


def _zone() -> ZoneInfo:
    return ZoneInfo(str(get_current_timezone()))
