"""Bring bots and channels in line with a configuration file: all of it in one transaction, or nothing.

A plan is the same work, rolled back; so it can't differ from what is then done.
"""

import json
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models, transaction
from django.forms import Form

from channels_app import bots, inboxes, links
from channels_app.clocks import database_now
from channels_app.configuration_schema import Document, Entry, is_same, read_document, read_settings
from channels_app.configuration_source import ConfigurationError, Problems, References, parse_document
from channels_app.errors import ConfigError
from channels_app.models import Bot, Channel, InboxChannel
from offload.models import OffloadProvider

__all__ = ["Applied", "ConfigurationError", "apply_configuration", "result_document"]

LOCK = 0x636861746272  # any number of our own: two files at the same time would both create what is missing
FAILURE_FIELDS = ("bot_tries", "answer_within_s", "on_bot_failure", "fallback_text", "reply_limit_s")
CHANNEL_FIELDS = ("is_active", "greeting", "offer_hours", *FAILURE_FIELDS)
PROVIDER_SECRETS = ("verify_token", "write_back_secret")


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
    is_new: bool
    lines: list[Line] = field(default_factory=list)

    def note(self, key: str, before: Any, after: Any, *, is_secret: bool = False) -> None:
        is_hidden = is_secret or self.entry.at(key) in self.hidden
        self.lines.append(Line(key, is_hidden=True) if is_hidden else Line(key, before, after))

    def put(self, row: models.Model, attribute: str, value: Any, key: str, *, is_secret: bool = False) -> bool:
        """Set it if it differs; says whether it did. Nothing at all can be null, "" or {}."""
        before = getattr(row, attribute)
        if is_same(before, value):
            return False
        setattr(row, attribute, value)
        self.note(key, before, value, is_secret=is_secret)
        return True

    @property
    def changed(self) -> str:
        return "created" if self.is_new else "updated" if self.lines else "unchanged"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one entry of the file."""

    row: Bot | Channel
    changed: str
    lines: list[Line]
    provider: OffloadProvider | None = None
    is_provider_new: bool = False


def apply_configuration(data: bytes, name: str = "", *, is_plan: bool = False) -> list[Applied]:
    """Apply a file's content; `name` tells by its extension what it is. Raises ConfigurationError."""
    problems = Problems()
    references = References(problems)
    try:
        node = references.resolve(parse_document(data, name))
    except RecursionError:
        raise ConfigurationError(["The file is nested too deep."]) from None
    document = read_document(node, problems)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        applied = _Run(document, problems, references.paths).apply()
        problems.refuse_if_any()
        transaction.set_rollback(is_plan)
    return applied


class _Run:
    """One pass over the file. Once there is a problem, rows are looked at and no longer saved."""

    def __init__(self, document: Document, problems: Problems, hidden: Container[str]) -> None:
        self.document = document
        self.problems = problems
        self.hidden = hidden
        self.bots: dict[str, Bot] = {}

    def apply(self) -> list[Applied]:
        applied = []
        steps = [(self._apply_bot, self.document.bots), (self._apply_channel, self.document.channels)]
        for apply_one, entries in steps:
            for entry in entries:
                try:
                    applied.append(apply_one(entry))
                except ConfigError as error:  # what is saved can't be decrypted
                    self.problems.add(entry.path, error.detail)
        return applied

    def _apply_bot(self, entry: Entry) -> Applied:
        found = Bot.objects.select_for_update(no_key=True).filter(name=entry.values["name"]).first()
        row = found or Bot(name=entry.values["name"])
        self.bots[row.name] = row
        difference = Difference(entry, self.hidden, is_new=found is None)
        self._put_settings(row, "kind", lambda kind: bots.bot_class(kind).settings_form, difference)
        self._save(row, difference)
        return Applied(row, difference.changed, difference.lines)

    def _apply_channel(self, entry: Entry) -> Applied:
        # "no key", because writing down an event needs the key, and must not wait for us
        found = Channel.objects.select_for_update(no_key=True).filter(name=entry.values["name"]).first()
        row = found or Channel(name=entry.values["name"])
        difference = Difference(entry, self.hidden, is_new=found is None)
        settings = self._put_settings(row, "inbox", lambda kind: inboxes.inbox_class(kind).settings_form, difference)
        values = entry.values
        if "greet" in values and "greeting" not in values:
            difference.put(row, "greeting", row.greeting_for(values["greet"]), "greet")
        for key in CHANNEL_FIELDS:
            if key in values:
                difference.put(row, key, values[key], key)
        self._put_shared_secret(row, settings, difference)
        self._put_bot(row, difference)
        _put_coverage(row, difference)
        self._save(row, difference)
        provider, is_new = self._apply_provider(row, settings, difference)
        if not self.problems:
            _apply_inbox_channels(row, difference)
        return Applied(row, difference.changed, difference.lines, provider, is_new)

    def _save(self, row: Bot | Channel, difference: Difference) -> None:
        if difference.changed != "unchanged" and not self.problems:
            row.save()

    # --- what bots and channels share ---

    def _put_settings(
        self, row: Bot | Channel, kind_key: str, form_class: Callable[[str], type[Form]], difference: Difference
    ) -> dict[str, Any]:
        """The settings in clear. Those of another kind mean nothing to the new one, so it begins without any."""
        entry, saved_kind = difference.entry, getattr(row, kind_key)
        kind = entry.values.get(kind_key, saved_kind)
        if not kind:
            self.problems.add(entry.at(kind_key), "is missing.")
        if entry.at(kind_key) in self.problems:
            return {}
        before = row.clear_settings() if kind == saved_kind else None
        given = entry.values.get("settings", {})
        settings = read_settings(form_class(kind), before, given, entry.at("settings"), self.problems)
        if before is None:
            setattr(row, kind_key, kind)
            difference.note(kind_key, saved_kind or None, kind)
            row.settings = before = {}
        changed = [name for name in {**before, **settings} if not is_same(before.get(name), settings.get(name))]
        for name in changed:
            is_secret = name in row.secret_names()
            difference.note(f"settings.{name}", before.get(name), settings.get(name), is_secret=is_secret)
        if changed:
            row.put_settings(settings)
        return settings

    # --- a channel's parts ---

    def _put_shared_secret(self, row: Channel, settings: dict[str, Any], difference: Difference) -> None:
        secret = difference.entry.values.get("shared_secret", row.shared_secret)
        if secret == row.shared_secret or self._is_refused(secret, settings, difference.entry.at("shared_secret")):
            return
        if difference.put(row, "shared_secret", secret, "shared_secret", is_secret=True):
            row.shared_secret_saved_at = database_now() if secret else None

    def _is_refused(self, secret: str, settings: dict[str, Any], path: str) -> bool:
        wrong = inboxes.shared_secret_problem(secret, settings) if secret else None
        if wrong:
            self.problems.add(path, str(wrong))
        return wrong is not None

    def _put_bot(self, row: Channel, difference: Difference) -> None:
        """By its name; the file's own bots are there already."""
        name = difference.entry.values.get("bot")
        before = row.bot.name if row.bot else ""
        if name is None or name == before:
            return
        row.bot = (self.bots.get(name) or Bot.objects.filter(name=name).first()) if name else None
        if name and not row.bot:
            known = ", ".join(sorted({*self.bots, *Bot.objects.values_list("name", flat=True)}))
            self.problems.add(difference.entry.at("bot"), f"there is no bot with this name. There are: {known or '–'}")
        difference.note("bot", before or None, name or None)

    def _apply_provider(
        self, channel: Channel, settings: dict[str, Any], difference: Difference
    ) -> tuple[OffloadProvider, bool]:
        """The channel's offload provider, and whether it is new. Each channel gets one, so that its URLs exist."""
        found = OffloadProvider.objects.filter(channel_id=channel.pk).select_for_update(no_key=True).first()
        row = found or OffloadProvider(channel=channel)
        lines_before = len(difference.lines)
        given = difference.entry.values.get("offload_provider", {})
        secret = given.get("write_back_secret", "")
        if secret != row.write_back_secret:
            self._is_refused(secret, settings, difference.entry.at("offload_provider.write_back_secret"))
        for key, value in given.items():
            attribute = "is_enabled" if key == "enabled" else key
            is_secret = key in PROVIDER_SECRETS
            difference.put(row, attribute, value, f"offload_provider.{key}", is_secret=is_secret)
        if not self.problems and (found is None or len(difference.lines) > lines_before):
            row.save()
        return row, found is None


