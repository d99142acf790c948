"""Times as people type them, in their own time zone: "14:05", "14:05-14:10", "yesterday 14:05". Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

AROUND = timedelta(minutes=5)
"""A time of day alone means so much before and after it: clocks differ, and people round what they remember."""
EXAMPLES = "14:05, 14:05-14:10, yesterday 14:05 or 2026-11-27 14:05"
MAX_LENGTH = 100
MAX_DAYS_BACK = 8 * 366
"""29 February without a year lies at most so far back."""
_DAY = timedelta(days=1)


class TimeError(ValueError):
    """What was typed is no time; the text says what would be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """From `since` on and before `until`. None: no beginning, or no end."""

    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def query(self) -> dict[str, str]:
        """For an address: it means the same tomorrow, and for people in other zones."""
        ends = {"since": self.since, "until": self.until}
        return {name: stamp(moment) for name, moment in ends.items() if moment is not None}


ALWAYS = TimeRange()


def stamp(moment: datetime) -> str:
    """A time for machines, as short as it may be: "2026-11-28T14:05Z"."""
    moment = moment.astimezone(UTC)
    precision = "microseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def as_typed(moment: datetime, zone: ZoneInfo) -> str:
    """A time as it could have been typed, so that resubmitting a form means the same."""
    local = moment.astimezone(zone)
    if local.microsecond or local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
        return local.isoformat()  # what the clock says is not all: an hour that comes twice
    return local.replace(tzinfo=None).isoformat(" ", "seconds" if local.second else "minutes")


def read_range(since: str, until: str, *, now: datetime, zone: ZoneInfo) -> TimeRange:
    """The range that two fields name. Raises TimeError.

    `since` may hold all of it: "14:05-14:10", or a day, or a time of day, which means that time and `AROUND` it.
    Without a day, a time is the latest one that has passed, or has nearly when it stands alone; `until` "now", and
    "14:05-" in `since`, have no end.
    """
    now = now.astimezone(zone)
    begin_text, end_text = _tidy(since), _tidy(until)
    begin = _parse(begin_text, zone)
    if begin is None and begin_text and not end_text:
        begin, end, begin_text, end_text = _split(begin_text, zone)
    else:
        end = _parse_end(end_text, zone)
    for text, parsed, typed in ((begin_text, begin, since), (end_text, end, until or since)):
        if text and parsed is None:
            raise TimeError(f"“{typed.strip()[:MAX_LENGTH]}” is not a time. Write it like {EXAMPLES}.")
    try:
        meant = _resolve(begin, end, now, zone)
        for moment in filter(None, (meant.since, meant.until)):
            moment.astimezone(zone)  # pages show it: not what lies before the year 1 there, or after 9999
        return meant
    except OverflowError as error:
        raise TimeError(f"This day does not exist. Write it like {EXAMPLES}.") from error


# --- what was typed -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Typed:
    """A time as far as it was said: a moment (`at`), or a day, a time of day (`clock`), or both. Nothing of these:
    the end of the day at which a range begins."""

    zone: ZoneInfo
    at: datetime | None = None
    is_now: bool = False
    day: date | None = None
    day_word: str = ""
    """today, yesterday, the beginning of a weekday, or a day and month like "27 nov"."""
    clock: time | None = None

    @property
    def has_day(self) -> bool:
        return self.day is not None or bool(self.day_word)


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOMENT = re.compile(
    rf"""(?:(?:(?P<iso>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})
        | (?P<word>today|yesterday|(?:{"|".join(WEEKDAYS)})[a-z]*)
        | (?P<dom>[0-9]{{1,2}})\ (?P<month>{"|".join(MONTHS)})[a-z]*(?:\ (?P<year>[0-9]{{4}}))?)
        (?:[ ,]\ ?(?:at\ )?|$))?
    (?:(?P<hour>[0-9]{{1,2}})(?:[:.h](?P<minute>[0-9]{{2}})(?:[:.](?P<second>[0-9]{{2}})(?:[.,][0-9]{{1,6}})?)?)?
        (?:\ ?(?P<half>[ap])\.?m\.?)?)?
    (?P<utc>\ ?(?:z|utc|gmt))?""",
    re.VERBOSE,
)
_DAY_FIRST = re.compile(r"\b([0-9]{1,2})([./])([0-9]{1,2})\2([0-9]{4})\b")
_END_OF_DAY = re.compile("24[:.h]00")
_MAX_OFFSETS = timedelta(hours=-12), timedelta(hours=14)
_OFFSET_STEP = timedelta(minutes=15)
"""No zone of today is further from UTC, or lies between these steps."""
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_BETWEEN = re.compile(r"\ ?-\ ?|\ (?:to|until|till)\ ")


