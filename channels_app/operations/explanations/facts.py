"""What is known about one event of a contact, for the question why the bot did not answer it."""

from dataclasses import dataclass
from datetime import datetime

from channels_app.codes import Problem
from channels_app.protocol import EventType

ANSWERED = ("replied", "replied_unconfirmed", "resolved")
"""Outcomes after which the contact has read the bot's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """The event, or the bot's event that answers it. `reason` is what was written down when it ended or waited."""

    id: int
    type: EventType
    sent_at: datetime
    received_at: datetime
    state: str
    outcome: str = ""
    reason: str = ""
    duplicates: int = 0
    wait_until: datetime | None = None
    called_at: datetime | None = None
    finished_at: datetime | None = None
    retried_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """One outward call, to the bot or to the inbox."""

    id: int
    target: str
    n: int
    started_at: datetime
    took_ms: int = 0
    status: int = 0
    code: str = ""
    error: str = ""
    delivery_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFacts:
    """A part of a reply on its way. `completes`: "", handover or resolved."""

    id: int
    state: str
    uploads: bool = False
    completes: str = ""
    is_in_response: bool = False
    tries: int = 0
    created_at: datetime
    finished_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverFacts:
    """A request for a human. `is_own`: this event (or the bot's answer to it) led to it, else it came before."""

    reason: str
    label: str
    by: str
    state: str
    requested_at: datetime
    detail: str = ""
    finished_at: datetime | None = None
    event_id: int | None = None
    is_own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Channel, bot, conversation and workers as they are now. `paused_by`: who had paused the channel already when
    the event ended.

    `is_leased`: a worker has the conversation in hand; `is_behind`: an earlier message of it is open;
    `is_busy`: another message of it is begun with;
    `busy_until`: when the last call of another message of it ended, before this one was begun with.
    """

    owner: str
    channel: str = ""
    paused_by: str = ""
    bot: str = ""
    bot_failures: int = 0
    answer_within_s: int = 45
    inbox_channel: str = ""
    is_leased: bool = False
    is_behind: bool = False
    is_busy: bool = False
    busy_until: datetime | None = None
    worker_seen_at: datetime | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it. `failed_by`: the reason of the offload list for which the bot's part ended without its answer, also
    where the channel then says a text or keeps silent instead of handing over. `because`: what had gone wrong with
    another message of the conversation, so that this one was not the bot's any more, or too late."""

    now: datetime
    event: EventFacts
    around: Surroundings
    answer: EventFacts | None = None
    calls: tuple[CallFacts, ...] = ()
    deliveries: tuple[DeliveryFacts, ...] = ()
    hand_over: HandOverFacts | None = None
    failed_by: str = ""
    because: Problem | None = None
    bot_messages: int = 0

    @property
    def own_hand_over(self) -> HandOverFacts | None:
        return self.hand_over if self.hand_over and self.hand_over.is_own else None

    @property
    def outcome(self) -> str:
        """How it ended, seen through the bot's later message that it may have ended with."""
        if self.event.outcome == "merged" and self.answer:
            return self.answer.outcome
        if self.event.outcome == "merged" and self.hand_over:
            return "handed_over"
        return self.event.outcome

    @property
    def bot_calls(self) -> tuple[CallFacts, ...]:
        return tuple(call for call in self.calls if call.target == "bot")

    @property
    def is_sent_again(self) -> bool:
        """Retried by a person, from the reply on that the bot had given before."""
        return self.event.retried_at is not None and bool(self.bot_calls) and bool(self.deliveries)

    @property
    def reply_deliveries(self) -> tuple[DeliveryFacts, ...]:
        """What carries the bot's words; the handover that was sent in their place is none of it."""
        if not self.failed_by and self.is_sent_again and self.outcome in ANSWERED:
            # What had been tried in place of the words that are said now was cancelled.
            return tuple(one for one in self.deliveries if one.state != "cancelled")
        if self.failed_by != "reply_refused":
            return () if self.failed_by else self.deliveries
        end = next((n for n, one in enumerate(self.deliveries, 1) if one.state in ("refused", "failed")), 0)
        while end < len(self.deliveries) and self.deliveries[end].state == "cancelled":
            end += 1  # what was left of the reply
        return self.deliveries[:end]

    @property
    def instead(self) -> tuple[DeliveryFacts, ...]:
        """What was sent instead of the bot's words."""
        return self.deliveries[len(self.reply_deliveries) :]
