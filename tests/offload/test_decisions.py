"""What a request for an agent leads to: one row a case, by a clock that stands still."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from channels_app.adapters.inboxes.answers import QueueFigures
from offload.models import OffloadProvider
from offload.services import decide
from offload.wording import next_opening_of, say_for

BRUSSELS, NEW_YORK = ZoneInfo("Europe/Brussels"), ZoneInfo("America/New_York")
WEEK = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
OFFICE: dict[str, Any] = {"timezone": "Europe/Brussels", **WEEK}
BELGIUM = {**OFFICE, "holidays": "BE"}
BAVARIA = {**OFFICE, "timezone": "Europe/Berlin", "holidays": "DE-BY"}
GERMANY = {**BAVARIA, "holidays": "DE"}
NIGHTS = {"timezone": "Europe/Brussels", "sat": ["22:00-04:00"], "thu": ["22:00-24:00"], "holidays": "BE"}
AMERICA = {**OFFICE, "timezone": "America/New_York", "holidays": "US"}
THURSDAYS = {"timezone": "Europe/Brussels", "holidays": "BE", "thu": ["09:00-10:00"]}
ALWAYS = {"timezone": "Europe/Brussels", **{day: ["00:00-24:00"] for day in (*WEEK, "sat", "sun")}}
RULES = [{"condition": "no_agent", "then": "keep"}, {"condition": "waiting", "number": 5, "then": "say_wait"}]
UNKNOWN_KEPT = [{"condition": "unknown", "then": "keep"}]
FREE, GONE, FULL = (QueueFigures(agents=a, waiting=w, longest_wait_s=0) for a, w in ((2, 0), (0, 9), (2, 5)))


def at(text: str, zone: ZoneInfo = BRUSSELS, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


CASES: dict[str, tuple[dict[str, Any] | None, datetime, QueueFigures | None, str]] = {
    # hours
    "no provider": (None, at("2026-11-27 12:00"), None, "opened"),
    "always": ({}, at("2026-11-29 03:00"), None, "opened"),
    "within hours": ({"hours": OFFICE}, at("2026-11-27 12:00"), None, "opened"),
    "the first second": ({"hours": OFFICE}, at("2026-11-27 09:00"), None, "opened"),
    "a second before": ({"hours": OFFICE}, at("2026-11-27 08:59:59"), None, "closed"),
    "the last second": ({"hours": OFFICE}, at("2026-11-27 16:59:59"), None, "opened"),
    "closing time": ({"hours": OFFICE}, at("2026-11-27 17:00"), None, "closed"),
    "the weekend": ({"hours": OFFICE}, at("2026-11-28 12:00"), None, "closed"),
    "a day off": ({"hours": {**OFFICE, "closed": ["2026-11-27"]}}, at("2026-11-27 12:00"), None, "closed"),
    "by the hours' clock": ({"hours": OFFICE}, at("2026-11-27 03:30", NEW_YORK), None, "opened"),
    # midnight
    "midnight ends a day": ({"hours": NIGHTS}, at("2026-11-27 00:00"), None, "closed"),
    "before midnight": ({"hours": NIGHTS}, at("2026-11-26 23:59:59"), None, "opened"),
    "into the next day": ({"hours": NIGHTS}, at("2026-11-29 03:59"), None, "opened"),
    "open around the clock at midnight": ({"hours": ALWAYS}, at("2026-11-30 00:00"), None, "opened"),
    # clocks that change: 29 March 2026 at 2:00, 25 October at 3:00; in New York on 8 March and 1 November
    "the night that is short": ({"hours": NIGHTS}, at("2026-03-29 03:59"), None, "opened"),
    "and its end": ({"hours": NIGHTS}, at("2026-03-29 04:00"), None, "closed"),
    "the night that is long": ({"hours": NIGHTS}, at("2026-10-25 02:30", fold=1), None, "opened"),
    "and its end, an hour later": ({"hours": NIGHTS}, at("2026-10-25 04:00"), None, "closed"),
    "the Monday after it": ({"hours": OFFICE}, datetime(2026, 10, 26, 7, 59, 59, tzinfo=UTC), None, "closed"),
    "the Monday after it, at nine": ({"hours": OFFICE}, datetime(2026, 10, 26, 8, tzinfo=UTC), None, "opened"),
    "the Friday before it, at nine": ({"hours": OFFICE}, datetime(2026, 10, 23, 7, tzinfo=UTC), None, "opened"),
    # public holidays
    "Christmas": ({"hours": BELGIUM}, at("2026-12-25 12:00"), None, "closed"),
    "Easter Monday, which moves": ({"hours": BELGIUM}, at("2026-04-06 12:00"), None, "closed"),
    "and a year later": ({"hours": BELGIUM}, at("2027-03-29 12:00"), None, "closed"),
    "the day after it": ({"hours": BELGIUM}, at("2026-04-07 12:00"), None, "opened"),
    "no holidays chosen": ({"hours": OFFICE}, at("2026-12-25 12:00"), None, "opened"),
    "a holiday with agents": ({"hours": {**BELGIUM, "open": ["2026-11-11"]}}, at("2026-11-11 12:00"), None, "opened"),
    "and its night": ({"hours": {**BELGIUM, "open": ["2026-11-11"]}}, at("2026-11-11 20:00"), None, "closed"),
    "closed beats open": (
        {"hours": {**BELGIUM, "open": ["2026-11-11"], "closed": ["2026-11-11"]}},
        at("2026-11-11 12:00"),
        None,
        "closed",
    ),
    "Epiphany in Bavaria": ({"hours": BAVARIA}, at("2026-01-06 12:00"), None, "closed"),
    "but not in all of Germany": ({"hours": GERMANY}, at("2026-01-06 12:00"), None, "opened"),
    "a holiday begins at the hours' midnight": ({"hours": NIGHTS}, at("2026-12-24 23:59"), None, "opened"),
    "a night reaches into a holiday": ({"hours": NIGHTS}, at("2026-11-01 03:00"), None, "opened"),
    "a holiday's own night": ({"hours": NIGHTS}, at("2026-08-15 23:00"), None, "closed"),
    "kept on another day": ({"hours": AMERICA}, at("2026-07-03 12:00", NEW_YORK), None, "closed"),
    "a holiday by the hours' calendar": ({"hours": AMERICA}, at("2026-11-27 03:00"), None, "closed"),
    # the switch
    "switched off": ({"is_enabled": False}, at("2026-11-27 12:00"), FREE, "disabled"),
    "off while closed": ({"is_enabled": False, "hours": OFFICE}, at("2026-11-28 12:00"), None, "disabled"),
    # the queue
    "agents there": ({"rules": RULES}, at("2026-11-27 12:00"), FREE, "opened"),
    "nobody there": ({"rules": RULES}, at("2026-11-27 12:00"), GONE, "nobody"),
    "a long queue": ({"rules": RULES}, at("2026-11-27 12:00"), FULL, "queue"),
    "nothing known": ({"rules": RULES}, at("2026-11-27 12:00"), QueueFigures(), "opened"),
    "nothing known, and a row for it": ({"rules": UNKNOWN_KEPT}, at("2026-11-27 12:00"), QueueFigures(), "nobody"),
    "an inbox without figures": ({"rules": UNKNOWN_KEPT}, at("2026-11-27 12:00"), None, "opened"),
    "nobody there, and closed": ({"rules": RULES, "hours": OFFICE}, at("2026-11-28 12:00"), GONE, "closed"),
    "no rows": ({}, at("2026-11-27 12:00"), GONE, "opened"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_request_leads_to(case: str) -> None:
    given, moment, figures, occasion = CASES[case]
    provider = None
    if given is not None:
        is_enabled = given.get("is_enabled", True)
        rules = given.get("rules", [])
        provider = OffloadProvider(opening_hours=given.get("hours"), is_enabled=is_enabled, queue_rules=rules)
    decision = decide(provider, moment, lambda teams: figures)
    assert (decision.occasion, decision.is_granted) == (occasion, occasion in ("opened", "queue"))


@pytest.mark.parametrize(
    ("hours", "moment", "opening"),
    [
        (BELGIUM, at("2026-12-24 18:00"), at("2026-12-28 09:00")),
        (BELGIUM, at("2026-12-31 18:00"), at("2027-01-04 09:00")),
        ({**BELGIUM, "closed": ["2026-12-28", "2026-12-29"]}, at("2026-12-24 18:00"), at("2026-12-30 09:00")),
        ({**BELGIUM, "open": ["2026-12-25"]}, at("2026-12-24 18:00"), at("2026-12-25 09:00")),
        (BELGIUM, at("2026-10-24 18:00"), at("2026-10-26 09:00")),
        (BELGIUM, at("2026-03-28 18:00"), at("2026-03-30 09:00")),
        (THURSDAYS, at("2026-05-13 12:00"), at("2026-05-21 09:00")),
    ],
)
def test_when_agents_are_there_again(hours: dict[str, Any], moment: datetime, opening: datetime) -> None:
    assert next_opening_of(OffloadProvider(opening_hours=hours), moment) == opening


@pytest.mark.parametrize(
    ("moment", "language", "said"),
    [
        (at("2026-12-25 10:00"), "en", "We're closed. Back on Monday 28 December at 09:00."),
        (at("2026-12-27 23:59:59"), "de", "Wir sind morgen um 09:00 Uhr wieder da."),
        (at("2026-12-28 00:00"), "de", "Wir sind heute um 09:00 Uhr wieder da."),
        (at("2026-12-27 19:00", NEW_YORK), "de", "Wir sind heute um 09:00 Uhr wieder da."),
        (at("2026-10-24 23:00"), "en", "We're closed. Back on Monday 26 October at 09:00."),
    ],
)
def test_a_contact_reads_when_agents_are_there_again(moment: datetime, language: str, said: str) -> None:
    texts = {"en": "We're closed. Back {next_opening}.", "de": "Wir sind {next_opening} wieder da."}
    provider = OffloadProvider(opening_hours=BELGIUM, closed_texts=texts)
    decision = decide(provider, moment, lambda teams: None)
    assert say_for(decision, moment, language=language, fallback="", name="") == said
