"""Contacts who have been handed over and whom no agent has opened yet."""

from datetime import datetime, timedelta

from django.db.models import F, Max
from django.db.models.functions import Greatest

from channels_app.lib.clocks import database_now
from channels_app.models import Owner
from offload.models import Offload, OffloadReason, OffloadState

WATCHED_FOR = timedelta(hours=2)
"""After that it is no wait any more, but a conversation for another day."""
MAX_LOOKED_AT = 5_000
"""The newest handovers of all channels: more than are done in that time."""


def waiting_handovers() -> list[Offload]:
    """Those who wait longest first, with their conversations."""
    newest = Offload.objects.aggregate(id=Max("id"))["id"] or 0
    rows = Offload.objects.filter(
        pk__gt=newest - MAX_LOOKED_AT, state=OffloadState.HANDED_OVER, finished_at__gt=database_now() - WATCHED_FOR
    )
    found = rows.select_related("conversation__contact", "conversation__channel").order_by("-finished_at")
    latest: dict[int, Offload] = {}
    for offload in found:  # of a conversation that came back only the last one can wait
        latest.setdefault(offload.conversation_id, offload)
    return [offload for offload in latest.values() if still_waits(offload)][::-1]


def still_waits(offload: Offload) -> bool:
    """Whether it is still with the agents, and none has opened it as far as we know."""
    is_theirs = offload.state == OffloadState.HANDED_OVER and offload.conversation.owner == Owner.OTHER
    return is_theirs and offload.taken_at is None


def note_return(conversation_id: int, at: datetime) -> None:
    """An agent has given the conversation back: so one had opened it, if we didn't see it then by now."""
    untaken = Offload.objects.filter(conversation_id=conversation_id, state=OffloadState.HANDED_OVER, taken_at=None)
    untaken.update(taken_at=Greatest(F("finished_at"), at))


def waited_minutes(offload: Offload, now: datetime) -> float:
    return (now - (offload.finished_at or now)).total_seconds() / 60


def is_late(offload: Offload, now: datetime) -> bool:
    """Whether an agent should have opened it by now, as its channel has it. Who left a message waits for nobody."""
    limit = offload.conversation.channel.alert_minutes
    return bool(limit) and waited_minutes(offload, now) >= limit and offload.reason != OffloadReason.MESSAGE_LEFT
