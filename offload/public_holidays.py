"""Public holidays of a country, or of a region of it: "BE", "DE-BY", "CH-Stadt Zurich". From python-holidays."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

KEPT_YEARS = 200
"""Of places and years, in a process."""


@lru_cache(maxsize=KEPT_YEARS)
def holidays_in(place: str, year: int) -> Mapping[date, str]:
    """What each is called, in English where the package has it; days on which they are kept instead are holidays too.
    Empty for a place that it doesn't know."""
    import holidays  # half a second, which only those who name a place need to wait for

    country, _, region = place.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=region or None, years=year, language="en_US")
    except NotImplementedError:
        return {}
    return dict(sorted(found.items()))


def next_holidays(place: str, today: date, count: int) -> list[tuple[date, str]]:
    """From this day on, in this year and the next."""
    years = (today.year, today.year + 1) if place else ()
    found = [pair for year in years for pair in holidays_in(place, year).items()]
    return [(day, name) for day, name in found if day >= today][:count]


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """Their names by their codes, in the order of the names."""
    from holidays.registry import COUNTRIES

    return dict(sorted(((codes[1], _title(name)) for name, codes in COUNTRIES.items()), key=lambda pair: pair[1]))


def _title(name: str) -> str:
    words = (word if word in ("and", "of", "the") else word.title() for word in name.split("_"))
    return " ".join(words)


@lru_cache(maxsize=KEPT_YEARS)
def regions_of(country: str) -> Mapping[str, str]:
    """Those whose holidays differ, by their codes, with the longest name that each has; empty: there are none."""
    if country not in countries():
        return {}
    import holidays

    found = holidays.country_holidays(country)
    names = {code: code for code in found.subdivisions}
    for alias, code in getattr(found, "subdivisions_aliases", {}).items():
        if names[code] == code or len(alias) > len(names[code]):
            names[code] = alias
    return dict(sorted(names.items(), key=lambda pair: pair[1]))


def is_known(place: str) -> bool:
    country, dash, region = place.partition("-")
    return country in countries() and (not dash or region in regions_of(country))