def _put_coverage(row: Channel, difference: Difference) -> None:
    """An empty list of inbox channels means all of them."""
    values = difference.entry.values
    covers_all = not values["inbox_channels"] if "inbox_channels" in values else row.covers_all_inbox_channels
    covers_all = values.get("covers_all_inbox_channels", covers_all)
    difference.put(row, "covers_all_inbox_channels", covers_all, "covers_all_inbox_channels")


def _apply_inbox_channels(channel: Channel, difference: Difference) -> None:
    """Those that a list doesn't name are switched off and kept: their conversations refer to them."""
    named: list[Entry] = difference.entry.values.get("inbox_channels", [])
    others = {row.external_id: row for row in channel.inbox_channels.all()} if named else {}
    for item in named:
        external_id = item.values["id"]
        row = others.pop(external_id, None) or InboxChannel(channel=channel, external_id=external_id)
        values = {"name": item.values.get("name", row.name), "is_enabled": item.values.get("enabled", True)}
        _save_inbox_channel(row, values, difference)
    for row in others.values():
        _save_inbox_channel(row, {"is_enabled": False}, difference)


def _save_inbox_channel(row: InboxChannel, values: dict[str, Any], difference: Difference) -> None:
    key = f'inbox_channels["{row.external_id}"]'
    if row._state.adding:
        for attribute, value in values.items():
            setattr(row, attribute, value)
        difference.note(key, None, values)
        row.save()
    elif [name for name, value in values.items() if difference.put(row, name, value, f"{key}.{name}")]:
        row.save(update_fields=list(values))  # the rest belongs to the events that come in meanwhile


# --- the result ------------------------------------------------------------------------------------------------------


def result_document(applied: list[Applied], *, is_plan: bool = False) -> dict[str, list[dict[str, Any]]]:
    """For machines. What a plan would create has no addresses yet: null."""
    documents: dict[str, list[dict[str, Any]]] = {"bots": [], "channels": []}
    for one in applied:
        uuid = None if is_plan and one.changed == "created" else one.row.uuid
        named = {"name": one.row.name, "uuid": uuid and str(uuid)}
        if isinstance(one.row, Bot):
            urls = {"reply_url": uuid and links.reply_url(uuid)}
        else:
            provider = None if (is_plan and one.is_provider_new) or not one.provider else one.provider.uuid
            urls = {
                "webhook_url": uuid and links.webhook_url(uuid),
                "offload_url": provider and links.offload_url(provider),
                "write_back_url": provider and links.write_back_url(provider),
            }
        documents["bots" if isinstance(one.row, Bot) else "channels"].append({**named, **urls, "changed": one.changed})
    return documents
