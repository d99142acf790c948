"""What a person of ours wants said in a conversation: an event like any other, so it waits for what is being sent."""

import json
from uuid import uuid4

from channels_app.conversations.events import Stored, store_session_event
from channels_app.lib.clocks import database_now
from channels_app.models import Conversation, EventSource
from channels_app.protocol import Event, EventType


def order_message(conversation: Conversation, text: str, by: str) -> Stored:
    """Say this as the bot; the caller wakes a worker. Nothing is said if agents have the conversation by then."""
    event = Event(
        type=EventType.MESSAGE_ORDERED,
        key=f"message:{uuid4()}",
        conversation_id=conversation.external_id,
        sent_at=database_now(),
    )
    return store_session_event(conversation, EventSource.ADMIN, event, json.dumps({"by": by, "text": text}).encode())
