"""The public addresses that an admin copies into the other platforms."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse

READY = "This address is ready."
"""What our addresses say to a person who opens one in a browser."""


def webhook_url(uuid: UUID) -> str:
    """Where the inbox sends its events: a channel's."""
    return _public("inbox_webhook", uuid)


def reply_url(uuid: UUID) -> str:
    """Where a bot that calls back sends its messages: a bot's."""
    return _public("bot_webhook", uuid)


def availability_url(uuid: UUID) -> str:
    """Where a bot asks whether agents would take over: a bot's."""
    return _public("availability", uuid)


def offload_url(uuid: UUID) -> str:
    """Where a bot asks for a human: an offload provider's."""
    return _public("offload_webhook", uuid)


def write_back_url(uuid: UUID) -> str:
    """Where the inbox tells how a conversation ended: an offload provider's."""
    return _public("write_back_webhook", uuid)


def _public(name: str, uuid: UUID) -> str:
    return f"{settings.PUBLIC_BASE_URL}{reverse(name, args=[uuid])}"
