"""Where buttons, codes and rows lead: our pages' addresses, for any code that shows a link."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from channels_app.codes import CODES, Button, Place, Problem
from channels_app.models import Channel


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


def channel_url(channel: Channel, name: str = "change") -> str:
    """A channel's page, or one of those below it."""
    return reverse(f"admin:channels_app_channel_{name.replace('-', '_')}", args=[channel.pk])


# --- from the pages about conversations: whose ids are known ---------------------------------------------------------

_PLACES: Mapping[Place, tuple[str, str]] = {
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


# --- from a channel's own pages --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A button on a page. `is_post`: it makes calls, so it is a form rather than a link."""

    label: str
    url: str
    is_post: bool = False


def _bot(channel: Channel) -> str:
    if channel.bot_id is None:
        return f"{channel_url(channel)}#id_bot"
    return reverse("admin:channels_app_bot_change", args=[channel.bot_id])


def _state(channel: Channel) -> str:
    if channel.archived_at:
        return channel_url(channel, "restore")
    return channel_url(channel) if channel.is_active else channel_url(channel, "resume")


def _secret(channel: Channel) -> str:
    return channel_url(channel, "keep-old-secret" if channel.old_secret_encrypted else "rotate-secret")


_OF_CHANNEL: Mapping[Place, str | Callable[[Channel], str]] = {
    Place.TEST_CONNECTION: "test",
    Place.REPLACE_KEYS: "replace-keys",
    Place.SWITCH_REGION: "switch-region",
    Place.SHARED_SECRET: "rotate-secret",
    Place.ROTATE_SECRET: _secret,
    Place.WEBHOOK_URL: "#step-url",
    Place.SEND_TEST: "send-test",
    Place.CHANNEL_STATE: _state,
    Place.CHANNEL_BOT: "#id_bot",
    Place.BOT_FAILURE: "#id_on_bot_failure",
    Place.INBOX_CHANNELS: "#inbox_channels-group",
    Place.OFFLOAD_PROVIDER: "#offload_provider-group",
    Place.BOT: _bot,
    Place.REFUSALS: "#refused",
    Place.ACCOUNTS: lambda channel: reverse("ops:workers"),
    Place.WORKERS: lambda channel: reverse("ops:workers"),
}
"""A part of the channel's page (#), a page below it, or what has to be decided."""


def links_of(buttons: tuple[Button, ...], channel: Channel) -> Iterator[Link]:
    """The buttons that lead somewhere from this channel."""
    for button in buttons:
        match _OF_CHANNEL.get(button.place):
            case None:
                continue
            case str(part) if part.startswith("#"):
                url = f"{channel_url(channel)}{part}"
            case str(name):
                url = channel_url(channel, name)
            case find:
                url = find(channel)
        yield Link(label=button.label, url=url, is_post=button.place is Place.TEST_CONNECTION)


def number(text: str) -> int | None:
    """A row's number out of an address; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
