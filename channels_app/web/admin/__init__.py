"""Django's admin of what people set up: channels, bots, tokens, people; one module per page."""

from channels_app.web.admin import bots, channels, people, tokens

__all__ = ["bots", "channels", "people", "tokens"]
