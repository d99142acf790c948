"""The bot platforms: kind -> adapter. A new platform is one file and one line here."""

from channels_app.adapters.bots.base import BotConnector
from channels_app.adapters.settings import adapter_class, secret_keys

__all__ = ["BOTS", "BotConnector", "bot_class", "choices", "secret_keys"]

BOTS = {
    "http": "channels_app.adapters.bots.generic.HttpBot",
    "chatlayer": "channels_app.adapters.bots.chatlayer.Chatlayer",
    "rasa": "channels_app.adapters.bots.rasa.Rasa",
}


def bot_class(kind: str) -> type[BotConnector]:
    found: type[BotConnector] = adapter_class(BOTS, kind)
    return found


def choices() -> list[tuple[str, str]]:
    return [(kind, bot_class(kind).label) for kind in BOTS]
