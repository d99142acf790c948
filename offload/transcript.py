"""The conversation as a note for the agent who takes over."""

from collections.abc import Sequence

from channels_app import options
from channels_app.models import Author, MessageRow
from channels_app.protocol import Reply

NOTE_MOST = 4000
"""Characters. The inbox names no limit for a note; an agent reads no more than a screen or two."""
LINES_MOST = 100
_VOICES = {Author.CONTACT: "Contact", Author.BOT: "Bot", Author.AGENT: "Agent", Author.BRIDGE: "Bot"}


def transcript_lines(conversation_id: int, last_words: Reply) -> list[str]:
    """Who said what, oldest first, at most the last LINES_MOST messages; `last_words` are about to be said."""
    newest = MessageRow.objects.filter(conversation_id=conversation_id).order_by("-said_at", "-id")[:LINES_MOST]
    lines = [
        _line(_VOICES[Author(row.author)], row.text, row.attachment_url) for row in sorted(newest, key=_spoken_order)
    ]
    for message in last_words.messages:
        lines.append(_line("Bot", options.write_out(message), message.attachment.url if message.attachment else ""))
    return lines


def _spoken_order(row: MessageRow) -> tuple[object, ...]:
    return (row.said_at, row.pk)


def _line(voice: str, text: str, attachment_url: str) -> str:
    said = "\n  ".join(part for part in (text.replace("\n", "\n  "), attachment_url) if part)
    return f"{voice}: {said or '(no text)'}"


def write_note(reason: str, detail: str, remarks: Sequence[str], lines: Sequence[str]) -> str:
    """The note: why the agent gets it, what else to know, and the end of the conversation so far."""
    given = [f"Details: {detail}"] if detail else []
    head = "\n".join([f"Handed over by chatbridge: {reason}.", *given, *remarks])
    kept: list[str] = []
    room = NOTE_MOST - len(head)
    for line in reversed(lines):
        room -= len(line) + 1
        if room < 0:
            kept.append("(earlier messages left out)")
            break
        kept.append(line)
    return "\n".join([head, "", *reversed(kept)]) if kept else head
