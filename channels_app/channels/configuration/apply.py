"""Bring bots and channels in line with a configuration file: all of it in one transaction, or nothing.

A plan is the same work, rolled back; so it can't differ from what is then done. Rows are judged and saved by the same
forms as on the pages and in the API, and written down in the audit log.
"""

import getpass
import json
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from channels_app.access.audit import CHANGED, Actor
from channels_app.access.changes import differences, values_of
from channels_app.channels.care import put_active, put_archived
from channels_app.channels.configuration.schema import (
    BOT_FIELDS,
    FILE_NAMES,
    FORM_FIELDS,
    OUR_NAMES,
    Document,
    Entry,
    read_document,
)
from channels_app.channels.configuration.source import ConfigurationError, Problems, References, parse_document, place
from channels_app.channels.forms import BotForm, ChannelForm
from channels_app.channels.forms.offload import OffloadProviderForm, save_provider
from channels_app.channels.forms.saving import RefusedError, Saved, judged_simply, save_inbox_channel, save_row
from channels_app.channels.forms.settings import SettingsForm
from channels_app.channels.rotations import OVERLAP
from channels_app.codes import CODES, Problem
from channels_app.models import Bot, Channel
from channels_app.protocol.errors import ConfigError
from offload.models import OffloadProvider

__all__ = ["Applied", "ConfigurationError", "apply_configuration"]

LOCK = 0x636861746272  # any number of our own: two files at the same time would both create what is missing
FOLLOWS = frozenset(
    {
        *(
            "uuid",
            "name",
            "greet",
            "fallback_text",
            "closed_text",
            "paused_at",
            "paused_by",
            "keys_saved_at",
            "keys_saved_by",
        ),
        *("shared_secret_saved_at", "shared_secret_saved_by", "old_secret"),
    }
)
"""Changes that the audit log keeps, and that follow from others which are named."""


@dataclass(frozen=True, slots=True)
class Line:
    """One changed key of a row, for people; of a secret it is only told that it changed."""

    key: str
    before: Any = None
    after: Any = None
    is_hidden: bool = False

    def __str__(self) -> str:
        if self.is_hidden:
            return f"{self.key}: changed"
        before, after = (json.dumps(value, ensure_ascii=False) for value in (self.before, self.after))
        return f"{self.key}: {before} → {after}"


@dataclass(slots=True)
class Difference:
    """What changes in one row and in those that belong to it."""

    entry: Entry
    hidden: Container[str]
    is_new: bool = False
    lines: list[Line] = field(default_factory=list)

    def note_row(self, saved: Saved[Any]) -> None:
        """Of a new row what is unlike an empty one."""
        changes, row = saved.changes, saved.row
        if self.is_new:
            kind = {saved.form.kind_field: getattr(row, saved.form.kind_field)}
            usual = values_of(type(row)(name=row.name, **kind)) | dict.fromkeys(kind)
            changes = differences(usual, values_of(row))
        self.note_all({name: change for name, change in changes.items() if name not in FOLLOWS})

    def note_all(self, changes: Mapping[str, Any], key: str = "", *, only: Container[str] = (), at: str = "") -> None:
        """`changes` as the audit log has them, below `key`; `at`: the place in the file, if it isn't called so."""
        for name, change in changes.items():
            if key and name not in only:
                continue
            own = FILE_NAMES.get(name, name)
            shown = f"{key}.{own}" if key else own
            is_hidden = change == CHANGED or (place(at, own) if at else self.entry.at(shown)) in self.hidden
            self.lines.append(Line(shown, is_hidden=True) if is_hidden else Line(shown, *change))

    @property
    def changed(self) -> str:
        return "created" if self.is_new else "updated" if self.lines else "unchanged"


@dataclass(frozen=True, slots=True)
class Applied:
    """The result for one entry of the file."""

    row: Bot | Channel
    changed: str
    lines: list[Line]
    warnings: list[Problem]
    provider: OffloadProvider | None = None
    is_provider_new: bool = False


