"""What a try means: the whole table, because a wrong cell doubles or loses a message."""

import pytest

from channels_app.deliveries.verdicts import Carried, Verdict, judge, judge_crash, wait_before_retry
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    ConversationGoneError,
    Effect,
    PayloadError,
    RefusedError,
    TemporaryError,
)

MESSAGE = Carried(speaks=True)
HANDOVER = Carried(speaks=True, notes=True, completes=True)
NOTE = Carried(notes=True)
TOPICS = Carried()
UPLOAD = Carried(uploads=True)
NOT_DONE = TemporaryError("x", effect=Effect.NONE)
FAILED = TemporaryError("x", effect=Effect.FAILED)
UNKNOWN = TemporaryError("x", effect=Effect.UNKNOWN)
GONE = ConversationGoneError("x", status=404)


@pytest.mark.parametrize(
    ("error", "carried", "tries", "verdict"),
    [
        (None, MESSAGE, 1, Verdict.SENT),
        (NOT_DONE, MESSAGE, 9, Verdict.RETRY),
        (NOT_DONE, NOTE, 9, Verdict.RETRY),
        (FAILED, MESSAGE, 1, Verdict.RETRY),
        (FAILED, MESSAGE, 2, Verdict.RETRY),
        (FAILED, MESSAGE, 3, Verdict.FAILED),
        (FAILED, HANDOVER, 9, Verdict.RETRY),
        (UNKNOWN, MESSAGE, 1, Verdict.UNCONFIRMED),
        (UNKNOWN, HANDOVER, 9, Verdict.RETRY),
        (UNKNOWN, UPLOAD, 2, Verdict.RETRY),
        (UNKNOWN, NOTE, 1, Verdict.UNCONFIRMED),
        (UNKNOWN, TOPICS, 1, Verdict.RETRY),
        (UNKNOWN, TOPICS, 2, Verdict.UNCONFIRMED),
        (GONE, MESSAGE, 1, Verdict.GONE),
        (GONE, HANDOVER, 1, Verdict.GONE),
        (RefusedError("x", status=400), MESSAGE, 1, Verdict.REFUSED),
        (PayloadError("x"), MESSAGE, 1, Verdict.REFUSED),
        (ConfigError("x", status=401), MESSAGE, 1, Verdict.RETRY),
    ],
)
def test_a_try_is_judged(error: BridgeError | None, carried: Carried, tries: int, verdict: Verdict) -> None:
    assert judge(error, carried, tries=tries, may_have_arrived=False) is verdict


def test_404_after_a_doubtful_handover_is_its_proof() -> None:
    assert judge(GONE, HANDOVER, tries=2, may_have_arrived=True) is Verdict.SENT
    assert judge(GONE, MESSAGE, tries=2, may_have_arrived=True) is Verdict.GONE


@pytest.mark.parametrize(
    ("carried", "tries", "verdict"),
    [
        (MESSAGE, 1, Verdict.RETRY),
        (MESSAGE, 2, Verdict.UNCONFIRMED),
        (HANDOVER, 5, Verdict.RETRY),
        (NOTE, 1, Verdict.UNCONFIRMED),
        (UPLOAD, 5, Verdict.RETRY),
    ],
)
def test_a_crash_on_the_way_is_judged(carried: Carried, tries: int, verdict: Verdict) -> None:
    assert judge_crash(carried, tries=tries) is verdict


def test_waits_grow_and_stay_within_the_platforms_minutes() -> None:
    waits = [wait_before_retry(NOT_DONE, tries).total_seconds() for tries in range(1, 40)]
    assert waits == sorted(waits)
    assert max(waits) <= 10
    assert wait_before_retry(TemporaryError("x", effect=Effect.NONE, status=429), 30).total_seconds() == 1
