"""Claiming as a game: events come; workers claim, finish, wait, freeze, in any order that Hypothesis finds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from channels_app.conversations.claim import claim_due_conversation
from channels_app.conversations.events import store_inbox_event
from channels_app.conversations.lease import Lease, LeaseLostError
from channels_app.conversations.release import Ended, Release, release
from channels_app.models import Channel, Conversation, Outcome, WebhookEvent
from channels_app.protocol import Event, EventType
from tests.builders import make_channel

CONVERSATIONS = st.sampled_from(["conv-1", "conv-2"])


class Claiming(RuleBasedStateMachine):
    """`holders` is what the rows must agree with: of each conversation the one lease that counts."""

    channel: Channel

    def __init__(self) -> None:
        super().__init__()
        Conversation.objects.all().delete()
        self.holders: dict[int, Lease] = {}
        self.expired: set[int] = set()
        self.fences: dict[int, int] = {}
        self.count = 0

    leases = Bundle("leases")

    @rule(conversation=CONVERSATIONS)
    def an_event_comes(self, conversation: str) -> None:
        self.count += 1
        event = Event(
            type=EventType.MESSAGE_RECEIVED,
            key=f"key-{self.count}",
            conversation_id=conversation,
            sent_at=datetime.now(UTC),
        )
        assert store_inbox_event(self.channel.pk, self.channel.revision, event, b"{}").is_new

    @rule(lease=leases)
    def an_event_comes_meanwhile(self, lease: Lease) -> None:
        self.an_event_comes(lease.external_id)

    @rule(target=leases)
    def a_worker_claims(self) -> Any:
        lease = claim_due_conversation("slot")
        if lease is None:
            free = set(Conversation.objects.filter(wake_at__lte=timezone.now()).values_list("pk", flat=True))
            assert free <= set(self.holders) - self.expired, "something was due and nobody got it"
            return multiple()
        held = lease.conversation_id
        assert held not in self.holders or held in self.expired, "two workers have the same conversation"
        assert lease.fence > self.fences.get(held, 0)
        self.fences[held] = lease.fence
        self.holders[held] = lease
        self.expired.discard(held)
        return lease

    @rule(lease=consumes(leases))
    def a_worker_ends_what_it_saw(self, lease: Lease) -> None:
        try:
            ids = [event.facts.id for event in lease.events]
            wake_at = release(lease, Release(ended=[Ended(event_ids=ids, outcome=Outcome.REPLIED)]))
        except LeaseLostError:
            self._was_rightly_refused(lease)
            return
        self._gave_back(lease)
        has_more = WebhookEvent.objects.filter(conversation=lease.conversation_id, outcome=None).exists()
        assert (wake_at is not None) is has_more

    @rule(lease=consumes(leases))
    def a_worker_decides_to_wait(self, lease: Lease) -> None:
        try:
            wake_at = release(lease, Release(until=timezone.now() + timedelta(hours=1)))
        except LeaseLostError:
            self._was_rightly_refused(lease)
            return
        self._gave_back(lease)
        seen = [event.facts.id for event in lease.events]
        unseen = WebhookEvent.objects.filter(conversation=lease.conversation_id, outcome=None).exclude(pk__in=seen)
        assert wake_at is not None
        assert (wake_at <= timezone.now()) is unseen.exists()

    @rule(conversation=CONVERSATIONS)
    def a_worker_freezes_until_its_lease_ends(self, conversation: str) -> None:
        for row in Conversation.objects.filter(external_id=conversation, lease_until__isnull=False):
            Conversation.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
            self.expired.add(row.pk)

    @rule(conversation=CONVERSATIONS)
    def time_passes(self, conversation: str) -> None:
        Conversation.objects.filter(external_id=conversation, wake_at__isnull=False).update(wake_at=timezone.now())

    @invariant()
    def nothing_open_is_forgotten(self) -> None:
        forgotten = Conversation.objects.filter(wake_at=None, events__outcome=None, events__isnull=False)
        assert not forgotten.exists()

    def _gave_back(self, lease: Lease) -> None:
        assert self.holders.get(lease.conversation_id) is lease, "a worker without the lease changed something"
        del self.holders[lease.conversation_id]
        self.expired.discard(lease.conversation_id)

    def _was_rightly_refused(self, lease: Lease) -> None:
        assert self.holders.get(lease.conversation_id) is not lease, "the holder of the lease was refused"


@pytest.mark.django_db(transaction=True)
def test_claiming_keeps_its_promises() -> None:
    Claiming.channel = make_channel(bot=None)
    patient = settings(max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Claiming, settings=patient)
    connection.close()
