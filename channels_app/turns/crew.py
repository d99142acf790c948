"""The threads of a process that take steps: each looks for work when it is woken, and does jobs that others leave."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection

from channels_app.lib import outages

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Crew(Generic[Result]):
    """Each thread keeps its connection to PostgreSQL. They begin when they are needed, and end when `may_end`."""

    def __init__(self, size: int, look_for_work: Callable[[], object], may_end: Callable[[], bool]) -> None:
        """`look_for_work` does jobs too, by `next_job`: those before anything new."""
        self._size = size
        self._look_for_work = look_for_work
        self._may_end = may_end
        lock = threading.Lock()
        self._news, self._hands = threading.Condition(lock), threading.Condition(lock)
        """For threads that wait for work, and for who waits for free threads."""
        self._jobs: deque[Callable[[], Result]] = deque()
        self._wakes = 0
        self._idle = 0
        self._threads: list[threading.Thread] = []

    def wake(self, threads: int) -> None:
        """Let so many look for work."""
        with self._news:
            self._wakes = min(self._wakes + threads, self._size)
            self._call_up()

    def add(self, job: Callable[[], Result]) -> None:
        """Let any thread do this, soon."""
        with self._news:
            self._jobs.append(job)
            self._call_up()

    def next_job(self) -> Callable[[], Result] | None:
        try:
            return self._jobs.popleft()
        except IndexError:
            return None

    def has_free_hands(self, within_s: float) -> bool:
        """Whether a thread can begin with something, or could within so many seconds."""
        with self._hands:
            return self._hands.wait_for(lambda: self._idle > self._wakes or len(self._threads) < self._size, within_s)

    def look_up(self) -> None:
        """Whether they may end has changed."""
        with self._news:
            self._news.notify_all()

    def join(self, within_s: float) -> None:
        """Wait for the end of all threads, that long."""
        deadline = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _call_up(self) -> None:
        wanted = self._wakes + len(self._jobs)
        self._news.notify(wanted)
        for _ in range(min(wanted - self._idle, self._size - len(self._threads))):
            thread = threading.Thread(target=self._work, name="turns", daemon=True)
            thread.start()  # raises where the system allows no more: others, or the next call, go on
            self._threads.append(thread)

    def _work(self) -> None:
        try:
            while self._is_wanted():
                try:
                    self._look_for_work()
                except Exception as error:
                    if outages.met(error) is None:
                        logger.exception("a turn's thread goes on after a failure")
        finally:
            connection.close()

    def _is_wanted(self) -> bool:
        """Wait for something to do. False: this thread may end."""
        with self._news:
            self._idle += 1
            self._hands.notify_all()
            while not (self._jobs or self._wakes):
                if self._may_end():
                    return False
                self._news.wait()
            self._idle -= 1
            self._wakes = max(0, self._wakes - 1)
        return True
