"""What is known of requests that a door turned away: how many, and why, in the catalogue's words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Sum
from django.utils import timezone
from django.utils.formats import date_format

from channels_app.causes import code_of_refusal
from channels_app.codes import Code, Problem
from channels_app.models import IntakeCount

HARMLESS = frozenset({"unknown_type", "not_assigned", "old_secret_used", "new_secret", "old_address"})
"""What was not refused, or asks nothing of an admin."""
RECENT = timedelta(days=2)
"""Older refusals say nothing about the set-up of today."""
NOUNS = {"inbox": "event", "bot": "call", "offload": "request", "write_back": "report"}
"""What comes to a door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Recent requests that one door turned away for one reason."""

    door: str
    reason: str
    code: Code
    count: int
    last_at: datetime

    @property
    def problem(self) -> Problem:
        noun = NOUNS.get(self.door, "request")
        events = f"1 {noun} was" if self.count == 1 else f"{self.count} {noun}s were"
        last = date_format(timezone.localtime(self.last_at), "j M H:i")
        return Problem(self.code, {"events": events, "last": last})


def reason_words(reason: str, door: str = "") -> str:
    """A reason in a list: "CB-305: Signature does not match"."""
    code = code_of_refusal(reason, door)
    return f"{code}: {code.name}" if code else reason.replace("_", " ").capitalize()


def recent_refusals(door: str, uuid: UUID) -> list[Refusals]:
    """What this door turned away lately at this address, newest first."""
    rows = IntakeCount.objects.filter(door=door, owner_uuid=uuid, day__gte=(timezone.now() - RECENT).date())
    groups = rows.exclude(reason__in=HARMLESS).values("reason").annotate(total=Sum("count"), last=Max("last_at"))
    return [
        Refusals(door=door, reason=group["reason"], code=code, count=group["total"], last_at=group["last"])
        for group in groups.order_by("-last")
        if (code := code_of_refusal(group["reason"], door))
    ]
