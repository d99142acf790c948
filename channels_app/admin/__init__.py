"""Django's admin of channels, bots, conversations and what happened in them; one module per page."""

from channels_app.admin import bots, channels, conversations, deliveries, events, people, tokens, upkeep

__all__ = ["bots", "channels", "conversations", "deliveries", "events", "people", "tokens", "upkeep"]
