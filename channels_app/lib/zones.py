"""Time zones: those that this machine knows by their names ("Europe/Brussels"), and how a time says its own.

The zone of who reads is Django's current one: the person's on pages, UTC for the API and for commands.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils.formats import date_format
from django.utils.timezone import get_current_timezone, localdate, localtime

from channels_app.lib.clocks import database_now

_NO_PLACES = ("Etc", "SystemV", "posix", "right")


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())  # reads the disk


def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of this name, if this machine knows it."""
    return ZoneInfo(name) if name in _known_zones() else None


def zone_choices(stored: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """Zones by region, as people look for them: Europe, then Brussels.

    `stored`: the current choice, which is always offered: "CET", from a configuration file.
    """
    *regions, (other, names) = _zones_by_region()
    is_listed = any(stored == name for _, places in (*regions, (other, names)) for name, _ in places)
    return [*regions, (other, names if is_listed or not stored else [*names, (stored, stored)])]


@lru_cache(maxsize=1)
def _zones_by_region() -> list[tuple[str, list[tuple[str, str]]]]:
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(_known_zones()):
        region, _, place = name.partition("/")
        if place and region not in _NO_PLACES:
            regions.setdefault(region, []).append((name, place.replace("_", " ")))
    return [*regions.items(), ("Other", [("UTC", "UTC")])]


def zone_mark(moment: datetime) -> str:
    """What a time in the zone of who reads it is called: "CET"; "UTC+05:45" where a zone has no short name."""
    local = localtime(moment)
    name = local.tzname() or ""
    return name if name[:1].isalpha() else f"UTC{local.isoformat()[-6:]}"


def clock_words(moment: datetime) -> str:
    """A time for a sentence, in the zone of who reads it: "14:05 CET", and its day if that is not today."""
    local = localtime(moment)
    day = "" if local.date() == localdate(database_now()) else date_format(local, "j M Y, ")
    return f"{day}{local:%H:%M} {zone_mark(moment)}"


def zone_words() -> str:
    """Above times that stand without their zone: "Times are in Europe/Brussels."."""
    return f"Times are in {get_current_timezone()}."
