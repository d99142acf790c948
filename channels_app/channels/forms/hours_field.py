"""Opening hours as an admin enters them: a row for each day of the week, days off, a time zone by its name."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import zip_longest
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from channels_app.lib.clocks import database_now
from channels_app.lib.zones import zone_choices
from offload.opening_hours import DAYS, problem
from offload.public_holidays import countries, next_holidays, regions_of

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPANS_OFFERED = 2
"""Of a day: before and after a break. A day that has more, from a configuration file, shows them all and one more."""
DAYS_OFF_OFFERED = 3
"""Empty fields for days off; each save gives as many again."""
HOLIDAYS_SHOWN = 8
"""The next ones; each can be ticked as a day with agents."""
MIDNIGHT = "24:00"
PLACE = "place"
"""In the params of an error: where it is inside what a program gave, like "mon[0]"."""
EMPTY = "-"
"""A span whose two fields are empty."""

Hours = dict[str, Any]


class Typed(dict[str, Any]):
    """What was entered, as `opening_hours` stores it but for `always`; of a span, one time or both may be missing."""


class HoursWidget(forms.Widget):
    """Native inputs for times and dates, so that browsers and screen readers know what to do with them."""

    use_fieldset = True

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        context = {"name": name, "id": (attrs or {}).get("id", f"id_{name}"), **_shown(value)}
        return render_to_string("admin/chatbridge/opening_hours.html", context)

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields, each with a label of its own

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-when" not in data and name not in data

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Hours | None:
        """The input, valid or not; or hours in their stored form, from a program."""
        if name in data:
            return data[name] or None

        def entered(part: str) -> Iterator[str]:
            number = 0
            while f"{name}-{part}-{number}" in data:
                yield str(data[f"{name}-{part}-{number}"]).strip()
                number += 1

        week = {
            day: [
                f"{begin}-{_end_of(end)}"
                for begin, end in zip_longest(entered(f"{day}-from"), entered(f"{day}-until"), fillvalue="")
            ]
            for day in DAYS
        }
        country, region = str(data.get(f"{name}-country", "")), str(data.get(f"{name}-region", ""))
        ticked = (data.get(f"{name}-works-{number}") for number in range(HOLIDAYS_SHOWN))
        return Typed(
            always=data.get(f"{name}-when") != "times",
            timezone=str(data.get(f"{name}-timezone", "")),
            closed=[day for day in entered("closed") if day],
            holidays=f"{country}-{region}" if region in regions_of(country) else country,
            open=sorted({*filter(None, ticked), *entered("open")}) if country else [],
            **week,
        )


class HoursField(forms.Field):
    """The stored form of opening hours; None: always open. What was entered wrongly stays on the page."""

    widget = HoursWidget

    def to_python(self, value: Any) -> Hours | None:
        if not isinstance(value, Typed):
            return value or None
        if value["always"]:
            return None
        week = {day: [span for span in value[day] if span != EMPTY] for day in DAYS}
        for day, name in zip(DAYS, DAY_NAMES, strict=True):
            if any(span.startswith("-") or span.endswith("-") for span in week[day]):
                raise forms.ValidationError(f"{name}: give both times of each span, or none.", code="hours")
        hours = {"timezone": value["timezone"], **week, **{key: value[key] for key in ("closed", "holidays", "open")}}
        return {key: given for key, given in hours.items() if given}

    def clean(self, value: Any) -> Hours | None:
        hours = self.to_python(value)
        wrong = problem(hours) or ""
        if hours == {}:
            wrong = "No day has opening hours. Enter at least one, or choose “always”."
        if wrong and isinstance(value, Typed):
            raise forms.ValidationError(_in_words(wrong), code="hours")
        place, colon, sentence = wrong.partition(": ")
        if wrong:
            raise forms.ValidationError(sentence or wrong, code="hours", params={PLACE: place} if colon else None)
        return {key: given for key, given in hours.items() if given} if hours else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (self.to_python(data) or None) != (initial or None)
        except forms.ValidationError:
            return True


def _end_of(end: str) -> str:
    """A time input has no 24:00; a span that ends at 00:00 ends with its day."""
    return MIDNIGHT if end == "00:00" else end


def _in_words(wrong: str) -> str:
    """As the page has it: with the day's name in place of its key, and midnight as its inputs take it."""
    if wrong.startswith("timezone: "):
        return "Choose a time zone."
    wrong = wrong.replace("Write 00:00-24:00 for a whole day.", "For a whole day, enter 00:00 – 00:00.")
    key, separator, rest = wrong.partition("[")
    if not separator or key not in (*DAYS, "closed", "open"):
        return wrong
    name = dict(zip(DAYS, DAY_NAMES, strict=True)).get(key, "Days off")
    return f"{name}: {rest.partition(': ')[2]}"


def _shown(value: Any) -> dict[str, Any]:
    """For the template: of what is stored, or of what was entered."""
    hours: Mapping[str, Any] = value if isinstance(value, dict) else {}
    closed, works = list(hours.get("closed") or ()), list(hours.get("open") or ())
    zone, place = str(hours.get("timezone") or ""), str(hours.get("holidays") or "")
    country, _, region = place.partition("-")
    holidays = next_holidays(place, database_now().date(), HOLIDAYS_SHOWN)
    shown = {day.isoformat() for day, _ in holidays}
    return {
        "is_always": hours.get("always", not hours),
        "zone": zone,
        "zones": zone_choices(zone),
        "days": [
            {"key": day, "name": name, "spans": list(_spans(hours.get(day) or ()))}
            for day, name in zip(DAYS, DAY_NAMES, strict=True)
        ],
        "closed": [*sorted(closed, key=_place), *[""] * DAYS_OFF_OFFERED],
        "countries": countries().items(),
        "country": country,
        "regions": regions_of(country).items(),
        "region": region,
        "holidays": [
            {"day": day.isoformat(), "words": date_format(day, "D j M Y"), "name": name, "works": str(day) in works}
            for day, name in holidays
        ],
        "open": [day for day in works if day not in shown],
    }


def _spans(texts: Any) -> Iterator[tuple[str, str]]:
    found = [text.partition("-")[::2] for text in texts]
    while found and not any(found[-1]):
        found.pop()
    offered = len(found) + 1 if len(found) > SPANS_OFFERED else SPANS_OFFERED
    for begin, end in (*found, *[("", "")] * (offered - len(found))):
        yield begin.strip(), "00:00" if end.strip() == MIDNIGHT else end.strip()


def _place(day: str) -> tuple[bool, str]:
    try:
        return False, date.fromisoformat(day).isoformat()
    except ValueError:
        return True, day
