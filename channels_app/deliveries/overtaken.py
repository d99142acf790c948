"""Answers that a newer message of the contact has overtaken, on a channel that drops them."""

from datetime import UTC, datetime, timedelta

from django.db.models import Subquery
from django.db.models.functions import Coalesce

from channels_app.conversations.lease import Lease
from channels_app.lib.clocks import database_now
from channels_app.models import Author, MessageRow

MAX_UNANSWERED = timedelta(seconds=30)
"""A contact who has read nothing for so long gets the answer: one who keeps writing would never be answered."""


def has_waited_long(lease: Lease) -> bool:
    """Whether what the contact wrote first, after the last words that it read, is so old."""
    said = MessageRow.objects.filter(conversation_id=lease.conversation_id)
    last_read = said.exclude(author=Author.CONTACT).order_by("-said_at").values("said_at")[:1]
    unanswered = said.filter(
        author=Author.CONTACT, said_at__gt=Coalesce(Subquery(last_read), datetime.min.replace(tzinfo=UTC))
    )
    began_at = unanswered.order_by("said_at").values_list("said_at", flat=True).first()
    return began_at is not None and began_at + MAX_UNANSWERED < database_now()
