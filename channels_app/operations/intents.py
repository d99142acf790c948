"""Which intents a channel's bot has named lately, and the topics that its table gives for them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from channels_app.adapters.bots import bot_class
from channels_app.models import Channel, EventBody, EventSource, WebhookEvent
from channels_app.protocol import Incoming
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.intents import topics_of

MAX_EVENTS = 1_000
"""The channel's newest events, among which the bot's messages are looked through: their bodies, because nobody else
asks for this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenIntent:
    """`count` and `last_at` among the messages that were looked through."""

    intent: str
    count: int
    last_at: datetime
    topics: tuple[str, ...]


def seen_intents(channel: Channel) -> list[SeenIntent]:
    """Those of the bot's last messages whose bodies are still kept, the most frequent first."""
    counts: Counter[str] = Counter()
    newest: dict[str, datetime] = {}
    for name, at in _named_lately(channel):
        counts[name] += 1
        newest.setdefault(name, at)
    return [
        SeenIntent(intent=name, count=count, last_at=newest[name], topics=topics_of([name], channel.intent_topics))
        for name, count in counts.most_common()
    ]


def _named_lately(channel: Channel) -> Iterator[tuple[str, datetime]]:
    """Each intent with the time of its message, the newest first."""
    if channel.bot is None:
        return
    bot = bot_class(channel.bot.kind)({})
    # As a range, and in this order, so that PostgreSQL takes the index that has both, see `checks.newest`.
    events = WebhookEvent.objects.filter(channel_id__gte=channel.pk, channel_id__lte=channel.pk)
    newest = events.order_by("-channel_id", "-id").values_list("id", "source", "received_at")[:MAX_EVENTS]
    received = {event_id: at for event_id, source, at in newest if source == EventSource.BOT}
    bodies = dict(EventBody.objects.filter(event_id__in=received).values_list("event_id", "raw"))
    for event_id, at in received.items():
        with suppress(BridgeError):  # of a bot that the channel had before
            raw = bytes(bodies.get(event_id, b""))
            for event in bot.parse(Incoming(headers={}, query={}, body=raw, received_at=at)):
                yield from ((intent.name, at) for intent in (event.reply.intents if event.reply else ()))
