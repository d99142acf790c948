"""Times on pages: in the zone of who reads them, each with its zone on hovering and for machines."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from channels_app.lib.times import TimeRange
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
