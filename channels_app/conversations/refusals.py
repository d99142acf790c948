"""Requests that a door turned away or that are to be watched: counted, and nothing else of them is kept."""

from uuid import UUID

from django.db import connection
from django.db.models import F

from channels_app.lib.clocks import database_now
from channels_app.models import IntakeCount

NOT_REFUSED = frozenset({"new_secret", "old_secret_used", "old_address", "unknown_type", "in_future"})
"""What the inbox's door counts although it took the request."""
_REFUSED = """
INSERT INTO channels_app_figure (period, start, channel_id, name, label, value)
SELECT 'minute', date_trunc('minute', clock_timestamp()), id, 'refused', %(reason)s, 1
FROM channels_app_channel WHERE uuid = %(uuid)s OR old_uuid = %(uuid)s
ON CONFLICT (period, start, channel_id, name, label) DO UPDATE SET value = channels_app_figure.value + 1
"""


def count_refusal(
    door: str, owner_uuid: UUID | None, reason: str, *, network: str = "", size_bytes: int | None = None
) -> None:
    """Remember that a request was turned away or is to be watched, and why; nothing else of it is kept.

    `network` is the sender's, never the whole address.
    """
    now = database_now()
    IntakeCount.objects.bulk_create(
        [IntakeCount(door=door, owner_uuid=owner_uuid, reason=reason, day=now.date(), count=0, last_at=now)],
        ignore_conflicts=True,
    )
    IntakeCount.objects.filter(door=door, owner_uuid=owner_uuid, reason=reason, day=now.date()).update(
        count=F("count") + 1, last_at=now, last_network=network, last_bytes=size_bytes
    )
    if door == "inbox" and owner_uuid is not None:
        count_refused(owner_uuid, reason)


def count_refused(channel_uuid: UUID, reason: str) -> None:
    """One more request that the inbox's door turned away in this minute."""
    if reason not in NOT_REFUSED:
        with connection.cursor() as cursor:
            cursor.execute(_REFUSED, {"uuid": channel_uuid, "reason": reason})
