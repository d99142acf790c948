"""Texts are deleted when their channel's time for them is over. Times, outcomes and codes stay.

Events are taken in the order of their numbers, in batches of a short transaction each. How far a channel has been
cleared is written down with each batch, so that no run looks at what is done.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db import connection, transaction

from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Job, WebhookEvent

JOB = "retention"
BATCH = 200
"""Events a transaction: some milliseconds, during which only finished events are locked."""
PAUSE_S = 0.4
"""Between two batches at least. A million events take an hour or two so, on a machine that has nothing else to do."""
GIVES_WAY = 19
"""After each batch it rests for so many times what that took: a twentieth of its time at most on a machine of any
speed, and less the more others have to do there."""
PAUSE_MOST_S = 10.0
OPEN_MOST = timedelta(days=1)
"""For so long an event that is still open holds up the ones behind it; then it is passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """One batch: of which channel, how many events, and up to which time all are done."""

    channel: str
    events: int
    up_to: datetime
    took_s: float

    @property
    def pause_s(self) -> float:
        """How long whoever goes on waits first: what contacts want has precedence."""
        return min(max(PAUSE_S, GIVES_WAY * self.took_s), PAUSE_MOST_S)


def count_due(*, days: int | None = None) -> Counter[str]:
    """How many events of each channel `purge_texts` would go through. Counts rows: for a person who asks."""
    counts: Counter[str] = Counter()
    for channel, position, cutoff in _spans(days):
        events = WebhookEvent.objects.filter(channel_id=channel.pk, pk__gt=position, received_at__lt=cutoff)
        counts[channel.name] = events.count()
    return counts


def purge_texts(*, days: int | None = None) -> Iterator[Purged]:
    """Batch by batch, all channels; `days` instead of each channel's own. Stop at any time: the next run goes on."""
    for channel, position, cutoff in _spans(days):
        while True:
            began_at = time.monotonic()
            batch = _next_batch(channel.pk, position, cutoff)
            if not batch:
                break
            position = batch[-1].pk
            _purge(channel.pk, [event for event in batch if event.outcome is not None], cutoff, position)
            took_s = time.monotonic() - began_at
            yield Purged(channel=channel.name, events=len(batch), up_to=batch[-1].received_at, took_s=took_s)


def _spans(days: int | None) -> Iterator[tuple[Channel, int, datetime]]:
    """Each channel, the event up to which it is done, and the time before which texts are too old."""
    now, positions = database_now(), Job.read_positions(JOB)
    for channel in Channel.objects.order_by("pk"):
        keep = timedelta(days=channel.keep_days if days is None else days)
        yield channel, int(positions.get(str(channel.pk), 0)), now - keep


def _next_batch(channel_id: int, after: int, cutoff: datetime) -> list[WebhookEvent]:
    rows = WebhookEvent.objects.filter(channel_id=channel_id, pk__gt=after).order_by("pk")
    found = rows.only("pk", "received_at", "outcome", "conversation_id")[:BATCH]
    return list(takewhile(lambda event: _is_due(event, cutoff), found))


def _is_due(event: WebhookEvent, cutoff: datetime) -> bool:
    patience = timedelta(0) if event.outcome is not None else OPEN_MOST
    return event.received_at < cutoff - patience


# A delivery keeps what it was for, and forgets what it said; `purged` says that it can't be sent again.
_FORGET = (
    "DELETE FROM channels_app_eventbody WHERE event_id = ANY(%(events)s)",
    "UPDATE channels_app_message SET text = '', attachment_url = ''"
    " WHERE event_id = ANY(%(events)s) AND (text <> '' OR attachment_url <> '')",
    "UPDATE channels_app_exchange SET request = '', response = ''"
    " WHERE event_id = ANY(%(events)s) AND (request <> '' OR response <> '')",
    "UPDATE channels_app_delivery SET payload = jsonb_build_object('purged', true, 'links', '{}'::jsonb, 'outgoing',"
    " jsonb_build_object('messages', '[]'::jsonb, 'topics', '[]'::jsonb, 'tags', '[]'::jsonb, 'tagged_message_id', '',"
    " 'attributes', '{}'::jsonb, 'note', '', 'complete', payload #> '{outgoing,complete}'),"
    " 'url', '', 'filename', '', 'content_type', '')"
    " WHERE event_id = ANY(%(events)s) AND NOT payload ? 'purged'",
    "UPDATE offload_offload SET payload = NULL, end_comment = '',"
    " detail = CASE WHEN requested_by = 'bot' THEN '' ELSE detail END"
    " WHERE event_id = ANY(%(events)s)",
    # Requests that were refused at the door belong to no event.
    "UPDATE offload_offload SET payload = NULL, end_comment = '', detail = ''"
    " WHERE conversation_id = ANY(%(conversations)s) AND event_id IS NULL AND requested_at < %(cutoff)s"
    " AND payload IS NOT NULL",
    "UPDATE channels_app_conversation SET options = '{}' WHERE id = ANY(%(quiet)s) AND options <> '{}'",
    # Their id in the inbox stays, so that somebody who writes again is still the same contact.
    "UPDATE channels_app_contact AS contact SET primary_identifier = '', secondary_identifier = '',"
    " picture_url = '', medium_contact_profile_id = '', attributes = '[]'"
    " WHERE id IN (SELECT contact_id FROM channels_app_conversation WHERE id = ANY(%(quiet)s))"
    " AND NOT EXISTS (SELECT FROM channels_app_conversation AS other"
    " JOIN channels_app_webhookevent AS newer ON newer.conversation_id = other.id"
    " WHERE other.contact_id = contact.id AND (newer.id > %(position)s OR newer.outcome IS NULL))",
)
_QUIET = """
SELECT given.id FROM unnest(%(conversations)s::bigint[]) AS given (id) WHERE NOT EXISTS (
    SELECT FROM channels_app_webhookevent AS newer
    WHERE newer.conversation_id = given.id AND (newer.id > %(position)s OR newer.outcome IS NULL))
"""


def _purge(channel_id: int, events: Sequence[WebhookEvent], cutoff: datetime, position: int) -> None:
    conversations = sorted({event.conversation_id for event in events})
    values: dict[str, Any] = {"events": [event.pk for event in events], "conversations": conversations}
    values |= {"cutoff": cutoff, "position": position}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_QUIET, values)
        values["quiet"] = [row[0] for row in cursor.fetchall()]
        for statement in _FORGET:
            cursor.execute(statement, values)
        Job.keep_positions(JOB, {str(channel_id): position})
