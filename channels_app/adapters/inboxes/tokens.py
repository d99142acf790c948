"""One OAuth token per account for all workers; one of them refreshes it, at 80 % of its life."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, Self

from channels_app.lib.clocks import database_now
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, RefusedError, TemporaryError

REFRESH_AFTER = 0.8  # of its life
MARGIN = timedelta(seconds=5)  # a token that ends while the call is on its way is refused
LEASE_S = 20.0  # seconds; longer than the call that fetches a token, short enough to follow a worker that was killed
WAIT = timedelta(seconds=10)  # for another worker's token; then the call is tried again later
POLL_S = 0.1  # seconds between two looks at the store
LOOK_AGAIN = timedelta(seconds=1)  # while another thread refreshes, one check a second is enough
RETRY = timedelta(seconds=15)  # after a failed refresh, while the old token still serves


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    expires_at: datetime
    refresh_at: datetime

    @classmethod
    def issued(cls, value: str, *, lifetime_s: float, now: datetime) -> Self:
        return cls(value, now + timedelta(seconds=lifetime_s), now + timedelta(seconds=lifetime_s * REFRESH_AFTER))


class Tokens(Protocol):
    """Where the access token of our credentials comes from; shared by all workers in production."""

    def get(self) -> str: ...

    def replace(self, rejected: str) -> str: ...


class TokenStore(Protocol):
    """Where the workers share a token."""

    def load(self) -> Token | None: ...

    def claim_refresh(self, *, lease_s: float) -> bool:
        """True for one caller, until it has saved or failed or the lease has ended."""

    def save(self, token: Token) -> None: ...

    def refresh_failed(self, error: BridgeError) -> None: ...


@dataclass(frozen=True, slots=True)
class _Known:
    token: Token
    until: datetime
    """When to look into the store again."""


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BridgeError
    at: datetime


# What the threads of this process share, by account. Single reads and writes of a dict need no lock.
_known: dict[str, _Known] = {}
_failures: dict[str, _Failure] = {}


def forget_tokens() -> None:
    """For tests, and for an account whose keys were changed."""
    _known.clear()
    _failures.clear()


class TokenSource:
    """An account's token, for any thread.

    `key` names the account, `fetch` asks the platform for a token. A thread that needs a new one either wins the
    store's claim and fetches, or continues with the old one, or waits for the winner's; no lock is held.
    """

    def __init__(
        self,
        store: TokenStore,
        fetch: Callable[[], Token],
        *,
        key: str,
        clock: Callable[[], datetime] = database_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._fetch = fetch
        self._key = key
        self._clock = clock
        self._sleep = sleep

    def get(self) -> str:
        """ConfigError or RefusedError when the platform refuses our keys; TemporaryError when there is no token."""
        known = _known.get(self._key)
        if known is not None and self._clock() < known.until:
            return known.token.value
        return self._obtain(rejected="")

    def replace(self, rejected: str) -> str:
        """Another token than `rejected`, which the platform has answered with 401. Fails as `get` does."""
        known = _known.get(self._key)
        if known is not None and known.token.value != rejected and self._clock() < known.until:
            return known.token.value
        return self._obtain(rejected)

    def _obtain(self, rejected: str) -> str:
        began = self._clock()
        while True:
            token = self._store.load()
            serving = token if self._serves(token, rejected) else None
            now = self._clock()
            if serving is not None and now < serving.refresh_at:
                return self._keep(serving, serving.refresh_at)
            failure = _failures.get(self._key)
            if failure is not None and failure.at > began:
                raise failure.error
            if self._store.claim_refresh(lease_s=LEASE_S):
                return self._refresh(serving, rejected)
            if serving is not None:
                return self._keep(serving, now + LOOK_AGAIN)
            if now - began >= WAIT:
                raise TemporaryError("The worker that refreshes the token did not deliver one.", effect=Effect.NONE)
            self._sleep(POLL_S)

    def _refresh(self, serving: Token | None, rejected: str) -> str:
        """With the claim in our hands; it ends with `save` or `refresh_failed`."""
        try:
            # Another thread may have finished between our check and our claim.
            current = self._store.load()
            is_done = current is not None and self._serves(current, rejected) and self._clock() < current.refresh_at
            token = current if is_done and current is not None else self._fetch()
        except Exception as error:
            outcome = _as_seen_by_the_call(error)
            self._store.refresh_failed(error if isinstance(error, BridgeError) else outcome)
            _failures[self._key] = _Failure(outcome, self._clock())
            if not isinstance(error, BridgeError):
                raise
            if serving is None:
                raise outcome from None
            return self._keep(serving, self._clock() + RETRY)
        self._store.save(token)
        return self._keep(token, token.refresh_at)

    def _serves(self, token: Token | None, rejected: str) -> bool:
        return token is not None and token.value != rejected and self._clock() < token.expires_at - MARGIN

    def _keep(self, token: Token, until: datetime) -> str:
        _known[self._key] = _Known(token, min(until, token.expires_at - MARGIN))
        return token.value


def _as_seen_by_the_call(error: Exception) -> BridgeError:
    """Even if the failed fetch had an effect, the call that needs the token certainly had none."""
    if isinstance(error, ConfigError | RefusedError):
        return error
    if isinstance(error, BridgeError):
        told = error.problem or error.detail
        return TemporaryError(told, effect=Effect.NONE, status=error.status, trace_id=error.trace_id)
    return TemporaryError(f"No token: {type(error).__name__}.", effect=Effect.NONE)


class OwnTokens:
    """A token for one object alone, e.g. in a shell."""

    def __init__(self, fetch: Callable[[], Token]) -> None:
        self._fetch = fetch
        self._token: Token | None = None

    def get(self) -> str:
        if self._token is None or self._token.refresh_at <= database_now():
            self._token = self._fetch()
        return self._token.value

    def replace(self, rejected: str) -> str:
        if self._token and self._token.value == rejected:
            self._token = None
        return self.get()
