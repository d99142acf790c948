"""What failures have in common, and how a group of them stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from channels_app.operations.failures.states import (
    GroupFacts,
    GroupState,
    comes_back,
    fingerprint,
    group_state,
    mute_until,
    normalise,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLD = GroupFacts(count=100, first_at=NOW - 3 * DAY, last_at=NOW - HOUR)


@pytest.mark.parametrize(
    ("message", "status", "expected"),
    [
        ("POST bot.example.com: 502 (request 12345)", 502, "POST bot.example.com: 502 (request #)"),
        ("conversation 0-01d9c8e7f6a0d8 is gone", 0, "conversation … is gone"),
        ("id 3f2b1c9e-1111-2222-3333-444455556666", 0, "id …"),
        ("no answer within 8.0 s,\n  twice", 0, "no answer within # s, twice"),
        ("connection refused", 0, "connection refused"),
        ("POST 127.0.0.1/bot/7: no answer within 20.0 s", 0, "POST 127.0.0.1/bot/#: no answer within # s"),
        ("POST 3com.example/bot: refused", 0, "POST 3com.example/bot: refused"),
        ("POST bot-3f2b1c9e0a55.example: refused", 0, "POST bot-3f2b1c9e0a55.example: refused"),
        ("http://10.0.0.5:8001/7 is away", 0, "http://10.0.0.5:8001/# is away"),
        ("no way to 10.0.0.5:8001 after 3 s", 0, "no way to 10.0.0.5:8001 after # s"),
        ("Hootsuite Inbox 2.0 answered 503: again in 7 s", 503, "Hootsuite Inbox 2.0 answered 503: again in # s"),
        ("version 1.2.3 is 4 days old", 0, "version # is # days old"),
        ("x" * 999, 0, "x" * 300),
    ],
)
def test_a_message_loses_what_differs_each_time(message: str, status: int, expected: str) -> None:
    assert normalise(message, status) == expected


def test_code_channel_and_message_make_a_cause() -> None:
    one = fingerprint("CB-502", 1, "502")
    assert one == fingerprint("CB-502", 1, "502")
    assert (
        len({one, fingerprint("CB-501", 1, "502"), fingerprint("CB-502", 2, "502"), fingerprint("CB-502", 1, "")}) == 4
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, GroupState.ONGOING),
        ({"first_at": NOW - HOUR}, GroupState.NEW),
        ({"recent": 10, "usual": 3.0}, GroupState.ESCALATING),
        ({"recent": 9, "usual": 0.0}, GroupState.ONGOING),
        ({"recent": 30, "usual": 11.0}, GroupState.ONGOING),
        ({"recent": 500, "first_at": NOW - HOUR}, GroupState.NEW),  # nothing is usual yet
        ({"resolved_at": NOW - HOUR}, GroupState.RESOLVED),
        ({"resolved_at": NOW - DAY, "regressed_at": NOW - HOUR}, GroupState.REGRESSED),
        ({"regressed_at": NOW - HOUR, "recent": 50}, GroupState.ESCALATING),
        ({"last_at": NOW - 8 * DAY, "first_at": NOW - 9 * DAY}, GroupState.RESOLVED),
        ({"muted_until_count": 101}, GroupState.MUTED),
        ({"muted_until_count": 100}, GroupState.ONGOING),
        ({"muted_until_count": 101, "recent": 99}, GroupState.MUTED),
    ],
)
def test_the_state_follows_from_the_facts(changes: dict[str, object], expected: GroupState) -> None:
    assert group_state(replace(OLD, **changes), NOW) is expected  # type: ignore[arg-type]


def test_only_what_is_neither_muted_nor_resolved_needs_a_look() -> None:
    assert {state for state in GroupState if not state.is_open} == {GroupState.MUTED, GroupState.RESOLVED}


def test_a_failure_after_the_repair_is_a_regression() -> None:
    resolved = replace(OLD, resolved_at=NOW - HOUR)
    assert comes_back(resolved, NOW)
    assert not comes_back(resolved, NOW - 2 * HOUR)  # an old one that was only noticed now
    assert not comes_back(OLD, NOW)
    assert comes_back(replace(OLD, last_at=NOW - 8 * DAY), NOW)


@pytest.mark.parametrize(("count", "until"), [(1, 11), (9, 19), (10, 20), (400, 800)])
def test_muted_means_until_it_has_doubled_and_not_at_the_next_one(count: int, until: int) -> None:
    assert mute_until(count) == until
