"""The door for bots that call back: verify, store, wake a worker, answer."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.conf import settings

from channels_app.channels.live import LiveBot, find_bot, remembered_bot
from channels_app.conversations.events import store_session_event
from channels_app.conversations.lookup import BotChangedError, find_session_of_bot
from channels_app.models import EventSource, Owner
from channels_app.protocol import Incoming
from channels_app.protocol.errors import SignatureError
from channels_app.web.webhooks.base import WebhookView, wake_if_owed, with_patience


class BotWebhook(WebhookView):
    """What a bot that calls back says."""

    door = "bot"
    sender = "your bot"
    max_bytes = settings.MAX_BOT_BODY_BYTES

    def knows(self, uuid: UUID) -> bool:
        return (remembered_bot(uuid) or find_bot(uuid)) is not None

    def receive(self, uuid: UUID, incoming: Incoming) -> tuple[int, dict[str, Any]]:
        """As at the inbox's door: the bot as this process knows it, looked up if something speaks against it."""
        remembered = remembered_bot(uuid)
        if remembered is not None:
            with suppress(SignatureError, BotChangedError):
                return self._store(remembered, uuid, incoming)
        bot = with_patience(find_bot, uuid)
        if bot is None:
            return self.not_found()
        try:
            return self._store(bot, uuid, incoming)
        except BotChangedError:  # changed twice in a moment: the bot tries again
            return 503, {"detail": "The bot is being changed. Try again."}

    def _store(self, bot: LiveBot, uuid: UUID, incoming: Incoming) -> tuple[int, dict[str, Any]]:
        connector = bot.connector
        connector.verify(incoming)
        answer = connector.accepted()
        for event in connector.parse(incoming):
            conversation = with_patience(find_session_of_bot, event.conversation_id, bot.id, bot.revision)
            if conversation is None:
                self.count(uuid, "unknown_session")
                return connector.unknown_session()
            if conversation.owner != Owner.BOT:
                self.count(uuid, "not_assigned")
                return connector.not_assigned()
            raw = connector.kept(incoming.body)
            stored = with_patience(store_session_event, conversation, EventSource.BOT, event, raw)
            wake_if_owed(stored)
            if not stored.is_new:
                answer = connector.repeated()
        return answer
