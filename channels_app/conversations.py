"""Conversations: found by what others call them, and brought up to date by what their events say."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from channels_app.leases import Lease, LeaseLostError
from channels_app.models import Conversation
from channels_app.statements import fetch


def find_session(session_id: str, **of: int) -> Conversation | None:
    """The conversation behind a bot's session, among those of a bot (`bot_id`) or a channel (`channel_id`)."""
    try:
        session = uuid.UUID(session_id)
    except ValueError:
        return None
    filters = {"channel__bot_id" if name == "bot_id" else name: value for name, value in of.items()}
    return Conversation.objects.filter(session_id=session, **filters).first()


def find_conversation(channel_id: int, external_id: str) -> Conversation | None:
    """The conversation that the inbox calls so."""
    return Conversation.objects.filter(channel_id=channel_id, external_id=external_id).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What is written down before anything is done about a contact's event: the conversation as it stands now,
    what the contact said, and that one more try begins."""

    event_id: int
    state: str
    owner: str
    stint: int
    stint_is_implied: bool
    newest_sent_at: datetime
    medium: str
    language: str
    topics: Sequence[str]
    contact_id: int | None
    inbox_channel_id: int | None
    last_message_id: str
    said: str | None
    said_at: datetime


_BEGIN = """
WITH held AS (
    UPDATE channels_app_conversation SET owner = %(owner)s, stint = %(stint)s,
        stint_is_implied = %(stint_is_implied)s, newest_sent_at = %(newest_sent_at)s, medium = %(medium)s,
        bot_counter = CASE WHEN stint = %(stint)s THEN bot_counter END,
        stint_began_at = CASE WHEN stint = %(stint)s THEN stint_began_at ELSE clock_timestamp() END,
        language = %(language)s, topics = %(topics)s, contact_id = %(contact_id)s,
        inbox_channel_id = %(inbox_channel_id)s, last_message_id = %(last_message_id)s, last_turn_id = %(event_id)s
    WHERE id = %(conversation_id)s AND fence = %(fence)s RETURNING id
), said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT held.id, %(event_id)s, 'contact', 0, %(said)s, '', %(said_at)s FROM held WHERE %(said)s::text IS NOT NULL
    ON CONFLICT DO NOTHING
)
UPDATE channels_app_webhookevent AS event
SET state = %(state)s, attempts = event.attempts + 1, called_at = coalesce(event.called_at, clock_timestamp()),
    stint = %(stint)s, wait_until = NULL
FROM held WHERE event.id = %(event_id)s RETURNING event.id
"""


def begin_turn(lease: Lease, beginning: Beginning) -> None:
    """Write the beginning down, once per try. Raises LeaseLostError."""
    values = {name: getattr(beginning, name) for name in Beginning.__dataclass_fields__}
    values["topics"] = json.dumps(list(beginning.topics))
    if not fetch(_BEGIN, {**values, "conversation_id": lease.conversation_id, "fence": lease.fence}):
        raise LeaseLostError
