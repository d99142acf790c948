"""Change a row under a lock, with what changed in the audit log: before and after, of secrets only that they did."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import ForeignKey, Model

from channels_app.access.audit import CHANGED, Actor, record_audit
from channels_app.lib.masking import without_query
from channels_app.models import SettingsModel

Row = TypeVar("Row", bound=Model)
ENCRYPTED = "_encrypted"
"""Suffixes of columns that hold a secret."""
SECRET_FIELDS = frozenset({"password"})
OWN_FIELDS = frozenset({"id", "revision", "created_at", "updated_at", "last_login"})
"""What changes by itself."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is stored: it can be compared, and is shown nowhere."""

    text: str
    place: str = ""
    """What its encryption is bound to; empty for a hash, which can't be decrypted."""


Values = dict[str, Any]


def values_of(row: Model) -> Values:
    """What is saved in a row, by the names that people know; for `differences`."""
    values: Values = {}
    places = {name: place for name, (_, place) in getattr(row, "sealed_secrets", dict)().items()}
    for field in row._meta.concrete_fields:
        name = field.name
        if name in OWN_FIELDS or (isinstance(row, SettingsModel) and name == "settings"):
            continue
        if name.endswith(ENCRYPTED) or name in SECRET_FIELDS:
            shown = name.removesuffix(ENCRYPTED)
            values[shown] = Sealed(getattr(row, name), places.get(shown, ""))
        else:
            values[name] = _plain(getattr(row, name if isinstance(field, ForeignKey) else field.attname))
    return values | (_settings_of(row, places) if isinstance(row, SettingsModel) else {})


def _settings_of(row: SettingsModel, places: Mapping[str, str]) -> Values:
    secrets = row.secret_names()
    return {
        f"settings.{name}": Sealed(str(value or ""), places.get(name, "")) if name in secrets else value
        for name, value in row.settings.items()
    }


def _plain(value: Any) -> Any:
    """As JSON can keep it."""
    match value:
        case datetime():
            return value.isoformat(timespec="seconds")
        case UUID() | Model():
            return str(value)
        case _:
            return value


def differences(before: Values, after: Values) -> dict[str, Any]:
    """Field to [before, after], for the audit log."""
    names = [name for name in {**before, **after} if _clear(before.get(name)) != _clear(after.get(name))]
    return {name: _change(before.get(name), after.get(name)) for name in names}


def _change(before: Any, after: Any) -> Any:
    if isinstance(before, Sealed) or isinstance(after, Sealed):
        return CHANGED
    shown = [without_query(value) if isinstance(value, str) else value for value in (before, after)]
    return CHANGED if shown[0] == shown[1] else shown  # only a key in an address


def in_words(value: Any) -> str:
    """A value of a field as the history shows it; what holds nothing is left out of rows and objects."""
    match value:
        case None | "" | []:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list():
            return (" | " if isinstance(value[0], dict) else ", ").join(map(in_words, value))
        case dict():  # opening hours, texts by language, a row of a table
            return "; ".join(f"{name} {in_words(part)}" for name, part in value.items() if part != "") or "–"
    return str(value)


def _clear(value: Any) -> Any:
    """Every empty value means that there is none."""
    text = value.text if isinstance(value, Sealed) else value
    return None if text in ("", None) else text


@contextmanager
def changing(
    row: Row, actor: Actor, action: str, *, reason: str = "", also: Mapping[str, Any] | None = None
) -> Iterator[Row]:
    """The row as it is now, locked; what the block sets is saved and recorded when it ends.

    Nothing is saved or recorded when nothing changed. `also`: changes that don't show in the row.
    """
    with transaction.atomic():
        # "no key", because writing down an event needs the key, and must not wait for us
        locked: Row = type(row)._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
        before = values_of(locked)
        yield locked
        changes = differences(before, values_of(locked)) | dict(also or {})
        if changes:
            locked.save()
            record_audit(actor, action, locked, changes=changes, reason=reason)
