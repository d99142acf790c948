"""A first word from the bridge while the bot still thinks: once for a message, before its answer, and never after it.

Best effort: it is written down before it leaves and never repeated, and gives way where the account's calls are short.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from channels_app.channels.live import LiveChannel
from channels_app.conversations.exchanges import exchange_row
from channels_app.conversations.lease import ClaimedEvent, Lease, hold
from channels_app.deliveries.attempts import may_leave_now
from channels_app.deliveries.briefings import own_words
from channels_app.deliveries.plans import plan_deliveries
from channels_app.deliveries.unsaid import has_spoken
from channels_app.deliveries.verdicts import Verdict
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call, recorded_calls
from channels_app.models import Author, MessageRow, Target
from channels_app.protocol import EventType, Message, Outgoing, Reply
from channels_app.protocol.errors import BridgeError, Effect
from channels_app.protocol.sentences import Occasion

PLACE = 32_767
"""Of these words among all that we say to an event: no reply has so many messages, so none of them is there twice."""


def holding_due_in(channel: LiveChannel, claimed: ClaimedEvent) -> timedelta | None:
    """How long until the contact is told that the bot still thinks; None: that isn't wanted."""
    if not channel.hold_after or claimed.facts.type is EventType.CONVERSATION_STARTED:
        return None
    now = database_now()
    return max((claimed.facts.called_at or now) + channel.hold_after - now, timedelta(0))


def say_holding_line(lease: Lease, channel: LiveChannel, claimed: ClaimedEvent) -> None:
    """Tell the contact, unless that was done for this message or the bot has spoken."""
    text = own_words(lease, channel, Occasion.HOLDING)
    if not text or has_spoken(lease, claimed.facts.id):
        return
    words = Reply(messages=(Message(text=text),))
    plan = plan_deliveries(channel, words, medium=lease.medium, message_id="", unique="")
    if not _write_down(lease, claimed, plan.said[0][0]):
        return
    if not may_leave_now(channel, plan):
        _unwrite(claimed)
        return
    error = None
    with recorded_calls() as calls:
        try:
            channel.inbox.send(lease.external_id, Outgoing.from_json(plan.calls[0][1]["outgoing"]))
        except BridgeError as failed:
            error = failed
    _note(lease, claimed, calls, error)


def _write_down(lease: Lease, claimed: ClaimedEvent, text: str) -> bool:
    """Whether it wasn't said before. Raises LeaseLostError."""
    with transaction.atomic():
        hold(lease)
        _, is_new = MessageRow.objects.get_or_create(
            event_id=claimed.facts.id,
            author=Author.BRIDGE,
            position=PLACE,
            defaults={"conversation_id": lease.conversation_id, "text": text, "said_at": database_now()},
        )
    return is_new


def _note(lease: Lease, claimed: ClaimedEvent, calls: Sequence[Call], error: BridgeError | None) -> None:
    """Keep the call: the next statement of this lease writes it. Words that surely did not arrive are forgotten."""
    effect = getattr(error, "effect", Verdict.REFUSED)
    result = Verdict.SENT if error is None else effect
    call = calls[-1] if calls else None
    row = exchange_row(Target.INBOX, call, event_id=claimed.facts.id, n=1, result=result, error=error)
    lease.unwritten.append(row)
    if error is not None and effect is not Effect.UNKNOWN:
        _unwrite(claimed)


def _unwrite(claimed: ClaimedEvent) -> None:
    """It was not said."""
    MessageRow.objects.filter(event_id=claimed.facts.id, author=Author.BRIDGE, position=PLACE).delete()
