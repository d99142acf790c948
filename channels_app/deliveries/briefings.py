"""What a handover has to go by, and what is said with it: the conversation as it stands, and its channel's rules."""

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import Lease
from channels_app.protocol.sentences import Occasion
from offload.package import Briefing


def language_of(lease: Lease, channel: LiveChannel) -> str:
    """The contact's; empty: it isn't known."""
    return channel.wording.language_of(lease.language, lease.contact.attributes)


def own_words(lease: Lease, channel: LiveChannel, occasion: Occasion) -> str:
    """What we say to this contact ourselves, in the contact's language; empty: nothing."""
    return channel.wording.say(occasion, language_of(lease, channel))


def briefing_of(lease: Lease, channel: LiveChannel) -> Briefing:
    """What a handover of this conversation has to go by."""
    ref = lease.inbox_channel.ref
    return Briefing(
        rules=channel.routing_rules,
        language=language_of(lease, channel),
        medium=lease.medium,
        inbox_channel=(ref.name, ref.external_id) if ref else (),
        topics=lease.topics,
        attributes=lease.contact.attributes,
        takes_no_notes="" if channel.inbox.carries_notes else channel.inbox.label,
    )
