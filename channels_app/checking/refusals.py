"""What is known of requests that a door turned away: how many, and why, in words for an admin."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Sum
from django.utils import timezone

from channels_app.models import IntakeCount

REASONS = {
    "no_secret": "no shared secret or verify token is saved yet",
    "no_signature": "without a signature",
    "bad_signature": "the signature does not match",
    "bad_verify_token": "another verify token than the one saved here",
    "no_callback": "this kind of bot does not call back",
    "too_old": "the event was older than 5 minutes, or our clock is wrong",
    "in_future": "the event came from the future, or our clock is wrong",
    "malformed": "the body could not be read",
    "too_large": "the body was too large",
    "unknown_type": "an event type that we don't know: accepted and ignored",
    "unknown_address": "there is nothing at this address",
    "unknown_session": "a session that we don't know",
    "not_assigned": "the conversation was not with the bot any more",
}
HARMLESS = frozenset({"unknown_type", "not_assigned"})
"""Reasons that ask nothing of an admin."""
RECENT = timedelta(days=2)
"""Older refusals say nothing about the set-up of today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Recent requests that one door turned away for one reason."""

    reason: str
    count: int
    last_at: datetime

    @property
    def words(self) -> str:
        return reason_words(self.reason)


def reason_words(reason: str) -> str:
    return REASONS.get(reason, reason.replace("_", " "))


def recent_refusals(door: str, uuid: UUID) -> list[Refusals]:
    """What this door turned away lately at this address, newest first."""
    rows = IntakeCount.objects.filter(door=door, owner_uuid=uuid, day__gte=(timezone.now() - RECENT).date())
    groups = rows.exclude(reason__in=HARMLESS).values("reason").annotate(total=Sum("count"), last=Max("last_at"))
    return [
        Refusals(reason=group["reason"], count=group["total"], last_at=group["last"])
        for group in groups.order_by("-last")
    ]
