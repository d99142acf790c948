"""Delete a channel with all that it has, a little at a time: a million rows fit into no request and no memory."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import Error, transaction
from django.db.models import CASCADE, Model, QuerySet

from channels_app.access.audit import Actor, record_audit
from channels_app.access.changes import changing
from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Conversation, Delivery, IntakeCount, WebhookEvent

BATCH = 500
"""Events that are deleted in one transaction, with what belongs to them: a few thousand rows, some 50 ms."""
MAX_COUNTED = 20_000
"""Rows that are counted for the question "really?": more takes seconds and changes no mind."""
FIRST = (WebhookEvent, Conversation)
"""The most, and they take along what is theirs; the rest is few."""
ROUND_S = 5.0
"""How long one request deletes before it says how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How many rows of one kind a channel has."""

    name: str
    one: str
    count: int

    @property
    def words(self) -> str:
        if self.count == 1:
            return f"1 {self.one}"
        return f"{'more than ' if self.count > MAX_COUNTED else ''}{min(self.count, MAX_COUNTED):,} {self.name}"


def holdings_of(channel: Channel) -> list[Holding]:
    """What would be deleted with it."""
    kinds: tuple[tuple[str, str, QuerySet[Any]], ...] = (
        ("conversations", "conversation", Conversation.objects.filter(channel=channel)),
        ("events", "event", WebhookEvent.objects.filter(channel=channel)),
        ("deliveries", "delivery", Delivery.objects.filter(event__channel=channel)),
    )
    return [Holding(name=name, one=one, count=rows.order_by()[: MAX_COUNTED + 1].count()) for name, one, rows in kinds]


def begin_deletion(channel: Channel, actor: Actor, *, reason: str = "") -> None:
    """Archive it, so that nothing new comes in, and write down what is about to be deleted."""
    changes = {holding.name: [holding.count, 0] for holding in holdings_of(channel)}
    with changing(channel, actor, "ordered deletion", reason=reason, also=changes) as row:
        row.archived_at = row.archived_at or database_now()
        row.is_active = False


def delete_some(channel: Channel, actor: Actor, *, for_s: float = ROUND_S) -> bool:
    """Delete for this long; whether nothing is left, not even the channel. Safe to stop and continue."""
    ends_at = time.monotonic() + for_s
    try:
        for _ in delete_batches(channel):
            if time.monotonic() > ends_at:
                return False
        _delete_channel(channel, actor)
    except Error as error:
        trouble = outages.trouble_of(error)
        if trouble is None or trouble.is_away:
            raise
        return False  # a worker had one of the rows: another time
    return True


def delete_batches(channel: Channel) -> Iterator[int]:
    """What belongs to the channel, batch by batch, each committed; how many rows each had."""
    for model, name in _owned_models():
        rows = model._default_manager.filter(**{name: channel.pk}).order_by("pk").values_list("pk", flat=True)
        pks = list(rows[:BATCH])
        while pks:
            model._default_manager.filter(pk__in=pks).delete()
            yield len(pks)
            pks = list(rows.filter(pk__gt=pks[-1])[:BATCH])  # not from the beginning, over what is gone already


def _owned_models() -> list[tuple[type[Model], str]]:
    """The models whose rows go with their channel, and the name of their key to it."""
    found = [
        (relation.related_model, relation.field.attname)
        for relation in Channel._meta.related_objects
        if relation.on_delete is CASCADE and not isinstance(relation.related_model, str)
    ]
    return sorted(found, key=lambda pair: FIRST.index(pair[0]) if pair[0] in FIRST else len(FIRST))


def _delete_channel(channel: Channel, actor: Actor) -> None:
    """The row itself, and the counts of what came to its addresses."""
    uuids = [uuid for uuid in (channel.uuid, channel.old_uuid) if uuid]
    with transaction.atomic():
        IntakeCount.objects.filter(owner_uuid__in=uuids).delete()
        record_audit(actor, "deleted", channel)
        channel.delete()
