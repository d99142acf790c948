"""How a worker listens to Redis: as Celery does it, but a Redis that fails is a line a minute, not a flood."""

import logging
import time
from contextlib import suppress

from celery.worker import consumer

from channels_app.codes import describe

logger = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Between two tries: one that answers, and refuses each command, would be asked several times a second."""
LOG_AGAIN_S = 60.0


class Consumer(consumer.Consumer):
    """Celery's own writes a traceback at each try, of which a read-only replica makes many."""

    _logged_at = -LOG_AGAIN_S

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        self._note(exc)
        with suppress(Exception):  # what is broken may break while it is put away
            if self.connection is not None:
                self.connection.collect()
        time.sleep(AGAIN_S)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        self._note(exc)
        time.sleep(AGAIN_S)

    def _note(self, error: Exception) -> None:
        if time.monotonic() - self._logged_at >= LOG_AGAIN_S:
            self._logged_at = time.monotonic()
            logger.warning("%s (%s: %s)", describe("CB-708"), type(error).__name__, error)