def _tidy(text: str) -> str:
    tidy = _DASHES.sub("-", " ".join(text.split()).lower())
    return _DAY_FIRST.sub(lambda found: f"{found[4]}-{found[3]:0>2}-{found[1]:0>2}", tidy)


def _parse(text: str, zone: ZoneInfo) -> _Typed | None:
    if not text or len(text) > MAX_LENGTH:
        return None
    if text == "now":
        return _Typed(zone=zone, is_now=True)
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}t", text) or re.search(r"[0-9] ?[+-][0-9]{2}:?[0-9]{2}$", text):
        return _parse_iso(text, zone)
    first, _, rest = text.partition(" ")
    found = _MOMENT.fullmatch(text) or _MOMENT.fullmatch(f"{rest} {first}")  # "14:05 yesterday"
    return _said(found, zone) if found and any(found.group("iso", "word", "dom", "hour")) else None


def _parse_end(text: str, zone: ZoneInfo) -> _Typed | None:
    return _Typed(zone=zone) if _END_OF_DAY.fullmatch(text) else _parse(text, zone)


def _parse_iso(text: str, zone: ZoneInfo) -> _Typed | None:
    """With its date in front: what stands behind "14:05-" alone is the end of a range and no offset."""
    if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[t ]", text) or ("t" not in text and re.search(r"-[0-9:]+$", text)):
        return None
    try:
        parsed = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if (offset := parsed.utcoffset()) is not None:
        is_offset = _MAX_OFFSETS[0] <= offset <= _MAX_OFFSETS[1] and not offset % _OFFSET_STEP
        return _Typed(zone=zone, at=parsed) if is_offset else None
    return _Typed(zone=zone, day=parsed.date(), clock=parsed.time())


def _said(found: re.Match[str], zone: ZoneInfo) -> _Typed | None:
    zone = ZoneInfo("UTC") if found["utc"] else zone
    try:
        clock = _clock(found)
        day = date.fromisoformat(found["iso"]) if found["iso"] else None
        if found["year"]:
            day = date(int(found["year"]), 1 + MONTHS.index(found["month"]), int(found["dom"]))
    except ValueError:
        return None
    word = f"{int(found['dom'])} {found['month']}" if found["dom"] and not day else found["word"] or ""
    return _Typed(zone=zone, day=day, day_word=word, clock=clock)


def _clock(found: re.Match[str]) -> time | None:
    """The time of day, if one was said. Raises ValueError for one that no clock shows."""
    if found["hour"] is None:
        if found["utc"] and not found["iso"]:
            raise ValueError
        return None
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if found["half"] == "p" else 0)
    elif found["minute"] is None:
        raise ValueError  # a bare number may be anything
    return time(hour, minute, second)


def _split(text: str, zone: ZoneInfo) -> tuple[_Typed | None, _Typed | None, str, str]:
    """A range in one field, at the first place where a time stands on its left and one, or nothing, on its right."""
    for place in _BETWEEN.finditer(text + " "):
        left, right = text[: place.start()].strip(), text[place.end() :].strip()
        begin, end = _parse(left, zone), _parse_end(right or "now", zone)
        if begin and end:
            if begin.clock and end.clock and not begin.has_day and end.has_day:  # "14:05-14:10 yesterday"
                begin = replace(begin, day=end.day, day_word=end.day_word)
            return begin, end, left, right or "now"
    return None, None, text, ""


