"""While nobody is there a contact may leave a message: what he chooses for it, and what he reads then."""

from channels_app.protocol import Option
from channels_app.protocol.languages import pick_text
from channels_app.protocol.sentences import Occasion
from offload.models import OffloadProvider

LEAVES_MESSAGE = {"chatbridge": "leave_message"}
"""The payload of the choice."""
MAX_TITLE = 60
"""Characters of what it is called: it has to fit on a button."""


def offered_choice(provider: OffloadProvider, language: str, fallback: str) -> tuple[Option, ...]:
    """In the language of the text above it; none where the provider has no title for it."""
    title = pick_text(provider.texts_for(Occasion.LEAVE_MESSAGE), language, fallback)
    return (Option(title=title, payload=LEAVES_MESSAGE),) if title else ()
