"""A past for an installation without one: rows only, nobody was called. Runs in the installation's own Django."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from channels_app.models import (
    Channel,
    ContactRow,
    Conversation,
    Delivery,
    Exchange,
    InboxChannel,
    MessageRow,
    WebhookEvent,
)
from channels_app.operations.failures.grouping import count_waiting, gather_failures
from channels_app.operations.figures.counting import count_span
from offload.models import Offload
from tests.browser.talks import End, Past, Talk, Trouble, Turn

SEED = 7
SENDING = timedelta(milliseconds=90)
BOT_DOWN = "POST bot.example.com/turn: 502 Bad Gateway"
TOO_SLOW = "POST bot.example.com/turn: no complete answer within 8.0 s"
REFUSED = "Sparkcentral answered 400: The message is too long for this channel. (code 1001)"
PASTS = {
    "Acme EU customer care": Past(
        share=1.0,
        pace_s=0.9,
        troubles=(
            Trouble(since_h=75, until_h=1, end=End.FAILED, code="CB-501", error=TOO_SLOW, share=0.03),
            Trouble(since_h=2.5, until_h=0.3, end=End.DEAD, code="CB-605", error=REFUSED, share=0.2),
        ),
    ),
    "Acme US": Past(
        share=0.5,
        pace_s=1.6,
        troubles=(Trouble(since_h=4.4, until_h=3.4, end=End.FAILED, code="CB-502", error=BOT_DOWN),),
    ),
}
OUTCOMES = {End.ASKED: "handed_over", End.FAILED: "handed_over", End.RESOLVED: "resolved", End.DEAD: "dead"}
HUMANS = (End.ASKED, End.FAILED)
"""Ends after which agents have the conversation."""
OWNERS = {End.ASKED: "other", End.FAILED: "other", End.RESOLVED: "closed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A turn with the row of its conversation, and soon that of its event."""

    conversation: Conversation
    turn: Turn

    @property
    def ended_at(self) -> datetime:
        return self.turn.at + timedelta(seconds=self.turn.took_s) + SENDING


def write_past(days: int) -> None:
    """For the channels of PASTS, which exist already. Figures and groups of failures follow from the rows."""
    now = timezone.now()
    lines = [
        line
        for name, past in PASTS.items()
        for line in _write_talks(name, list(past.talks(now, days, random.Random(f"{SEED} {name}"))))
    ]
    lines.sort(key=lambda line: line.turn.at)  # numbers of rows grow with the time, as they do in life
    _write_turns(lines)
    for _ in count_span(now - timedelta(days=days), now):
        pass
    while gather_failures():
        pass
    count_waiting()


def _write_talks(name: str, talks: Sequence[Talk]) -> list[Line]:
    channel = Channel.objects.get(name=name)
    places = {medium: _inbox_channel(channel, medium) for medium in {talk.medium for talk in talks}}
    contacts = ContactRow.objects.bulk_create(
        ContactRow(channel=channel, external_id=f"contact-{number}", primary_identifier=talk.contact)
        for number, talk in enumerate(talks)
    )
    conversations = Conversation.objects.bulk_create(
        Conversation(
            channel=channel,
            external_id=f"0-{int(talk.turns[0].at.timestamp() * 1000):011x}-000-{number:08x}",
            contact=contact,
            inbox_channel=places[talk.medium],
            medium=talk.medium,
            language="en",
            owner=OWNERS.get(talk.turns[-1].end, "bot"),
            stint=1,
            newest_sent_at=talk.turns[-1].at,
            created_at=talk.turns[0].at,
        )
        for number, (contact, talk) in enumerate(zip(contacts, talks, strict=True))
    )
    pairs = zip(conversations, talks, strict=True)
    return [Line(conversation=row, turn=turn) for row, talk in pairs for turn in talk.turns]


def _inbox_channel(channel: Channel, medium: str) -> InboxChannel:
    names = {"whatsapp": "+32 2 555 02 00", "fb": "Acme Europe", "instagram": "@acme", "web": "acme.example"}
    made, _ = InboxChannel.objects.get_or_create(channel=channel, external_id=medium, defaults={"name": names[medium]})
    return made


def _write_turns(lines: Sequence[Line]) -> None:
    events = WebhookEvent.objects.bulk_create(map(_event, lines))
    pairs = list(zip(events, lines, strict=True))
    said = MessageRow.objects.bulk_create(row for event, line in pairs for row in _messages(event, line))
    deliveries = Delivery.objects.bulk_create(_delivery(event, line) for event, line in pairs)
    sent = zip(pairs, deliveries, strict=True)
    Exchange.objects.bulk_create(row for (event, line), delivery in sent for row in _calls(event, line, delivery))
    before, chance = _bot_words_before(said), random.Random(SEED)
    handed = [(event, line) for event, line in pairs if line.turn.end in HUMANS]
    Offload.objects.bulk_create(_offload(event, line, before.get(event.pk), chance) for event, line in handed)


def _bot_words_before(said: Sequence[MessageRow]) -> dict[int, MessageRow]:
    """By event, what the bot had said last when the contact wrote."""
    latest: dict[int, MessageRow] = {}
    found = {}
    for row in said:
        if row.author == "bot":
            latest[row.conversation_id] = row
        elif row.conversation_id in latest:
            found[row.event_id] = latest[row.conversation_id]
    return found


