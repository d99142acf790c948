"""When each channel's latest event arrived, and what its bot last reported about its limits."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection

from channels_app.models import Bot, Exchange, Target

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


MAX_CALLS = 50
"""The newest calls of a channel, of whichever kind, among which one to the bot is looked for."""


def newest_limits(bot: Bot) -> Exchange | None:
    """The latest call to this bot whose answer told something of its limits."""
    calls: list[Exchange] = []
    for channel_id in bot.channel_set.values_list("pk", flat=True):
        rows = Exchange.objects.filter(channel_id__gte=channel_id, channel_id__lte=channel_id)
        calls += rows.defer("request", "response").order_by("-channel_id", "-id")[:MAX_CALLS]
    told = [call for call in calls if call.target == Target.BOT and call.limits]
    return max(told, key=lambda call: call.started_at, default=None)
