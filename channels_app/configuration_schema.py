"""What a configuration file may say. A key that it leaves out is not in the entry either: it keeps what is saved."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from channels_app import jsons, limits
from channels_app.adapters import PhraseField
from channels_app.bots import BOTS
from channels_app.codes import CODES
from channels_app.configuration_source import Problems, place
from channels_app.inboxes import INBOXES
from offload import opening_hours

MAX_NAME = 100  # characters
MAX_INBOX_CHANNEL = 200  # characters of its id and of its name
MAX_TRIES = 100
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


def _line(limit: int, *, is_required: bool = False) -> Reader:
    """One line of text; null is the empty one."""

    def read(value: Any) -> str:
        if not isinstance(value, str | None):
            raise ValueError(NOT_TEXT)
        text = (value or "").strip()
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
            raise ValueError("must be one line of plain text.")
        if len(text) > limit:
            raise ValueError(f"must have at most {limit} characters, and has {len(text)}.")
        if is_required and not text:
            raise ValueError("is missing.")
        return text

    return read


def _prose(value: Any) -> str:
    """Text for contacts, of several lines perhaps."""
    if not isinstance(value, str | None):
        raise ValueError(NOT_TEXT)
    if jsons.clean_text(value or "") != (value or ""):
        raise ValueError(f"must be plain text of at most {jsons.MAX_TEXT} characters.")
    return value or ""


def _secret(value: Any) -> str:
    try:
        return PhraseField(required=False).clean(value) or ""
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


def _number(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}.")
        return value

    return read


def _one_of(kinds: Mapping[str, str]) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in kinds:
            raise ValueError(f"must be one of: {', '.join(kinds)}.")
        return value

    return read


def _object(value: Any) -> dict[str, Any]:
    """null names nothing, like an empty object."""
    if not isinstance(value, dict | None):
        raise ValueError("must be an object.")
    return value or {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list.")
    return value


# --- the file --------------------------------------------------------------------------------------------------------

FILE: dict[str, Reader] = {
    "bots": lambda value: [] if value is None else _list(value),
    "channels": lambda value: [] if value is None else _list(value),
}
BOT: dict[str, Reader] = {"name": _line(MAX_NAME, is_required=True), "kind": _one_of(BOTS), "settings": _object}
CHANNEL: dict[str, Reader] = {
    "name": _line(MAX_NAME, is_required=True),
    "inbox": _one_of(INBOXES),
    "settings": _object,
    "shared_secret": _secret,
    "bot": _line(MAX_NAME),
    "is_active": _truth,
    "inbox_channels": _list,
    "covers_all_inbox_channels": _truth,
    "greet": _truth,
    "greeting": _one_of(dict.fromkeys(("with_first_message", "always", "never"), "")),
    "offer_hours": _number(*limits.OFFER_HOURS),
    "bot_tries": _number(1, MAX_TRIES),
    "answer_within_s": _number(*limits.ANSWER_WITHIN_S),
    "on_bot_failure": _one_of(dict.fromkeys(("hand_over", "say_text", "stay_silent"), "")),
    "fallback_text": _prose,
    "reply_limit_s": _number(*limits.REPLY_LIMIT_S),
    "offload_provider": _object,
}
INBOX_CHANNEL: dict[str, Reader] = {
    "id": _line(MAX_INBOX_CHANNEL, is_required=True),
    "name": _line(MAX_INBOX_CHANNEL),
    "enabled": _truth,
}
OFFLOAD_PROVIDER: dict[str, Reader] = {
    "name": _line(MAX_NAME, is_required=True),
    "verify_token": _secret,
    "opening_hours": lambda value: _object(value) or None,
    "enabled": _truth,
    "closed_text": _prose,
    "write_back_secret": _secret,
}


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
        _check_hours(values["offload_provider"].get("opening_hours"), place(path, "opening_hours"), problems)


def _check_hours(hours: Any, path: str, problems: Problems) -> None:
    wrong = opening_hours.problem(hours)
    if wrong:
        inner, colon, sentence = wrong.partition(": ")
        problems.add(place(path, inner) if colon else path, sentence if colon else wrong)


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


# --- settings --------------------------------------------------------------------------------------------------------


def read_settings(
    form_class: type[forms.Form],
    before: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    path: str,
    problems: Problems,
) -> dict[str, Any]:
    """The settings as their adapter wants them: what is given, over what was there before (None: nothing was)."""
    names = form_class.base_fields
    kept = {name: (before or {}).get(name) for name in names}
    for name, value in given.items():
        if name not in names:
            problems.add(place(path, str(name)), f"is not known. Known are: {', '.join(names)}.")
        elif not isinstance(value, str | int | float | None):
            problems.add(place(path, name), "must be a single value.")
    if before is not None and all(is_same(kept.get(name), value) for name, value in given.items()):
        return dict(before)  # also what is incomplete, as long as nobody touches it
    form = form_class({**kept, **given})
    for name, errors in form.errors.as_data().items():
        sentence = " ".join(_sentence(error, names.get(name)) for error in errors)
        problems.add(place(path, name) if name in names else path, sentence)
    return form.cleaned_data


def is_same(value: Any, other: Any) -> bool:
    """Whether two values mean the same: every empty one means that there is none."""
    return bool(value == other) or (is_empty(value) and is_empty(other))


def is_empty(value: Any) -> bool:
    return value is None or value in ("", {})


def _sentence(error: ValidationError, field: forms.Field | None) -> str:
    if error.code == "invalid_choice" and isinstance(field, forms.ChoiceField):  # Django's own repeats the value
        choices = [str(value) for value, _ in field.choices if value]  # type: ignore[union-attr, misc]
        return f"Must be one of: {', '.join(choices)}."
    sentence = " ".join(error.messages)
    return f"{error.code}: {sentence}" if error.code in CODES else sentence
