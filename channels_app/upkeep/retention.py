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

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_app.lib.clocks import database_now
from channels_app.models import Channel, ContactRow, Conversation, EventBody, Exchange, Job, MessageRow, WebhookEvent
from offload.models import Offload

JOB = "retention"
BATCH = 200
"""Events a transaction: some milliseconds, during which only finished events are locked."""
PAUSE_S = 0.4
"""Between two batches at least. A million events take an hour or two so, on a machine that has nothing else to do."""
GIVES_WAY = 19
"""After each batch it rests for so many times what that took: a twentieth of its time at most on a machine of any
speed, and less the more others have to do there."""
MAX_PAUSE_S = 10.0
MAX_OPEN = timedelta(days=1)
"""How long an open event holds up the ones behind it; after that it is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """One batch: of which channel, how many events, and up to which time all are done."""

    channel: str
    events: int
    up_to: datetime
    took_s: float

    @property
    def pause_s(self) -> float:
        """How long to wait before continuing: contacts' messages take precedence."""
        return min(max(PAUSE_S, GIVES_WAY * self.took_s), MAX_PAUSE_S)


def count_due(*, days: int | None = None) -> Counter[str]:
    """How many events of each channel `purge_texts` would go through. Counts rows: for a person who asks."""
    counts: Counter[str] = Counter()
    for channel, position, cutoff in _spans(days):
        events = WebhookEvent.objects.filter(channel_id=channel.pk, pk__gt=position, received_at__lt=cutoff)
        counts[channel.name] = events.count()
    return counts


def purge_texts(*, days: int | None = None) -> Iterator[Purged]:
    """Batch by batch, all channels; `days` instead of each channel's own. Stop at any time: the next run continues."""
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
    patience = timedelta(0) if event.outcome is not None else MAX_OPEN
    return event.received_at < cutoff - patience


# A delivery keeps what it was for, and forgets what it said; `purged` says that it can't be sent again.
_FORGET_DELIVERIES = """
UPDATE channels_app_delivery SET payload = jsonb_build_object('purged', true, 'links', '{}'::jsonb, 'outgoing',
    jsonb_build_object('messages', '[]'::jsonb, 'topics', '[]'::jsonb, 'tags', '[]'::jsonb, 'tagged_message_id', '',
        'attributes', '{}'::jsonb, 'note', '', 'complete', payload #> '{outgoing,complete}'),
    'url', '', 'filename', '', 'content_type', '')
WHERE event_id = ANY(%(events)s) AND NOT payload ? 'purged'
"""


def _purge(channel_id: int, events: Sequence[WebhookEvent], cutoff: datetime, position: int) -> None:
    ids, conversations = [event.pk for event in events], sorted({event.conversation_id for event in events})
    with transaction.atomic():
        newer = WebhookEvent.objects.filter(Q(pk__gt=position) | Q(outcome=None))
        is_busy = Exists(newer.filter(conversation_id=OuterRef("pk")))
        quiet = list(Conversation.objects.filter(~is_busy, pk__in=conversations).values_list("pk", flat=True))
        _forget_events(ids)
        _forget_refused_handovers(conversations, cutoff)
        Conversation.objects.filter(pk__in=quiet).exclude(options={}, remembered={}).update(options={}, remembered={})
        _forget_contacts(quiet, newer)
        Job.keep_positions(JOB, {str(channel_id): position})


def _forget_events(ids: Sequence[int]) -> None:
    EventBody.objects.filter(event_id__in=ids).delete()
    said = MessageRow.objects.filter(event_id__in=ids).exclude(text="", attachment_url="")
    said.update(text="", attachment_url="")
    Exchange.objects.filter(event_id__in=ids).exclude(request="", response="").update(request="", response="")
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_DELIVERIES, {"events": list(ids)})
    handovers = Offload.objects.filter(event_id__in=ids)
    handovers.update(payload=None, end_comment="")
    handovers.filter(requested_by="bot").update(detail="")


def _forget_refused_handovers(conversations: Sequence[int], cutoff: datetime) -> None:
    """Requests that were refused at the door belong to no event."""
    old = Offload.objects.filter(conversation_id__in=conversations, event=None, requested_at__lt=cutoff)
    old.exclude(payload=None).update(payload=None, end_comment="", detail="")


def _forget_contacts(quiet: Sequence[int], newer: QuerySet[WebhookEvent]) -> None:
    """Their id in the inbox stays, so that a returning contact is still the same one."""
    theirs = Conversation.objects.filter(pk__in=quiet).values("contact_id")
    is_busy = Exists(newer.filter(conversation__contact_id=OuterRef("pk")))
    ContactRow.objects.filter(~is_busy, pk__in=theirs).update(
        primary_identifier="", secondary_identifier="", picture_url="", medium_contact_profile_id="", attributes=[]
    )
