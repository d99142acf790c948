"""Numbers in words, for titles that are sentences. Pure."""

from collections.abc import Iterable
from datetime import timedelta

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def seconds(value: float | None) -> str:
    """1.8 s, 48 s, 3 min, 2 h: as exact as people need it; a dash for none."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    if value < 2 * MINUTE_S:
        return f"{value:.0f} s"
    if value < 2 * HOUR_S:
        return f"{value / MINUTE_S:.0f} min"
    return f"{value / HOUR_S:.0f} h" if value < 2 * DAY_S else f"{value / DAY_S:.0f} days"


def duration(value: timedelta) -> str:
    return seconds(value.total_seconds())


def many(number: int, one: str, more: str = "") -> str:
    """1 conversation, 4 120 conversations."""
    return f"{grouped(number)} {one if number == 1 else more or one + 's'}"


def grouped(number: int) -> str:
    """With narrow spaces between the thousands."""
    return f"{number:,}".replace(",", "\u202f")


def percent(part: float, whole: float) -> str:
    """Whole percents; never 0 % of what there is, never 100 % of what is not all."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 1:
        return "< 1 %"
    return "> 99 %" if 99 < share < 100 else f"{share:.0f} %"


def megabytes(value: int | None) -> str:
    return "–" if value is None else f"{value / 1024**2:.0f} MB"


def compared(now: float, before: float, words: str) -> str:
    """“12 % more than the day before”; empty when there is nothing to compare with."""
    if not before:
        return ""
    share = round(100 * (now - before) / before)
    return f"{abs(share)} % {'more' if share > 0 else 'fewer'} than {words}" if share else f"as many as {words}"


def difference(now: int, before: int) -> str:
    """+12, −3 or 0."""
    return f"{now - before:+d}".replace("-", "−") if now != before else "0"


def ceiling(values: Iterable[float | None]) -> float:
    """The end of an axis that holds these values: a round number."""
    highest = max((value for value in values if value is not None), default=0) or 1
    power = 10.0 ** (len(str(int(highest))) - 1 if highest >= 1 else -1)
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= highest)
