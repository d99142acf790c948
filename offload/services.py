"""Hand a conversation to humans: whether, with what text, and the result.

Nothing here makes calls: a handover is a `Reply` with `complete`, delivered like any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.lib.clocks import database_now
from channels_app.models import Conversation, Delivery
from channels_app.protocol import OffloadRequest, Reply
from channels_app.protocol.sentences import Occasion
from offload.models import Offload, OffloadProvider, OffloadReason, OffloadState
from offload.opening_hours import is_open
from offload.package import Briefing, Handed, pack
from offload.places import place_of
from offload.queue import action_for


class Held(Protocol):
    """A conversation whose lease the caller holds."""

    @property
    def conversation_id(self) -> int: ...
    @property
    def channel_id(self) -> int: ...
    @property
    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A human is requested. `by` is "bot", "chatbridge" or a user's name."""

    reason: OffloadReason
    by: str
    detail: str = ""
    payload: Any = None


def asked_by_bot(wish: OffloadRequest) -> Request:
    """With what the bot says of it, unless that is only the name of the reason."""
    reason = OffloadReason.ASKED_FOR_HUMAN
    detail = "" if wish.reason == reason else wish.reason
    return Request(reason=reason, by="bot", detail=detail, payload=wish.payload)


def provider_of(channel_id: int) -> OffloadProvider | None:
    return OffloadProvider.objects.filter(channel_id=channel_id).first()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a bot's request for a human leads to, and the figures that it goes by, if it goes by any."""

    provider: OffloadProvider | None
    occasion: Occasion
    figures: QueueFigures | None = None

    @property
    def is_granted(self) -> bool:
        return self.occasion in (Occasion.OPENED, Occasion.QUEUE)


def decide(
    provider: OffloadProvider | None, moment: datetime, read: Callable[[Sequence[str]], QueueFigures | None]
) -> Decision:
    """Without a provider it is granted: better a human than no answer. `read`: the figures of these teams' queue, None
    where the inbox has none; called only if the provider wants them and is open."""
    if provider is None:
        return Decision(None, Occasion.OPENED)
    if not provider.is_enabled:
        return Decision(provider, Occasion.DISABLED)
    if not is_open(provider.opening_hours, moment):
        return Decision(provider, Occasion.CLOSED)
    figures = read(provider.teams) if provider.queue_rules else None
    if figures is None:
        return Decision(provider, Occasion.OPENED)
    return Decision(provider, action_for(provider.queue_rules, figures).occasion, figures)


def answer_request(
    lease: Held, said: Reply, request: Request, briefing: Briefing, *, is_granted: bool
) -> tuple[Reply, OffloadState]:
    """The reply as it leaves after a bot asked for a human, and what came of it. `said`: with what the contact reads
    then.

    If it isn't granted the bot keeps the conversation. If then nobody would say anything at all, it is handed over all
    the same.
    """
    if not is_granted and said.messages:
        return replace(said, offload=None), OffloadState.CLOSED
    return hand_over(lease, said, request, briefing), OffloadState.REQUESTED


def hand_over(lease: Held, reply: Reply, request: Request, briefing: Briefing) -> Reply:
    """The same reply with `complete: HANDOVER` and the package for the agents."""
    handed = Handed(
        conversation_id=lease.conversation_id,
        channel_id=lease.channel_id,
        now=lease.now,
        reason=request.reason,
        reason_words=request.reason.label,
        detail=request.detail,
        payload=request.payload,
    )
    return pack(handed, reply, briefing)


def record_offload(lease: Held, event_id: int, request: Request, state: OffloadState) -> None:
    """Write the request down, in the transaction that writes its delivery."""
    Offload.objects.update_or_create(
        event_id=event_id,
        defaults={
            "conversation_id": lease.conversation_id,
            "reason": request.reason,
            "detail": request.detail,
            "payload": request.payload,
            "requested_by": request.by,
            "requested_at": database_now(),
            "state": state,
            "finished_at": database_now() if state is OffloadState.CLOSED else None,
            **place_of(event_id, request.reason),
        },
    )


def refuse_offload(conversation: Conversation, request: Request) -> None:
    """A bot was told that no agent can take over: recorded, so that agents see what they missed."""
    now = database_now()
    Offload.objects.create(
        conversation=conversation,
        reason=request.reason,
        detail=request.detail,
        payload=request.payload,
        requested_by=request.by,
        requested_at=now,
        state=OffloadState.CLOSED,
        finished_at=now,
    )


BOUNCE_WINDOW = timedelta(hours=1)
"""Many handovers of one conversation within this look like two robots playing ball."""


def has_bounced_too_often(lease: Held, max_bounces: int) -> bool:
    """Whether bot and agents keep passing this conversation back and forth; then the bot is skipped."""
    recent = Offload.objects.filter(conversation_id=lease.conversation_id, state=OffloadState.HANDED_OVER)
    return recent.filter(finished_at__gt=lease.now - BOUNCE_WINDOW).count() >= max_bounces


def settle_offload(event_id: int, state: OffloadState, delivery: Delivery | None = None) -> None:
    """The result of this event's handover, if it had one."""
    open_ones = Offload.objects.filter(event_id=event_id, state=OffloadState.REQUESTED)
    open_ones.update(state=state, finished_at=database_now(), delivery=delivery)
