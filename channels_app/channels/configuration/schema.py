"""What a configuration file may say. A key that it leaves out is not in the entry either: it keeps what is saved.

Only of what type each value is, as the forms of the pages have it; whether it will do is judged by these forms.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from channels_app.channels.configuration.source import Problems, place
from channels_app.channels.forms import INBOX_FIELDS, ChannelForm, WriteOnlyField
from channels_app.channels.forms.hours_field import HoursField
from channels_app.channels.forms.offload import OffloadProviderForm
from channels_app.channels.forms.policies_field import PoliciesField
from channels_app.channels.forms.queue_field import NamesField
from channels_app.channels.forms.table_field import TableField
from channels_app.channels.forms.texts_field import TextsField

NOT_TEXT = "must be text. In YAML, put it in quotes."

Reader = Callable[[Any], Any]
"""Gives the value that is meant. Raises ValueError with a sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One bot or channel of the file, checked as far as that needs no other row."""

    path: str
    values: dict[str, Any]

    def at(self, key: str) -> str:
        return place(self.path, key)


@dataclass(frozen=True, slots=True)
class Document:
    bots: list[Entry]
    channels: list[Entry]


# --- single values ---------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """null is the empty text."""
    if not isinstance(value, str | None):
        raise ValueError(NOT_TEXT)
    return value or ""


def _name(value: Any) -> str:
    """What an entry is found by."""
    name = _text(value).strip()
    if not name:
        raise ValueError("is missing.")
    return name


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number.")
    return value


def _object(value: Any) -> dict[str, Any]:
    """null names nothing, like an empty object."""
    if not isinstance(value, dict | None):
        raise ValueError("must be an object.")
    return value or {}


def _texts(value: Any) -> Any:
    """Of a language each, or a single one for all; null: the bridge's own."""
    if not isinstance(value, str | dict | None):
        raise ValueError("must be text, an object of texts by language, or null.")
    return {} if value == "" else value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list.")
    return value


def _reader_of(field: forms.Field) -> Reader:
    match field:
        case WriteOnlyField():
            return lambda value: value  # only the field knows what a secret may be
        case HoursField() | PoliciesField():
            return _object
        case TableField() | NamesField():
            return _list
        case TextsField():
            return _texts
        case forms.BooleanField():
            return _truth
        case forms.IntegerField():
            return _whole
    return _text


# --- the file --------------------------------------------------------------------------------------------------------

FILE_NAMES = {"is_enabled": "enabled", "shows_buttons": "buttons", "archived_at": "archived", "external_id": "id"}
"""Fields that the file calls otherwise."""
OUR_NAMES = {name: field for field, name in FILE_NAMES.items()}
FORM_FIELDS = tuple(
    name for name in ChannelForm.base_fields if name not in {*INBOX_FIELDS, "name", ChannelForm.kind_field, "bot"}
)
"""Of a channel: keys of the file that are fields of its form, under the same name."""

FILE: dict[str, Reader] = {
    "bots": lambda value: [] if value is None else _list(value),
    "channels": lambda value: [] if value is None else _list(value),
}
BOT_FIELDS = ("max_failures", "pause_s")
"""The same of a bot."""
BOT: dict[str, Reader] = {"name": _name, "kind": _text, "settings": _object, **dict.fromkeys(BOT_FIELDS, _whole)}
CHANNEL: dict[str, Reader] = {
    "name": _name,
    "inbox": _text,
    "settings": _object,
    "bot": _text,
    **{name: _reader_of(ChannelForm.base_fields[name]) for name in FORM_FIELDS},
    "is_active": _truth,
    "archived": _truth,
    "handover_skipped": _text,
    "inbox_channels": _list,
    "greet": _truth,
    "fallback_text": _text,
    "offload_provider": _object,
}
INBOX_CHANNEL: dict[str, Reader] = {"id": _name, "name": _text, "enabled": _truth, "buttons": _truth}
OFFLOAD_PROVIDER: dict[str, Reader] = {
    FILE_NAMES.get(name, name): _reader_of(field) for name, field in OffloadProviderForm.base_fields.items()
} | {"closed_text": _text}


def read_document(node: Any, problems: Problems) -> Document:
    """The bots and channels of a file; what is wrong is noted and left out."""
    values = _read(node, FILE, "", problems)
    bots = _read_list(values.get("bots", []), BOT, "bots", "name", problems)
    channels = _read_list(values.get("channels", []), CHANNEL, "channels", "name", problems)
    for entry in channels:
        _read_parts(entry, problems)
    return Document(bots, channels)


def _read_parts(channel: Entry, problems: Problems) -> None:
    """The objects inside a channel, in place."""
    values = channel.values
    if "inbox_channels" in values:
        path = channel.at("inbox_channels")
        values["inbox_channels"] = _read_list(values["inbox_channels"], INBOX_CHANNEL, path, "id", problems)
    if "offload_provider" in values:
        path = channel.at("offload_provider")
        values["offload_provider"] = _read(values["offload_provider"], OFFLOAD_PROVIDER, path, problems)


def _read_list(
    items: list[Any], readers: Mapping[str, Reader], path: str, identity: str, problems: Problems
) -> list[Entry]:
    """The items that can be told apart by the key `identity`."""
    entries: dict[str, Entry] = {}
    for index, item in enumerate(items):
        entry = Entry(place(path, index), _read(item, readers, place(path, index), problems))
        name = entry.values.get(identity)
        if name is None and isinstance(item, dict):
            problems.add(entry.at(identity), "is missing.")
        elif name in entries:
            problems.add(entry.at(identity), f"is the same as that of {entries[name].path}.")
        elif name:
            entries[name] = entry
    return list(entries.values())


def _read(node: Any, readers: Mapping[str, Reader], path: str, problems: Problems) -> dict[str, Any]:
    if not isinstance(node, dict):
        problems.add(path, f"{'must' if path else 'The file must'} be an object with: {', '.join(readers)}.")
        return {}
    values = {}
    for key, value in node.items():
        reader = readers.get(key) if isinstance(key, str) else None
        if reader is None:
            problems.add(place(path, str(key)), f"is not known. Known are: {', '.join(readers)}.")
            continue
        try:
            values[key] = reader(value)
        except ValueError as error:
            problems.add(place(path, key), str(error))
    return values
