"""A channel ready for work: its row's facts with the adapters of its inbox and its bot."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from channels_app.adapters import bots, inboxes
from channels_app.adapters.bots import BotConnector
from channels_app.adapters.inboxes import Inbox
from channels_app.adapters.inboxes.tokens import TokenSource
from channels_app.channels.credentials import TokenRow
from channels_app.channels.milestones import know_noted
from channels_app.lib.attributes import filled
from channels_app.lib.clocks import database_now
from channels_app.models import Bot, Channel
from channels_app.protocol import Incoming
from channels_app.protocol.errors import ConfigError, SignatureError
from channels_app.protocol.sentences import Wording
from channels_app.protocol.wishes import Phrase, phrases_of, split

NEW_SECRET = "new_secret"  # noqa: S105 - no secret: what is counted while two are taken
OLD_SECRET_USED = "old_secret_used"  # noqa: S105 - the same
OLD_SECRET = "old_secret"  # noqa: S105 - why an event is refused
OLD_ADDRESS = "old_address"
OLD_PLACE = 1
"""Of the secret before the present one, among those of the inbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChannel:
    """What turns and doors need of a channel, secrets decrypted inside its adapters."""

    id: int
    revision: int
    uuid: UUID
    old_uuid: UUID | None
    old_uuid_until: datetime | None
    old_secret_until: datetime | None
    name: str
    is_active: bool
    is_paused: bool
    is_archived: bool
    covers_all_inbox_channels: bool
    greeting: str
    delegation_dialog: str
    delegation_text: str
    offer_lasts: timedelta
    intent_topics: Sequence[Mapping[str, str]]
    """Rows of `topics_of`."""
    burst_quiet: timedelta
    """Of a contact, until several messages become one turn; zero: they never do."""
    drops_overtaken_answers: bool
    routing_rules: Sequence[Mapping[str, str]]
    """Rows of `routing.route`."""
    agent_phrases: Sequence[Phrase]
    """For which agents get a conversation without the bot; empty: for none."""
    max_misses: int
    """Answers in a row that the bot did not understand, after which they get it; 0: never."""
    missed_intents: Sequence[str]
    """What the bot calls it, see `is_miss`."""
    on_contact_file: str
    bot_tries: int
    on_silence: str
    wording: Wording
    typing_after: timedelta | None
    """None: it is never shown."""
    answer_within: timedelta
    on_bot_failure: str
    failure_policies: Mapping[str, str]
    """By `FailureKind`, where something else follows than `on_bot_failure`."""
    hold_after: timedelta
    """Zero: a contact isn't told that the bot still thinks."""
    max_bounces: int
    when_paused: str
    inline_answers: str
    max_failures: int
    """Of the bot in a row, until it is left alone for `bot_pause`."""
    bot_pause: timedelta
    reply_limit: timedelta
    inbox: Inbox
    bot: BotConnector | None

    @property
    def addresses(self) -> list[UUID]:
        return [address for address in (self.uuid, self.old_uuid) if address]

    def is_at(self, uuid: UUID) -> bool:
        """Whether this is its address: the current one, or the previous one while that is accepted."""
        if uuid == self.uuid:
            return True
        return uuid == self.old_uuid and _lies_ahead(self.old_uuid_until)

    def verify(self, incoming: Incoming) -> str:
        """Check the signature. Returns which secret it was made with while two are taken, to be counted; else "".

        Raises SignatureError.
        """
        is_old = self.inbox.verify(incoming) == OLD_PLACE
        if _lies_ahead(self.old_secret_until):
            return OLD_SECRET_USED if is_old else NEW_SECRET
        if is_old:
            raise SignatureError("Signed with the shared secret before the present one.", reason=OLD_SECRET)
        return ""


def _lies_ahead(moment: datetime | None) -> bool:
    return moment is not None and moment > database_now()


def make_inbox(channel: Channel) -> Inbox:
    """The channel's inbox, with the token that all workers share."""

    def token_source(inbox: Inbox) -> TokenSource:
        return TokenSource(TokenRow(inbox.account_key), inbox.fetch_token, key=inbox.account_key)

    secret, old = channel.shared_secret, channel.old_secret
    secrets = [secret, *([old] if old else [])] if secret else []
    return inboxes.inbox_class(channel.inbox)(
        channel.clear_settings(), shared_secrets=secrets, token_source=token_source
    )


def make_bot(bot: Bot) -> BotConnector:
    return bots.bot_class(bot.kind)(bot.clear_settings())


