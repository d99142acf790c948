"""What people type as a time, and which time that is, in their zone and on the days when clocks are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from channels_app.lib.times import ALWAYS, TimeError, TimeRange, as_typed, read_range, stamp

BRUSSELS = ZoneInfo("Europe/Brussels")
ZONES = ("UTC", "Europe/Brussels", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo")
NOW = "2026-11-28T14:20+01:00"  # a Saturday


def read(since: str, until: str = "", *, now: str = NOW, zone: ZoneInfo = BRUSSELS) -> tuple[str, str]:
    """Both ends as the clock of the zone shows them."""
    found = read_range(since, until, now=datetime.fromisoformat(now), zone=zone)
    ends = (found.since, found.until)
    first, last = ("" if end is None else f"{end.astimezone(zone):%Y-%m-%d %H:%M:%S}" for end in ends)
    return first.removesuffix(":00"), last.removesuffix(":00")


TODAY, YESTERDAY = "2026-11-28", "2026-11-27"


@pytest.mark.parametrize(
    ("since", "until", "meant"),
    [
        ("", "", ("", "")),
        # A time of day alone: that time, and what is around it.
        ("14:05", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("14.05", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("14h05", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("2:05 pm", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("14:05 yesterday", "", (f"{YESTERDAY} 14:00", f"{YESTERDAY} 14:10")),
        ("14:05-14:10 yesterday", "", (f"{YESTERDAY} 14:05", f"{YESTERDAY} 14:10")),
        ("14:05 today", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("28.11.2026 14:05", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("28/11/2026 14:05", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("14:05-14:10 28.11.2026", "", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
        ("2026-11-28T14:05-14:10", "", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
        ("2026-11-28T09:05-09:10", "", (f"{TODAY} 09:05", f"{TODAY} 09:10")),
        ("2026-11-28T09:05+09:30", "", ("2026-11-28 00:35", "")),
        ("2026-11-27 14:00-24:00", "", ("2026-11-27 14:00", f"{TODAY} 00:00")),
        ("2026-11-27 00:00-24:00", "", ("2026-11-27 00:00", f"{TODAY} 00:00")),
        ("2026-11-27 14:00", "24:00", ("2026-11-27 14:00", f"{TODAY} 00:00")),
        ("2PM", "", (f"{TODAY} 13:55", f"{TODAY} 14:05")),
        ("12:10 a.m.", "", (f"{TODAY} 00:05", f"{TODAY} 00:15")),
        ("  14:05 \u00a0", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("13:05 UTC", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("14:05:30", "", (f"{TODAY} 14:00:30", f"{TODAY} 14:10:30")),
        ("14:20", "", (f"{TODAY} 14:15", f"{TODAY} 14:25")),
        ("14:21", "", (f"{TODAY} 14:16", f"{TODAY} 14:26")),
        ("14:26", "", (f"{YESTERDAY} 14:21", f"{YESTERDAY} 14:31")),  # it has not passed today
        ("00:00", "", (f"{YESTERDAY} 23:55", f"{TODAY} 00:05")),
        # With its day.
        ("yesterday 14:05", "", (f"{YESTERDAY} 14:00", f"{YESTERDAY} 14:10")),
        ("Yesterday at 14:05", "", (f"{YESTERDAY} 14:00", f"{YESTERDAY} 14:10")),
        ("yesterday, 14:05", "", (f"{YESTERDAY} 14:00", f"{YESTERDAY} 14:10")),
        ("today 18:00", "", (f"{TODAY} 17:55", f"{TODAY} 18:05")),
        ("2026-11-27 14:05", "", (f"{YESTERDAY} 14:00", f"{YESTERDAY} 14:10")),
        ("2026-11-27T14:05", "", (f"{YESTERDAY} 14:00", f"{YESTERDAY} 14:10")),
        ("27 Nov 14:05:09", "", (f"{YESTERDAY} 14:00:09", f"{YESTERDAY} 14:10:09")),  # as pages show times
        ("27 November 2025 14:05", "", ("2025-11-27 14:00", "2025-11-27 14:10")),
        ("1 Dec 14:05", "", ("2025-12-01 14:00", "2025-12-01 14:10")),
        ("29 feb 14:05", "", ("2024-02-29 14:00", "2024-02-29 14:10")),
        ("monday 14:05", "", ("2026-11-23 14:00", "2026-11-23 14:10")),
        ("Sat 14:05", "", (f"{TODAY} 14:00", f"{TODAY} 14:10")),
        ("sat 15:00", "", ("2026-11-21 14:55", "2026-11-21 15:05")),
        # A day.
        ("yesterday", "", (f"{YESTERDAY} 00:00", f"{TODAY} 00:00")),
        ("2026-11-27", "", (f"{YESTERDAY} 00:00", f"{TODAY} 00:00")),
        ("2026-11-26", "2026-11-27", ("2026-11-26 00:00", f"{TODAY} 00:00")),
        ("2026-11-26 - 2026-11-27", "", ("2026-11-26 00:00", f"{TODAY} 00:00")),
        # A range, in one field or two.
        ("14:05-14:10", "", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
        ("14:05 – 14:10", "", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
        ("14:05 to 14:10", "", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
        ("14:05", "14:10", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
        ("14:05", "14:05", (f"{TODAY} 14:05", f"{TODAY} 14:06")),
        ("14:10-15:00", "", (f"{TODAY} 14:10", f"{TODAY} 15:00")),
        ("23:50-00:10", "", (f"{YESTERDAY} 23:50", f"{TODAY} 00:10")),
        ("yesterday 14:05-14:10", "", (f"{YESTERDAY} 14:05", f"{YESTERDAY} 14:10")),
        ("2026-11-27 14:05-14:10", "", (f"{YESTERDAY} 14:05", f"{YESTERDAY} 14:10")),
        ("2026-11-27 22:00", "00:00", (f"{YESTERDAY} 22:00", f"{TODAY} 00:00")),
        ("yesterday 14:05", "today 09:00", (f"{YESTERDAY} 14:05", f"{TODAY} 09:00")),
        # Without an end, or a beginning.
        ("14:05", "now", (f"{TODAY} 14:05", "")),
        ("14:05-", "", (f"{TODAY} 14:05", "")),
        ("14:05-now", "", (f"{TODAY} 14:05", "")),
        ("", "14:05", ("", f"{TODAY} 14:05")),
        ("", "yesterday", ("", f"{TODAY} 00:00")),
        # As programs write it, with its own zone: a moment, to which nothing is added.
        ("2026-11-28T13:05:00Z", "", (f"{TODAY} 14:05", "")),
        ("2026-11-28T13:05Z", "2026-11-28T08:10:00-05:00", (f"{TODAY} 14:05", f"{TODAY} 14:10")),
    ],
)
def test_what_is_typed_means(since: str, until: str, meant: tuple[str, str]) -> None:
    assert read(since, until) == meant


@pytest.mark.parametrize(
    ("since", "until", "now", "utc"),
    [
        # 25 October: 02:00 to 03:00 comes twice, first as UTC+2. Both are meant.
        ("2026-10-25 02:30", "", NOW, ("2026-10-25T00:25Z", "2026-10-25T01:35Z")),
        ("02:30", "", "2026-10-25T02:45+02:00", ("2026-10-25T00:25Z", "2026-10-25T01:35Z")),
        ("2026-10-25 02:10-02:20", "", NOW, ("2026-10-25T00:10Z", "2026-10-25T01:20Z")),
        ("2026-10-25", "", NOW, ("2026-10-24T22:00Z", "2026-10-25T23:00Z")),
        # 29 March: 02:00 to 03:00 does not come. The latest one that did was the day before.
        ("02:30", "", "2026-03-29T12:00+02:00", ("2026-03-28T01:25Z", "2026-03-28T01:35Z")),
        ("01:30-02:30", "", "2026-03-29T12:00+02:00", ("2026-03-29T00:30Z", "2026-03-29T01:00Z")),
        ("2026-03-29 01:30-02:30:15", "", NOW, ("2026-03-29T00:30Z", "2026-03-29T01:00Z")),
        ("2026-03-29", "", NOW, ("2026-03-28T23:00Z", "2026-03-29T22:00Z")),
    ],
)
def test_on_days_when_clocks_change(since: str, until: str, now: str, utc: tuple[str, str]) -> None:
    found = read_range(since, until, now=datetime.fromisoformat(now), zone=BRUSSELS)
    assert tuple(found.query().values()) == utc


def test_a_midnight_that_is_left_out_begins_its_day_all_the_same() -> None:
    found = read_range("2026-04-24", "", now=datetime.fromisoformat(NOW), zone=ZoneInfo("Africa/Cairo"))
    assert found.query() == {"since": "2026-04-23T22:00Z", "until": "2026-04-24T21:00Z"}


@pytest.mark.parametrize(
    "text",
    [
        *("25:00", "14:60", "24:00", "13 pm", "0:10 am", "14", "1405", "noon", "last week", "-", "- -", "utc", "\0"),
        *("2026-13-01", "2026-02-30 14:05", "31 feb", "27/11 14:05", "14:05-25:00", "14:05-x", "١٤:٠٥", "0001-01-01"),
        *("9999-12-31", "2026-11-28T14:05:00 01:00", "yesterdayish-", "x" * 5000, "14:05" + " " * 5000 + "x"),
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Brussels", "Asia/Tokyo", "America/New_York"])
def test_what_is_no_time_is_said(text: str, zone: str) -> None:
    try:
        found = read_range(text, "", now=datetime.fromisoformat(NOW), zone=ZoneInfo(zone))
    except TimeError as error:
        assert "Write it like 14:05, 14:05-14:10" in str(error)
    else:  # the first and the last year of the calendar can be said in some zones
        assert text in ("0001-01-01", "9999-12-31") and found


@pytest.mark.parametrize(("now", "day"), [("14:03", "2026-11-28"), ("14:00", "2026-11-28"), ("13:59", "2026-11-27")])
def test_a_time_that_is_nearly_there_is_todays(now: str, day: str) -> None:
    moment = datetime.fromisoformat(f"2026-11-28T{now}+01:00")
    found = read_range("14:05", "", now=moment, zone=ZoneInfo("Europe/Brussels"))
    assert found.since == datetime.fromisoformat(f"{day}T14:00+01:00")


@pytest.mark.parametrize(
    ("name", "text", "zone"),
    [
        ("until", "9999-12-31T23:59Z", "Asia/Tokyo"),
        ("since", "9999-12-31T23:59Z", "Asia/Tokyo"),
        ("since", "9999-12-31 23:59", "Asia/Tokyo"),  # with what is around it
        ("until", "9999-12-31 23:59", "America/New_York"),
        ("since", "0001-01-01T00:00Z", "America/New_York"),
        ("until", "0001-01-01T00:00Z", "America/New_York"),
    ],
)
@pytest.mark.parametrize("page", ["audit", "conversations", "exchanges", "failures"])
def test_a_time_that_the_zone_cannot_show_is_said(
    admin_client: Client, page: str, name: str, text: str, zone: str
) -> None:
    admin_client.cookies["time_zone"] = zone
    answer = admin_client.get(f"/ops/{page}/", {name: text}, follow=True)
    assert "This day does not exist. Write it like" in answer.content.decode()


@pytest.mark.parametrize("text", ["2026-03-29 02:30", "2026-03-29T02:30", "29 Mar 02:30"])
def test_a_time_that_never_was_is_said(text: str) -> None:
    with pytest.raises(TimeError, match="02:30 did not exist on 29 Mar 2026: the clocks went forward"):
        read(text)


@pytest.mark.parametrize(
    ("since", "until"), [("14:05", "yesterday 14:00"), ("2026-11-28T13:05:00Z", "2026-11-28T13:04:59Z")]
)
def test_a_range_ends_after_it_begins(since: str, until: str) -> None:
    with pytest.raises(TimeError, match="The end must be after the beginning"):
        read(since, until)


def test_the_field_that_is_wrong_is_named() -> None:
    with pytest.raises(TimeError, match="“x” is not a time"):
        read("14:05", "x")


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(MOMENTS, st.sampled_from(ZONES), st.integers(1, 10**7), st.booleans())
def test_what_an_address_and_a_form_say_is_understood_again(
    since: datetime, zone: str, seconds: int, is_whole: bool
) -> None:
    since = since.replace(second=0, microsecond=0) if is_whole else since
    asked = TimeRange(since=since, until=since + timedelta(seconds=seconds))
    place, now = ZoneInfo(zone), datetime(2026, 11, 28, tzinfo=UTC)
    ends = (asked.since, asked.until)
    for texts in (asked.query().values(), [as_typed(end, place) for end in ends if end]):
        assert read_range(*texts, now=now, zone=place) == asked


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(ZONES))
def test_whatever_is_typed_is_a_range_or_said_to_be_none(since: str, until: str, zone: str) -> None:
    try:
        found = read_range(since, until, now=datetime(2026, 11, 28, tzinfo=UTC), zone=ZoneInfo(zone))
    except TimeError:
        return
    assert found == ALWAYS or found.since is None or found.until is None or found.since < found.until


def test_a_stamp_is_short() -> None:
    moment = datetime.fromisoformat("2026-11-28T14:05:00+01:00")
    assert [stamp(moment), stamp(moment.replace(second=7)), stamp(moment.replace(microsecond=5))] == [
        "2026-11-28T13:05Z",
        "2026-11-28T13:05:07Z",
        "2026-11-28T13:05:00.000005Z",
    ]
