"""The inbox's door: verify, store, wake a worker, answer."""

import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

from channels_app.adapters.inboxes import Inbox
from channels_app.adapters.inboxes.signing import MAX_AGE
from channels_app.channels.live import (
    OLD_ADDRESS,
    LiveChannel,
    find_channel,
    keyless_channel,
    remembered_channel,
)
from channels_app.conversations.events import ChannelChangedError, store_inbox_event
from channels_app.protocol import Completion, Event, Incoming, Outgoing, OutgoingMessage
from channels_app.protocol.errors import SignatureError, UnusableError
from channels_app.protocol.sentences import Occasion, Wording
from channels_app.web.webhooks.base import (
    Answer,
    DatabaseAwayError,
    Known,
    WebhookView,
    wake_if_owed,
    with_patience,
)
from channels_app.web.webhooks.waiting import answer_to, wait_wanted

logger = logging.getLogger(__name__)


class InboxWebhook(WebhookView):
    """Events of the inbox, for one channel."""

    door = "inbox"
    sender = "Sparkcentral"

    def knows(self, uuid: UUID) -> bool:
        return (remembered_channel(uuid) or find_channel(uuid)) is not None

    def receive(self, uuid: UUID, incoming: Incoming) -> Answer:
        """The cached channel nearly always suffices; anything that contradicts it is looked up."""
        remembered = remembered_channel(uuid)
        if remembered is not None and not remembered.is_archived:
            with suppress(SignatureError, ChannelChangedError):
                return self._store(remembered, uuid, incoming)
        channel = with_patience(find_channel, uuid)
        if channel is None:
            return self.not_found()
        if channel.is_archived:
            return self.gone(uuid)
        try:
            return self._store(channel, uuid, incoming)
        except ChannelChangedError:  # changed twice in a moment: the platform tries again
            return 503, {"detail": "The channel is being changed. Try again."}

    def _store(self, channel: LiveChannel, uuid: UUID, incoming: Incoming) -> Answer:
        used = channel.verify(incoming)
        try:
            events = channel.inbox.parse(incoming)
        except UnusableError as error:
            self.count(uuid, error.reason)
            return 200, _inline_handover(channel.inbox, channel.wording)
        if not events:
            self.count(uuid, "unknown_type")
        answer: Answer = 200, {}
        for event in events:
            if event.sent_at >= incoming.received_at + MAX_AGE:
                self.count(uuid, "in_future")
            wait = wait_wanted(channel, incoming.received_at)
            stored = with_patience(store_inbox_event, channel.id, channel.revision, event, incoming.body, wait)
            wake_if_owed(stored)
            if stored.inline_until:
                answer = answer_to(stored, channel.inbox)
        self._count_rotation(channel, uuid, used)
        return answer

    def gone(self, uuid: UUID) -> Known:
        self.count(uuid, "archived")
        return 410, {"detail": "The channel of this address is archived. Restore it, or remove the virtual agent."}

    def _count_rotation(self, channel: LiveChannel, uuid: UUID, used: str) -> None:
        """What tells an admin when the secret or the address before can go; costs nothing otherwise."""
        if used:
            self.count(channel.uuid, used)
        if uuid != channel.uuid:
            self.count(uuid, OLD_ADDRESS)

    def answer_without_database(self, uuid: UUID, incoming: Incoming) -> Known:
        """Hand the conversation over in our answer: it needs no database, no token and no quota.

        Nothing could be stored, so the log is the only place that will know of this event.
        """
        channel = remembered_channel(uuid)
        if channel is None:  # this process hasn't met the channel yet: the platform tries again, or takes over
            return super().answer_without_database(uuid, incoming)
        if channel.is_archived:
            return self.gone(uuid)
        channel.verify(incoming)
        return _hand_over_inline(channel.inbox, channel.wording, uuid, incoming, "PostgreSQL is away")

    def answer_without_keys(self, uuid: UUID, incoming: Incoming) -> Known:
        """The same. The channel's earlier state suffices to verify it; otherwise it is not verified: the answer does
        nothing by itself, and only the platform can do something with it."""
        remembered = remembered_channel(uuid)
        if remembered is not None:
            remembered.verify(incoming)
        try:
            keyless = with_patience(keyless_channel, uuid)
        except DatabaseAwayError:
            return self.answer_without_database(uuid, incoming)
        if keyless is None:
            return self.not_found()
        return _hand_over_inline(*keyless, uuid, incoming, "CB-104: no key")


def _hand_over_inline(inbox: Inbox, wording: Wording, uuid: UUID, incoming: Incoming, why: str) -> Known:
    try:
        events = inbox.parse(incoming)
    except UnusableError as error:
        logger.error("%s: an event of channel %s was handed over inline (%s)", why, uuid, error.reason)
        return 200, _inline_handover(inbox, wording)
    for event in events:
        logger.error("%s: event %s of channel %s was handed over inline", why, event.key, uuid)
        return 200, _inline_handover(inbox, wording, event)
    return 200, {}


def _inline_handover(inbox: Inbox, wording: Wording, event: Event | None = None) -> dict[str, Any]:
    """The answer to an event that gives its conversation to the agents. No event: it can't be read."""
    language = wording.language_of(event.language, event.attributes or ()) if event else ""
    text = wording.say(Occasion.HANDOVER, language)
    words = (OutgoingMessage(text=inbox.plain(text)),) if text else ()
    return inbox.inline_answer(Outgoing(messages=words, complete=Completion.HANDOVER))
