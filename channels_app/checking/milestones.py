"""How far a channel ever got: its first event, its first answer, its first hand-over. Noted in its row once found."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from channels_app.models import Channel, Outcome

ANSWERED = [str(outcome) for outcome in (Outcome.REPLIED, Outcome.RESOLVED)]
MILESTONES = ("first_event_at", "live_at", "handed_over_at")
LOOKED_AT = 500
"""Events of a channel, its oldest and as many of its newest, among which an outcome is looked for: enough for a
set-up, and no page waits for a search through millions."""
# The condition as a range of pairs, and the order by both columns: so PostgreSQL takes the index that has both. For
# "channel_id = …" it may walk through the events of all channels, and a quiet channel's are far away.
_OF_CHANNEL = """FROM channels_app_webhookevent
        WHERE (channel_id, id) > (channel.id, 0) AND (channel_id, id) < (channel.id + 1, 0)"""
_SEARCH = f"""
SELECT channel.id,
    (SELECT received_at {_OF_CHANNEL} AND source = 'inbox' ORDER BY channel_id, id LIMIT 1),
    min(seen.finished_at) FILTER (WHERE seen.outcome = ANY(%(answered)s)),
    min(seen.finished_at) FILTER (WHERE seen.outcome = %(handed_over)s)
FROM channels_app_channel AS channel LEFT JOIN LATERAL (
    (SELECT outcome, finished_at {_OF_CHANNEL} ORDER BY channel_id, id LIMIT %(looked_at)s)
    UNION ALL
    (SELECT outcome, finished_at {_OF_CHANNEL} ORDER BY channel_id DESC, id DESC LIMIT %(looked_at)s)
) AS seen ON true
WHERE channel.id = ANY(%(ids)s)
GROUP BY channel.id
"""
_NEWEST = f"""
SELECT channel.id, (SELECT received_at {_OF_CHANNEL} ORDER BY channel_id DESC, id DESC LIMIT 1)
FROM channels_app_channel AS channel WHERE channel.id = ANY(%(ids)s)
"""


def newest_events(channel_ids: Iterable[int]) -> dict[int, datetime | None]:
    """When the latest event of each channel came, from whomever."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, {"ids": list(channel_ids)})
        return dict(cursor.fetchall())


def note_milestones(channels: Sequence[Channel]) -> None:
    """Find what these channels reached since somebody looked last, and note it: in their rows, and in these.

    The first hand-over is only looked for on a channel's own page: a bot may do without for years, and a list would
    look through the events of all such channels each time.
    """
    sought = MILESTONES if len(channels) == 1 else MILESTONES[:2]
    behind = {row.pk: row for row in channels if any(getattr(row, name) is None for name in sought)}
    if not behind:
        return
    values: dict[str, Any] = {
        "ids": list(behind),
        "answered": ANSWERED,
        "handed_over": Outcome.HANDED_OVER,
        "looked_at": LOOKED_AT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEARCH, values)
        for channel_id, *times in cursor.fetchall():
            _note(behind[channel_id], dict(zip(MILESTONES, times, strict=True)))


def _note(channel: Channel, found: dict[str, datetime | None]) -> None:
    """Without raising the revision: nothing that a worker keeps of a channel depends on it."""
    news = {name: at for name, at in found.items() if at is not None and getattr(channel, name) is None}
    if not news:
        return
    for name, at in news.items():
        setattr(channel, name, at)
    Channel.objects.filter(pk=channel.pk, **{f"{name}__isnull": True for name in news}).update(**news)
