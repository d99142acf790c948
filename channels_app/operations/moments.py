"""Times on operator pages: to the millisecond, because a conversation is followed in tenths of a second."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime


def clock(value: datetime | None) -> SafeString | str:
    """The time of day: "10:31:58.120"."""
    return _time(value, "H:i:s", is_precise=True)


def day_clock(value: datetime | None) -> SafeString | str:
    """Day and time, the year only where it is another one: "1 Mar 10:31:58"."""
    is_this_year = value is not None and localtime(value).year == localtime().year
    return _time(value, "j M H:i:s" if is_this_year else "j M Y H:i:s", is_precise=False)


def day(value: datetime) -> str:
    """ "Sunday 1 March 2026"."""
    return date_format(localtime(value), "l j F Y")


def _time(value: datetime | None, form: str, *, is_precise: bool) -> SafeString | str:
    if value is None:
        return "–"
    local = localtime(value)
    part = f".{local.microsecond // 1000:03}" if is_precise else ""
    return format_html('<time datetime="{}">{}{}</time>', local.isoformat(), date_format(local, form), part)