class _Kept:
    """Live channels of this process, each as long as neither its row nor its bot's row changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[int, tuple[tuple[int, int | None, int | None], LiveChannel]] = {}
        self._addresses: dict[UUID, LiveChannel] = {}

    def get(self, channel_id: int, revision: int, bot_id: int | None, bot_revision: int | None) -> LiveChannel:
        stamp = (revision, bot_id, bot_revision)
        kept = self._channels.get(channel_id)
        if kept and kept[0] == stamp:
            return kept[1]
        live = _load(channel_id)
        with self._lock:
            self._channels[channel_id] = (stamp, live)
            self._addresses = {address: kept for _, kept in self._channels.values() for address in kept.addresses}
        return live

    def by_uuid(self, uuid: UUID) -> LiveChannel | None:
        live = self._addresses.get(uuid)
        return live if live and live.is_at(uuid) else None


_kept = _Kept()


def forget_channels() -> None:
    """What this process knows; for tests, and for keys that have changed."""
    global _kept
    _kept = _Kept()
    _bots.clear()


def live_channel(channel_id: int, revision: int, bot_id: int | None, bot_revision: int | None) -> LiveChannel:
    """The channel at these revisions; read and decrypted once a process and revision."""
    return _kept.get(channel_id, revision, bot_id, bot_revision)


def find_channel(uuid: UUID) -> LiveChannel | None:
    """The channel with this address, or None. It may be archived."""
    rows = Channel.objects.filter(Q(uuid=uuid) | Q(old_uuid=uuid)).order_by()
    row = rows.values_list("id", "revision", "bot_id", "bot__revision").first()
    channel = live_channel(*row) if row else None
    return channel if channel and channel.is_at(uuid) else None


def channels_of_tenant(channel: LiveChannel) -> list[int]:
    """The channels of the same organization at the inbox, this one among them; archived ones, too."""
    found = []
    rows = Channel.objects.filter(inbox=channel.inbox.kind).order_by("id")
    for row in rows.values_list("id", "revision", "bot_id", "bot__revision"):
        with suppress(ConfigError):  # one without keys, or whose keys can't be read
            if row[0] == channel.id or live_channel(*row).inbox.tenant_key == channel.inbox.tenant_key:
                found.append(row[0])
    return found


def keyless_channel(uuid: UUID) -> tuple[Inbox, Wording] | None:
    """What a process without the channel's keys can still say there: its inbox without secrets, and our own words.
    None: there is no such channel, or it is archived."""
    row = Channel.objects.filter(Q(uuid=uuid) | Q(old_uuid=uuid), archived_at=None).first()
    return (inboxes.inbox_class(row.inbox)({}), row.wording) if row else None


def remember_channels() -> None:
    """Read all channels once, so that a process that has just started knows them when PostgreSQL goes away.

    Raises Django's database errors.
    """
    for row in Channel.objects.values_list("id", "revision", "bot_id", "bot__revision"):
        with suppress(ConfigError):  # one that can't be read is no reason to forget the others
            live_channel(*row)


def remembered_channel(uuid: UUID) -> LiveChannel | None:
    """The channel as this process last saw it. It may have changed: statements that store something name its
    revision."""
    return _kept.by_uuid(uuid)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBot:
    """What the bots' door needs of a bot, its secrets decrypted inside the connector."""

    id: int
    revision: int
    connector: BotConnector


_bots: dict[UUID, LiveBot] = {}


def find_bot(uuid: UUID) -> LiveBot | None:
    """The bot with this address, or None."""
    row = Bot.objects.filter(uuid=uuid).first()
    if row is None:
        _bots.pop(uuid, None)
        return None
    _bots[uuid] = LiveBot(id=row.pk, revision=row.revision, connector=make_bot(row))
    return _bots[uuid]


def remembered_bot(uuid: UUID) -> LiveBot | None:
    """The bot as this process last saw it. It may have changed: `find_session_of_bot` tells."""
    return _bots.get(uuid)


def _load(channel_id: int) -> LiveChannel:
    channel = Channel.objects.select_related("bot").get(pk=channel_id)
    know_noted(channel)
    bot = channel.bot or Bot()
    shows_typing = inboxes.inbox_class(channel.inbox).shows_typing
    return filled(
        LiveChannel,
        channel,
        is_paused=channel.paused_at is not None,
        is_archived=channel.archived_at is not None,
        greeting=channel.greeting_for(channel.greet),  # a version before may have changed it since
        offer_lasts=timedelta(hours=channel.offer_hours),
        typing_after=timedelta(seconds=channel.typing_after_s) if shows_typing and channel.typing_after_s else None,
        agent_phrases=phrases_of(channel.agent_words) if channel.hands_over_on_words else (),
        missed_intents=split(channel.miss_intents),
        burst_quiet=timedelta(milliseconds=channel.burst_quiet_ms),
        hold_after=timedelta(seconds=channel.hold_after_s),
        max_failures=bot.max_failures,
        bot_pause=timedelta(seconds=bot.pause_s),
        answer_within=timedelta(seconds=channel.answer_within_s),
        reply_limit=timedelta(seconds=channel.reply_limit_s),
        inbox=make_inbox(channel),
        bot=make_bot(channel.bot) if channel.bot else None,
    )
