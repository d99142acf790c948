"""Contacts who have been handed over and whom no agent has opened yet."""

from datetime import datetime, timedelta

from django.db.models import Max

from channels_app.lib.clocks import database_now
from offload.models import Offload, OffloadReason, OffloadState

WATCHED_FOR = timedelta(hours=2)
"""After that it is no wait any more, but a conversation for another day."""
MAX_LOOKED_AT = 5_000
"""The newest handovers of all channels: more than are done in that time."""


def waiting_handovers() -> list[Offload]:
    """Those who wait longest first, with their conversations."""
    newest = Offload.objects.aggregate(id=Max("id"))["id"] or 0
    rows = Offload.objects.filter(
        pk__gt=newest - MAX_LOOKED_AT,
        state=OffloadState.HANDED_OVER,
        taken_at=None,
        finished_at__gt=database_now() - WATCHED_FOR,
    )
    return list(rows.select_related("conversation__contact", "conversation__channel").order_by("finished_at"))


def waited_minutes(offload: Offload, now: datetime) -> float:
    return (now - (offload.finished_at or now)).total_seconds() / 60


def is_late(offload: Offload, now: datetime) -> bool:
    """Whether an agent should have opened it by now, as its channel has it. Who left a message waits for nobody."""
    limit = offload.conversation.channel.alert_minutes
    return bool(limit) and waited_minutes(offload, now) >= limit and offload.reason != OffloadReason.MESSAGE_LEFT
