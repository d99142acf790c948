"""Who writes, and where: as the platform tells it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The person who writes; any field may be missing (empty)."""

    external_id: str = ""
    primary_identifier: str = ""
    secondary_identifier: str = ""
    picture_url: str = ""
    vip: bool = False
    medium_contact_profile_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAttribute:
    attribute: str
    value: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxChannelRef:
    """What the platform calls a channel: a WhatsApp number, a page."""

    external_id: str
    name: str = ""
