"""Retry what failed for good. Only by a person, and through the same rows as the first time.

What was sent stays sent, so nothing is said twice; a conversation that agents have by now is left to them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from channels_app.conversations.release import wake_at_once
from channels_app.lib.clocks import database_now
from channels_app.models import (
    NOT_ARRIVED,
    Conversation,
    Delivery,
    DeliveryState,
    EventBody,
    EventState,
    Outcome,
    Owner,
    WebhookEvent,
)


class Replayed(StrEnum):
    """The result of a retry."""

    AGAIN = "retried"
    NOT_OURS = "skipped: the conversation is no longer with the bot"
    NOT_DEAD = "skipped: it has not failed for good"
    TEXT_GONE = "skipped: its text was deleted after the retention period"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead events are meant; what is not given selects nothing away."""

    channel: str = ""
    conversation: str = ""
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    """A part of the reason that was written down."""

    def events(self) -> QuerySet[WebhookEvent]:
        """Oldest first, as the contacts wrote."""
        found = WebhookEvent.objects.filter(outcome=Outcome.DEAD)
        if self.channel:
            found = found.filter(channel__name=self.channel)
        if self.conversation:
            found = found.filter(conversation__external_id=self.conversation)
        if self.since:
            found = found.filter(received_at__gte=self.since)
        if self.until:
            found = found.filter(received_at__lt=self.until)
        if self.reason:
            found = found.filter(reason__icontains=self.reason)
        return found.order_by("sent_at", "id")


def plan_replay(event: WebhookEvent) -> Replayed:
    """What `replay_event` would do now."""
    if event.outcome != Outcome.DEAD:
        return Replayed.NOT_DEAD
    if event.conversation.owner != Owner.BOT:
        return Replayed.NOT_OURS
    return Replayed.AGAIN if EventBody.objects.filter(pk=event.pk).exists() else Replayed.TEXT_GONE


def replay_event(event_id: int, by: str) -> Replayed:
    """Open the event again; the caller wakes a worker. The platform's time for a reply starts over."""
    with transaction.atomic():
        conversation = Conversation.objects.select_for_update().get(events=event_id)
        event = WebhookEvent.objects.select_related("conversation").get(pk=event_id)
        verdict = plan_replay(event)
        if verdict is not Replayed.AGAIN:
            return verdict
        now = database_now()
        event.state = EventState.SENDING if _reopen_reply(event_id) else EventState.QUEUED
        event.outcome, event.finished_at, event.wait_until = None, None, None
        event.attempts, event.called_at, event.retried_at = 0, None, now
        event.reason = f"Retried for {by}."
        event.save()
        wake_at_once(conversation.pk)
    return verdict


def _reopen_reply(event_id: int) -> bool:
    """Let the first call that was lost leave again, and what was tried in its place not."""
    lost = list(
        Delivery.objects.filter(event_id=event_id, state__in=NOT_ARRIVED).order_by("seq").values_list("pk", flat=True)
    )
    if not lost:
        return False
    Delivery.objects.filter(pk=lost[0]).update(state=DeliveryState.PENDING, finished_at=None)
    Delivery.objects.filter(pk__in=lost[1:]).update(state=DeliveryState.CANCELLED)
    return True


def replay_all(selection: Selection, by: str) -> Iterator[tuple[WebhookEvent, Replayed]]:
    """Each selected event with its result, as it happens. Safe to stop and restart."""
    for event in selection.events().select_related("conversation", "channel").iterator(chunk_size=500):
        yield event, replay_event(event.pk, by)
