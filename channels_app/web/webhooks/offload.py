"""Two more doors: the bot's "send to offload provider", and the inbox's report of how a conversation went on."""

import hmac
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from channels_app.adapters.bots import BotConnector, asking_bot
from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.channels.live import LiveChannel, channels_of_tenant, find_channel
from channels_app.conversations.events import Stored, store_session_event
from channels_app.conversations.lookup import find_asked_for, find_conversations
from channels_app.deliveries.queue_figures import figures_for
from channels_app.lib.clocks import database_now
from channels_app.models import Conversation, EventSource, Owner
from channels_app.protocol import Event, Incoming, OffloadRequest
from channels_app.protocol.errors import PayloadError, SignatureError, UnusableError
from channels_app.web.webhooks.base import (
    DatabaseAwayError,
    TooLargeError,
    WebhookView,
    read_incoming,
    wake_if_owed,
    with_patience,
)
from offload.models import OffloadProvider
from offload.services import Request, asked_by_bot, decide, provider_of, refuse_offload


def _provider(uuid: UUID) -> tuple[OffloadProvider, LiveChannel] | None:
    provider = OffloadProvider.objects.select_related("channel__bot").filter(uuid=uuid).first()
    channel = find_channel(provider.channel.uuid) if provider else None
    return (provider, channel) if provider and channel else None


class OffloadWebhook(WebhookView):
    """A bot asks for a human, and we tell it what the contact reads."""

    door = "offload"
    sender = "Chatlayer's offloading webhook"
    max_bytes = settings.MAX_BOT_BODY_BYTES

    def get(self, request: HttpRequest, uuid: UUID) -> HttpResponse:
        """Chatlayer's health check, when an admin there presses save."""
        try:
            found = with_patience(_provider, uuid)
            if found is None:
                status, body = self.not_found()
                return Response(body, status=status)
            self._bot(*found, read_incoming(request._request, self.max_bytes))
        except SignatureError as error:
            return self.refuse(uuid, 401, error.reason, error.detail)
        except PayloadError as error:
            return self.refuse(uuid, 400, "malformed", error.detail)
        except TooLargeError:
            return self.refuse(uuid, 400, "malformed", "This is no health check.")
        except DatabaseAwayError:
            return Response({"status": "The database does not answer."}, status=503)
        return Response({"status": "ok"})

    def knows(self, uuid: UUID) -> bool:
        return _provider(uuid) is not None

    def receive(self, uuid: UUID, incoming: Incoming) -> tuple[int, dict[str, Any]]:
        found = with_patience(_provider, uuid)
        if found is None:
            return self.not_found()
        provider, channel = found
        bot = self._bot(provider, channel, incoming)
        events = bot.parse_offload(incoming)
        if session := bot.draft_session(incoming):
            with_patience(self._note_draft, provider, session)
        for event in events:
            return with_patience(self._request, bot, provider, event, incoming.body)
        return 200, {}

    def _bot(self, provider: OffloadProvider, channel: LiveChannel, incoming: Incoming) -> BotConnector:
        """The bot behind this request, once it has shown the provider's token."""
        bot = asking_bot(channel.bot)
        expected, presented = provider.verify_token, bot.offload_token(incoming)
        if not expected:
            raise SignatureError("No verify token is saved for this offload provider yet.", reason="no_secret")
        if not hmac.compare_digest(presented.encode(errors="replace"), expected.encode()):
            detail = "The verify token is not the one saved for this offload provider."
            raise SignatureError(detail, reason="bad_verify_token")
        return bot

    def _note_draft(self, provider: OffloadProvider, session_id: str) -> None:
        """A draft of the bot has a conversation of a channel: watched by the channel's own provider."""
        conversation = find_asked_for(session_id, provider.channel)
        if conversation is not None and conversation.owner == Owner.BOT:
            own = provider_of(conversation.channel_id)
            self.count(own.uuid if own else provider.uuid, "draft_bot")

    def _request(
        self, bot: BotConnector, provider: OffloadProvider, event: Event, raw: bytes
    ) -> tuple[int, dict[str, Any]]:
        """A bot has one such address for all its channels: where the conversation is, its own provider decides."""
        conversation = find_asked_for(event.conversation_id, provider.channel)
        if conversation is None:
            self.count(provider.uuid, "unknown_session")
            return bot.offload_answer(is_taken=False)
        if conversation.owner != Owner.BOT:  # a human has it already, which is what the bot wants
            self.count(provider.uuid, "not_assigned")
            return bot.offload_answer(is_taken=True)
        own = provider_of(conversation.channel_id)
        if not decide(own, database_now(), partial(_figures, conversation)).is_granted:
            refuse_offload(conversation, _asked_for(event))
            return bot.offload_answer(is_taken=False)
        wake_if_owed(store_session_event(conversation, EventSource.OFFLOAD, event, raw))
        return bot.offload_answer(is_taken=True)


def _figures(conversation: Conversation, teams: Sequence[str]) -> QueueFigures | None:
    channel = find_channel(conversation.channel.uuid)
    return figures_for(channel.inbox, teams) if channel else None


def _asked_for(event: Event) -> Request:
    wish = event.reply.offload if event.reply else None
    return asked_by_bot(wish or OffloadRequest())


class WriteBackWebhook(WebhookView):
    """The inbox tells how a conversation went on after the handover. Its retries may be hours old."""

    door = "write_back"
    sender = "Sparkcentral's write back"
    max_bytes = settings.MAX_BOT_BODY_BYTES  # a report carries the whole conversation

    def knows(self, uuid: UUID) -> bool:
        return _provider(uuid) is not None

    def receive(self, uuid: UUID, incoming: Incoming) -> tuple[int, dict[str, Any]]:
        owner = with_patience(_provider, uuid)
        if owner is None:
            return self.not_found()
        provider, channel = owner
        secret = provider.write_back_secret
        channel.inbox.verify(incoming, secrets=[secret] if secret else [])
        try:
            events = channel.inbox.parse_write_back(incoming)
        except UnusableError as error:
            self.count(uuid, error.reason)
            return 200, {}
        if not events:
            self.count(uuid, "unknown_type")
        for event in events:
            found = with_patience(self._conversations, channel, event)
            if not found:
                self.count(uuid, "unknown_conversation")
            for conversation in found:
                wake_if_owed(self._store(conversation, event, incoming.body))
        return 200, {}

    def _conversations(self, channel: LiveChannel, event: Event) -> list[Conversation]:
        """An organization has one such address: the report may be about another of its channels."""
        return find_conversations(channels_of_tenant(channel), event.conversation_id)

    def _store(self, conversation: Conversation, event: Event, raw: bytes) -> Stored:
        return with_patience(store_session_event, conversation, EventSource.WRITE_BACK, event, raw)
