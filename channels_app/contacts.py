"""Who writes, and where: contacts and inbox channels as the inbox last described them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from channels_app.models import ContactRow, InboxChannel
from channels_app.protocol import Contact, ContactAttribute, Event, InboxChannelRef

_CONTACT_FIELDS = ("primary_identifier", "secondary_identifier", "picture_url", "vip", "medium_contact_profile_id")

NOBODY = Contact()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContact:
    """A contact with its row's id; no id: nobody is known yet."""

    id: int | None = None
    contact: Contact = NOBODY
    attributes: tuple[ContactAttribute, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        if not row:
            return cls()
        facts = {name: row[name] for name in ("external_id", *_CONTACT_FIELDS)}
        attributes = tuple(ContactAttribute(**attribute) for attribute in row["attributes"])
        return cls(id=row["id"], contact=Contact(**facts), attributes=attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInboxChannel:
    """An inbox channel with its row's id; no id: no event named one yet."""

    id: int | None = None
    ref: InboxChannelRef | None = None
    is_enabled: bool = False

    @property
    def name(self) -> str:
        return (self.ref.name or self.ref.external_id) if self.ref else ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        if not row:
            return cls()
        ref = InboxChannelRef(external_id=row["external_id"], name=row["name"])
        return cls(id=row["id"], ref=ref, is_enabled=row["is_enabled"])


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
    values: dict[str, Any] = {name: getattr(event.contact, name) for name in _CONTACT_FIELDS}
    if attributes is not None:
        values["attributes"] = [asdict(attribute) for attribute in attributes]
    row, _ = ContactRow.objects.update_or_create(
        channel_id=channel_id, external_id=event.contact.external_id, defaults=values
    )
    kept = tuple(ContactAttribute(**attribute) for attribute in row.attributes)
    return KnownContact(id=row.pk, contact=event.contact, attributes=kept)


def learn_inbox_channel(
    channel_id: int, known: KnownInboxChannel, event: Event, *, is_enabled: bool
) -> KnownInboxChannel:
    """The inbox channel of this event: discovered ones are kept, so that an admin can tick them.

    `is_enabled`: whether the bot answers on one that nobody has decided about.
    """
    ref = event.inbox_channel
    if ref is None or not ref.external_id or ref == known.ref:
        return known
    row, is_new = InboxChannel.objects.get_or_create(
        channel_id=channel_id, external_id=ref.external_id, defaults={"name": ref.name, "is_enabled": is_enabled}
    )
    if is_new or row.first_seen_at is None or (ref.name and row.name != ref.name):
        InboxChannel.objects.filter(pk=row.pk).update(
            name=ref.name or F("name"), first_seen_at=Coalesce("first_seen_at", Now())
        )
    return KnownInboxChannel(id=row.pk, ref=ref, is_enabled=row.is_enabled)
