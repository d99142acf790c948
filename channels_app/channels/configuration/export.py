"""Bots and channels as a configuration file; secrets as references to variables, and never decrypted for it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from channels_app.adapters import bots, inboxes
from channels_app.channels.configuration.schema import BOT_FIELDS, FORM_FIELDS
from channels_app.channels.configuration.source import as_written
from channels_app.channels.forms.settings import is_empty
from channels_app.lib.masking import keys_in_query
from channels_app.lib.times import stamp
from channels_app.models import Bot, Channel, SettingsModel
from offload.models import OffloadProvider

WIDTH = 120  # characters of a line of YAML
PROVIDER_FIELDS = (
    *("disabled_reason", "queue_rules", "teams"),
    *("opened_texts", "queue_texts", "nobody_texts", "leave_message_texts", "left_message_texts"),
    *("closed_texts", "disabled_texts"),
)


@dataclass(frozen=True, slots=True)
class _Secret:
    """A place where a secret is saved, by the words that name its variable."""

    words: tuple[str, ...]


def export_configuration() -> tuple[dict[str, Any], list[str]]:
    """The document, and the names of the variables that it refers to."""
    channels = Channel.objects.select_related("bot").prefetch_related("inbox_channels")
    document = {"bots": [_bot(bot) for bot in Bot.objects.all()], "channels": [_channel(row) for row in channels]}
    variables: list[str] = []
    return _written(document, variables), variables


def export_channel(channel: Channel) -> tuple[dict[str, Any], list[str]]:
    """The same of one channel, with its bot."""
    document = {"bots": [_bot(channel.bot)] if channel.bot else [], "channels": [_channel(channel)]}
    variables: list[str] = []
    return _written(document, variables), variables


def as_yaml(document: dict[str, Any], variables: list[str]) -> str:
    """As a file for `apply_config`, which says what it needs."""
    head = ["# Before apply_config, set these variables (or NAME_FILE for a file that holds the value):"]
    head += [f"#   {name}" for name in variables]
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=WIDTH)
    return "\n".join([*head, "", text]) if variables else text


def _bot(bot: Bot) -> dict[str, Any]:
    names = bots.bot_class(bot.kind).settings_form.base_fields
    settings = _settings(bot, names, ("bot", bot.name))
    ours = {name: getattr(bot, name) for name in BOT_FIELDS}
    return {"name": bot.name, "kind": bot.kind, "settings": settings, **_unusual(Bot(), ours)}


def _channel(channel: Channel) -> dict[str, Any]:
    words = ("channel", channel.name)
    names = inboxes.inbox_class(channel.inbox).settings_form.base_fields
    ours = {
        name: getattr(channel, name)
        for name in (*FORM_FIELDS, "handover_skipped")
        if name not in ("greeting", "shared_secret", "covers_all_inbox_channels")
    }
    return {
        "name": channel.name,
        "inbox": channel.inbox,
        "settings": _settings(channel, names, words),
        "shared_secret": _Secret((*words, "shared_secret")) if channel.shared_secret_encrypted else None,
        "bot": channel.bot.name if channel.bot else None,
        "is_active": channel.is_active,
        **({"archived": True} if channel.archived_at else {}),
        **_coverage(channel),
        "greeting": channel.greeting,
        **_unusual(Channel(), ours),
        "offload_provider": _provider(channel, words),
    }


def _settings(row: SettingsModel, names: Mapping[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    values = {name: None if is_empty(row.settings.get(name)) else row.settings[name] for name in names}
    secrets = row.secret_names() | {name for name, value in values.items() if keys_in_query(str(value))}
    return {name: _Secret((*words, name)) if name in secrets and value else value for name, value in values.items()}


def _coverage(channel: Channel) -> dict[str, Any]:
    """An empty list says "all of them": what the list alone doesn't say needs one more word."""
    listed = [
        {
            "id": row.external_id,
            "name": row.name,
            "enabled": row.is_enabled,
            **({"buttons": True} if row.shows_buttons else {}),
        }
        for row in channel.inbox_channels.all()
    ]
    covers_all = channel.covers_all_inbox_channels
    more = {} if covers_all == (not listed) else {"covers_all_inbox_channels": covers_all}
    return {"inbox_channels": listed, **more}


def _provider(channel: Channel, words: tuple[str, ...]) -> dict[str, Any]:
    row = OffloadProvider.objects.filter(channel=channel).first() or OffloadProvider()
    write_back = _Secret((*words, "write_back_secret")) if row.write_back_secret_encrypted else None
    return {
        "name": row.name,
        "verify_token": _Secret((*words, "verify_token")) if row.verify_token_encrypted else None,
        "opening_hours": row.opening_hours or None,
        **({} if row.is_enabled else {"enabled": False}),
        **({"disabled_until": stamp(row.disabled_until)} if row.disabled_until else {}),
        **_unusual(row.__class__(), {name: getattr(row, name) for name in PROVIDER_FIELDS}),
        **({"write_back_secret": write_back} if write_back else {}),
    }


def _unusual(default: Bot | Channel | OffloadProvider, values: dict[str, Any]) -> dict[str, Any]:
    """Fields beyond the usual ones, only where they were changed."""
    return {name: value for name, value in values.items() if value != getattr(default, name)}


def _written(node: Any, variables: list[str]) -> Any:
    """The document as plain values; each secret gets a variable of its own."""
    match node:
        case dict():
            return {key: _written(value, variables) for key, value in node.items()}
        case list():
            return [_written(value, variables) for value in node]
        case str():
            return as_written(node)
        case _Secret():
            variables.append(_variable(node, variables))
            return f"${{ENV:{variables[-1]}}}"
        case _:
            return node


def _variable(secret: _Secret, taken: list[str]) -> str:
    """ACME_EU_SHARED_SECRET; with its kind in front, and then a number, where that is none or taken."""
    kind, name, key = map(_shouted, secret.words)
    short, long = f"{name}_{key}", "_".join(filter(None, (kind, name, key)))
    candidates = [*([short] if name[:1].isalpha() else []), long]
    numbered = (f"{long}_{number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (*candidates, *numbered) if candidate not in taken)


def _shouted(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Z0-9]+", "_", ascii_text.upper()).strip("_")
