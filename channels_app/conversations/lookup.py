"""Conversations: found by what others call them, and brought up to date by what their events say."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from django.db.models import Q

from channels_app.adapters.bots import asking_kinds
from channels_app.conversations.lease import MAX_OPEN_EVENTS, Lease, LeaseLostError
from channels_app.conversations.standing import OpenEvent
from channels_app.lib.statements import fetch
from channels_app.models import Channel, Conversation, Delivery, DeliveryState, EventState, Owner, WebhookEvent
from channels_app.protocol import ASKS_BOT, Completion, Event


def find_asked_for(session_id: str, channel: Channel) -> Conversation | None:
    """The conversation for which a bot asks for a human at this channel's address: on the channel itself, or on
    whichever of the bot's channels it is.

    If the channel now has another kind of bot, the intended channels are unknown: on any with a bot that asks.
    """
    session = _session(session_id)
    if session is None:
        return None
    meant = Q(channel=channel)
    if channel.bot is not None and channel.bot.kind in asking_kinds():
        meant |= Q(channel__bot=channel.bot)
    else:
        meant |= Q(channel__bot__kind__in=asking_kinds())
    return Conversation.objects.filter(meant, session_id=session).first()


def _session(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class BotChangedError(Exception):
    """The bot is not as it was when its request was verified."""


_FOUND = ("id", "channel_id", "external_id", "session_id", "last_turn_id", "owner")
# One event of a conversation is being sent at a time; the call that completes is the last of its deliveries.
_IS_ENDING = """EXISTS (
    SELECT FROM (
        SELECT event.id, event.state FROM channels_app_webhookevent AS event
        WHERE event.conversation_id = conversation.id AND event.outcome IS NULL
        ORDER BY event.sent_at, event.id LIMIT %(most)s) AS open
    CROSS JOIN LATERAL (
        SELECT delivery.state, delivery.payload FROM channels_app_delivery AS delivery
        WHERE delivery.event_id = open.id ORDER BY delivery.seq DESC LIMIT 1) AS last
    WHERE open.state = 'sending' AND last.state IN ('pending', 'in_flight')
        AND last.payload #>> '{outgoing,complete}' IS NOT NULL)
"""
_SESSION_OF_BOT = f"""
SELECT bot.revision, {", ".join(f"conversation.{name}" for name in _FOUND)}, {_IS_ENDING}
FROM channels_app_bot AS bot
LEFT JOIN channels_app_conversation AS conversation ON conversation.session_id = %(session_id)s::uuid
    AND conversation.channel_id IN (SELECT id FROM channels_app_channel WHERE bot_id = bot.id)
WHERE bot.id = %(bot_id)s
"""


def find_session_of_bot(session_id: str, bot_id: int, revision: int) -> Conversation | None:
    """The same, among those of a bot, which must still be at this revision: else BotChangedError.

    Only with what it takes to store an event for it. Its owner is who has it when what is being sent has arrived: what
    a bot says while its conversation is on the way to the agents would come too late.
    """
    session = _session(session_id)
    values = {"session_id": str(session) if session else None, "bot_id": bot_id, "most": MAX_OPEN_EVENTS}
    rows = fetch(_SESSION_OF_BOT, values)
    if not rows or rows[0][0] != revision:
        raise BotChangedError
    _, *found, is_ending = rows[0]
    facts = dict(zip(_FOUND, found, strict=True))
    if is_ending:
        facts["owner"] = Owner.OTHER
    return Conversation(**facts) if facts["id"] else None


def find_conversations(channel_ids: Sequence[int], external_id: str) -> list[Conversation]:
    """The conversation that the inbox calls so, on each of these channels that has had it."""
    return list(Conversation.objects.filter(channel_id__in=channel_ids, external_id=external_id))


_JOINED = """
), joined AS (
    UPDATE channels_app_webhookevent AS event
    SET state = 'done', outcome = 'merged', reason = CASE WHEN event.type = 'message_received'
            THEN 'The bot got it in one turn with the message before it.'
            ELSE 'The bot was told of it with the contact''s first message.' END,
        stint = %(stint)s, answered_by = %(event_id)s, wait_until = NULL, finished_at = clock_timestamp()
    FROM held WHERE event.id = ANY(%(joined)s::bigint[]) AND event.state <> 'done'
"""
_BEGIN_TURN = """
WITH held AS (
    UPDATE channels_app_conversation SET owner = %(owner)s, stint = %(stint)s,
        stint_is_implied = %(stint_is_implied)s, newest_sent_at = %(newest_sent_at)s, medium = %(medium)s,
        bot_counter = CASE WHEN stint = %(stint)s THEN bot_counter END,
        stint_began_at = CASE WHEN stint = %(stint)s THEN stint_began_at ELSE clock_timestamp() END,
{options}        language = %(language)s, topics = %(topics)s, contact_id = %(contact_id)s,
        inbox_channel_id = %(inbox_channel_id)s, last_message_id = %(last_message_id)s, last_turn_id = %(event_id)s
    WHERE id = %(conversation_id)s AND fence = %(fence)s RETURNING id
), said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT held.id, said.event_id, 'contact', 0, said.text, '', least(said.at, clock_timestamp())
    FROM held, unnest(%(said_by)s::bigint[], %(said)s::text[], %(said_at)s::timestamptz[]) AS said(event_id, text, at)
    ON CONFLICT DO NOTHING
{joined})
UPDATE channels_app_webhookevent AS event
SET state = %(state)s, attempts = event.attempts + 1, called_at = coalesce(event.called_at, clock_timestamp()),
    stint = %(stint)s, wait_until = NULL