def apply_configuration(
    data: bytes, name: str = "", *, is_plan: bool = False, actor: Actor | None = None
) -> list[Applied]:
    """Apply a file's content; `name` tells by its extension what it is. Raises ConfigurationError."""
    problems = Problems()
    references = References(problems)
    try:
        node = references.resolve(parse_document(data, name))
    except RecursionError:
        raise ConfigurationError(["The file is nested too deeply."]) from None
    document = read_document(node, problems)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        by = actor or Actor(name=getpass.getuser(), via="command")
        applied = _Run(document, problems, references.paths, by).apply()
        problems.refuse_if_any()
        transaction.set_rollback(is_plan)
    return applied


class _Run:
    """One pass over the file. After a problem it continues, to find the others; the caller rolls back what it
    saved."""

    def __init__(self, document: Document, problems: Problems, hidden: Container[str], actor: Actor) -> None:
        self.document = document
        self.problems = problems
        self.hidden = hidden
        self.actor = actor
        self.named: set[str] = {entry.values["name"] for entry in document.bots}

    def apply(self) -> list[Applied]:
        applied = []
        steps = [(self._apply_bot, self.document.bots), (self._apply_channel, self.document.channels)]
        for apply_one, entries in steps:
            for entry in entries:
                try:
                    applied.append(apply_one(entry))
                except ConfigError as error:  # what is saved can't be decrypted
                    self.problems.add(entry.path, error.detail)
        return [one for one in applied if one]

    def _apply_bot(self, entry: Entry) -> Applied | None:
        row = Bot.objects.filter(name=entry.values["name"]).first() or Bot(name=entry.values["name"])
        difference = Difference(entry, self.hidden, is_new=row.pk is None)
        given = {name: entry.values[name] for name in BOT_FIELDS if name in entry.values}
        saved = self._save(row, BotForm, given, difference)
        if not saved:
            return None
        return Applied(saved.row, difference.changed, difference.lines, saved.form.warnings())

    def _apply_channel(self, entry: Entry) -> Applied | None:
        values = entry.values
        row = Channel.objects.filter(name=values["name"]).first() or Channel(name=values["name"])
        difference = Difference(entry, self.hidden, is_new=row.pk is None)
        given = {name: values[name] for name in FORM_FIELDS if name in values} | self._bot(entry)
        if "inbox_channels" in values:
            given.setdefault("covers_all_inbox_channels", not values["inbox_channels"])  # an empty list means all
        if "greet" in values:
            given.setdefault("greeting", row.greeting_for(values["greet"]))
        if "fallback_text" in values:
            given = row.texts_after(values["fallback_text"]) | given
        saved = self._save(row, ChannelForm, given, difference)
        provider = self._apply_provider(saved.row if saved else row, difference)
        if not saved or not provider:
            return None
        self._apply_inbox_channels(saved.row, difference)
        warnings = saved.form.warnings()
        return Applied(saved.row, difference.changed, difference.lines, warnings, provider.row, provider.is_new)

    # --- what bots and channels share ---

    def _save(
        self, row: Any, form_class: type[SettingsForm], given: Mapping[str, Any], difference: Difference
    ) -> Saved[Any] | None:
        """None when it is refused."""
        entry, kind_key = difference.entry, form_class.kind_field
        saved_kind = getattr(row, kind_key)
        kind, settings = entry.values.get(kind_key, saved_kind), entry.values.get("settings", {})
        if not kind:
            self.problems.add(entry.at(kind_key), "is missing.")
        if entry.at(kind_key) in self.problems or entry.at("settings") in self.problems:
            return None
        if saved_kind:
            row.clear_settings()  # raises ConfigError
        if saved_kind and kind != saved_kind and kind in form_class.adapters:
            # those of another kind mean nothing to the new one, so it begins as a new row does
            fields = form_class.adapters[kind].settings_form.base_fields
            settings = {name: field.initial for name, field in fields.items()} | settings
        given = {**given, "name": row.name, kind_key: kind, "settings": settings}
        saved: Saved[Any] | None = None
        with self._refusing(entry.path):
            beside = partial(self._put_state, entry)
            saved = save_row(row, form_class, given, self.actor, beside=beside, overlap=OVERLAP)
            difference.note_row(saved)
        return saved

    def _put_state(self, entry: Entry, row: Any) -> None:
        """What the pages have buttons for."""
        values = entry.values
        if "is_active" in values and not values.get("archived"):
            put_active(row, values["is_active"], self.actor.name)
        if "archived" in values:
            put_archived(row, values["archived"], self.actor.name)
        if "handover_skipped" in values:
            row.handover_skipped = values["handover_skipped"]

    @contextmanager
    def _refusing(self, path: str) -> Iterator[None]:
        """What a form refuses is a problem of the file, at its place."""
        try:
            yield
        except RefusedError as error:
            for key, found in error.errors.items():
                self.problems.add(
                    place(path, FILE_NAMES.get(key, key)) if key else path, " ".join(map(_sentence, found))
                )

    # --- a channel's parts ---

    def _bot(self, entry: Entry) -> dict[str, Any]:
        """By its name; the file's own bots are there already, but for those that were refused."""
        name = entry.values.get("bot")
        bot = Bot.objects.filter(name=name).first() if name else None
        if name and not bot and name not in self.named:
            known = ", ".join(sorted({*self.named, *Bot.objects.values_list("name", flat=True)}))
            self.problems.add(entry.at("bot"), f"there is no bot with this name. There are: {known or '–'}")
        return {"bot": bot and bot.pk} if bot or name == "" else {}

    def _apply_provider(self, channel: Channel, difference: Difference) -> Saved[OffloadProvider] | None:
        """The channel's offload provider; each channel gets one, so that its addresses exist."""
        values = difference.entry.values.get("offload_provider", {})
        given = {OUR_NAMES.get(key, key): value for key, value in values.items()}
        if "closed_text" in given:
            saved_one = OffloadProvider.objects.filter(channel_id=channel.pk).first() or OffloadProvider()
            given = {"closed_texts": saved_one.texts_after(given.pop("closed_text"))} | given
        saved: Saved[OffloadProvider] | None = None
        with self._refusing(difference.entry.at("offload_provider")):
            if channel._state.adding:  # refused: only what is wrong here too is still to be said
                judged_simply(OffloadProvider(), OffloadProviderForm, given)
            else:
                saved = save_provider(channel, given, self.actor)
                usual = values_of(OffloadProvider(channel=channel)) if saved.is_new else {}
                changes = differences(usual, values_of(saved.row)) if usual else saved.changes
                difference.note_all(changes, "offload_provider", only=given)
        return saved

    def _apply_inbox_channels(self, channel: Channel, difference: Difference) -> None:
        """Those that a list doesn't name are switched off and kept: their conversations refer to them."""
        named: list[Entry] = difference.entry.values.get("inbox_channels", [])
        others = list(channel.inbox_channels.values_list("external_id", flat=True)) if named else []
        for item in named:
            given = {OUR_NAMES.get(key, key): value for key, value in {"enabled": True, **item.values}.items()}
            self._apply_inbox_channel(channel, item, given, difference)
        for external_id in set(others) - {item.values["id"] for item in named}:
            item = Entry(difference.entry.at("inbox_channels"), {"id": external_id})
            self._apply_inbox_channel(channel, item, {"is_enabled": False}, difference)

    def _apply_inbox_channel(
        self, channel: Channel, item: Entry, given: Mapping[str, Any], difference: Difference
    ) -> None:
        external_id = item.values["id"]
        with self._refusing(item.path):
            changes = save_inbox_channel(channel, external_id, given, self.actor)
            told = ("name", "is_enabled", *({"shows_buttons"} & given.keys()))
            difference.note_all(changes, f'inbox_channels["{external_id}"]', only=told, at=item.path)


def _sentence(error: ValidationError) -> str:
    sentence = " ".join(error.messages)
    return f"{error.code}: {sentence}" if error.code in CODES else sentence
