"""The bot platforms: kind -> adapter. A new platform is one file and one line here."""

from channels_app.adapters.bots.base import BotConnector
from channels_app.adapters.settings import adapter_class, secret_keys

__all__ = ["BOTS", "BotConnector", "asking_bot", "asking_kinds", "bot_class", "choices", "secret_keys"]

BOTS = {
    "http": "channels_app.adapters.bots.generic.HttpBot",
    "chatlayer": "channels_app.adapters.bots.chatlayer.Chatlayer",
    "rasa": "channels_app.adapters.bots.rasa.Rasa",
    "openai": "channels_app.adapters.bots.openai.OpenAI",
    "template": "channels_app.adapters.bots.template.Template",
    "directline": "channels_app.adapters.bots.directline.DirectLine",
    "dialogflow": "channels_app.adapters.bots.dialogflow.DialogflowCX",
}


def bot_class(kind: str) -> type[BotConnector]:
    found: type[BotConnector] = adapter_class(BOTS, kind)
    return found


def asking_bot(bot: BotConnector | None) -> BotConnector:
    """The bot as it reads requests for a human. A channel may have another kind of bot by now, or none: then one of
    the kind that asks so."""
    if bot is not None and bot.asks_by_webhook:
        return bot
    return next(found({}) for found in map(bot_class, BOTS) if found.asks_by_webhook)


def asking_kinds() -> list[str]:
    return [kind for kind in BOTS if bot_class(kind).asks_by_webhook]


def choices() -> list[tuple[str, str]]:
    return [(kind, bot_class(kind).label) for kind in BOTS]
