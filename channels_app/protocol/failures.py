"""In which ways a bot can fail: for each a channel can choose what follows."""

from enum import StrEnum

from channels_app.protocol.errors import BridgeError, ConfigError, Effect, RefusedError, TemporaryError


class FailureKind(StrEnum):
    SLOW = "slow"
    """A call had no complete answer in time."""
    ERROR = "error"
    """It could not be reached, broke off, answered with an error of its own, or with what is no reply."""
    REFUSED = "refused"
    """It refused the call, or may not be called: something has to be put right."""
    SILENT = "silent"
    """It took the message and said nothing in time, or nothing that can be shown."""
    DOWN = "down"
    """It failed several times in a row and is left alone for a while."""


def kind_of_failure(error: BridgeError) -> FailureKind:
    """How a call of a bot failed."""
    if isinstance(error, RefusedError | ConfigError):
        return FailureKind.REFUSED
    is_slow = isinstance(error, TemporaryError) and error.timed_out and error.effect is not Effect.NONE
    return FailureKind.SLOW if is_slow else FailureKind.ERROR
