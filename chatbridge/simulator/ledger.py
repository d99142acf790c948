"""Every request that reached the inbox, in order: what a test compares the bridge's claims with."""

import time
from collections import deque
from itertools import islice
from typing import Any

from chatbridge.simulator.conversation import JSON

LEDGER_SIZE = 200_000
"""About 200 MB of typical requests; the oldest go first."""


class Ledger:
    """The last `size` requests, numbered from 1 without gaps."""

    def __init__(self, size: int = LEDGER_SIZE) -> None:
        self.requests: deque[JSON] = deque(maxlen=size)
        self.last = 0

    def add(self, kind: str, method: str, conversation: str | None, body: Any) -> JSON:
        """Note an arrival; the caller fills in account, processed and status once it knows them."""
        self.last += 1
        entry = {"n": self.last, "at": time.time(), "kind": kind, "method": method, "client_id": None}
        entry |= {"conversation": conversation, "body": body, "processed": False, "status": None, "fault": None}
        self.requests.append(entry)
        return entry

    def after(self, n: int, limit: int | None = None) -> list[JSON]:
        """Requests newer than number n, oldest first."""
        first = self.last - len(self.requests)
        skipped = max(0, n - first)
        stop = None if limit is None else skipped + limit
        return list(islice(self.requests, skipped, stop))

    def clear(self) -> None:
        """Forget all; numbers go on, so that a reader's `after` stays true."""
        self.requests.clear()
