"""What is known of requests that a door turned away: how many, and why, in the catalogue's words."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from channels_app.codes import Code, Problem
from channels_app.lib.clocks import database_now
from channels_app.lib.zones import clock_words
from channels_app.models import IntakeCount
from channels_app.protocol.causes import code_of_refusal

DRAFT_BOT = "draft_bot"
"""A draft of the bot asked for an agent, or sent a copy of a message: taken, and watched."""
HARMLESS = frozenset(
    {
        *("unknown_type", "not_assigned", "old_secret_used", "new_secret", "old_address", "unknown_conversation"),
        DRAFT_BOT,
    }
)
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
    network: str = ""
    """Where the latest came from, as far as that is kept."""
    size_bytes: int | None = None

    @property
    def is_harmless(self) -> bool:
        return self.reason in HARMLESS

    @property
    def problem(self) -> Problem:
        noun = NOUNS.get(self.door, "request")
        events = f"1 {noun} was" if self.count == 1 else f"{self.count} {noun}s were"
        return Problem(self.code, {"events": events, "last": clock_words(self.last_at)})


def reason_words(reason: str, door: str = "") -> str:
    """A reason in a list: "CB-305: Signature does not match"."""
    code = code_of_refusal(reason, door)
    return f"{code}: {code.name}" if code else reason.replace("_", " ").capitalize()


def recent_refusals(door: str, uuid: UUID) -> list[Refusals]:
    """What this door turned away lately at this address, newest first."""
    return [group for group in refusals_at([uuid]).get((door, uuid), []) if not group.is_harmless]


def refusals_at(uuids: Collection[UUID]) -> dict[tuple[str, UUID], list[Refusals]]:
    """What was turned away or is watched at these addresses lately, by door and address, newest first."""
    since = (database_now() - RECENT).date()
    found: dict[tuple[str, UUID], dict[str, Refusals]] = defaultdict(dict)
    for row in IntakeCount.objects.filter(owner_uuid__in=uuids, day__gte=since).order_by("-last_at"):
        code = code_of_refusal(row.reason, row.door)
        if row.owner_uuid is None or code is None:
            continue
        groups = found[row.door, row.owner_uuid]
        known = groups.get(row.reason)
        groups[row.reason] = replace(known, count=known.count + row.count) if known else _group(row, code)
    return {place: list(groups.values()) for place, groups in found.items()}


def _group(row: IntakeCount, code: Code) -> Refusals:
    return Refusals(
        door=row.door,
        reason=row.reason,
        code=code,
        count=row.count,
        last_at=row.last_at,
        network=row.last_network,
        size_bytes=row.last_bytes,
    )
