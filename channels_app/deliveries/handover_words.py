"""What a contact reads when agents take over, or have been asked for."""

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import Lease
from channels_app.deliveries.briefings import language_of, own_words
from channels_app.protocol import Message
from channels_app.protocol.sentences import Occasion
from offload.left_messages import offered_choice
from offload.models import OffloadReason
from offload.services import Decision
from offload.wording import say_for


def last_words(lease: Lease, channel: LiveChannel, reason: OffloadReason) -> str:
    """What the contact reads when agents take over and he had no reason to expect it."""
    is_unexpected = reason.is_failure or reason is OffloadReason.CONTACT_FILE
    return own_words(lease, channel, Occasion.HANDOVER) if is_unexpected else ""


def providers_words(
    lease: Lease, channel: LiveChannel, reason: OffloadReason, decision: Decision
) -> tuple[Message, ...]:
    """What the contact reads when agents have been asked for, with a choice where that is to be offered. Who has asked
    himself, and not the bot, reads something in any case."""
    language, fallback = language_of(lease, channel), channel.wording.language
    text = say_for(
        decision,
        lease.now,
        language=language,
        fallback=fallback,
        name=lease.contact.contact.primary_identifier,
    )
    if not text and decision.occasion is Occasion.OPENED and reason is OffloadReason.CONTACT_ASKED:
        text = own_words(lease, channel, Occasion.HANDOVER)
    provider = decision.provider if decision.occasion is Occasion.NOBODY else None
    choice = offered_choice(provider, language, fallback) if provider else ()
    return (Message(text=text, options=choice),) if text else ()
