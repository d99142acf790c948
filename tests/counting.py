"""Counting the figures at once, as the guard does from time to time."""

from datetime import datetime, timedelta

from channels_app.operations.figures.counting import count_span


def count_newest(now: datetime, depth: timedelta) -> None:
    """Count what came within `depth` before now."""
    for _ in count_span(now - depth, now):
        pass
