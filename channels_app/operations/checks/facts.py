"""What is known of channels, gathered for many at once in a handful of queries; `steps` and `repairs` judge it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from channels_app.channels.live import NEW_SECRET, make_inbox
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Credential, InboxChannel, IntakeCount
from channels_app.operations.checks.newest import newest_events
from channels_app.operations.checks.refusals import Refusals, refusals_at
from channels_app.protocol.errors import BridgeError
from offload.models import OffloadProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one channel. `keys_error`: why its API keys can't be read."""

    channel: Channel
    provider: OffloadProvider | None
    credential: Credential | None
    keys_error: BridgeError | None
    refused: Sequence[Refusals]
    """At its webhook URL, the newest first; also what was taken and is watched while something is rotated."""
    bot_refused: Sequence[Refusals]
    offload_refused: Sequence[Refusals]
    uses_new_secret: bool
    """Whether an event came with it while a rotation runs."""
    answers_somewhere: bool
    last_event_at: datetime | None


def facts_of(channel: Channel) -> Facts:
    """Of one channel; its bot had better be loaded."""
    return gather_facts([channel])[0]


def gather_facts(channels: Iterable[Channel]) -> list[Facts]:
    """Of these channels, in their order. The number of queries doesn't depend on theirs."""
    rows = list(channels)
    accounts = {row.pk: _account_of(row) for row in rows}
    credentials = {row.account_key: row for row in _credentials(accounts.values())}
    providers = {row.channel_id: row for row in OffloadProvider.objects.filter(channel__in=rows)}
    refused = refusals_at(_uuids_of(rows, providers))
    partial = [row.pk for row in rows if not row.covers_all_inbox_channels]
    enabled = InboxChannel.objects.filter(channel__in=partial, is_enabled=True).order_by()
    somewhere = set(enabled.values_list("channel", flat=True).distinct()) if partial else set()
    last_events = newest_events(row.pk for row in rows)
    renewed = _uuids_with_new_secret(rows)
    return [
        Facts(
            channel=row,
            provider=providers.get(row.pk),
            credential=credentials.get(account) if isinstance(account := accounts[row.pk], str) else None,
            keys_error=account if isinstance(account, BridgeError) else None,
            refused=_newest_first(refused.get(("inbox", uuid), ()) for uuid in (row.uuid, row.old_uuid) if uuid),
            bot_refused=refused.get(("bot", row.bot.uuid), ()) if row.bot else (),
            offload_refused=refused.get(("offload", found.uuid), ()) if (found := providers.get(row.pk)) else (),
            uses_new_secret=row.uuid in renewed,
            answers_somewhere=row.covers_all_inbox_channels or row.pk in somewhere,
            last_event_at=last_events.get(row.pk),
        )
        for row in rows
    ]


def _account_of(channel: Channel) -> str | BridgeError:
    try:
        return make_inbox(channel).account_key
    except BridgeError as error:
        return error


def _credentials(accounts: Iterable[str | BridgeError]) -> Iterable[Credential]:
    return Credential.objects.filter(account_key__in={key for key in accounts if isinstance(key, str)})


def _uuids_of(rows: Sequence[Channel], providers: Mapping[int, OffloadProvider]) -> set[UUID]:
    own = {uuid for row in rows for uuid in (row.uuid, row.old_uuid) if uuid}
    return own | {row.bot.uuid for row in rows if row.bot} | {provider.uuid for provider in providers.values()}


def _newest_first(groups: Iterable[Sequence[Refusals]]) -> list[Refusals]:
    return sorted((one for group in groups for one in group), key=lambda one: one.last_at, reverse=True)


def _uuids_with_new_secret(rows: Sequence[Channel]) -> set[UUID | None]:
    now = database_now()
    rotating = [row.uuid for row in rows if row.old_secret_until and row.old_secret_until > now]
    counts = IntakeCount.objects.filter(door="inbox", owner_uuid__in=rotating, reason=NEW_SECRET)
    return set(counts.values_list("owner_uuid", flat=True)) if rotating else set()
