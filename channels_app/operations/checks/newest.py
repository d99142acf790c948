"""When the latest event of each channel came."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

# The condition as a range, and the order by both columns: so PostgreSQL takes the index that has both. For
# "channel_id = …" it may walk through the events of all channels, and a quiet channel's are far away.
_NEWEST = """
SELECT channel.id, newest.received_at FROM unnest(%(ids)s::bigint[]) AS channel (id)
LEFT JOIN LATERAL (
    SELECT received_at FROM channels_app_webhookevent AS event
    WHERE event.channel_id >= channel.id AND event.channel_id <= channel.id
    ORDER BY event.channel_id DESC, event.id DESC LIMIT 1) AS newest ON true
"""


def newest_events(channel_ids: Iterable[int]) -> dict[int, datetime | None]:
    """From whomever it came; None: there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, {"ids": list(channel_ids)})
        return dict(cursor.fetchall())
