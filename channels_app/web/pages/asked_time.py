"""The time range that a list on a page is asked for: two fields, what they mean, and the address that keeps it."""

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.timezone import get_current_timezone

from channels_app.lib.clocks import database_now
from channels_app.lib.times import ALWAYS, TimeError, TimeRange, as_typed, read_range
from channels_app.web.pages.moments import range_words


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
