"""The conversation as a note for the agent who takes over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from channels_app.lib.http.addresses import shown_address
from channels_app.models import Author, MessageRow
from channels_app.protocol import Reply, options
from channels_app.protocol.visible import cut, is_visible

MAX_NOTE = 4000
"""Characters. The inbox names no limit for a note; an agent reads no more than a screen or two."""
MAX_HEAD = 1500
"""Characters of why it is handed over, if the conversation needs the rest."""
MAX_LINE = 500
"""Characters of one message that stay, however many there are: enough to know what it was about."""
LEAST = 20
"""Characters; the beginning of a message below this says nothing."""
MAX_LINES = 100
BEGINNING = "Handed over by chatbridge:"
LEFT_OUT = "(messages left out)"
_VOICES = {
    Author.CONTACT: "Contact",
    Author.BOT: "Bot",
    Author.AGENT: "Agent",
    Author.NOTE: "Note",
    Author.BRIDGE: "Bot",
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message, as the note has it."""

    text: str
    is_contacts: bool = False


def newest_messages(conversation_id: int) -> list[MessageRow]:
    """The last MAX_LINES messages, and in any case the contact's last one; the latest first."""
    rows = MessageRow.objects.filter(conversation_id=conversation_id).order_by("-said_at", "-id")
    newest = list(rows[:MAX_LINES])
    if len(newest) == MAX_LINES and not any(row.author == Author.CONTACT for row in newest):
        newest += rows.filter(author=Author.CONTACT)[:1]
    return newest


def transcript_lines(newest: Sequence[MessageRow], last_words: Reply) -> list[Spoken]:
    """Who said what, oldest first. `last_words` are about to be said."""
    lines = [
        Spoken(_line(_VOICES[Author(row.author)], row.text, row.attachment_url), row.author == Author.CONTACT)
        for row in reversed(newest)
    ]
    for message in last_words.messages:
        attachment_url = shown_address(message.attachment.url) if message.attachment else ""
        lines.append(Spoken(_line("Bot", options.write_out(message), attachment_url)))
    return lines


def _line(voice: str, text: str, attachment_url: str) -> str:
    words = text.replace("\n", "\n  ") if is_visible(text) else ""
    said = "\n  ".join(filter(None, (words, attachment_url)))
    return f"{voice}: {said or '(no text)'}"


def write_note(reason: str, detail: str, remarks: Sequence[str], lines: Sequence[Spoken]) -> str:
    """The note: why the agent gets it, what else to know, and the end of the conversation so far.

    Never longer than MAX_NOTE: what is long is shortened, then what is old is left out.
    """
    parts = [f"{BEGINNING} {reason}.", *([f"Details: {detail}"] if detail else []), *remarks]
    talk = sum(len(line.text) + 1 for line in lines) + 1
    head = "\n".join(_shortened(parts, max(MAX_HEAD, MAX_NOTE - talk) + 1))
    if not lines:
        return head
    return "\n".join([head, "", *_told(lines, MAX_NOTE - len(head) - 1)])


def _shortened(texts: Sequence[str], room: int, least: int = 0) -> list[str]:
    """The texts within `room` characters, each with a line break: the long ones are cut at one length.

    None is cut below `least`, even if they don't fit then.
    """
    for place, length in enumerate(sorted(len(text) + 1 for text in texts)):
        share = room // (len(texts) - place)
        if length > share:
            return [cut(text, max(share - 1, least)) for text in texts]
        room -= length
    return list(texts)


def _told(lines: Sequence[Spoken], room: int) -> Iterator[str]:
    """The lines within `room` characters, each with a line break: the contact's last, and as many as fit of the
    newest; and a word where some are missing."""
    texts = _shortened([line.text for line in lines], room, MAX_LINE)
    if sum(len(text) + 1 for text in texts) > room:
        room -= 2 * (len(LEFT_OUT) + 1)
    last = max((place for place, line in enumerate(lines) if line.is_contacts), default=-1)
    chosen: dict[int, str] = {}
    for place in sorted(range(len(lines)), key=lambda place: (place == last, place), reverse=True):
        if room <= LEAST and len(texts[place]) >= room:
            break
        chosen[place] = cut(texts[place], room - 1)
        room -= len(chosen[place]) + 1
        if chosen[place] != texts[place]:
            break
    before = -1
    for place in sorted(chosen):
        if place != before + 1:
            yield LEFT_OUT
        yield chosen[place]
        before = place