# --- what it means ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Meant:
    """On the line of time. `ends`: the end of a day, or the second time that the clock shows the same, when it is
    set back; else as `begins`."""

    begins: datetime
    ends: datetime


def _resolve(begin: _Typed | None, end: _Typed | None, now: datetime, zone: ZoneInfo) -> TimeRange:
    is_alone = begin is not None and begin.clock is not None and end is None
    first = _past(begin, now, now + AROUND if is_alone else now) if begin else None
    if end is None:
        if first is None or begin is None:
            return ALWAYS
        if begin.at or begin.is_now:
            return TimeRange(since=first.begins)
        spread = AROUND if begin.clock is not None else timedelta()
        return TimeRange(since=first.begins - spread, until=first.ends + spread)
    since = first.begins if first else None
    if end.is_now:
        return TimeRange(since=since)
    last = _following(end, first) if first and not (end.at or end.has_day) else _past(end, now, now)
    until = last.ends
    if last.begins == since and (end.clock or end.at):
        until += timedelta(minutes=1)  # the minute that was named twice
    if since and until < since:
        raise TimeError("The end must be after the beginning.")
    return TimeRange(since=since, until=until)


def _past(typed: _Typed, now: datetime, limit: datetime) -> _Meant:
    """What was said, the latest one that has begun by `limit` unless the day was named in full."""
    if typed.at or typed.is_now:
        moment = (typed.at or now).astimezone(UTC)
        return _Meant(moment, moment)
    local_now = now.astimezone(typed.zone)
    days = [typed.day] if typed.day else list(islice(_days(typed.day_word, local_now.date()), 3))
    for day in days:
        meant = _on(day, typed)
        if meant is None and typed.has_day:  # another year's, or another week's, is not what was meant
            raise TimeError(f"{typed.clock:%H:%M} did not exist on {day:%d %b %Y}: the clocks went forward.")
        if meant and (len(days) == 1 or meant.begins <= limit):
            return meant
    raise TimeError(f"This day does not exist. Write it like {EXAMPLES}.")


def _days(word: str, today: date) -> Iterator[date]:
    """The days that this may be, the latest first."""
    back = (today - _DAY * days for days in islice(count(), MAX_DAYS_BACK))
    if word == "today":
        yield today
    elif word == "yesterday":
        yield today - _DAY
    elif word[:3] in WEEKDAYS:
        yield from (day for day in back if WEEKDAYS[day.weekday()] == word[:3])
    elif word:
        yield from (day for day in back if f"{day.day} {MONTHS[day.month - 1]}" == word)
    else:
        yield from back


def _following(typed: _Typed, first: _Meant) -> _Meant:
    """A time of day behind the beginning of a range: on the same day, or else on the next one."""
    start = first.begins.astimezone(typed.zone).date()
    found = (_on(start + _DAY * days, typed) or _gap(start + _DAY * days, typed) for days in range(3))
    return next(meant for meant in found if meant.ends >= first.begins)


def _gap(day: date, typed: _Typed) -> _Meant:
    """When the clocks are set forward over this time: a range that ends in it has ended by then."""
    after, before = (_instant(day, typed.clock or time(), typed.zone, fold) for fold in (0, 1))
    offset = after.astimezone(typed.zone).utcoffset()
    moments = (before.replace(second=0) + timedelta(minutes=minutes) for minutes in count())
    moment = next(moment for moment in moments if moment.astimezone(typed.zone).utcoffset() == offset)
    return _Meant(moment, moment)


def _on(day: date, typed: _Typed) -> _Meant | None:
    """On this day; None when its clocks never show this time, because they are set forward over it."""
    if typed.clock is None:
        return _Meant(_instant(day, time(), typed.zone, 0), _instant(day + _DAY, time(), typed.zone, 0))
    first, second = (_instant(day, typed.clock, typed.zone, fold) for fold in (0, 1))
    shown = first.astimezone(typed.zone)
    is_shown = (shown.date(), shown.time()) == (day, typed.clock)
    return _Meant(first, second) if is_shown else None


def _instant(day: date, clock: time, zone: ZoneInfo, fold: int) -> datetime:
    return datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)
