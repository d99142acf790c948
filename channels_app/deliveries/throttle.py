"""The account's requests a second, shared by all workers through Redis, with room kept for handovers."""

import logging
import threading
import time
from collections import defaultdict, deque
from hashlib import sha256

from django.conf import settings
from redis import RedisError

from channels_app.codes import describe
from channels_app.lib.redis import ask_redis

LIMIT = 20  # requests a second that the platform allows an account
RESERVE = 2  # of these, only for calls that end our part: a contact waits for the human behind them
LOCAL_SHARE = 5  # requests a second of one process without Redis; of these, one only for such calls
WINDOW_S = 1.0
REDIS_TIMEOUT_S = 0.5  # a ticket is needed within a turn's budget, with or without Redis
AWAY_S = 2.0  # after a failure Redis isn't asked for this long, so that not every call waits for it
LEAST_WAIT_S = 0.001  # an answer above zero always means "not now"

logger = logging.getLogger(__name__)

# The newest tickets' times in microseconds, newest first: the call may leave when the ticket that it would push
# out of its room is older than the window. All by Redis' clock, and in one step for all workers.
# Arguments: room for this call, room for any call, window in microseconds; the list outlives two windows.
TAKE = """
local paused = redis.call('PTTL', KEYS[2])
if paused > 0 then return paused * 1000 end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = redis.call('LINDEX', KEYS[1], ARGV[1] - 1)
if last and now - last < tonumber(ARGV[3]) then return math.min(last + ARGV[3] - now, tonumber(ARGV[3])) end
redis.call('LPUSH', KEYS[1], now)
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3] / 500)
return 0
"""
PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 0
"""


def take_ticket(account_key: str, *, is_completion: bool = False, limit: int = LIMIT, reserve: int = RESERVE) -> float:
    """0.0 when the call may leave now, else the seconds after which trying again is sensible. Never raises."""
    paused = _local.paused_for(account_key)
    if paused:
        return paused
    room = max(1, limit if is_completion else limit - reserve)
    waited_us = _ask_redis(TAKE, account_key, room, limit, round(WINDOW_S * 1_000_000))
    if waited_us is None:
        return _local.take(account_key, is_completion=is_completion)
    return max(waited_us / 1_000_000, LEAST_WAIT_S) if waited_us else 0.0


def pause(account_key: str, seconds: float) -> None:
    """After a 429 no process calls for this long."""
    _local.pause(account_key, seconds)
    _ask_redis(PAUSE, account_key, max(1, round(seconds * 1000)))


class _Local:
    """What this process knows by itself: its share while Redis is away, and pauses, which need no question then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: defaultdict[str, deque[float]] = defaultdict(deque)
        self._paused_until: dict[str, float] = {}

    def take(self, account_key: str, *, is_completion: bool) -> float:
        share: int = getattr(settings, "THROTTLE_LOCAL_SHARE", LOCAL_SHARE)
        room = max(1, share if is_completion else share - 1)
        with self._lock:
            now, tickets = time.monotonic(), self._tickets[account_key]
            while tickets and now - tickets[0] >= WINDOW_S:
                tickets.popleft()
            if len(tickets) >= room:
                return max(tickets[-room] + WINDOW_S - now, LEAST_WAIT_S)
            tickets.append(now)
            return 0.0

    def pause(self, account_key: str, seconds: float) -> None:
        with self._lock:
            until = time.monotonic() + seconds
            self._paused_until[account_key] = max(until, self._paused_until.get(account_key, 0.0))

    def paused_for(self, account_key: str) -> float:
        return max(0.0, self._paused_until.get(account_key, 0.0) - time.monotonic())


class _Breaker:
    """Closed while Redis answers; open for AWAY_S after each failure."""

    def __init__(self) -> None:
        self.ask_again_at = 0.0
        self.is_away = False

    def failed(self, error: Exception) -> None:
        self.ask_again_at = time.monotonic() + AWAY_S
        if not self.is_away:
            self.is_away = True
            logger.warning("%s (%s)", describe("CB-708"), type(error).__name__)

    def answered(self) -> None:
        self.is_away = False


_local = _Local()
_breaker = _Breaker()


def forget_tickets() -> None:
    """What this process knows, not what Redis does; for tests."""
    global _local, _breaker
    _local, _breaker = _Local(), _Breaker()


def _ask_redis(code: str, account_key: str, *args: int) -> int | None:
    """The script's answer, or None when Redis can't be asked now."""
    if time.monotonic() < _breaker.ask_again_at:
        return None
    # Hashed, because an account's key may be long or telling; in braces, so that a cluster keeps both together.
    name = f"chatbridge:throttle:{{{sha256(account_key.encode()).hexdigest()[:16]}}}"
    keys = [f"{name}:tickets", f"{name}:pause"] if code is TAKE else [f"{name}:pause"]
    try:
        answer = int(ask_redis("EVAL", code, len(keys), *keys, *args, timeout_s=REDIS_TIMEOUT_S))
    except (RedisError, OSError, ValueError) as error:
        _breaker.failed(error)
        return None
    _breaker.answered()
    return answer
