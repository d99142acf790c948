"""Contacts and messages that hold some words, in windows of the newest rows: no index, no search without an end."""

from dataclasses import dataclass
from typing import Any, Self

from django.db import connection
from django.db.models import Q, QuerySet

from channels_app.models import ContactRow, Conversation, MessageRow
from channels_app.operations.search.ids import MAX_HITS, Hit, row_number

WINDOW = 100_000
"""Rows that one search looks through: a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on: below this contact and this message. As text "4500-90000"; 0: there is nothing below."""

    contact: int
    message: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what `str` gave; from the newest rows when it is anything else."""
        contact, _, message = text.partition("-")
        below, before = row_number(contact), row_number(message)
        if below is not None and before is not None:
            return cls(below, before)
        return cls(*_ends())

    def __str__(self) -> str:
        return f"{self.contact}-{self.message}" if self.contact or self.message else ""


def search_words(term: str, cursor: Cursor) -> tuple[list[Hit], Cursor]:
    """Conversations of contacts that are called so, then those in which it was said; and where to go on."""
    holds = Q(primary_identifier__icontains=term) | Q(secondary_identifier__icontains=term)
    contacts, next_contact = _window(ContactRow.objects.filter(holds), cursor.contact, "pk")
    found = Conversation.objects.filter(contact__in=[pk for pk, _ in contacts]).order_by("-id")
    hits = [Hit(pk, "its contact") for pk in found.values_list("pk", flat=True)[: 2 * MAX_HITS]]
    said, next_message = _window(MessageRow.objects.filter(text__icontains=term), cursor.message, "conversation_id")
    hits += [Hit(conversation_id, "a message") for _, conversation_id in said]
    return hits, Cursor(next_contact, next_message)


def _window(rows: QuerySet[Any], end: int, field: str) -> tuple[list[tuple[int, int]], int]:
    """Rows of the window below `end`, newest first, and the end of the next window."""
    if end <= 1:
        return [], 0
    start = max(end - WINDOW, 0)
    found = list(rows.filter(pk__lt=end, pk__gte=start).order_by("-pk").values_list("pk", field)[:MAX_HITS])
    is_full = len(found) == MAX_HITS
    return found, found[-1][0] if is_full else start


_ENDS = """
SELECT (SELECT coalesce(max(id), 0) + 1 FROM channels_app_contact),
    (SELECT coalesce(max(id), 0) + 1 FROM channels_app_message)
"""


def _ends() -> tuple[int, int]:
    """Behind the newest contact and message, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDS)
        contact, message = cursor.fetchone()
        return contact, message
