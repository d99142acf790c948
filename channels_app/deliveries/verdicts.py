"""What an attempt to reach the inbox means: done, try again, assume it arrived, or give up. Pure.

The platform has no idempotency key for what we send and no way to ask what arrived. So a call that may have
been done is repeated only where a second time does no harm.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from channels_app.protocol.errors import BridgeError, ConfigError, ConversationGoneError, Effect, TemporaryError

TOO_MANY_REQUESTS = 429
REFUSALS = (400, 403, 422)
"""The whole call was read and refused, perhaps for something beside the words."""


class Verdict(StrEnum):
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    """It may have arrived and must not be repeated: assumed sent, and shown as doubtful."""
    RETRY = "retry"
    GONE = "gone"
    """The conversation is no longer ours."""
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What the call carried, as far as repeating it matters."""

    completes: bool = False
    speaks: bool = False
    notes: bool = False
    uploads: bool = False


REPORTED_FAILURE_TRIES = 3
"""500 and 502 say that the call failed, which is usually true: two more tries, at the risk of a doubled message."""
CRASH_TRIES = 2
"""A message that was on its way when our process died is sent again: no other process will."""
HARMLESS_TRIES = 2
"""Topics, tags and attributes have the same effect twice; one more try is enough for what is an extra."""


def judge(error: BridgeError | None, carried: Carried, *, tries: int, may_have_arrived: bool) -> Verdict:
    """The meaning of try number `tries`; `may_have_arrived` says that an earlier try may have been done."""
    if error is None:
        return Verdict.SENT
    if is_done_in_part(error):
        return Verdict.UNCONFIRMED  # with any content: a second time could repeat what was done
    if isinstance(error, ConversationGoneError):
        # After a completion that may have arrived, this proves it did: the conversation is no longer ours.
        return Verdict.SENT if carried.completes and may_have_arrived else Verdict.GONE
    if isinstance(error, ConfigError):
        return Verdict.RETRY  # an admin may put it right before the platform's time is up
    if not isinstance(error, TemporaryError):
        return Verdict.REFUSED
    if error.effect is Effect.NONE:
        return Verdict.RETRY
    if error.effect is Effect.FAILED and tries < REPORTED_FAILURE_TRIES:
        return Verdict.RETRY
    if error.effect is Effect.FAILED and not carried.completes:
        return Verdict.FAILED
    return judge_unknown(carried, tries=tries, most_tries=1)


def is_done_in_part(error: BridgeError) -> bool:
    """Whether the other side said that it did the call, and named errors."""
    return 200 <= error.status < 300


def judge_crash(carried: Carried, *, tries: int) -> Verdict:
    """The meaning of a call that was on its way when the process that made it died."""
    return judge_unknown(carried, tries=tries, most_tries=CRASH_TRIES)


def judge_unknown(carried: Carried, *, tries: int, most_tries: int) -> Verdict:
    """A call without an answer: repeat what is harmless twice, assume the rest sent."""
    if carried.completes or carried.uploads:
        return Verdict.RETRY
    if carried.speaks:
        return Verdict.RETRY if tries < most_tries else Verdict.UNCONFIRMED
    if carried.notes:
        return Verdict.UNCONFIRMED  # a doubled note is noise, a missing one no loss
    return Verdict.RETRY if tries < HARMLESS_TRIES else Verdict.UNCONFIRMED


def wait_before_retry(error: BridgeError | None, tries: int) -> timedelta:
    """How long to wait before the next try: it grows, and stays far below the platform's minutes."""
    if error is not None and error.status == TOO_MANY_REQUESTS:
        return timedelta(seconds=1)  # the platform counts by the second and names no time
    if isinstance(error, ConfigError):
        return timedelta(seconds=15)  # keys don't fix themselves in a second
    return timedelta(seconds=min(0.5 * 2 ** min(tries, 5), 10))
