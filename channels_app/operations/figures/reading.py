"""What the dashboard shows, read from figures that were counted ahead."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from channels_app.lib.histograms import percentile_s
from channels_app.models import Period
from channels_app.operations.figures.counting import PEAKS, WIDTHS, Fate, Name, whole
from offload.models import OffloadReason

TARGET_ANSWER_S = 5.0
"""Nineteen of twenty answers should be faster. One of the histogram's bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time up to now, in cells; the same time before it is what it is compared with.

    `period`: of the figures that it is read from; a cell is `width` wide, one or several of these.
    """

    name: str
    words: str
    before: str
    period: Period
    width: timedelta
    cells: int

    def starts(self, now: datetime) -> list[datetime]:
        """Beginnings of the cells; the last one is not over yet."""
        step = WIDTHS[self.period]
        end = whole(now, step) + step
        return [end - self.width * back for back in range(self.cells, 0, -1)]


WINDOWS = {
    window.name: window
    for window in (
        Window(
            name="1h",
            words="the last hour",
            before="the hour before",
            period=Period.MINUTE,
            width=timedelta(minutes=2),
            cells=30,
        ),
        Window(
            name="24h",
            words="the last 24 hours",
            before="the day before",
            period=Period.HALF_HOUR,
            width=timedelta(minutes=30),
            cells=48,
        ),
        Window(
            name="7d",
            words="the last 7 days",
            before="the week before",
            period=Period.HOUR,
            width=timedelta(hours=4),
            cells=42,
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """All figures of a window: a number per name, label and cell, and per name and label for the time before."""

    window: Window
    starts: Sequence[datetime]
    now: Mapping[tuple[str, str], Mapping[datetime, int]]
    before: Mapping[tuple[str, str], int]
    hours: Mapping[datetime, int]
    """Events that came in during each hour of the days before: what is usual."""

    def by_label(self, name: Name) -> dict[str, int]:
        return {label: sum(cells.values()) for (found, label), cells in self.now.items() if found == name}

    def by_label_before(self, name: Name) -> dict[str, int]:
        return {label: value for (found, label), value in self.before.items() if found == name}

    def cells(self, name: Name, label: str = "") -> list[int]:
        found = self.now.get((name, label), {})
        return [found.get(start, 0) for start in self.starts]

    def all_cells(self, name: Name, labels: Iterable[str] | None = None) -> list[int]:
        """Each cell's sum over these labels, or over all."""
        wanted = [label for found, label in self.now if found == name] if labels is None else list(labels)
        columns = [self.cells(name, label) for label in wanted]
        return [sum(values) for values in zip(*columns, strict=True)] if columns else [0] * len(self.starts)


MAX_DAYS = 7
DAYS_LEAST = 3
"""What is usual is seen from so many days before; with fewer nothing is usual yet."""
_DAY, _HOUR = timedelta(days=1), WIDTHS[Period.HOUR]

# Of peaks the highest, of one channel at one moment: what several had at different moments does not add up.
_COUNTS = """
SELECT CASE WHEN start >= %(since)s THEN date_bin(%(width)s, start, %(since)s) END, name, label,
    CASE WHEN name = ANY(%(peaks)s) THEN max(value) ELSE sum(value) END
FROM channels_app_figure
WHERE period = %(period)s AND start >= %(before)s AND start < %(until)s
    AND (%(channel_id)s::bigint IS NULL OR channel_id = %(channel_id)s)
GROUP BY 1, 2, 3
UNION ALL
SELECT start, 'usual', '', sum(value) FROM channels_app_figure
WHERE period = 'hour' AND name = 'inbound' AND start >= %(usual_since)s AND start < %(usual_until)s
    AND (%(channel_id)s::bigint IS NULL OR channel_id = %(channel_id)s)
GROUP BY 1
UNION ALL
SELECT min(start), 'first', '', 0 FROM channels_app_figure WHERE period = %(period)s
"""