def _event(line: Line) -> WebhookEvent:
    trouble = line.turn.trouble
    return WebhookEvent(
        source="inbox",
        channel_id=line.conversation.channel_id,
        idempotency_key=f"{line.conversation.external_id} {line.turn.at.isoformat()}",
        type="message_received",
        conversation=line.conversation,
        sent_at=line.turn.at - timedelta(milliseconds=120),
        received_at=line.turn.at,
        state="done",
        stint=1,
        attempts=1,
        called_at=line.turn.at + timedelta(milliseconds=20),
        finished_at=line.ended_at,
        outcome=OUTCOMES.get(line.turn.end, "replied"),
        reason=trouble.error if trouble else "",
    )


def _messages(event: WebhookEvent, line: Line) -> list[MessageRow]:
    said = [("contact", line.turn.said, line.turn.at)]
    if line.turn.end is not End.FAILED:
        said.append(("bot", line.turn.answer, line.ended_at))
    return [
        MessageRow(conversation=line.conversation, event=event, author=author, text=text, said_at=at)
        for author, text, at in said
    ]


def _delivery(event: WebhookEvent, line: Line) -> Delivery:
    is_dead = line.turn.end is End.DEAD
    says = [] if line.turn.end is End.FAILED else [{"text": line.turn.answer, "attachment_name": ""}]
    completes = {End.ASKED: "handover", End.FAILED: "handover", End.RESOLVED: "resolved"}.get(line.turn.end)
    outgoing = {"messages": says, "topics": [], "tags": [], "tagged_message_id": "", "attributes": {}, "note": ""}
    return Delivery(
        event=event,
        conversation=line.conversation,
        seq=1,
        payload={"links": {}, "outgoing": {**outgoing, "complete": completes}},
        state="refused" if is_dead else "sent",
        tries=1,
        created_at=line.ended_at - SENDING,
        first_sent_at=line.ended_at - SENDING,
        finished_at=line.ended_at,
        last_status=400 if is_dead else 200,
        last_error=REFUSED if is_dead else "",
    )


def _calls(event: WebhookEvent, line: Line, delivery: Delivery) -> list[Exchange]:
    trouble, bot_ms = line.turn.trouble, int(line.turn.took_s * 1000)
    common: dict[str, Any] = {"event": event, "channel_id": event.channel_id, "fence": 1, "method": "POST"}
    is_bots = line.turn.end is End.FAILED
    bad = {"code": trouble.code, "error": trouble.error} if trouble else {}
    to_bot = Exchange(
        **common,
        **(bad if is_bots else {}),
        target="bot",
        n=1,
        started_at=event.called_at or event.received_at,
        took_ms=bot_ms,
        result="failed" if is_bots else "sent",
        status={"CB-502": 502}.get(trouble.code if trouble else "", 0 if is_bots else 200),
        url="https://bot.example.com/turn",
        request=json.dumps({"version": 1, "type": "message", "text": line.turn.said}),
        response="" if is_bots else json.dumps({"messages": [{"text": line.turn.answer}]}),
    )
    is_dead = line.turn.end is End.DEAD
    to_inbox = Exchange(
        **common,
        **(bad if is_dead else {}),
        delivery=delivery,
        target="inbox",
        n=1,
        started_at=line.ended_at - SENDING,
        took_ms=80,
        result="refused" if is_dead else "sent",
        status=400 if is_dead else 200,
        url="https://public-api-eu.sparkcentral.com/virtual-agent/conversations/…",
        request=json.dumps({"sendMessage": {"text": line.turn.answer}}),
        response="{}",
    )
    return [to_bot, to_inbox]


AGENTS = ("Mia Janssens", "Tom Claes", "Sara Lambert")
TOPICS = {"order number": "Lost parcel", "on its way": "Delivery date", "9:00 to 17:00": "Opening hours"}
"""What agents call a conversation, by the bot's words before it."""


def _offload(event: WebhookEvent, line: Line, before: MessageRow | None, chance: random.Random) -> Offload:
    """With what agents did then, where the inbox tells it."""
    reason = "asked_for_human" if line.turn.end is End.ASKED else "bot_failed"
    words = before.text if before else ""
    taken_at = line.ended_at + timedelta(minutes=chance.lognormvariate(0.9, 0.8))
    told: dict[str, Any] = {"bot_message_id": before.pk if before else None}
    if line.conversation.channel.inbox == "hootsuite" and taken_at < timezone.now():
        agent = chance.choice(AGENTS)
        told |= {"taken_at": taken_at, "taken_by": agent, "ended_by": agent, "state": "ended"}
        told |= {"ended_at": taken_at + timedelta(minutes=chance.lognormvariate(2.2, 0.6))}
        told |= {"topics": [topic for part, topic in TOPICS.items() if part in words] or ["Other"]}
        told |= {"misses": chance.choice((0, 0, 2)), "intent": chance.choice(("parcel.status", "fallback"))}
    return Offload(
        **{"state": "handed_over", **told},
        conversation=line.conversation,
        event=event,
        reason=reason,
        detail="" if line.turn.trouble is None else line.turn.trouble.error,
        requested_by="bot" if line.turn.end is End.ASKED else "chatbridge",
        requested_at=line.ended_at - SENDING,
        finished_at=line.ended_at,
    )
