"""Accepted later replies of a bot that have not been sent yet.

It was told "202": so it is sent, before what the bot says after it, and also when the conversation leaves the bot
in the meantime. Looked up only if something has arrived: the claim knows what came before it, and nothing since.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import Q, QuerySet

from channels_app.adapters.bots import asking_bot
from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.refusals import count_refusal
from channels_app.conversations.standing import OpenEvent, in_speech
from channels_app.deliveries.showable import visible_part
from channels_app.models import Bot, Delivery, EventSource, Outcome, WebhookEvent
from channels_app.protocol import Event, EventType, Incoming, Reply
from channels_app.protocol.errors import BridgeError, ConfigError, PayloadError

_FROM_BOT = tuple(type_ for type_ in EventType if type_.is_from_bot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """Accepted words as one reply, and the events that they came with."""

    reply: Reply = field(default_factory=Reply)
    event_ids: tuple[int, ...] = ()
    spoken_at: datetime | None = None
    """When the last of them came that says something; what the bot was told by then has its answer."""
    counter: int | None = None
    """The bot's number of the last of them that has one."""
    is_promised_agent: bool = False
    """Whether the bot was told at the door that agents take over."""


def has_spoken(lease: Lease, event_id: int) -> bool:
    """Whether the bot has said something since it was first called for this event, and it waits to be sent."""
    called_at = WebhookEvent.objects.filter(pk=event_id).values("called_at")
    return _open_words(lease).filter(received_at__gte=called_at).exists()


def unsaid_words(lease: Lease, channel: LiveChannel, beside: Sequence[ClaimedEvent] = ()) -> Unsaid:
    """All that waits to be sent beside these events, in the order of its numbers."""
    rows = _open_words(lease).exclude(pk__in=[event.facts.id for event in beside])
    found: list[tuple[OpenEvent, Event]] = []
    for row in rows.values(*_FACTS, "source", "body__raw"):
        facts = _facts(row)
        with suppress(BridgeError):  # what can't be read any more ends with that reason when its turn comes
            found.append((facts, read_event(channel, facts, row["source"], bytes(row["body__raw"] or b""))))
    places = {facts.id: place for place, facts in enumerate(in_speech([facts for facts, _ in found]))}
    found.sort(key=lambda pair: places[pair[0].id])
    spoken = (facts.received_at for facts, event in found if event.reply and not event.reply.is_unshowable)
    return Unsaid(
        reply=as_one_reply([event for _, event in found]),
        event_ids=tuple(facts.id for facts, _ in found),
        spoken_at=max(spoken, default=None),
        is_promised_agent=any(facts.type is EventType.OFFLOAD_REQUESTED for facts, _ in found),
        counter=next((facts.counter for facts, _ in reversed(found) if facts.counter is not None), None),
    )


def open_messages(lease: Lease, claimed: Sequence[ClaimedEvent]) -> list[OpenEvent]:
    """The contact's messages that are open now, beside the claimed events."""
    rows = WebhookEvent.objects.filter(
        conversation_id=lease.conversation_id, outcome=None, type=EventType.MESSAGE_RECEIVED
    ).exclude(pk__in=[event.facts.id for event in claimed])
    return [_facts(row) for row in rows.values(*_FACTS)]


_FACTS = ("id", "type", "state", "sent_at", "received_at", "counter", "called_at")


def _facts(row: Mapping[str, Any]) -> OpenEvent:
    return OpenEvent(**{name: row[name] for name in _FACTS} | {"type": EventType(row["type"])})


def _open_words(lease: Lease) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(conversation_id=lease.conversation_id, outcome=None, type__in=_FROM_BOT)


def as_one_reply(events: Sequence[Event]) -> Reply:
    """What a bot said in one breath, as far as it can be seen."""
    return visible_part(
        reduce(Reply.merged_with, (event.reply for event in events if event.reply is not None), Reply())
    )


def count_lost(lease: Lease, event_id: int) -> None:
    """The reply of this event did not arrive, because agents have the conversation: count what later replies of the
    bot it was made of."""
    written_at = Delivery.objects.filter(event_id=event_id).order_by("seq").values("created_at")[:1]
    replies = WebhookEvent.objects.filter(conversation_id=lease.conversation_id, type=EventType.BOT_REPLIED)
    is_part = Q(pk=event_id) | Q(outcome=Outcome.MERGED, finished_at__gte=written_at)
    count_unsaid(lease, replies.filter(is_part).count())


def count_unsaid(lease: Lease, events: int) -> None:
    """Accepted words that agents came before: shown on the bot's page."""
    bot_uuid = Bot.objects.filter(channel=lease.channel_id).values_list("uuid", flat=True).first()
    for _ in range(events):
        count_refusal("bot", bot_uuid, "accepted_unsaid")


def read_event(channel: LiveChannel, facts: OpenEvent, source: str, raw: bytes) -> Event:
    """The event of a stored body, read by the adapter that accepted it. Raises BridgeError."""
    # Its age was judged at the door, by the door's clock: not again by the database's.
    incoming = Incoming(headers={}, query={}, body=raw, received_at=facts.sent_at)
    match source:
        case EventSource.ADMIN | EventSource.BRIDGE:
            details = json.loads(raw)
            return Event(type=facts.type, key="", conversation_id="", sent_at=facts.sent_at, details=details)
        case EventSource.WRITE_BACK:
            parsed = channel.inbox.parse_write_back(incoming)
        case EventSource.BOT if channel.bot:
            parsed = channel.bot.parse(incoming)
        case EventSource.OFFLOAD:
            parsed = asking_bot(channel.bot).parse_offload(incoming)
        case EventSource.INBOX:
            parsed = channel.inbox.parse(incoming)
        case _:
            raise ConfigError("The channel no longer has a bot.")
    if not parsed:
        raise PayloadError("It contains no event.")
    return replace(parsed[0], sent_at=facts.sent_at)
