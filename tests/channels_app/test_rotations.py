"""Rotations: no event is lost while two secrets or two addresses are taken, and each use is counted."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app.access.audit import CHANGED, Actor
from channels_app.channels.live import remembered_channel
from channels_app.channels.rotations import (
    address_rotation,
    keep_old_secret,
    replace_keys,
    retire_old_address,
    retire_old_secret,
    rotate_address,
    rotate_shared_secret,
    secret_rotation,
)
from channels_app.models import AuditEntry, Channel, Credential, IntakeCount
from channels_app.protocol.errors import ConfigError
from tests.builders import SHARED_SECRET, make_event
from tests.conftest import Walker
from tests.world import World, answer

NEW_SECRET = "ab12" * 16
ANN = Actor(name="ann", via="api")
HOUR = timedelta(hours=1)


def refusals(reason: str) -> int:
    return sum(IntakeCount.objects.filter(reason=reason).values_list("count", flat=True))


def again(channel: Channel) -> Channel:
    channel.refresh_from_db()
    return channel


# --- shared secret ------------------------------------------------------------------------------------------------


def test_both_secrets_are_taken_and_counted_while_a_rotation_runs(walker: Walker) -> None:
    channel = walker.channel
    rotate_shared_secret(channel, NEW_SECRET, ANN, overlap=HOUR)
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 200
    for _ in range(2):
        assert walker.post(make_event(), secret=NEW_SECRET).status_code == 200
    meter = secret_rotation(again(channel))
    assert meter is not None
    assert (meter.new.count, meter.old.count) == (2, 1)
    assert meter.old.last_at is not None
    assert not meter.is_safe_to_retire  # the old one was used a moment ago
    assert channel.shared_secret_saved_by == "ann"


def test_the_old_secret_alone_is_refused_after_its_time_with_a_reason_of_its_own(walker: Walker) -> None:
    rotate_shared_secret(walker.channel, NEW_SECRET, ANN, overlap=timedelta(0))
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 401
    assert walker.post(make_event(), secret="cd" * 16).status_code == 401
    assert walker.post(make_event(), secret=NEW_SECRET).status_code == 200
    assert (refusals("old_secret"), refusals("bad_signature"), refusals("new_secret")) == (1, 1, 0)
    assert secret_rotation(again(walker.channel)) is None


def test_the_old_secret_ends_by_itself(walker: Walker) -> None:
    rotate_shared_secret(walker.channel, NEW_SECRET, ANN, overlap=HOUR)
    Channel.objects.get().save()
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 200
    channel = Channel.objects.get()
    channel.old_secret_until = timezone.now() - timedelta(seconds=1)
    channel.save()
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 401


def test_the_old_secret_is_retired_and_kept_longer_by_order(walker: Walker) -> None:
    channel = walker.channel
    rotate_shared_secret(channel, NEW_SECRET, ANN, overlap=HOUR)
    retire_old_secret(channel, ANN)
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 401
    keep_old_secret(channel, ANN, longer=HOUR)
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 200
    actions = list(AuditEntry.objects.order_by("id").values_list("actor", "action"))
    assert actions == [
        ("ann", "rotated shared secret"),
        ("ann", "retired old secret"),
        ("ann", "kept old secret longer"),
    ]


def test_the_counts_begin_anew_with_each_rotation(walker: Walker) -> None:
    channel = walker.channel
    rotate_shared_secret(channel, NEW_SECRET, ANN)
    walker.post(make_event(), secret=NEW_SECRET)
    rotate_shared_secret(again(channel), "ef34" * 16, ANN)
    meter = secret_rotation(again(channel))
    assert meter is not None and (meter.new.count, meter.old.count) == (0, 0)
    assert walker.post(make_event(), secret=SHARED_SECRET).status_code == 401  # two back is one too many


def test_it_is_safe_to_retire_when_only_the_new_one_was_seen_for_an_hour(walker: Walker) -> None:
    rotate_shared_secret(walker.channel, NEW_SECRET, ANN)
    walker.post(make_event(), secret=SHARED_SECRET)
    walker.post(make_event(), secret=NEW_SECRET)
    IntakeCount.objects.filter(reason="old_secret_used").update(last_at=timezone.now() - 2 * HOUR)
    meter = secret_rotation(again(walker.channel))
    assert meter is not None and meter.is_safe_to_retire


def test_an_old_secret_that_nobody_used_yet_may_still_be_used_for_an_hour(walker: Walker) -> None:
    rotate_shared_secret(walker.channel, NEW_SECRET, ANN)
    walker.post(make_event(), secret=NEW_SECRET)
    meter = secret_rotation(again(walker.channel))
    assert meter is not None and not meter.is_safe_to_retire
    Channel.objects.update(shared_secret_saved_at=timezone.now() - 2 * HOUR)
    meter = secret_rotation(again(walker.channel))
    assert meter is not None and meter.is_safe_to_retire


def test_what_is_no_shared_secret_is_not_taken(walker: Walker) -> None:
    with pytest.raises(ConfigError, match="only 0-9 and a-f"):
        rotate_shared_secret(walker.channel, "not hexadecimal at all, is it?", ANN)
    assert again(walker.channel).shared_secret == SHARED_SECRET
    with pytest.raises(ConfigError, match="no previous shared secret"):
        keep_old_secret(walker.channel, ANN)


def test_nothing_is_counted_and_no_statement_added_without_a_rotation(
    walker: Walker, django_assert_num_queries: Any
) -> None:
    walker.post(make_event())
    with django_assert_num_queries(1):  # store the event
        walker.post(make_event())
    assert not IntakeCount.objects.exists()


def test_no_secret_is_in_the_audit_log(walker: Walker) -> None:
    rotate_shared_secret(walker.channel, NEW_SECRET, ANN, reason="The old one was in a mail.")
    entry = AuditEntry.objects.get()
    assert entry.changes["shared_secret"] == entry.changes["old_secret"] == CHANGED
    assert entry.reason == "The old one was in a mail."
    assert NEW_SECRET not in str(entry.changes) and SHARED_SECRET not in str(entry.changes)


# --- webhook URL --------------------------------------------------------------------------------------------------


def test_both_addresses_work_for_a_week_and_the_old_ones_calls_are_counted(walker: Walker) -> None:
    channel = Channel.objects.get()
    old = channel.uuid
    rotate_address(channel, ANN)
    assert walker.post(make_event()).status_code == 200  # the walker still knows the old address
    walker.channel = again(channel)
    assert channel.uuid != old
    assert walker.post(make_event()).status_code == 200
    meter = address_rotation(channel)
    assert meter is not None and meter.old.count == 1
    assert timedelta(days=6) < meter.until - timezone.now() <= timedelta(days=7)
    assert refusals("old_address") == 1


def test_secrets_survive_a_change_of_address(walker: Walker, world: World) -> None:
    """A row's uuid is part of what its secrets are encrypted with."""
    channel = walker.channel
    rotate_shared_secret(channel, NEW_SECRET, ANN)
    before = again(channel).clear_settings()
    rotate_address(channel, ANN)
    channel = Channel.objects.get()
    assert channel.clear_settings() == before
    assert (channel.shared_secret, channel.old_secret) == (NEW_SECRET, SHARED_SECRET)
    walker.channel = channel
    assert walker.post(make_event(text="Hello"), secret=NEW_SECRET).status_code == 200
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


