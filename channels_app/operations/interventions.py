"""What operators do to a conversation: hand it over, speak for the bot, retry what failed. All of it audited.

Each act has a preview in words, so that the operator knows who gets what. Workers are woken here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from channels_app.access.audit import Actor, record_audit
from channels_app.conversations.events import Stored, order_handover, order_message
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.deliveries.recording import retry_delivery
from channels_app.lib.clocks import database_now
from channels_app.models import (
    RETRYABLE,
    AuditEntry,
    Conversation,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Outcome,
    Owner,
    WebhookEvent,
)
from channels_app.operations.replays import Replayed, plan_replay, replay_event
from channels_app.protocol.labels import count_of, duration
from channels_app.protocol.visible import is_visible

LATE = timedelta(minutes=5)
"""An answer after this surprises the contact."""
MAX_REPLAYS = 100
"""Events of one conversation that are retried at once."""
MAX_TEXT = 4000
"""Characters that a person may say as the bot; media cut far earlier."""


def hand_over_now(conversation: Conversation, actor: Actor, reason: str = "") -> bool:
    """Give the conversation to the agents; False if they have it, or it is closed."""
    if conversation.owner not in (Owner.BOT, Owner.UNKNOWN):
        return False
    with transaction.atomic():
        stored = order_handover(conversation, by=actor.name)
        record_audit(actor, "handed over", conversation, reason=reason)
    _wake(stored)
    return True


def speak_as_bot(conversation: Conversation, text: str, actor: Actor, once: str = "") -> bool:
    """Say this to the contact as the bot; False if the bot doesn't have the conversation. The text isn't audited.

    `once`: see `order_message`.
    """
    if conversation.owner != Owner.BOT or not is_visible(text):
        return False
    with transaction.atomic():
        stored = order_message(conversation, text.strip()[:MAX_TEXT], by=actor.name, once=once)
        if stored.is_new:
            record_audit(actor, "spoke as the bot", conversation, changes={"event": [None, stored.event_id]})
    _wake(stored)
    return True


def _wake(stored: Stored) -> None:
    if stored.owes_wakeup:
        wake_a_worker()


def note_reading(actor: Actor, conversation: Conversation) -> None:
    """Write down that this person read what was said here: once an hour."""
    since = database_now() - timedelta(hours=1)
    entries = AuditEntry.objects.filter(object_type="conversation", object_id=str(conversation.pk), at__gt=since)
    if not entries.filter(action="read texts", actor=actor.name).exists():
        record_audit(actor, "read texts", conversation)


# --- do again -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an act would do now. `does`: one sentence each; `warns`: what to think of before."""

    is_possible: bool
    does: tuple[str, ...]
    warns: tuple[str, ...] = ()


def failed_events(conversation: Conversation, from_event_id: int | None = None) -> list[WebhookEvent]:
    """Events of a conversation that failed for good, from this one on, as they came."""
    failed = conversation.events.filter(outcome=Outcome.DEAD).select_related("conversation")
    if from_event_id is not None:
        failed = failed.filter(pk__gte=from_event_id)
    return list(failed.order_by("pk")[:MAX_REPLAYS])


def preview_replay(events: Sequence[WebhookEvent]) -> Preview:
    """What `replay_events` would do with these events of one conversation."""
    verdicts = [plan_replay(event) for event in events]
    again = [event for event, verdict in zip(events, verdicts, strict=True) if verdict is Replayed.AGAIN]
    does = [f"{count_of(verdicts.count(verdict), 'event')}: {verdict}" for verdict in Replayed if verdict in verdicts]
    if not events:
        return Preview(is_possible=False, does=("Nothing has failed for good here.",))
    warns = _warnings(events[0].conversation, (again or events)[0]) if again or Replayed.NOT_OURS in verdicts else ()
    return Preview(is_possible=bool(again), does=tuple(does), warns=tuple(warns))


def replay_events(events: Sequence[WebhookEvent], actor: Actor, reason: str = "") -> list[Replayed]:
    """Retry them in order; the result of each."""
    verdicts = []
    for event in events:
        with transaction.atomic():
            verdict = replay_event(event.pk, by=actor.name)
            if verdict is Replayed.AGAIN:
                record_audit(actor, "replayed", event, reason=reason)
        verdicts.append(verdict)
    if Replayed.AGAIN in verdicts:
        wake_a_worker()
    return verdicts


def preview_retry(delivery: Delivery) -> Preview:
    """What `send_again` would do with this delivery."""
    conversation = delivery.conversation
    if delivery.state not in RETRYABLE:
        return Preview(is_possible=False, does=(f"Nothing: it is {delivery.get_state_display()}.",))
    if delivery.kind != DeliveryKind.REPLY:
        return Preview(is_possible=False, does=("Nothing: the message was sent with a link in place of the file.",))
    if not (delivery.payload or {}).get("outgoing"):
        return Preview(is_possible=False, does=("Nothing: its text was deleted after the retention period.",))
    warns = list(_warnings(conversation, delivery.event))
    if delivery.state == DeliveryState.UNCONFIRMED:
        warns.append("It may have arrived; if so, the contact reads it twice.")
    is_possible = conversation.owner == Owner.BOT
    does = "The reply is sent again." if is_possible else "Nothing is sent."
    return Preview(is_possible=is_possible, does=(does,), warns=tuple(warns))


def send_again(delivery: Delivery, actor: Actor, reason: str = "") -> bool:
    """Send a lost reply again; False if that is not possible any more."""
    if not preview_retry(delivery).is_possible:
        return False
    with transaction.atomic():
        is_done = retry_delivery(delivery)
        if is_done:
            record_audit(actor, "sent again", delivery, reason=reason)
    if is_done:
        wake_a_worker()
    return is_done


def _warnings(conversation: Conversation, event: WebhookEvent) -> list[str]:
    now = database_now()
    age = now - event.received_at
    if conversation.owner != Owner.BOT:
        return [f"{_since(conversation)} Sparkcentral would refuse (404), so it is left to the agents."]
    if age > LATE:
        return [f"The contact wrote {duration(age.total_seconds())} ago and would get a late answer."]
    return []


def _since(conversation: Conversation) -> str:
    """Since when it isn't the bot's, as far as an event tells."""
    ended = conversation.events.filter(outcome__in=(Outcome.HANDED_OVER, Outcome.RESOLVED, Outcome.MOOT))
    last = ended.order_by("-pk").values_list("finished_at", flat=True).first()
    age = f" {duration((database_now() - last).total_seconds())} ago" if last else ""
    how = "was closed" if conversation.owner == Owner.CLOSED else "went to the agents"
    return f"This conversation {how}{age}."
