from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offload.opening_hours import DAYS, is_open, next_opening, problem

BRUSSELS = ZoneInfo("Europe/Brussels")
OFFICE = {
    "timezone": "Europe/Brussels",
    "mon": ["09:00-12:30", "13:30-18:00"],
    "fri": ["22:00-02:00"],
    "sun": ["00:00-24:00"],
    "closed": ["2026-12-25", "2026-11-30"],
}
SPANS = st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda span: span[0] != span[1])
HOURS = st.fixed_dictionaries(
    {"timezone": st.sampled_from(["Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "UTC"])},
    optional={
        **{day: st.lists(SPANS.map(lambda span: f"{clock(span[0])}-{clock(span[1])}"), max_size=2) for day in DAYS},
        "closed": st.lists(st.dates(datetime(2026, 10, 20).date(), datetime(2026, 11, 5).date()).map(str), max_size=4),
    },
)
# Around the ends of summer time in all zones of HOURS.
MOMENTS = st.datetimes(datetime(2026, 10, 1), datetime(2026, 11, 5)).map(lambda moment: moment.replace(tzinfo=UTC))


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def at(text: str, zone: ZoneInfo = BRUSSELS) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23 08:59:59", False),  # a Monday
        ("2026-11-23 09:00", True),
        ("2026-11-23 12:29:59", True),
        ("2026-11-23 12:30", False),
        ("2026-11-23 13:30", True),
        ("2026-11-23 18:00", False),
        ("2026-11-24 10:00", False),
        ("2026-11-27 21:59", False),
        ("2026-11-27 23:00", True),
        ("2026-11-28 01:59", True),  # Friday's span reaches into Saturday
        ("2026-11-28 02:00", False),
        ("2026-11-29 00:00", True),
        ("2026-11-29 23:59:59", True),
        ("2026-11-30 00:00", False),
        ("2026-11-30 10:00", False),  # a closed Monday
        ("2026-12-25 23:00", False),  # a closed Friday, and its night
        ("2026-12-26 01:00", False),
    ],
)
def test_it_is_open_from_the_begin_of_a_span_to_before_its_end(moment: str, expected: bool) -> None:
    assert is_open(OFFICE, at(moment)) is expected
    assert is_open(OFFICE, at(moment).astimezone(UTC)) is expected


@pytest.mark.parametrize("hours", [None, {}])
def test_without_hours_it_is_always_open(hours: Any) -> None:
    moment = at("2026-11-24 03:00")
    assert problem(hours) is None
    assert is_open(hours, moment)
    assert next_opening(hours, moment) == moment


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2026-11-23 08:00", "2026-11-23 09:00"),
        ("2026-11-23 10:00", "2026-11-23 10:00"),
        ("2026-11-23 12:30", "2026-11-23 13:30"),
        ("2026-11-23 18:00", "2026-11-27 22:00"),
        ("2026-11-28 03:00", "2026-11-29 00:00"),
        ("2026-11-30 00:00", "2026-12-04 22:00"),
        ("2026-12-21 18:00", "2026-12-27 00:00"),  # Friday the 25th is closed
    ],
)
def test_the_next_opening(moment: str, opening: str) -> None:
    found = next_opening(OFFICE, at(moment))
    assert found == at(opening)
    assert found.tzinfo == BRUSSELS


def test_a_closed_day_that_comes_week_after_week_is_passed_over() -> None:
    mondays = [(datetime(2026, 11, 23) + timedelta(weeks=week)).date().isoformat() for week in range(60)]
    hours = {"timezone": "UTC", "mon": ["09:00-10:00"], "closed": mondays}
    found = next_opening(hours, datetime(2026, 11, 23, tzinfo=UTC))
    assert found == datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(weeks=60)