def read_counts(window: Window, channel_id: int | None, now: datetime) -> Counts:
    """The figures of one channel, or of all together, in one statement."""
    starts = window.starts(now)
    since, until = starts[0], starts[-1] + window.width
    usual_until = whole(starts[-1], _HOUR)
    usual_since = whole(since, _HOUR) - _DAY * MAX_DAYS if until - since <= _DAY else usual_until
    values: dict[str, Any] = {"since": since, "until": until, "before": since - window.width * window.cells}
    values |= {"usual_since": usual_since, "usual_until": usual_until}
    values |= {"period": window.period, "width": window.width, "peaks": list(PEAKS), "channel_id": channel_id}
    current: dict[tuple[str, str], dict[datetime, int]] = defaultdict(dict)
    before, hours, first = dict[tuple[str, str], int](), dict[datetime, int](), until
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, values)
        for start, name, label, value in cursor.fetchall():
            match name:
                case "first":
                    first = start or until
                case "usual":
                    hours[start] = int(value)
                case _ if start is None:
                    before[name, label] = int(value)
                case _:
                    current[name, label][start] = int(value)
    is_comparable = first <= values["before"] + window.width
    return Counts(window=window, starts=starts, now=current, before=before if is_comparable else {}, hours=hours)


# --- what the figures say -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTime:
    """Seconds until the inbox accepted the answer: half of all contacts, and 19 of 20, waited less."""

    p50_s: float | None
    p95_s: float | None
    before_p95_s: float | None
    bot_p95_s: float | None
    bridge_p95_s: float | None
    cells_p50_s: Sequence[float | None]
    cells_p95_s: Sequence[float | None]


def answer_time(counts: Counts) -> AnswerTime:
    total = counts.by_label(Name.ANSWER_TIME)
    cells = [
        {label: counts.now.get((Name.ANSWER_TIME, label), {}).get(start, 0) for label in total}
        for start in counts.starts
    ]
    return AnswerTime(
        p50_s=percentile_s(total, 0.5),
        p95_s=percentile_s(total, 0.95),
        before_p95_s=percentile_s(counts.by_label_before(Name.ANSWER_TIME), 0.95),
        bot_p95_s=percentile_s(counts.by_label(Name.BOT_TIME), 0.95),
        bridge_p95_s=percentile_s(counts.by_label(Name.BRIDGE_TIME), 0.95),
        cells_p50_s=[percentile_s(cell, 0.5) for cell in cells],
        cells_p95_s=[percentile_s(cell, 0.95) for cell in cells],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    """The fate of the conversations the bot got, by `Fate`."""

    fates: Mapping[str, int]
    before: Mapping[str, int]
    cells: Mapping[str, Sequence[int]]

    @property
    def total(self) -> int:
        return sum(self.fates.values())


def conversations(counts: Counts) -> Conversations:
    found, before = counts.by_label(Name.FATE), counts.by_label_before(Name.FATE)
    return Conversations(
        fates={fate: found.get(fate, 0) for fate in Fate},
        before={fate: before.get(fate, 0) for fate in Fate},
        cells={fate: counts.cells(Name.FATE, fate) for fate in Fate},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverReason:
    reason: str
    words: str
    count: int
    before: int


def handovers(counts: Counts) -> list[HandoverReason]:
    """The reasons of handovers, the most frequent first."""
    found, before = counts.by_label(Name.HANDOVER), counts.by_label_before(Name.HANDOVER)
    words = dict(OffloadReason.choices)
    reasons = [
        HandoverReason(reason=key, words=words.get(key, key), count=found.get(key, 0), before=before.get(key, 0))
        for key in found.keys() | before.keys()
    ]
    return sorted(reasons, key=lambda reason: (-reason.count, -reason.before, reason.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Events that came in. `usual`: the lowest and the highest number of each cell on the seven days before."""

    total: int
    before: int
    refused: Mapping[str, int]
    duplicates: int
    cells: Sequence[int]
    cells_refused: Sequence[int]
    usual: Sequence[tuple[float, float] | None]


def inbound(counts: Counts) -> Inbound:
    cells = counts.all_cells(Name.INBOUND)
    share = counts.window.width / _HOUR
    return Inbound(
        total=sum(cells),
        before=sum(counts.by_label_before(Name.INBOUND).values()),
        refused=counts.by_label(Name.REFUSED),
        duplicates=sum(counts.by_label(Name.DUPLICATES).values()),
        cells=cells,
        cells_refused=counts.all_cells(Name.REFUSED),
        usual=[_usual(counts.hours, whole(start, _HOUR), share) for start in counts.starts],
    )


def _usual(hours: Mapping[datetime, int], start: datetime, share: float) -> tuple[float, float] | None:
    """What this share of the same hour brought on the days before; None while there are too few of them."""
    earliest = min(hours, default=start)
    days = [start - _DAY * back for back in range(1, MAX_DAYS + 1)]
    values = [hours.get(moment, 0) * share for moment in days if moment >= earliest]
    return (min(values), max(values)) if len(values) >= DAYS_LEAST else None
