"""What became of a handover: the inbox's report completes the transcript and ends the handover."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any, Self

from channels_app.lib import jsons
from channels_app.models import Author, Conversation, Delivery, EventSource, MessageRow
from channels_app.protocol import Event, EventType
from channels_app.protocol.contact_message import are_placeholders
from channels_app.protocol.visible import is_visible
from offload.models import Offload, OffloadState
from offload.note import BEGINNING

MAX_KNOWN = 1_000
"""Newest messages, and calls, of the conversation that a report is compared with."""
MAX_NAME = 200
RECORDED = "Recorded with the handover."
"""Of an event that tells neither an agent nor topics."""


def take_report(conversation_id: int, event_id: int, event: Event, readable: Callable[[str], str]) -> None:
    """Write down what agents said, noted and decided. `readable`: what the platform calls a text, as our transcript
    has it.

    Reports of one conversation may tell the same again, and hours late: each message is kept once.
    """
    told = _Told.of(conversation_id, event, readable)
    rows = [*_messages(told, event), *_notes(conversation_id, event)]
    for place, row in enumerate(rows):
        row.conversation_id, row.event_id, row.position = conversation_id, event_id, place
    MessageRow.objects.bulk_create(rows, ignore_conflicts=True)
    if event.topics:
        Conversation.objects.filter(pk=conversation_id).update(topics=list(event.topics))
    if event.type is EventType.CONVERSATION_RESOLVED:
        _end(conversation_id, event, told.until)


def told_until(conversation_id: int, event: Event, readable: Callable[[str], str]) -> datetime:
    """Up to when a report tells: before what the contact has written since, also if it came hours late."""
    return _Told.of(conversation_id, event, readable).until


def report_words(event: Event) -> str:
    """For operators: which agent, and with which topics. Never the contact's words."""
    name, topics = agent_name(event.details), ", ".join(event.topics)
    return " · ".join([*([f"by {name}"] if name else []), *([f"topics: {topics}"] if topics else [])]) or RECORDED


def agent_name(details: Mapping[str, Any]) -> str:
    agent = details.get("agent") or {}
    return str(agent.get("name") or agent.get("email") or agent.get("external_id") or "")[:MAX_NAME]


def _end(conversation_id: int, event: Event, until: datetime) -> None:
    """The handover that it is about: the latest before it that nobody has ended; by a strange clock the latest."""
    all_of_it = Offload.objects.filter(conversation_id=conversation_id).order_by("-id")
    before = all_of_it.filter(requested_at__lte=until)
    offload = before.filter(state=OffloadState.HANDED_OVER).first() or before.first() or all_of_it.first()
    if offload is None:
        return
    details = event.details
    offload.state = OffloadState.ENDED
    offload.ended_at = event.sent_at
    offload.ended_by = agent_name(details)
    offload.end_comment = " · ".join(filter(None, (str(details.get("reason", "")), str(details.get("comment", "")))))
    offload.topics = list(event.topics)
    offload.save(update_fields=["state", "ended_at", "ended_by", "end_comment", "topics"])


# --- what was said -------------------------------------------------------------------------------------------------

_BEFORE = timedelta(milliseconds=1)
_IS_CONTACTS = {"inbound": True, "outbound": False}


def _messages(told: "_Told", event: Event) -> Iterator[MessageRow]:
    """What the report tells beyond what we know. It has no times: each stands before our next message, or where the
    report ends. What it has before the first message that we know is older than what we still keep."""
    if told.own and not told.aligned:
        return
    name, at, reported = agent_name(event.details), told.until, told.reported
    found: list[MessageRow] = []
    for place in range(len(told.said) - 1, min(told.aligned, default=0) - 1, -1):
        if place in told.aligned:
            at = told.own[told.aligned[place]].at or at
            at -= _BEFORE
        else:
            said = told.said[place]
            author, by = (Author.CONTACT, "") if said.is_contacts else (Author.AGENT, name)
            found.append(MessageRow(author=author, name=by, text=said.text, said_at=at))
    for row in reversed(found):
        key = _Said(row.author == Author.CONTACT, row.text).key
        if reported[key] > 0:
            reported[key] -= 1
        else:
            yield row


