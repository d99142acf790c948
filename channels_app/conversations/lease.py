"""A conversation in the hands of one worker: what was claimed, and whether it still is ours."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from channels_app.conversations.contacts import KnownContact, KnownInboxChannel
from channels_app.conversations.standing import OpenEvent, Standing
from channels_app.models import EventState, Owner
from channels_app.protocol import EventType
from channels_app.protocol.offered import Offered

LEASE_S = 30
"""A worker that is silent for this long has lost its conversations. Shorter leases make doubled messages after
a pause of the machine; a dead process of a living machine is noticed by the guard long before."""
MAX_OPEN_EVENTS = 50
"""Open events read at a claim: more than a contact types while the bot answers; the rest follow at the next claim."""


class LeaseLostError(Exception):
    """Another worker has the conversation now: stop, and touch nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedEvent:
    """An open event with what is needed to handle it."""

    facts: OpenEvent
    source: str
    raw: bytes
    attempts: int
    reason: str
    begun_at: datetime
    """From when the platform's time for a reply runs: receipt, or a person's wish to send it again."""
    inline_until: datetime | None = None
    """Until when the inbox's own request waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A conversation in our hands, as it was at the claim, with its open events."""

    conversation_id: int
    fence: int
    arrivals: int
    slot: str
    now: datetime
    channel_id: int
    channel_revision: int
    bot_id: int | None
    bot_revision: int | None
    bot_failures: int | None
    bot_paused_until: datetime | None
    external_id: str
    session_id: uuid.UUID
    session_since: int
    owner: str
    stint: int
    stint_is_implied: bool
    stint_began_at: datetime | None
    newest_sent_at: datetime | None
    offered: Offered
    last_turn_id: int
    last_message_id: str
    bot_counter: int | None
    medium: str
    language: str
    topics: list[str]
    remembered: Mapping[str, str]
    """What its bot wanted to be told with its next turns."""
    contact: KnownContact
    inbox_channel: KnownInboxChannel
    events: tuple[ClaimedEvent, ...]
    unwritten: list[dict[str, Any]] = field(default_factory=list)
    """Calls that were made under this lease and are no rows yet: the next statement writes them."""
    onward: "Onward | None" = None
    """With it, the statement that gives this conversation back claims the next one."""

    def standing(self, *, joins_start: bool, burst_quiet: timedelta) -> Standing:
        return Standing(
            is_owned=self.owner == Owner.BOT,
            was_lost=self.owner in (Owner.OTHER, Owner.CLOSED),
            bot_counter=self.bot_counter,
            joins_start=joins_start,
            burst_quiet=burst_quiet,
        )

    @property
    def returns(self) -> list[OpenEvent]:
        """Unhandled events by which agents returned the conversation."""
        queued = [event.facts for event in self.events if event.facts.state == EventState.QUEUED]
        return [facts for facts in queued if facts.type is EventType.CONVERSATION_DELEGATED]

    def without(self, ended: Sequence[ClaimedEvent]) -> "Lease":
        """The same, once these have ended."""
        return replace(self, events=tuple(event for event in self.events if event not in ended)) if ended else self

    def event(self, event_id: int) -> ClaimedEvent:
        return next(event for event in self.events if event.facts.id == event_id)


@dataclass(slots=True)
class Onward:
    """What a worker continues with after releasing a conversation."""

    lease: Lease | None = None
    found_nothing: bool = False
    """It was looked for, and nothing is due."""
    is_wanted: bool = True
    passing_over: Sequence[int] = ()
    """Channels whose conversations are left to others."""


def hold(lease: Lease) -> None:
    """Lock the conversation's row until the transaction ends; raise LeaseLostError if it isn't ours any more.

    First statement of every transaction that changes anything of the conversation.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM channels_app_conversation WHERE id = %s AND fence = %s FOR UPDATE",
            [lease.conversation_id, lease.fence],
        )
        if cursor.fetchone() is None:
            raise LeaseLostError