FROM held WHERE event.id = %(event_id)s RETURNING event.id
"""
_CHOSEN = """        options = %(offered)s::jsonb,
"""
_RENEWED = """        options = %(offered)s::jsonb, session_id = %(session_id)s, session_since = %(session_since)s,
        remembered = '{}'::jsonb,
"""


@cache
def _begin(*, joins: bool, chooses: bool, renews: bool = False) -> str:
    """The statement with the parts that it needs."""
    options = _RENEWED if renews else _CHOSEN if chooses else ""
    return _BEGIN_TURN.format(joined=_JOINED if joins else "", options=options)


_STANDING = ("owner", "stint", "stint_is_implied", "newest_sent_at", "medium", "language", "last_message_id")


def begin_turn(lease: Lease, events: Mapping[int, Event], *, chooses: bool, renews: bool = False) -> None:
    """Write down how the conversation stands with the first of these events, by their ids, what the contact said, and
    that one more try begins.

    The others are what the bot receives with it: they end here, and what follows belongs to the first. `chooses`: this
    message has chosen from what was offered; `renews`: another session begins with them. Raises LeaseLostError.
    """
    joined = [event_id for event_id in events if event_id != lease.last_turn_id]
    said = {event_id: event for event_id, event in events.items() if event.message}
    values = {name: getattr(lease, name) for name in _STANDING} | {
        "conversation_id": lease.conversation_id,
        "fence": lease.fence,
        "event_id": lease.last_turn_id,
        "state": EventState.BOT_CALL,
        "topics": json.dumps(lease.topics),
        "contact_id": lease.contact.id,
        "inbox_channel_id": lease.inbox_channel.id,
        "said_by": list(said),
        "said": [event.message.words for event in said.values() if event.message],
        "said_at": [event.sent_at.isoformat() for event in said.values()],
        "joined": joined,
        "session_id": str(lease.session_id),
        "session_since": min(events),
        "offered": json.dumps(lease.offered.to_json()) if chooses or renews else None,
    }
    if not fetch(_begin(joins=bool(joined), chooses=chooses, renews=renews), values):
        raise LeaseLostError


def remember(lease: Lease, values: Mapping[str, str]) -> None:
    """What the bot wants remembered of a try without an answer to store it with. Raises LeaseLostError."""
    if not values:
        return
    kept = {"bot": lease.bot_id, "values": {**lease.remembered, **values}}
    rows = Conversation.objects.filter(pk=lease.conversation_id, fence=lease.fence)
    if not rows.update(remembered=kept):
        raise LeaseLostError


def last_call_ended_at(lease: Lease) -> datetime | None:
    """When our last delivery in this conversation was sent or dropped; None: no longer known."""
    rows = Delivery.objects.filter(conversation_id=lease.conversation_id).order_by("-id")
    return rows.values_list("finished_at", flat=True).first()


def last_completion_left_at(lease: Lease) -> datetime | None:
    """When the call left for the first time that last ended the bot's part; None: no longer known."""
    rows = Delivery.objects.filter(conversation_id=lease.conversation_id, state=DeliveryState.SENT).order_by("-id")
    ending = rows.filter(payload__outgoing__complete__in=list(Completion))
    return ending.values_list("first_sent_at", flat=True).first()


def was_told_before(lease: Lease, event: OpenEvent) -> bool:
    """Whether the bot learned of this stint from an earlier event of the contact."""
    earlier = WebhookEvent.objects.filter(conversation_id=lease.conversation_id, stint=lease.stint)
    earlier = earlier.filter(type__in=ASKS_BOT, called_at__isnull=False, sent_at__lt=event.sent_at)
    return earlier.exclude(pk=event.id).exists()
