"""What failures have in common, and how a group of them stands. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from channels_app.adapters.inboxes import INBOXES, inbox_class

MAX_MESSAGE = 300
"""Characters of a message that tell causes apart; what follows is detail."""
_HOST = r"(?:\b(?:DELETE|GET|PATCH|POST|PUT) |://)[^/\s]+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b(?=[0-9a-z_-]*\d)(?=[0-9a-z_-]*[a-z])[0-9a-z_-]{12,}\b"
_NUMBER = r"(?<!\w)\d+(?:\.\d+)*"
_NAME = "|".join(re.escape(inbox_class(kind).label) for kind in INBOXES)
_DETAILS = re.compile(rf"(?P<kept>{_NAME}|{_HOST})|(?P<id>{_ID})|(?P<number>{_NUMBER})", re.IGNORECASE)


def normalise(message: str, status: int = 0) -> str:
    """The message without what differs from one failure to the next of the same cause: ids and numbers.

    The HTTP status of a failure is part of its cause, and so is whom the call was made to: by address or by name.
    """

    def common(found: re.Match[str]) -> str:
        if found["kept"] or found[0] == str(status):
            return found[0]
        return "…" if found["id"] else "#"

    return " ".join(_DETAILS.sub(common, message).split())[:MAX_MESSAGE]


def fingerprint(code: str, channel_id: int, message: str) -> str:
    """The same for failures of one cause on one channel; `message` is normalised."""
    return sha256(f"{code}\0{channel_id}\0{message}".encode()).hexdigest()


class GroupState(StrEnum):
    ESCALATING = "escalating"
    REGRESSED = "regressed"
    NEW = "new"
    ONGOING = "ongoing"
    MUTED = "muted"
    RESOLVED = "resolved"

    @property
    def is_open(self) -> bool:
        """Whether it needs attention."""
        return self not in (GroupState.MUTED, GroupState.RESOLVED)


NEW_FOR = timedelta(hours=24)
QUIET_AFTER = timedelta(days=7)
"""After this long without a failure a group counts as resolved; the next failure is a regression."""
ESCALATING_LEAST = 10
ESCALATING_FACTOR = 3
ESCALATING_AGE = timedelta(hours=2)
"""Failures within an hour, times what is usual for an hour, and the age from which on anything can be usual."""
MUTE_FACTOR = 2
MUTE_LEAST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFacts:
    """`recent`: failures within the last hour; `usual`: on average in an hour of the day before that."""

    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None = None
    regressed_at: datetime | None = None
    muted_until_count: int | None = None
    recent: int = 0
    usual: float = 0.0


def group_state(facts: GroupFacts, now: datetime) -> GroupState:
    if facts.muted_until_count is not None and facts.count < facts.muted_until_count:
        return GroupState.MUTED
    if _is_resolved(facts, now):
        return GroupState.RESOLVED
    is_old_enough = now - facts.first_at >= ESCALATING_AGE
    if is_old_enough and facts.recent >= max(ESCALATING_LEAST, ESCALATING_FACTOR * facts.usual):
        return GroupState.ESCALATING
    if facts.regressed_at is not None:
        return GroupState.REGRESSED
    return GroupState.NEW if now - facts.first_at < NEW_FOR else GroupState.ONGOING


def _is_resolved(facts: GroupFacts, now: datetime) -> bool:
    is_by_hand = facts.resolved_at is not None and facts.regressed_at is None
    return is_by_hand or now - facts.last_at > QUIET_AFTER


def comes_back(facts: GroupFacts, at: datetime) -> bool:
    """Whether a failure at this time makes a group that was resolved regress."""
    if facts.resolved_at is not None and facts.regressed_at is None:
        return at > facts.resolved_at
    return at - facts.last_at > QUIET_AFTER


def mute_until(count: int) -> int:
    """How many failures it takes until a group that is muted now has grown."""
    return max(count * MUTE_FACTOR, count + MUTE_LEAST)
