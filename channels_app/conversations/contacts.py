"""Who writes, and where: contacts and inbox channels as the inbox last described them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from channels_app.lib.statements import fetch
from channels_app.protocol import Contact, ContactAttribute, Event, InboxChannelRef

_CONTACT_FIELDS = ("primary_identifier", "secondary_identifier", "picture_url", "vip", "medium_contact_profile_id")
CONTACT_COLUMNS = ("id", "external_id", *_CONTACT_FIELDS, "attributes")
INBOX_CHANNEL_COLUMNS = ("id", "external_id", "name", "is_enabled", "shows_buttons")

NOBODY = Contact()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContact:
    """A contact with its row's id; no id: not known yet."""

    id: int | None = None
    contact: Contact = NOBODY
    attributes: tuple[ContactAttribute, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The one of a row's CONTACT_COLUMNS."""
        if row["id"] is None:
            return cls()
        facts = {name: row[name] for name in ("external_id", *_CONTACT_FIELDS)}
        attributes = tuple(ContactAttribute(**attribute) for attribute in json.loads(row["attributes"]))
        return cls(id=row["id"], contact=Contact(**facts), attributes=attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInboxChannel:
    """An inbox channel with its row's id; no id: no event named one yet."""

    id: int | None = None
    ref: InboxChannelRef | None = None
    is_enabled: bool = False
    shows_buttons: bool = False

    @property
    def name(self) -> str:
        return (self.ref.name or self.ref.external_id) if self.ref else ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The one of a row's INBOX_CHANNEL_COLUMNS."""
        if row["id"] is None:
            return cls()
        ref = InboxChannelRef(external_id=row["external_id"], name=row["name"])
        return cls(id=row["id"], ref=ref, is_enabled=row["is_enabled"], shows_buttons=row["shows_buttons"])


_KEEP_CONTACT = f"""
INSERT INTO channels_app_contact AS contact (channel_id, external_id, {", ".join(_CONTACT_FIELDS)}, attributes)
VALUES (%(channel_id)s, %(external_id)s, {", ".join(f"%({name})s" for name in _CONTACT_FIELDS)},
    coalesce(%(attributes)s::jsonb, '[]'))
ON CONFLICT (channel_id, external_id) DO UPDATE
    SET {", ".join(f"{name} = EXCLUDED.{name}" for name in _CONTACT_FIELDS)},
        attributes = coalesce(%(attributes)s::jsonb, contact.attributes)
RETURNING id, attributes
"""


def learn_contact(channel_id: int, known: KnownContact, event: Event) -> KnownContact:
    """The contact after this event, kept if it says something new. Events without a profile change nothing."""
    if event.contact is None or not event.contact.external_id:
        return known
    same_contact = known.id is not None and known.contact.external_id == event.contact.external_id
    attributes = event.attributes
    if attributes is None:
        attributes = known.attributes if same_contact else None
    if same_contact and known.contact == event.contact and known.attributes == attributes:
        return known
    given = None if attributes is None else json.dumps([asdict(attribute) for attribute in attributes])
    facts = {name: getattr(event.contact, name) for name in _CONTACT_FIELDS}
    place = {"channel_id": channel_id, "external_id": event.contact.external_id}
    [(row_id, kept)] = fetch(_KEEP_CONTACT, {**facts, **place, "attributes": given})
    known_ones = tuple(ContactAttribute(**attribute) for attribute in json.loads(kept))
    return KnownContact(id=row_id, contact=event.contact, attributes=known_ones)


_FIND_INBOX_CHANNEL = """
SELECT id, is_enabled, shows_buttons, name, first_seen_at IS NOT NULL FROM channels_app_inboxchannel
WHERE channel_id = %(channel_id)s AND external_id = %(external_id)s
"""
_KEEP_INBOX_CHANNEL = """
INSERT INTO channels_app_inboxchannel AS known (channel_id, external_id, name, is_enabled, first_seen_at)
VALUES (%(channel_id)s, %(external_id)s, %(name)s, %(is_enabled)s, clock_timestamp())
ON CONFLICT (channel_id, external_id) DO UPDATE
    SET name = coalesce(nullif(EXCLUDED.name, ''), known.name),
        first_seen_at = coalesce(known.first_seen_at, EXCLUDED.first_seen_at)
RETURNING id, is_enabled, shows_buttons, name, true
"""


def learn_inbox_channel(
    channel_id: int, known: KnownInboxChannel, event: Event, *, is_enabled: bool
) -> KnownInboxChannel:
    """The inbox channel of this event: discovered ones are kept, so that an admin can tick them.

    `is_enabled`: whether the bot answers on one not configured yet.
    """
    ref = event.inbox_channel
    if ref is None or not ref.external_id or ref == known.ref:
        return known
    facts = {"channel_id": channel_id, "external_id": ref.external_id}
    rows = fetch(_FIND_INBOX_CHANNEL, facts)
    if not rows or not rows[0][4] or (ref.name and rows[0][3] != ref.name):
        rows = fetch(_KEEP_INBOX_CHANNEL, {**facts, "name": ref.name, "is_enabled": is_enabled})
    row_id, is_enabled, shows_buttons, *_ = rows[0]
    return KnownInboxChannel(id=row_id, ref=ref, is_enabled=is_enabled, shows_buttons=shows_buttons)