@dataclass(frozen=True, slots=True)
class _Said:
    is_contacts: bool
    text: str
    at: datetime | None = None
    stint: int = 0

    @property
    def is_said_by_contact(self) -> bool:
        """In words, which a report must have, too."""
        return self.is_contacts and not are_placeholders(self.text)

    @property
    def key(self) -> tuple[bool, str]:
        return self.is_contacts, _plain(self.text)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a report tells, beside what we know. `aligned`: by their places in it the places of our own messages."""

    said: Sequence[_Said]
    own: Sequence[_Said]
    """Our transcript, the oldest first, without what the contact wrote after the report, and what followed."""
    aligned: Mapping[int, int]
    reported: Counter[tuple[bool, str]]
    """What earlier reports told beside our transcript."""
    until: datetime

    @classmethod
    def of(cls, conversation_id: int, event: Event, readable: Callable[[str], str]) -> Self:
        said = [
            _Said(is_contacts, item["text"] if is_contacts else readable(item["text"]))
            for item in event.details.get("messages") or ()
            if (is_contacts := _IS_CONTACTS.get(item["direction"])) is not None and is_visible(item["text"])
        ]
        own, reported = _known(conversation_id)
        since = [place for place, one in enumerate(own) if one.is_contacts and one.at and one.at > event.sent_at]
        own = own[: since[0]] if since else own
        aligned = _aligned(said, own)
        latest = max((own[place].stint for place in aligned.values()), default=0)
        later = own[max(aligned.values(), default=len(own)) + 1 :]
        unknown = (one.at for one in later if one.at and one.stint > latest and one.is_said_by_contact)
        return cls(said, own, aligned, reported, min([event.sent_at, *(at - _BEFORE for at in unknown)]))


def _known(conversation_id: int) -> tuple[list[_Said], Counter[tuple[bool, str]]]:
    """Our own transcript, oldest first; and what earlier reports told beside it."""
    rows = MessageRow.objects.filter(conversation_id=conversation_id).exclude(author=Author.NOTE)
    names = ("author", "text", "said_at", "event__stint", "event__source")
    own, reported = list[_Said](), Counter[tuple[bool, str]]()
    for author, text, at, stint, source in rows.order_by("-said_at", "-id").values_list(*names)[:MAX_KNOWN]:
        said = _Said(author == Author.CONTACT, text, at, stint)
        if source == EventSource.WRITE_BACK:
            reported[said.key] += 1
        else:
            own.append(said)
    return own[::-1], reported


def _aligned(told: Sequence[_Said], own: Sequence[_Said]) -> dict[int, int]:
    matcher = SequenceMatcher(a=[said.key for said in told], b=[said.key for said in own], autojunk=False)
    return {block.a + step: block.b + step for block in matcher.get_matching_blocks() for step in range(block.size)}


def _plain(text: str) -> str:
    return " ".join(text.split())


def _notes(conversation_id: int, event: Event) -> Iterator[MessageRow]:
    """Those of agents: ours are with the calls that carried them."""
    told = [note for note in event.details.get("notes") or () if is_visible(note["text"])]
    if not told:
        return
    sent = Delivery.objects.filter(conversation_id=conversation_id).order_by("-id")
    kept = MessageRow.objects.filter(conversation_id=conversation_id, author=Author.NOTE)
    known = {_plain(text or "") for text in sent.values_list("payload__outgoing__note", flat=True)[:MAX_KNOWN]}
    known |= {_plain(text) for text in kept.values_list("text", flat=True)[:MAX_KNOWN]}
    for note in told:
        if _plain(note["text"]) not in known and not note["text"].startswith(BEGINNING):
            known.add(_plain(note["text"]))
            yield MessageRow(
                author=Author.NOTE, name=note["author"][:MAX_NAME], text=note["text"], said_at=_moment(note, event)
            )


def _moment(note: Mapping[str, Any], event: Event) -> datetime:
    return jsons.moment(note["created_at"]) or event.sent_at
