"""Watches handovers: how long until an agent opens the conversation, where the inbox can be asked.

One look at the locks for a whole account, and only while somebody waits there: at most four calls a minute.
"""

import logging
from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timedelta

from channels_app.channels.live import LiveChannel, live_channel
from channels_app.deliveries.throttle import LIMIT, take_ticket
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Job
from channels_app.operations.handover_health import WATCHING
from channels_app.protocol.errors import BridgeError
from offload.models import Offload
from offload.waiting import waiting_handovers

PAUSE_S = 600
"""After a look that failed: an account without this permission isn't asked four times a minute."""

logger = logging.getLogger(__name__)


def watch_handovers() -> tuple[int, int]:
    """How many contacts waited, and how many of their conversations an agent has opened by now."""
    now, waiting = database_now(), waiting_handovers()
    pauses = {key: until for key, until in Job.read_positions(WATCHING).items() if until > now.timestamp()}
    taken = 0
    for channel, offloads in _by_account(waiting).values():
        account = channel.inbox.account_key
        if account in pauses or take_ticket(account, reserve=LIMIT // 2) > 0:
            continue
        try:
            taken += _look(channel, offloads, now)
        except BridgeError as error:
            logger.warning("no look at the locks of %s: %s", channel.name, error.detail)
            Job.keep_positions(WATCHING, {account: now.timestamp() + PAUSE_S})
    return len(waiting), taken


def _by_account(waiting: list[Offload]) -> dict[str, tuple[LiveChannel, list[Offload]]]:
    """With one of the account's channels to ask by; without those of which nothing can be learned."""
    ids = {offload.conversation.channel_id for offload in waiting}
    rows = Channel.objects.filter(pk__in=ids).values_list("id", "revision", "bot_id", "bot__revision")
    channels = {}
    for row in rows:
        with suppress(BridgeError):  # one whose keys can't be read
            channels[row[0]] = live_channel(*row)
    found: dict[str, tuple[LiveChannel, list[Offload]]] = {}
    by_channel = defaultdict(list)
    for offload in waiting:
        by_channel[offload.conversation.channel_id].append(offload)
    for channel_id, offloads in by_channel.items():
        channel = channels.get(channel_id)
        if channel is not None and channel.inbox.tells_locks:
            found.setdefault(channel.inbox.account_key, (channel, []))[1].extend(offloads)
    return found


def _look(channel: LiveChannel, offloads: list[Offload], now: datetime) -> int:
    locks = {lock.conversation_id: lock for lock in channel.inbox.locks()}
    taken = 0
    for offload in offloads:
        lock = locks.get(offload.conversation.external_id)
        if lock is not None:
            began = offload.finished_at or now
            at = min(max(lock.at or now, began), now + timedelta(seconds=1))
            taken += Offload.objects.filter(pk=offload.pk, taken_at=None).update(
                taken_at=at, taken_by=lock.agent[:200]
            )
    return taken