def test_the_old_address_ends(walker: Walker) -> None:
    old = walker.channel.uuid
    rotate_address(walker.channel, ANN)
    assert remembered_channel(old) is None or walker.post(make_event()).status_code == 200
    retire_old_address(walker.channel, ANN)
    assert walker.post(make_event()).status_code == 404
    assert address_rotation(again(walker.channel)) is None
    assert remembered_channel(old) is None


def test_a_change_of_address_is_recorded_and_lists_no_secret_as_changed(walker: Walker) -> None:
    old = walker.channel.uuid
    rotate_address(walker.channel, ANN)
    entry = AuditEntry.objects.get()
    assert entry.changes == {"uuid": [str(old), str(again(walker.channel).uuid)]}


def test_without_the_encryption_key_the_address_stays(walker: Walker, settings: Any) -> None:
    before = walker.channel.uuid
    settings.ENCRYPTION_KEYS = [b"n" * 32]
    with pytest.raises(ConfigError):
        rotate_address(walker.channel, ANN)
    assert again(walker.channel).uuid == before


# --- API keys -----------------------------------------------------------------------------------------------------


def test_new_keys_are_tried_before_they_replace_the_old(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = walker.channel
    keys = {**channel.clear_settings(), "client_id": "new", "client_secret": "canary-new-keys"}
    with monkeypatch.context() as patch:
        patch.setattr(world.inbox, "handle", lambda *args: answer(401))
        lines = replace_keys(channel, keys, ANN)
    assert (lines[0].title, lines[0].is_ok) == ("API keys", False)
    assert again(channel).clear_settings()["client_id"] != "new"
    assert not AuditEntry.objects.exists()

    lines = replace_keys(channel, keys, ANN)
    assert lines[0].is_ok
    assert again(channel).clear_settings() == keys
    assert (channel.keys_saved_by, channel.keys_saved_at is not None) == ("ann", True)
    assert Credential.objects.get().token_encrypted  # workers need not ask
    entry = AuditEntry.objects.get()
    assert entry.changes["settings.client_secret"] == CHANGED
    assert "canary" not in str(entry.changes)
