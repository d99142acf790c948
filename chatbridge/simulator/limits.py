"""The account's limits: requests a second and a day, over all workers that share its credentials."""

import time
from collections import deque
from dataclasses import dataclass, field

REQUESTS_PER_SECOND = 20
"""The platform's limit for an account."""

DAILY_QUOTA = 100_000
"""The platform's limit for an account and a day."""

RATE_CODE = 1003
QUOTA_CODE = 1004
"""The contract names 1003, 1004 and 1043 as the limits, without saying which is which."""

WINDOW_S = 1.0
DAY_S = 86_400


@dataclass(slots=True)
class Limits:
    """Counts what was let through; a refused request costs nothing, else an eager client would never get in again."""

    per_second: int = REQUESTS_PER_SECOND
    per_day: int = DAILY_QUOTA
    used: int = 0
    day: int = field(default_factory=lambda: int(time.time() // DAY_S))
    recent: deque[float] = field(default_factory=deque)

    def take(self) -> int:
        """Let one request through (0), or the error code of the limit that it meets."""
        now = time.monotonic()
        self._forget(now)
        if self.used >= self.per_day:
            return QUOTA_CODE
        if len(self.recent) >= self.per_second:
            return RATE_CODE
        self.recent.append(now)
        self.used += 1
        return 0

    def headers(self) -> dict[str, str]:
        """What the platform tells with each answer."""
        return {
            "X-Account-Quota": str(self.per_day),
            "X-Account-Quota-Used": str(self.used),
            "X-Account-Rate-Limit-Requests-Remaining": str(max(0, self.per_second - len(self.recent))),
        }

    def _forget(self, now: float) -> None:
        while self.recent and now - self.recent[0] >= WINDOW_S:
            self.recent.popleft()
        today = int(time.time() // DAY_S)
        if today != self.day:
            self.day, self.used = today, 0
