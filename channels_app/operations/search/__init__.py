"""Finds conversations by anything that identifies one: an id, a contact, a trace id, an address, words from a
message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from channels_app.lib.times import ALWAYS, TimeRange
from channels_app.models import Conversation, WebhookEvent
from channels_app.models.periods import Numbers, next_id, numbers_during, rows_during
from channels_app.operations.outcome_codes import HAD_BY_AGENTS, codes_of_latest
from channels_app.operations.search.ids import Hit, named_by, row_number
from channels_app.operations.search.words import Cursor, search_words
from offload.models import Offload, OffloadReason

__all__ = ["ConversationLine", "Found", "find_conversations"]

PAGE = 50
EVENT_WINDOW = 20_000
"""Events that a list without a search looks through, for the latest of each conversation."""
_RELATED = ("channel", "contact", "inbox_channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationLine:
    """A conversation in a list, with its latest event (of the range that was asked for) and what is wrong with that.

    `match`: by what it was found; `event_id`: the event that the search named, or the latest of the range;
    `reason`: why agents got it the last time that they did.
    """

    conversation: Conversation
    last: WebhookEvent | None
    code: str = ""
    match: str = ""
    event_id: int | None = None
    reason: str = ""

    @property
    def reason_words(self) -> str:
        return OffloadReason(self.reason).label if self.reason else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of conversations. `before` continues where this page ended, "" at the end; `is_exact`: by an id."""

    lines: tuple[ConversationLine, ...] = ()
    before: str = ""
    is_exact: bool = False


def find_conversations(
    term: str = "",
    *,
    channel_id: int | None = None,
    owner: str = "",
    reason: str = "",
    before: str = "",
    during: TimeRange = ALWAYS,
    reads_text: bool = False,
) -> Found:
    """Conversations for a search box; without a term those where something happened last.

    `reason`: only those that agents have got for it, once or more. `during`: only those in which something happened
    then, with that. `reads_text`: whether this person may look for
    contacts, and for what was said. Others find by ids alone: letter by letter a search would give away what is
    covered on the page.
    """
    term = term.replace("\0", "").strip()
    if not term:
        return _recent(channel_id, owner, reason, before, during)
    among = Conversation.objects.all()
    if channel_id:
        among = among.filter(channel_id=channel_id)
    if owner:
        among = among.filter(owner=owner)
    if reason:
        among = among.filter(_handed_over_for(reason, "pk"))
    exact = [] if before else named_by(term, reads_text=reads_text)
    if not reads_text:
        return Found(lines=_lines(among, exact, during), is_exact=True)
    if exact and not term.isdecimal():  # a bare number may also be part of a contact's
        return Found(lines=_lines(among, exact, during), is_exact=True)
    hits, cursor = search_words(term, Cursor.parse(before))
    return Found(lines=_lines(among, [*exact, *hits], during), before=str(cursor))


def _handed_over_for(reason: str, conversation: str) -> Exists:
    granted = Offload.objects.filter(state__in=HAD_BY_AGENTS, reason=reason)
    return Exists(granted.filter(conversation=OuterRef(conversation)))


def _reasons(rows: Iterable[Conversation]) -> dict[int, str]:
    """By conversation, why agents got it the last time."""
    granted = Offload.objects.filter(conversation__in=[row.pk for row in rows], state__in=HAD_BY_AGENTS)
    return dict(granted.order_by("pk").values_list("conversation_id", "reason"))


def _recent(channel_id: int | None, owner: str, reason: str, before: str, during: TimeRange) -> Found:
    numbers = numbers_during(WebhookEvent, during)
    end = numbers.end or next_id(WebhookEvent)
    newest = min(row_number(before) or end, end)
    oldest = max(newest - EVENT_WINDOW, numbers.first)
    of_range = rows_during(WebhookEvent.objects.all(), during, numbers)
    events = of_range.filter(pk__lt=newest, pk__gte=oldest, pk=_latest_of(of_range, "conversation"))
    if channel_id:
        events = events.filter(channel_id=channel_id)
    if owner:
        events = events.filter(conversation__owner=owner)
    if reason:
        events = events.filter(_handed_over_for(reason, "conversation"))
    related = [f"conversation__{name}" for name in _RELATED]
    rows = list(events.select_related("conversation", *related).order_by("-id")[: PAGE + 1])
    shown = rows[:PAGE]
    codes, reasons = codes_of_latest(shown), _reasons(row.conversation for row in shown)
    lines = (
        ConversationLine(
            conversation=row.conversation,
            last=row,
            code=codes.get(row.pk, ""),
            event_id=row.pk if during else None,
            reason=reasons.get(row.conversation_id, ""),
        )
        for row in shown
    )
    end = shown[-1].pk if len(rows) > PAGE else oldest
    return Found(lines=tuple(lines), before=str(end) if end > max(numbers.first, 1) else "")


def _latest_of(events: QuerySet[WebhookEvent], reference: str) -> Subquery:
    return Subquery(events.filter(conversation=OuterRef(reference)).order_by("-id").values("pk")[:1])


def _lines(among: QuerySet[Conversation], hits: Sequence[Hit], during: TimeRange) -> tuple[ConversationLine, ...]:
    """The conversations that were hit, in the order of the hits, each once."""
    by_id = {hit.conversation_id: hit for hit in reversed(hits)}
    # By the few events of each: where the range lies among all of them need not be known.
    last = _latest_of(rows_during(WebhookEvent.objects.all(), during, Numbers()), "pk")
    rows = among.filter(pk__in=by_id).select_related(*_RELATED).annotate(last_event_id=last)
    found = {row.pk: row for row in rows if row.last_event_id or not during}
    events = WebhookEvent.objects.in_bulk([row.last_event_id for row in found.values() if row.last_event_id])
    codes, reasons = codes_of_latest(list(events.values())), _reasons(found.values())
    return tuple(
        ConversationLine(
            conversation=found[pk],
            last=events.get(found[pk].last_event_id),
            code=codes.get(found[pk].last_event_id, ""),
            match=by_id[pk].match,
            event_id=by_id[pk].event_id or (found[pk].last_event_id if during else None),
            reason=reasons.get(pk, ""),
        )
        for pk in dict.fromkeys(hit.conversation_id for hit in hits)
        if pk in found
    )
