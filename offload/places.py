"""Where in the bot's dialogs a handover happened: written down with it, so that no page has to look for it."""

from typing import Any

from django.db.models import Max

from channels_app.models import Author, MessageRow, WebhookEvent
from channels_app.protocol import EventType
from channels_app.protocol.wishes import split
from offload.misses import in_a_row, says_miss, told_before
from offload.models import Offload, OffloadReason, OffloadState
from offload.package import intents_named

MAX_INTENT = 200


def place_of(event_id: int, reason: str = "") -> dict[str, Any]:
    """The columns of `Offload` that tell it."""
    event = WebhookEvent.objects.select_related("channel").get(pk=event_id)
    if reason == OffloadReason.MESSAGE_LEFT and (asked := _where_asked(event)):
        return asked
    intents, names = intents_named(event.conversation_id), split(event.channel.miss_intents)
    messages = MessageRow.objects.filter(conversation_id=event.conversation_id)
    asked = messages.filter(author=Author.CONTACT).aggregate(id=Max("id"))["id"]
    before = messages.filter(author=Author.BOT, id__lt=asked or 0).aggregate(id=Max("id"))["id"]
    return {
        "intent": intents[0][:MAX_INTENT] if intents else "",
        "misses": in_a_row(
            told_before(event.conversation_id, event_id, event.stint, names),
            misses=says_miss(event.reason, names),
            goes_on=EventType(event.type).is_from_bot,
        ),
        "bot_message_id": before,
    }


def _where_asked(event: WebhookEvent) -> dict[str, Any] | None:
    """Who leaves a message had asked for an agent before, and read our own words then."""
    asked = Offload.objects.filter(conversation_id=event.conversation_id, state=OffloadState.CLOSED).order_by("-pk")
    found = asked.exclude(bot_message_id=None).values("intent", "misses", "bot_message_id").first()
    return dict(found) if found else None
