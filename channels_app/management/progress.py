"""How far a command is, for people and for logs."""

import sys
import time

BAR_WIDTH = 30
LINE_EVERY_S = 5.0
"""Without a terminal for a progress bar, one line per this time reports progress."""


class Progress:
    """A bar on stderr for a terminal, a line now and then for a log."""

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._is_terminal = sys.stderr.isatty()
        self._said_at = time.monotonic()

    def show(self, done: int) -> None:
        share = min(done / self._total, 1)
        if self._is_terminal:
            bar = "█" * int(share * BAR_WIDTH)
            sys.stderr.write(f"\r{bar:<{BAR_WIDTH}} {done} of {self._total}")
            sys.stderr.flush()
        elif time.monotonic() - self._said_at > LINE_EVERY_S:
            self._said_at = time.monotonic()
            sys.stderr.write(f"{done} of {self._total}\n")

    def end(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\n")
