"""Pause, archive, copy and delete a channel: what its contacts notice, and what is left."""

from typing import Any

import pytest

from channels_app.access.audit import Actor
from channels_app.channels import deletion as channel_deletion
from channels_app.channels.care import (
    archive_channel,
    clone_channel,
    free_name,
    pause_channel,
    restore_channel,
    resume_channel,
    skip_handover_test,
)
from channels_app.channels.deletion import begin_deletion, delete_some, holdings_of
from channels_app.conversations.refusals import count_refusal
from channels_app.models import (
    AuditEntry,
    Channel,
    ContactRow,
    Conversation,
    Delivery,
    Exchange,
    Figure,
    InboxChannel,
    IntakeCount,
    MessageRow,
    Period,
    WebhookEvent,
)
from offload.models import Offload, OffloadProvider
from tests.builders import make_channel, make_event
from tests.conftest import Walker
from tests.world import World

ANN = Actor(name="ann", via="api")


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


# --- pause and archive --------------------------------------------------------------------------------------------


def test_a_paused_channel_gives_its_contacts_to_the_agents(walker: Walker, world: World) -> None:
    pause_channel(walker.channel, ANN, reason="Campaign")
    walker.says("Hello")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    walker.channel.refresh_from_db()
    assert walker.channel.paused_by == "ann" and walker.channel.paused_at
    assert AuditEntry.objects.get().reason == "Campaign"
    resume_channel(walker.channel, ANN)
    walker.says("Hello", "0-conv-2")
    assert world.inbox.said("0-conv-2") == ["You said: Hello"]


def test_pausing_twice_keeps_who_was_first(channel: Channel) -> None:
    pause_channel(channel, ANN)
    pause_channel(channel, Actor(name="bob"))
    channel.refresh_from_db()
    assert channel.paused_by == "ann"
    assert actions() == ["paused"]


def test_an_archived_channel_refuses_events_and_comes_back_paused(walker: Walker) -> None:
    archive_channel(walker.channel, ANN)
    answer = walker.post(make_event())
    assert answer.status_code == 410
    assert "is archived" in answer.json()["detail"] and walker.channel.name not in answer.json()["detail"]
    assert IntakeCount.objects.get().reason == "archived"
    restore_channel(walker.channel, ANN)
    assert walker.post(make_event()).status_code == 200
    walker.channel.refresh_from_db()
    assert not walker.channel.is_active
    assert actions() == ["archived", "restored"]


def test_a_skipped_hand_over_keeps_its_reason(channel: Channel) -> None:
    skip_handover_test(channel, ANN, reason="There are no agents at night.")
    channel.refresh_from_db()
    assert channel.handover_skipped == "There are no agents at night."
    skip_handover_test(channel, ANN, reason="")
    assert actions() == ["skipped handover test", "wants handover tested"]


# --- clone --------------------------------------------------------------------------------------------------------


def test_a_clone_has_the_settings_and_neither_secrets_nor_address_nor_history(walker: Walker) -> None:
    channel = walker.channel
    walker.says("Hello")
    Channel.objects.filter(pk=channel.pk).update(keep_days=7, fallback_text="One moment")
    channel.refresh_from_db()
    provider = OffloadProvider(channel=channel, closed_text="Closed now", opening_hours={"mon": ["09:00-17:00"]})
    provider.verify_token = "a phrase"
    provider.save()
    clone = clone_channel(channel, free_name(channel.name), ANN)
    clone = Channel.objects.get(pk=clone.pk)
    assert clone.name == f"{channel.name} 2"
    assert (clone.keep_days, clone.fallback_text, clone.bot_id) == (7, "One moment", channel.bot_id)
    assert clone.copied_from == channel.name
    assert clone.uuid != channel.uuid and not clone.shared_secret
    secrets = {name: clone.clear_settings()[name] for name in clone.secret_names()}
    assert not any(secrets.values())
    assert clone.clear_settings()["client_id"] == channel.clear_settings()["client_id"]
    copied = OffloadProvider.objects.get(channel=clone)
    assert (copied.closed_text, copied.opening_hours) == ("Closed now", {"mon": ["09:00-17:00"]})
    assert copied.verify_token == "" and copied.uuid != provider.uuid
    assert not clone.conversations.exists() and clone.live_at is None
    assert clone.inbox_channels.count() == channel.inbox_channels.count()


# --- delete -------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(walker: Walker, world: World) -> Channel:
    """A channel with something of everything."""
    world.bot.replies.append({"complete": "handover"})
    for number in range(3):
        walker.says("Hello", f"0-conv-{number}")
    OffloadProvider.objects.create(channel=walker.channel)
    Figure.objects.create(channel=walker.channel, period=Period.HOUR, start="2026-01-01T00:00Z", name="x", value=1)
    count_refusal("inbox", walker.channel.uuid, "bad_signature")
    return walker.channel


def test_all_of_a_channel_is_deleted_and_nothing_of_another(busy: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_deletion, "BATCH", 2)
    other = make_channel()
    Conversation.objects.create(channel=other, external_id="0-other")
    begin_deletion(busy, ANN, reason="Contract ended")
    assert delete_some(busy, ANN)
    assert list(Channel.objects.all()) == [other]
    assert Conversation.objects.get().channel == other
    for model in (
        WebhookEvent,
        Delivery,
        Exchange,
        MessageRow,
        ContactRow,
        Offload,
        InboxChannel,
        Figure,
        IntakeCount,
    ):
        assert not model._default_manager.exists(), model
    assert actions() == ["ordered deletion", "deleted"]
    assert AuditEntry.objects.first().changes["conversations"] == [3, 0]  # type: ignore[union-attr]


def test_a_deletion_stops_in_time_and_goes_on_where_it_was(busy: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_deletion, "BATCH", 1)
    begin_deletion(busy, ANN)
    before = WebhookEvent.objects.count()
    assert not delete_some(busy, ANN, for_s=0)
    assert WebhookEvent.objects.count() == before - 1
    assert delete_some(busy, ANN)
    assert not Channel.objects.exists()


def test_nothing_comes_in_while_a_channel_is_deleted(walker: Walker, busy: Channel) -> None:
    begin_deletion(busy, ANN)
    assert walker.post(make_event()).status_code == 410


def test_the_counts_before_a_deletion_stop_at_a_limit(busy: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert holdings_of(busy)[0].words == "3 conversations"
    monkeypatch.setattr(channel_deletion, "MAX_COUNTED", 2)
    assert holdings_of(busy)[0].words == "more than 2 conversations"


def test_a_large_channel_is_deleted_batch_by_batch(channel: Channel, django_assert_max_num_queries: Any) -> None:
    conversation = Conversation.objects.create(channel=channel, external_id="0-long")
    WebhookEvent.objects.bulk_create(
        WebhookEvent(
            source="inbox",
            channel=channel,
            conversation=conversation,
            idempotency_key=str(number),
            type="message_received",
            sent_at="2026-01-01T00:00Z",
        )
        for number in range(1200)
    )
    with django_assert_max_num_queries(150):
        assert sum(channel_deletion.delete_batches(channel)) > 1200
