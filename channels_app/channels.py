"""A channel ready for work: its row's facts with the adapters of its inbox and its bot."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError

from channels_app import bots, inboxes
from channels_app.bots import BotConnector
from channels_app.credentials import TokenRow
from channels_app.errors import ConfigError
from channels_app.inboxes import Inbox
from channels_app.models import Bot, Channel
from channels_app.tokens import TokenSource


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChannel:
    """What turns and doors need of a channel, secrets decrypted inside its adapters."""

    id: int
    uuid: UUID
    name: str
    is_active: bool
    covers_all_inbox_channels: bool
    greet: bool
    bot_tries: int
    fallback_text: str
    answer_within: timedelta
    on_bot_failure: str
    reply_limit: timedelta
    inbox: Inbox
    bot: BotConnector | None


def make_inbox(channel: Channel) -> Inbox:
    """The channel's inbox, with the token that all workers share."""

    def token_source(inbox: Inbox) -> TokenSource:
        return TokenSource(TokenRow(inbox.account_key), inbox.fetch_token, key=inbox.account_key)

    secret = channel.shared_secret
    return inboxes.inbox_class(channel.inbox)(
        channel.clear_settings(), shared_secrets=[secret] if secret else [], token_source=token_source
    )


def make_bot(bot: Bot) -> BotConnector:
    return bots.bot_class(bot.kind)(bot.clear_settings())


class _Kept:
    """Live channels of this process, each as long as neither its row nor its bot's row changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[int, tuple[tuple[int, int | None, int | None], LiveChannel]] = {}

    def get(self, channel_id: int, revision: int, bot_id: int | None, bot_revision: int | None) -> LiveChannel:
        stamp = (revision, bot_id, bot_revision)
        kept = self._channels.get(channel_id)
        if kept and kept[0] == stamp:
            return kept[1]
        live = _load(channel_id)
        with self._lock:
            self._channels[channel_id] = (stamp, live)
        return live

    def by_uuid(self, uuid: UUID) -> LiveChannel | None:
        with self._lock:
            return next((live for _, live in self._channels.values() if live.uuid == uuid), None)


_kept = _Kept()


def live_channel(channel_id: int, revision: int, bot_id: int | None, bot_revision: int | None) -> LiveChannel:
    """The channel at these revisions; read and decrypted once a process and revision."""
    return _kept.get(channel_id, revision, bot_id, bot_revision)


def find_channel(uuid: UUID) -> LiveChannel | None:
    """The channel with this address, or None."""
    row = Channel.objects.filter(uuid=uuid).values_list("id", "revision", "bot_id", "bot__revision").first()
    return live_channel(*row) if row else None


def remember_channels() -> None:
    """Read all channels once, so that a process that has just started knows them when PostgreSQL goes away."""
    with suppress(DatabaseError, ConfigError):
        for row in Channel.objects.values_list("id", "revision", "bot_id", "bot__revision"):
            live_channel(*row)


def remembered_channel(uuid: UUID) -> LiveChannel | None:
    """The channel as this process last saw it: for when PostgreSQL can't be asked."""
    return _kept.by_uuid(uuid)


def find_bot(uuid: UUID) -> tuple[int, BotConnector] | None:
    """The bot with this address, with its row's id, or None."""
    row = Bot.objects.filter(uuid=uuid).first()
    return (row.pk, make_bot(row)) if row else None


def _load(channel_id: int) -> LiveChannel:
    channel = Channel.objects.select_related("bot").get(pk=channel_id)
    return LiveChannel(
        id=channel.pk,
        uuid=channel.uuid,
        name=channel.name,
        is_active=channel.is_active,
        covers_all_inbox_channels=channel.covers_all_inbox_channels,
        greet=channel.greet,
        bot_tries=channel.bot_tries,
        fallback_text=channel.fallback_text,
        answer_within=timedelta(seconds=channel.answer_within_s),
        on_bot_failure=channel.on_bot_failure,
        reply_limit=timedelta(seconds=channel.reply_limit_s),
        inbox=make_inbox(channel),
        bot=make_bot(channel.bot) if channel.bot else None,
    )
