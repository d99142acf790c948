"""Where the buttons of the catalogue lead on the pages of a channel."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from channels_app.codes import Button, Place
from channels_app.models import Channel
from channels_app.web.admin.care_acts import channel_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A button of a page. `is_post`: it calls somebody, so it is a form and no link."""

    label: str
    url: str
    is_post: bool = False


def _part(name: str) -> Callable[[Channel], str]:
    """A part of the channel's page."""
    return lambda channel: f"{channel_url(channel)}#{name}"


def _act(name: str) -> Callable[[Channel], str]:
    return lambda channel: channel_url(channel, name)


def _fixed(name: str) -> Callable[[Channel], str]:
    return lambda channel: reverse(name)


def _state(channel: Channel) -> str:
    if channel.archived_at:
        return channel_url(channel, "restore")
    return channel_url(channel) if channel.is_active else channel_url(channel, "resume")


def _secret(channel: Channel) -> str:
    return channel_url(channel, "keep-old-secret" if channel.old_secret_encrypted else "rotate-secret")


def _bot(channel: Channel) -> str:
    if channel.bot_id is None:
        return _part("id_bot")(channel)
    return reverse("admin:channels_app_bot_change", args=[channel.bot_id])


_URLS: Mapping[Place, Callable[[Channel], str]] = {
    Place.TEST_CONNECTION: _act("test"),
    Place.REPLACE_KEYS: _act("replace-keys"),
    Place.SWITCH_REGION: _act("switch-region"),
    Place.SHARED_SECRET: _act("rotate-secret"),
    Place.ROTATE_SECRET: _secret,
    Place.WEBHOOK_URL: _part("step-url"),
    Place.SEND_TEST: _act("send-test"),
    Place.CHANNEL_STATE: _state,
    Place.CHANNEL_BOT: _part("id_bot"),
    Place.BOT_FAILURE: _part("id_on_bot_failure"),
    Place.INBOX_CHANNELS: _part("inbox_channels-group"),
    Place.OFFLOAD_PROVIDER: _part("offload_provider-group"),
    Place.BOT: _bot,
    Place.REFUSALS: _part("refused"),
    Place.ACCOUNTS: _fixed("ops:workers"),
    Place.WORKERS: _fixed("ops:workers"),
}


def links_of(buttons: tuple[Button, ...], channel: Channel) -> Iterator[Link]:
    """The buttons that lead somewhere from this channel."""
    for button in buttons:
        find = _URLS.get(button.place)
        with suppress(NoReverseMatch):
            if find:
                is_post = button.place is Place.TEST_CONNECTION
                yield Link(label=button.label, url=find(channel), is_post=is_post)
