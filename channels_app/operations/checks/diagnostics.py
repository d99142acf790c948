"""What a colleague needs to know of a channel to help, in one document that is safe to send.

It contains no message texts and no secrets: each is masked by name, and our own also by value.
"""

import platform
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection

from channels_app.access.changes import Sealed, values_of
from channels_app.lib.attributes import attributes
from channels_app.lib.clocks import database_now, machine_now
from channels_app.lib.masking import QUOTING_KEYS, body_for, without_query, without_values
from channels_app.models import Channel, Conversation, Exchange, SettingsModel
from channels_app.operations.checks import check_channel
from channels_app.operations.checks.facts import facts_of
from channels_app.operations.checks.repairs import find_repairs
from channels_app.operations.checks.steps import setup_steps
from channels_app.operations.transcripts.exports import words_in
from channels_app.operations.workload import read_queue, read_workers
from channels_app.protocol.errors import ConfigError
from offload.models import OffloadProvider

MAX_CALLS = 20
"""Latest calls in the document."""
MAX_ERROR = 300
"""Characters of an error."""
SAVED = "•••• (saved)"


def collect_diagnostics(channel: Channel, *, with_checks: bool = True) -> dict[str, Any]:
    """The document. The checks call inbox and bot, and may take up to a minute."""
    facts = facts_of(channel)
    provider = facts.provider
    calls = Exchange.objects.filter(channel=channel).order_by("-id")[:MAX_CALLS]
    talks = Conversation.objects.filter(events__in=[row.event_id for row in calls]).distinct()
    document = {
        "about": f"Diagnostics of the channel “{channel}”. Secrets and all message texts are masked.",
        "made_at": database_now().isoformat(),
        "versions": _versions(),
        "channel": _settings_of(channel),
        "bot": _settings_of(channel.bot) if channel.bot else None,
        "offload_provider": _settings_of(provider) if provider else None,
        "set_up": [_step(step) for step in setup_steps(facts)],
        "problems": [{"code": str(repair.code), "text": repair.text} for repair in find_repairs(facts)],
        "checks": [_check(line) for line in check_channel(channel)] if with_checks else None,
        "refused": [
            {
                "reason": group.reason,
                "count": group.count,
                "network": group.network,
                "last_at": group.last_at.isoformat(),
            }
            for group in facts.refused
        ],
        "calls": [_call(row) for row in calls],
        "clock": _clock(),
        "queue": _queue(channel),
    }
    document = without_values(document, _secrets_of(channel, provider))
    return dict(without_values(document, words_in(talks), QUOTING_KEYS))


def _versions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        [postgresql] = cursor.fetchone()
    return {
        "chatbridge": settings.VERSION,
        "python": platform.python_version(),
        "django": django.get_version(),
        "postgresql": postgresql,
    }


def _settings_of(row: Any) -> dict[str, Any]:
    return {name: _setting(value) for name, value in values_of(row).items()}


def _setting(value: Any) -> Any:
    """Of a secret that it is saved; of an address not its query, which may hold a token."""
    if isinstance(value, Sealed):
        return SAVED if value.text else ""
    return without_query(value) if isinstance(value, str) else value


def _step(step: Any) -> dict[str, str]:
    return attributes(step, "title", "detail") | {"progress": str(step.progress)}


def _check(line: Any) -> dict[str, Any]:
    return attributes(line, "title", "is_ok", "detail", "took_ms")


def _call(row: Exchange) -> dict[str, Any]:
    """A call without message texts, and without its address's query."""
    parts = urlsplit(row.url)
    return {
        "started_at": row.started_at.isoformat(),
        "try": row.n,
        "error": row.error[:MAX_ERROR],
        **attributes(row, "took_ms", "target", "result", "code", "status", "trace_id", "method"),
        "url": f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if row.url else "",
        "request": body_for(row.request, reads_text=False).text,
        "response": body_for(row.response, reads_text=False).text,
    }


def _clock() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [database] = cursor.fetchone()
    ours = machine_now()
    return {
        "web": ours.isoformat(),
        "database": database.isoformat(),
        "differ_ms": round(abs((database - ours).total_seconds()) * 1000),
    }


def _queue(channel: Channel) -> dict[str, Any]:
    queue, due = read_queue(), Conversation.objects.filter(wake_at__lte=database_now(), channel=channel)
    return {
        "waiting": queue.waiting,
        "waiting_of_this_channel": due.count(),
        "oldest_waits_s": round(queue.oldest_s, 1),
        "in_hand": queue.in_hand,
        "workers": [
            attributes(one, "name", "kind", "version", "clock_ahead_s") | {"silent_s": round(one.silent_s, 1)}
            for one in read_workers()
        ],
    }


# --- a second look ------------------------------------------------------------------------------------------------


def _secrets_of(channel: Channel, provider: OffloadProvider | None) -> frozenset[str]:
    """All our secrets that might have slipped into a text."""
    rows: list[SettingsModel] = [channel, *([channel.bot] if channel.bot else [])]
    found: set[str] = set()
    for row in rows:
        secrets = row.secret_names()
        try:
            found |= {str(value) for name, value in row.clear_settings().items() if name in secrets and value}
        except ConfigError:  # an unreadable secret can't be in a text
            continue
    texts: list[tuple[Any, str]] = [(channel, "shared_secret"), (channel, "old_secret")]
    texts += [(provider, "verify_token"), (provider, "write_back_secret")] if provider else []
    found |= {_readable(row, name) for row, name in texts}
    return frozenset(found)


def _readable(row: Any, name: str) -> str:
    try:
        return str(getattr(row, name))
    except ConfigError:
        return ""
