"""Things to be done in a while, and again and again, until they are no longer wanted: one thread for all of them."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

logger = logging.getLogger(__name__)


@dataclass(order=True, slots=True)
class Watch:
    due_at: float
    number: int
    act: Callable[[], None] = field(compare=False)
    every_s: float | None = field(compare=False)
    is_over: bool = field(default=False, compare=False)
    is_acting: bool = field(default=False, compare=False)


class Watches:
    """What is done, is done by a thread of its own, begun with the first watch; so it should take no time, or nothing
    else of these watches may be urgent."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._news = threading.Condition()
        self._watches: list[Watch] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def begin(self, after: timedelta, act: Callable[[], None], *, every: timedelta | None = None) -> Watch:
        """Do this after a while, and then `every` so often."""
        every_s = every.total_seconds() if every else None
        watch = Watch(time.monotonic() + after.total_seconds(), next(self._numbers), act, every_s)
        with self._news:
            heapq.heappush(self._watches, watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif self._watches[0] is watch:
                self._news.notify_all()
        return watch

    def end(self, watch: Watch) -> None:
        """It is not done any more; if that has just begun, this waits for its end."""
        with self._news:
            watch.is_over = True
            while watch.is_acting:
                self._news.wait()

    def _run(self) -> None:
        while True:
            watch = self._next()
            try:
                watch.act()
            except Exception:
                logger.exception("%s: something failed that was to be done by now", self._name)
            with self._news:
                watch.is_acting = False
                if watch.every_s is not None:
                    watch.due_at = time.monotonic() + watch.every_s
                    heapq.heappush(self._watches, watch)
                self._news.notify_all()

    def _next(self) -> Watch:
        """The next one, once it is due."""
        with self._news:
            while True:
                while self._watches and self._watches[0].is_over:
                    heapq.heappop(self._watches)
                wait_s = self._watches[0].due_at - time.monotonic() if self._watches else None
                if wait_s is not None and wait_s <= 0:
                    watch = heapq.heappop(self._watches)
                    watch.is_acting = True
                    return watch
                self._news.wait(wait_s)
