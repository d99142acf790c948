"""What was said in a conversation, for a bot that gets it back from an agent or remembers nothing itself."""

from django.db.models import Min, Q

from channels_app.models import Author, EventSource, MessageRow
from channels_app.protocol import PastMessage
from channels_app.protocol.visible import cut, is_visible

MAX_MESSAGES = 50
MAX_LETTERS = 1_000
"""Of each message: enough to know what it was about."""


def history_of(conversation_id: int, before: int, since: int = 0) -> tuple[PastMessage, ...]:
    """The last messages that have words, oldest first, without those of the turn of the event `before`, and of events
    before the session's first (`since`). Agents' are there once the inbox has reported them; their notes are not for
    bots, which might repeat them."""
    rows = MessageRow.objects.filter(conversation_id=conversation_id, event_id__gte=since).exclude(author=Author.NOTE)
    if since:  # agents may have been reported after it
        began_at = rows.exclude(event__source=EventSource.WRITE_BACK).aggregate(at=Min("said_at"))["at"]
        rows = rows.exclude(event__source=EventSource.WRITE_BACK, said_at__lt=began_at) if began_at else rows
    rows = rows.exclude(Q(event_id=before) | Q(event__answered_by=before))
    newest = rows.order_by("-said_at", "-id")[:MAX_MESSAGES]
    return tuple(
        PastMessage(
            author=Author.BOT.value if row.author == Author.BRIDGE else row.author,
            name=row.name,
            text=cut(row.text, MAX_LETTERS),
            at=row.said_at,
        )
        for row in reversed(newest)
        if is_visible(row.text)
    )
