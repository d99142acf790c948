"""While nobody is there a contact may leave a message: what he chooses for it, and what he reads then."""

from channels_app.protocol import Option
from channels_app.protocol.sentences import READY, Occasion

LEAVES_MESSAGE = {"chatbridge": "leave_message"}
"""The payload of the choice."""
_TITLES = {
    "en": "Leave a message",
    "nl": "Bericht achterlaten",
    "fr": "Laisser un message",
    "de": "Nachricht hinterlassen",
    "es": "Dejar un mensaje",
}


def offered_choice(language: str) -> tuple[Option, ...]:
    """In these languages only: a choice that isn't understood is none."""
    title = _TITLES.get(_primary(language))
    return (Option(title=title, payload=LEAVES_MESSAGE),) if title else ()


def words_after_choice(language: str) -> str:
    return READY[Occasion.LEFT_MESSAGE].get(_primary(language), "")


def _primary(language: str) -> str:
    return (language or "en").partition("-")[0]
