"""The last option that a contact chose: in which form it went back to the bot, and the result."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from channels_app.channels.live import make_bot
from channels_app.conversations.exchanges import MASK
from channels_app.models import Author, Bot, Exchange, MessageRow, Target, WebhookEvent
from channels_app.protocol import EventType
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.remarks import UNDERSTOOD, remark

MAX_CALLS = 50
"""The newest calls of a channel, of whichever kind, among which a choice is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """`form`: how it went back, in words; `outcome`: the message's outcome, empty while that is open;
    `understood`: the intent that the bot named in its answer, if it did."""

    at: datetime
    conversation_id: int
    exchange_id: int
    form: str
    outcome: str
    understood: str


def last_press(bot: Bot) -> Press | None:
    """The latest on any channel of this bot; None: there is none among the calls that are kept."""
    try:
        connector = make_bot(bot)
    except BridgeError:  # its secrets can't be read, which its page says
        return None
    calls = [call for call in _calls_to(bot) if MASK not in call.request]  # else the words are not as they were sent
    calls.sort(key=lambda call: call.started_at, reverse=True)
    said = _words_of(call.event_id for call in calls)
    for call in calls:
        event = call.event
        has_chosen = event.conversation.options.get("chosen_by") == event.pk
        form = connector.sent_back(call.request, said.get(event.pk, ""), has_chosen=has_chosen)
        if form:
            return Press(
                at=call.started_at,
                conversation_id=event.conversation_id,
                exchange_id=call.pk,
                form=form,
                outcome=event.get_outcome_display() if event.outcome else "",
                understood=_understood(event),
            )
    return None


def _calls_to(bot: Bot) -> list[Exchange]:
    """The newest calls for messages of contacts. As a range, see `newest`."""
    found: list[Exchange] = []
    for channel_id in bot.channel_set.values_list("pk", flat=True):
        rows = Exchange.objects.filter(channel_id__gte=channel_id, channel_id__lte=channel_id)
        rows = rows.select_related("event__conversation").defer("response")
        found += rows.order_by("-channel_id", "-id")[:MAX_CALLS]
    return [call for call in found if call.target == Target.BOT and call.event.type == EventType.MESSAGE_RECEIVED]


def _words_of(event_ids: Iterable[int]) -> dict[int, str]:
    rows = MessageRow.objects.filter(event_id__in=list(event_ids), author=Author.CONTACT)
    return dict(rows.values_list("event_id", "text"))


def _understood(event: WebhookEvent) -> str:
    answer = WebhookEvent.objects.filter(pk=event.answered_by).first() if event.answered_by else None
    return remark((answer or event).reason, UNDERSTOOD)
