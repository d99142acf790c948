"""What others changed while a user had a form open: field by field, with who and when from the audit log."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import Max, Q
from django.utils.crypto import salted_hmac

from channels_app.access.audit import CHANGED
from channels_app.access.changes import Sealed, in_words
from channels_app.lib.encryption import decrypt
from channels_app.models import AuditEntry, Channel, SettingsModel
from channels_app.protocol.errors import ConfigError

SALT = "channels_app.access.meanwhile.2"
"""Numbered, so that a form that is open while the bridge is updated isn't compared by another rule."""
MAX_ENTRIES = 200
"""Of the audit log that are looked through for who it was."""
DELETED = "DELETE"
"""The name of the box that deletes a row."""
HASH_LETTERS = 12  # 48 bits: two values of one field are never taken for the same by chance


@dataclass(frozen=True, slots=True)
class Place:
    """A field of a row, by the names of the audit log; with its words on the page."""

    row: str
    """As "channel:12"."""
    name: str
    label: str = field(compare=False)
    choices: Mapping[Any, Any] = field(default_factory=dict, compare=False)
    said_by: Callable[[Any], str] | None = field(default=None, compare=False)
    """How the field itself puts a value; None: it is put here."""

    def words(self, value: Any) -> str:
        if self.said_by:
            return "; ".join(self.said_by(value).splitlines())
        return in_words(self.choices.get(value, value) if isinstance(value, str) else value)


Seen = Mapping[Place, Any]
"""What a form shows, or would save, with secrets sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What another user changed, in words. `who` and `before` are empty if not recorded."""

    label: str
    before: str
    now: str
    who: str
    at: datetime | None


def stamp(seen: Seen) -> str:
    """What a form keeps of what it shows, to compare it when it comes back."""
    newest = AuditEntry.objects.aggregate(newest=Max("id"))["newest"] or 0
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for place, value in seen.items():
        rows[place.row][place.name] = _hash(value)
    return signing.dumps([newest, rows], salt=SALT, compress=True)


def changes_since(stamped: str, now: Seen, wanted: Callable[[], Seen]) -> list[Change]:
    """Nothing too for a stamp that isn't ours. A row that is new can't be overwritten, so it is no change.

    Nor is what is `wanted` just as it is saved now: the button was pressed twice, or two people typed the same.
    """
    try:
        newest, rows = signing.loads(stamped, salt=SALT)
    except signing.BadSignature:
        return []
    changed = [
        place for place, value in now.items() if rows.get(place.row, {}).get(place.name, "") not in ("", _hash(value))
    ]
    gone = rows.keys() - {place.row for place in now}
    if not changed and not gone:
        return []
    mine = wanted()
    changed = [place for place in changed if place not in mine or _hash(mine[place]) != _hash(now[place])]
    gone = {row for row in gone if Place(row, DELETED, "") not in mine}
    entries = _entries(newest, {*gone, *(place.row for place in changed)})
    return [
        *(_told(place, now[place], entries) for place in changed),
        *(_told_gone(row, entries) for row in sorted(gone)),
    ]


def entries_since(row: SettingsModel, revision: int) -> list[AuditEntry]:
    """What people wrote down since the row was at this revision, newest first: each saved change counts one."""
    mine = Q(object_type=row._meta.model_name, object_id=str(row.pk))
    if isinstance(row, Channel):
        parts = map(str, row.inbox_channels.values_list("pk", flat=True))
        mine |= Q(object_type="inboxchannel", object_id__in=list(parts))
    count = min(max(row.revision - revision, 0), MAX_ENTRIES)
    return list(AuditEntry.objects.filter(mine, changes__isnull=False).exclude(changes={}).order_by("-id")[:count])


def _entries(newest: int, rows: Iterable[str]) -> list[AuditEntry]:
    """About these rows, newest first."""
    mine = Q()
    for row in rows:
        kind, _, pk = row.partition(":")
        mine |= Q(object_type=kind, object_id=pk)
    return list(AuditEntry.objects.filter(mine, id__gt=newest).order_by("-id")[:MAX_ENTRIES])


def _told(place: Place, value: Any, entries: list[AuditEntry]) -> Change:
    own = [entry for entry in entries if _row_of(entry) == place.row and place.name in entry.changes]
    oldest = own[-1].changes[place.name] if own else CHANGED
    return Change(
        label=place.label,
        before="" if oldest == CHANGED else place.words(oldest[0]),
        now=CHANGED if isinstance(value, Sealed) else place.words(value),
        who=own[0].actor if own else "",
        at=own[0].at if own else None,
    )


def _told_gone(row: str, entries: list[AuditEntry]) -> Change:
    entry = next((entry for entry in entries if _row_of(entry) == row), None)
    label = f"“{entry.object_name}”" if entry else row
    return Change(
        label=label, before="", now="deleted", who=entry.actor if entry else "", at=entry.at if entry else None
    )


def _row_of(entry: AuditEntry) -> str:
    return f"{entry.object_type}:{entry.object_id}"


def _hash(value: Any) -> str:
    """With our key, because that of a secret goes to the page, too: without the key its value can't be guessed."""
    plain = _clear(value) if isinstance(value, Sealed) else value
    words = json.dumps(None if plain in ("", None) else plain, sort_keys=True, default=str)
    return salted_hmac(SALT, words, algorithm="sha256").hexdigest()[:HASH_LETTERS]


def _clear(sealed: Sealed) -> str:
    """Under a new encryption key a secret is the same, and its ciphertext another."""
    with suppress(ConfigError):  # the key is lost: then the ciphertext stands for it
        if sealed.text and sealed.place:
            return decrypt(sealed.text, sealed.place)
    return sealed.text
