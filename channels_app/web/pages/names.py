"""How pages call a conversation: by its contact, for whoever may know who writes."""

from channels_app.lib.masking import masked_name
from channels_app.models import Conversation
from channels_app.protocol.labels import one_line


def contact_name(row: Conversation, *, reads_text: bool) -> str:
    """The contact, or what is left of the name when it is masked: the last digits, else the conversation's number."""
    name = one_line(str(row.contact or ""))
    if not name:
        return "unknown contact"
    if reads_text:
        return name
    masked = masked_name(name)
    return masked if masked[-1].isdigit() else f"conversation {row.pk}"


def title_of(row: Conversation, *, reads_text: bool) -> str:
    """The headline of its page."""
    name = contact_name(row, reads_text=reads_text)
    return name.capitalize() if name.startswith("conversation ") else f"Conversation with {name}"
