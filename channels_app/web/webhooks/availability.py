"""A bot asks beforehand whether agents would take over, to say the right thing or to offer something else."""

from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.channels.live import LiveChannel, find_bot, find_channel
from channels_app.conversations.lookup import BotChangedError, find_session_of_bot
from channels_app.deliveries.queue_figures import figures_for
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.protocol import Incoming
from channels_app.web.webhooks.base import WebhookView, with_patience
from offload.services import decide, provider_of
from offload.wording import next_opening_of


class Availability(WebhookView):
    """Answered to the bot that proves itself as with a later reply."""

    door = "bot"
    sender = "your bot"
    max_bytes = settings.MAX_BOT_BODY_BYTES
    get = WebhookView.post

    def knows(self, uuid: UUID) -> bool:
        return find_bot(uuid) is not None

    def receive(self, uuid: UUID, incoming: Incoming) -> tuple[int, dict[str, Any]]:
        bot = with_patience(find_bot, uuid)
        if bot is None:
            return self.not_found()
        bot.connector.verify(incoming)
        channels = Channel.objects.filter(bot_id=bot.id, archived_at=None).order_by("id")
        if session_id := incoming.query.get("session_id"):
            try:
                conversation = with_patience(find_session_of_bot, session_id, bot.id, bot.revision)
            except BotChangedError:
                return 503, {"detail": "The bot is being changed. Try again."}
            if conversation is None:
                return bot.connector.unknown_session()
            channels = channels.filter(pk=conversation.channel_id)
        return 200, with_patience(_availability, channels)


def _availability(channels: QuerySet[Channel]) -> dict[str, Any]:
    """Of the first channel whose agents would take over; if none would, of the first."""
    first: dict[str, Any] = {}
    for uuid in channels.values_list("uuid", flat=True):
        channel = find_channel(uuid)
        answer = _answer(channel) if channel else {}
        if answer.get("open"):
            return answer
        first = first or answer
    return first or {"open": False, **dict.fromkeys(("agents", "waiting", "longest_wait_s", "next_opening"))}


def _answer(channel: LiveChannel) -> dict[str, Any]:
    """The figures also where they decide nothing: the bot has asked for them."""
    now, read = database_now(), partial(figures_for, channel.inbox)
    provider = provider_of(channel.id)
    decision = decide(provider, now, read)
    figures = decision.figures
    if figures is None and decision.is_granted:
        figures = read(provider.teams if provider else [])
    opening = next_opening_of(provider, now) if provider else None
    return {
        "open": decision.is_granted,
        **asdict(figures or QueueFigures()),
        "next_opening": opening.isoformat() if opening else None,
    }
