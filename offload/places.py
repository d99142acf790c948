"""Where in the bot's dialogs a handover happened: written down with it, so that no page has to look for it."""

import re
from itertools import takewhile
from typing import Any

from django.db.models import Max

from channels_app.models import Author, MessageRow
from offload.package import intents_named

_NOT_UNDERSTOOD = re.compile(
    r"(^|[\W_])(fallback|not[\W_]*understood|no[\W_]*match|out[\W_]*of[\W_]*scope|unknown|none)([\W_]|$)",
    re.IGNORECASE,
)
"""How bots name the intent of words that they don't understand."""
MAX_INTENT = 200


def is_miss(intent: str) -> bool:
    return bool(_NOT_UNDERSTOOD.search(intent))


def place_of(conversation_id: int) -> dict[str, Any]:
    """The columns of `Offload` that tell it."""
    intents = intents_named(conversation_id)
    messages = MessageRow.objects.filter(conversation_id=conversation_id)
    asked = messages.filter(author=Author.CONTACT).aggregate(id=Max("id"))["id"]
    before = messages.filter(author=Author.BOT, id__lt=asked or 0).aggregate(id=Max("id"))["id"]
    return {
        "intent": intents[0][:MAX_INTENT] if intents else "",
        "misses": sum(1 for _ in takewhile(is_miss, intents)),
        "bot_message_id": before,
    }
