"""What can go wrong, as six kinds that every floor understands."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from channels_app.codes import Problem


class Effect(StrEnum):
    """What a failed call may have done on the other side."""

    NONE = "none"
    """Surely nothing: no connection, request not fully written, 429, 503."""
    FAILED = "failed"
    """The other side says that it failed (500, 502); a second try may double the effect."""
    UNKNOWN = "unknown"
    """The whole request left and no answer came; it may have been done."""


class BridgeError(Exception):
    """Any failure that we foresee.

    `detail` is for logs and admins and never holds a secret or a contact's text. Where the cause is known for sure
    it is a problem of the catalogue; else `causes.code_of_call` judges. `status` is the other side's HTTP status, 0
    when there was none; `trace_id` the other side's id of the failed request; `quota` what it said of the account's
    daily calls: used, and allowed.
    """

    quota: tuple[int | None, int | None] = None, None

    def __init__(self, detail: str | Problem, *, status: int = 0, trace_id: str = "") -> None:
        self.problem = detail if isinstance(detail, Problem) else None
        self.detail = detail.text if isinstance(detail, Problem) else detail
        super().__init__(self.detail)
        self.status = status
        self.trace_id = trace_id
        self.remembered: Mapping[str, str] = {}
        """What the next try, or the next turn, must know of this one; see `Reply.remembered`."""


class SignatureError(BridgeError):
    """The sender could not prove who it is; answered with 401. `reason` is what is counted."""

    def __init__(self, detail: str, *, reason: str = "bad_signature") -> None:
        super().__init__(detail)
        self.reason = reason


class PayloadError(BridgeError):
    """A body that we can't read; 400 to a sender, a failed try when it was an answer to us."""


class UnusableError(PayloadError):
    """A signed body in a platform's own form that we can't do anything with. `reason` is what is counted.

    The platform is not refused: it would only repeat the request while the contact waits.
    """

    def __init__(self, detail: str, *, reason: str = "unusable") -> None:
        super().__init__(detail)
        self.reason = reason


class ConfigError(BridgeError):
    """Something an admin has to put right: keys refused, address not allowed. Not retried."""


class MissingKeyError(ConfigError):
    """A saved secret can't be read, because this process lacks the encryption key that it was saved with."""


class TemporaryError(BridgeError):
    """Time-out, connection trouble, 5xx, 429: the only kind that is retried; `effect` says how freely, `timed_out`
    whether the other side was still at it when its time was over."""

    retry_after = timedelta()
    """How long the other side asks to be left alone, if it says so."""

    def __init__(
        self,
        detail: str | Problem,
        *,
        effect: Effect,
        timed_out: bool = False,
        status: int = 0,
        trace_id: str = "",
    ) -> None:
        super().__init__(detail, status=status, trace_id=trace_id)
        self.effect = effect
        self.timed_out = timed_out


class RefusedError(BridgeError):
    """Their 4xx: the same request will be refused again."""


class ConversationGoneError(BridgeError):
    """The conversation is no longer ours: a human has it, or it ended. Not a failure."""
