"""How an event ends, from the results of its calls, and what ends with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from channels_app.conversations.events import answered_by
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Ended, Release
from channels_app.deliveries.recording import Attempted, cancel_deliveries, settle
from channels_app.deliveries.unsaid import count_lost
from channels_app.deliveries.verdicts import Verdict
from channels_app.models import Delivery, DeliveryKind, DeliveryState, EventState, Outcome, Owner
from channels_app.protocol import Completion, EventType
from channels_app.protocol.remarks import OVERTAKEN
from offload.models import OffloadState
from offload.services import settle_offload

_OFFLOAD_STATES = {
    Outcome.HANDED_OVER: OffloadState.HANDED_OVER,
    Outcome.MOOT: OffloadState.MOOT,
    Outcome.DEAD: OffloadState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    outcome: Outcome
    reason: str | None = None


def close(lease: Lease, first: ClaimedEvent, deliveries: Sequence[Delivery], attempted: Attempted | None) -> Release:
    """The last try and the end of the event, and of those that were answered with it: written at one stroke."""
    tried = settle(lease, attempted) if attempted is not None else None
    end = _end(deliveries, attempted)
    if end.outcome is Outcome.MOOT:
        count_lost(lease, first.facts.id)
    owner = _owner_after(lease, end.outcome)
    ended = _ended(lease, first, end, owner)
    if end.outcome not in _OFFLOAD_STATES and owner == lease.owner:
        return Release(ended=ended, tried=tried)
    last = deliveries[-1] if deliveries else None

    def follow() -> None:
        if owner != lease.owner:
            cancel_deliveries(lease.conversation_id)
        if end.outcome in _OFFLOAD_STATES:
            was_refused = end.outcome is Outcome.DEAD and last is not None and last.state == DeliveryState.REFUSED
            state = OffloadState.REFUSED if was_refused else _OFFLOAD_STATES[end.outcome]
            settle_offload(first.facts.id, state, last)

    return Release(ended=ended, tried=tried, owner=owner, along=follow)


def _ended(lease: Lease, first: ClaimedEvent, end: _End, owner: str) -> list[Ended]:
    outcome, reason = _outcome_of_answered(end.outcome, first.reason)
    if first.facts.type is not EventType.BOT_REPLIED:
        outcome, reason = Outcome.MERGED, f"Ended with another event: {end.outcome.label}."
    return [
        Ended(event_ids=[first.facts.id], outcome=end.outcome, reason=end.reason),
        Ended(event_ids=_answered_with(lease, first, owner), outcome=outcome, reason=reason),
    ]


def _end(deliveries: Sequence[Delivery], attempted: Attempted | None) -> _End:
    """How the event ended, from the results of its calls. A refused handover is not reported as done."""
    if attempted is not None and attempted.verdict is Verdict.GONE:
        return _End(outcome=Outcome.MOOT, reason="The conversation is no longer assigned to the virtual agent.")
    replies = [delivery for delivery in deliveries if delivery.kind == DeliveryKind.REPLY]
    last = attempted.delivery if attempted else next(reversed(replies), None)
    arrived = [delivery for delivery in replies if delivery.state in (DeliveryState.SENT, DeliveryState.UNCONFIRMED)]
    parts = [delivery.outgoing for delivery in arrived]
    if last and last.kind == DeliveryKind.REPLY and last.state in (DeliveryState.REFUSED, DeliveryState.FAILED):
        why = last.last_error or "the account's rate limit left no room in time"
        lost = last.outgoing
        if not lost.messages and not lost.complete:
            return _End(outcome=Outcome.SILENT, reason=f"No message; the bot's other actions failed: {why}")
        return _End(outcome=Outcome.DEAD, reason=f"Could not be sent: {why}")
    completions = [part.complete for part in parts if part.complete]
    if completions:
        return _End(outcome=Outcome.HANDED_OVER if completions[-1] is Completion.HANDOVER else Outcome.RESOLVED)
    if any(delivery.state == DeliveryState.UNCONFIRMED for delivery in arrived):
        return _End(outcome=Outcome.REPLIED_UNCONFIRMED)
    return _End(outcome=Outcome.REPLIED if any(part.messages for part in parts) else Outcome.SILENT)


def _owner_after(lease: Lease, outcome: Outcome) -> str:
    if outcome in (Outcome.MOOT, Outcome.HANDED_OVER):
        return Owner.OTHER
    return Owner.CLOSED if outcome is Outcome.RESOLVED else lease.owner


def _answered_with(lease: Lease, first: ClaimedEvent, owner: str) -> list[int]:
    """Events that waited for the bot and have their answer now: all of them once it lost the conversation."""
    if owner != Owner.BOT:
        return [event.facts.id for event in lease.events if event.facts.state == EventState.BOT_WAIT]
    has_answers = first.facts.type is EventType.BOT_REPLIED or any(
        event.facts.state == EventState.BOT_WAIT for event in lease.events
    )
    return answered_by(first.facts.id) if has_answers else []


def _outcome_of_answered(outcome: Outcome, reason: str) -> tuple[Outcome, str]:
    if outcome is Outcome.SILENT and OVERTAKEN in reason:
        return Outcome.SILENT, OVERTAKEN
    if outcome is Outcome.SILENT:
        return Outcome.SILENT, "The bot said that it has nothing to say."
    return Outcome.MERGED, f"Ended with the bot's later message: {outcome.label}."
