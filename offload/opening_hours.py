"""When humans are there: a week of spans in one time zone, and the days on which they are closed.

`{"timezone": "Europe/Brussels", "mon": ["09:00-12:30", "13:30-18:00"], …, "closed": ["2026-12-24"], "holidays": "BE",
"open": ["2026-11-11"]}`. A day that is not named has no hours; nor has a public holiday of the place, unless it is
among the open days; the closed ones have none in any case. A span belongs to the day on which it begins: "22:00-02:00"
on Friday reaches into Saturday, also into a closed one. Around a clock change a local time is read as calendars do
(RFC 5545, 3.3.5): one that exists twice is the first, one that is skipped counts with the offset before the change.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from offload.public_holidays import holidays_in, is_known, regions_of

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = ("timezone", *DAYS, "closed", "holidays", "open")

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_ONE_DAY = timedelta(days=1)


def problem(value: object) -> str | None:
    """What is wrong with these hours, with the place in front, or None. No hours at all are fine: always open."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        return "Opening hours must be an object with a timezone and days."
    unknown = [str(key) for key in value if key not in KEYS]
    if unknown:
        return f"{unknown[0]}: is not known. Use {', '.join(KEYS)}."
    if not any(value.get(day) for day in DAYS):
        return "No day has opening hours. Enter at least one, or leave the hours empty to be always open."
    return (
        _timezone_problem(value.get("timezone"))
        or _place_problem(value.get("holidays"))
        or next(_item_problems(value), None)
    )


def is_open(hours: Mapping[str, Any] | None, moment: datetime) -> bool:
    """Whether `moment` (aware) falls into the hours; without hours always."""
    if not hours:
        return True
    today = moment.astimezone(ZoneInfo(hours["timezone"])).date()
    days = (today - _ONE_DAY, today)  # yesterday's last span may end today
    return any(begin <= moment < end for day in days for begin, end in _spans(hours, day))


def next_opening(hours: Mapping[str, Any] | None, moment: datetime) -> datetime | None:
    """The earliest time from `moment` on at which it is open: `moment` itself when open now, None when never."""
    if is_open(hours, moment) or not hours:
        return moment
    zone = ZoneInfo(hours["timezone"])
    today = moment.astimezone(zone).date()
    # Each closed day can take away at most one week's chance, so this many days hold an opening if there is one. No
    # country keeps the same day of the week for a year.
    horizon = 7 * (len(hours.get("closed") or ()) + 1) + (366 if hours.get("holidays") else 0)
    for offset in range(-1, horizon + 1):
        begins = [begin for begin, end in _spans(hours, today + offset * _ONE_DAY) if moment < begin < end]
        if begins:
            return min(begins).astimezone(zone)
    return None


def _is_off(hours: Mapping[str, Any], day: date) -> bool:
    if day.isoformat() in (hours.get("closed") or ()):
        return True
    place = hours.get("holidays")
    return bool(place) and day in holidays_in(place, day.year) and day.isoformat() not in (hours.get("open") or ())


def _spans(hours: Mapping[str, Any], day: date) -> Iterator[tuple[datetime, datetime]]:
    """Begin and end, as instants, of the spans that begin on this local day."""
    if _is_off(hours, day):
        return
    zone = ZoneInfo(hours["timezone"])
    for text in hours.get(DAYS[day.weekday()]) or ():
        begin, end = _clock_times(text)
        end_day = day if begin < end else day + _ONE_DAY
        # In UTC, because comparing two local times of one zone ignores the clock change between them.
        yield (
            datetime.combine(day, begin, zone).astimezone(UTC),
            datetime.combine(end_day, end, zone).astimezone(UTC),
        )


def _clock_times(span: str) -> tuple[time, time]:
    """ "22:00-24:00" ends at 00:00, which is before it begins and therefore the next day's."""
    found = _SPAN.fullmatch(span.strip())
    if not found:
        raise ValueError(f"not a span: {span}")
    return time(int(found[1]), int(found[2])), time(int(found[3] or 0), int(found[4] or 0))


def _timezone_problem(value: object) -> str | None:
    advice = "timezone: name one such as Europe/Brussels."
    if not isinstance(value, str) or not value:
        return advice
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):  # a path-like or too long name fails in its own way
        return advice
    return None


def _place_problem(value: object) -> str | None:
    if not value or (isinstance(value, str) and is_known(value)):
        return None
    country = str(value).partition("-")[0]
    regions = ", ".join(regions_of(country))
    advice = f"The regions of {country} are: {regions}." if regions else "Name a country such as BE or DE-BY."
    return f"holidays: no public holidays are known of it. {advice}"


def _item_problems(hours: Mapping[str, Any]) -> Iterator[str]:
    for key in (*DAYS, "closed", "open"):
        items = hours.get(key) or []
        if not isinstance(items, list):
            yield f"{key}: must be a list."
            continue
        check = _span_problem if key in DAYS else _date_problem
        yield from (f"{key}[{index}]: {wrong}" for index, item in enumerate(items) if (wrong := check(item)))


def _span_problem(value: object) -> str | None:
    if not isinstance(value, str) or not _SPAN.fullmatch(value.strip()):
        return "must be a span such as 09:00-17:30."
    begin, end = _clock_times(value)
    if begin == end and "24:00" not in value:
        return "starts and ends at the same time. Write 00:00-24:00 for a whole day."
    return None


def _date_problem(value: object) -> str | None:
    advice = "must be a date such as 2026-12-25."
    if not isinstance(value, str):
        return advice
    try:
        return None if date.fromisoformat(value).isoformat() == value else advice
    except ValueError:
        return advice
