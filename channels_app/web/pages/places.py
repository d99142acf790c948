"""Where the buttons of codes and explanations lead, for the rows that a page is about."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from channels_app.codes import CODES, Place, Problem

_PLACES: dict[Place, tuple[str, str]] = {
    Place.CONVERSATION: ("ops:conversation", "conversation"),
    Place.EXCHANGE: ("ops:exchange", "exchange"),
    Place.WORKERS: ("ops:workers", ""),
    Place.BOT: ("admin:channels_app_bot_change", "bot"),
    Place.TEST_CONNECTION: ("admin:channels_app_bot_change", "bot"),
    Place.ACCOUNTS: ("ops:workers", ""),
    Place.REFUSALS: ("ops:refused", ""),
    Place.REPLAY: ("ops:conversation_replay", "conversation"),
}
_CHANNEL = ("admin:channels_app_channel_change", "channel")
"""All other places are on the channel's page."""


def place_url(place: Place, ids: Mapping[str, int]) -> str:
    """The address of a place; "" when it is about a row that isn't known here."""
    name, row = _PLACES.get(place, _CHANNEL)
    if row and row not in ids:
        return ""
    with suppress(NoReverseMatch):
        return reverse(name, args=[ids[row]] if row else [])
    return ""


def buttons_of(problem: Problem, ids: Mapping[str, int]) -> list[dict[str, str]]:
    """The buttons of a code that lead somewhere from here; those of a replay are left to the page."""
    found = ((button.label, place_url(button.place, ids), button.place) for button in problem.buttons)
    return [{"label": label, "url": url} for label, url, place in found if url and place is not Place.REPLAY]


def code_url(code: str) -> str:
    """The page of a code; "" for one that this release doesn't know."""
    return reverse("ops:code", args=[code]) if code in CODES else ""


def group_url(group_id: int) -> str:
    """The page of a group of failures."""
    with suppress(NoReverseMatch):
        return reverse("ops:failure", args=[group_id])
    return ""


def page_address(base: str, query: Mapping[str, Any]) -> str:
    """An address with the parts of the query that hold something."""
    kept = {name: value for name, value in query.items() if value}
    return f"{base}?{urlencode(kept)}" if kept else base
