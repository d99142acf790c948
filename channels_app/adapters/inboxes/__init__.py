"""The inbox platforms: kind -> adapter. A new platform is one file and one line here."""

from collections.abc import Mapping
from typing import Any

from channels_app.adapters.inboxes.answers import Sent
from channels_app.adapters.inboxes.base import Inbox
from channels_app.adapters.inboxes.signing import shared_secret_problem
from channels_app.adapters.settings import adapter_class, secret_keys

__all__ = ["INBOXES", "Inbox", "Sent", "choices", "elsewhere", "inbox_class", "secret_keys", "shared_secret_problem"]

INBOXES = {
    "sparkcentral": "channels_app.adapters.inboxes.sparkcentral.Sparkcentral",
    "hootsuite": "channels_app.adapters.inboxes.hootsuite.Hootsuite",
}


def inbox_class(kind: str) -> type[Inbox]:
    found: type[Inbox] = adapter_class(INBOXES, kind)
    return found


def choices() -> list[tuple[str, str]]:
    return [(kind, inbox_class(kind).label) for kind in INBOXES]


def elsewhere(kind: str, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The same keys on the platform's other servers, by the names that people know these by."""
    return inbox_class(kind).elsewhere(settings)