def test_hours_that_never_come_have_no_next_opening() -> None:
    assert next_opening({"timezone": "UTC", "closed": []}, datetime(2026, 11, 23, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("day", "span", "utc_open", "utc_closed"),
    [
        # 25 October 2026, 03:00 summer time becomes 02:00: a time that exists twice is the first.
        ("2026-10-25", "02:30-05:00", "2026-10-25 00:30", "2026-10-25 04:00"),
        ("2026-10-25", "01:00-02:30", "2026-10-24 23:00", "2026-10-25 00:30"),
        # 29 March 2026, 02:00 becomes 03:00: a time that is skipped counts with the offset before.
        ("2026-03-29", "02:30-05:00", "2026-03-29 01:30", "2026-03-29 03:00"),
        ("2026-03-29", "01:00-02:30", "2026-03-29 00:00", "2026-03-29 01:30"),
    ],
)
def test_clock_changes(day: str, span: str, utc_open: str, utc_closed: str) -> None:
    hours = {"timezone": "Europe/Brussels", "sun": [span]}
    opens, closes = at(utc_open, ZoneInfo("UTC")), at(utc_closed, ZoneInfo("UTC"))
    second = timedelta(seconds=1)
    open_at = [is_open(hours, moment) for moment in (opens - second, opens, closes - second, closes)]
    assert open_at == [False, True, True, False]
    found = next_opening(hours, opens - timedelta(hours=5))
    assert found and found.astimezone(UTC) == opens  # two zones in which a time exists twice never compare equal
    assert opens.astimezone(BRUSSELS).date().isoformat() == day


@given(HOURS, MOMENTS)
def test_it_is_open_at_the_next_opening_and_closed_until_then(hours: dict[str, Any], moment: datetime) -> None:
    opening = next_opening(hours, moment)
    if opening is None:
        assert not is_open(hours, moment)
        return
    assert opening >= moment
    assert is_open(hours, opening)
    if opening > moment:
        wait = opening.astimezone(UTC) - moment
        assert not any(is_open(hours, moment + wait * part / 10) for part in range(10))


@given(HOURS)
def test_hours_of_the_right_form_have_no_problem(hours: dict[str, Any]) -> None:
    assert (problem(hours) is None) == any(hours.get(day) for day in DAYS)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (OFFICE, None),
        ([], "must be an object"),
        ("always", "must be an object"),
        ({"timezone": "UTC"}, "No day has opening hours"),
        ({"timezone": "UTC", "mon": []}, "No day has opening hours"),
        ({"timezone": "UTC", "monday": ["09:00-17:00"]}, "monday: is not known"),
        ({"mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": 1, "mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": "Europe/Atlantis", "mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": "../etc/passwd", "mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": "Europe", "mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": "x" * 5000, "mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": "a\x00b", "mon": ["09:00-17:00"]}, "timezone: name one"),
        ({"timezone": "UTC", "mon": "09:00-17:00"}, "mon: must be a list"),
        ({"timezone": "UTC", "mon": ["09:00-17:00", "9-17"]}, "mon[1]: must be a span"),
        ({"timezone": "UTC", "tue": ["24:00-02:00"]}, "tue[0]: must be a span"),
        ({"timezone": "UTC", "tue": ["09:00-24:30"]}, "tue[0]: must be a span"),
        ({"timezone": "UTC", "tue": ["09:60-17:00"]}, "tue[0]: must be a span"),
        ({"timezone": "UTC", "tue": [900]}, "tue[0]: must be a span"),
        ({"timezone": "UTC", "tue": ["09:00-09:00"]}, "tue[0]: starts and ends"),
        ({"timezone": "UTC", "tue": ["09:00-17:00"], "closed": "2026-12-25"}, "closed: must be a list"),
        ({"timezone": "UTC", "tue": ["09:00-17:00"], "closed": ["25/12/2026"]}, "closed[0]: must be a date"),
        (
            {"timezone": "UTC", "tue": ["09:00-17:00"], "closed": ["2026-12-25", "20261226"]},
            "closed[1]: must be a date",
        ),
        ({"timezone": "UTC", "tue": ["09:00-17:00"], "closed": [20261225]}, "closed[0]: must be a date"),
    ],
)
def test_a_problem_names_its_place(value: Any, words: str | None) -> None:
    found = problem(value)
    assert (found is None) == (words is None)
    assert (words or "") in (found or "")
