"""How each channel is, now and in each half hour of the last day: judged by figures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Case, Q, Sum, When

from channels_app.lib.histograms import BOUNDS_S, LABELS
from channels_app.models import FailureGroup, Figure, Outcome, Period
from channels_app.operations.figures.counting import WIDTHS, Name, whole
from channels_app.operations.figures.reading import TARGET_ANSWER_S
from offload.models import OffloadReason

SLOW_LABELS = LABELS[BOUNDS_S.index(TARGET_ANSWER_S) + 1 :]
GIVEN_UP = tuple(reason for reason in OffloadReason if reason.is_failure)
"""Unwanted handovers: the bot or the way to it did not work."""


class Health(StrEnum):
    QUIET = "quiet"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILING = "failing"


DEGRADED_SHARE = 0.05
FAILING_SHARE = 0.5
HEALTH_WINDOW = timedelta(minutes=15)
STRIP_CELLS = 48
STRIP_WIDTH = WIDTHS[Period.HALF_HOUR]


@dataclass(frozen=True, slots=True)
class Tally:
    """What the health of a channel is judged by: answers, slow ones among them, and what went wrong."""

    answered: int = 0
    slow: int = 0
    handed_over: int = 0
    given_up: int = 0
    lost: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})

    @property
    def health(self) -> Health:
        """Failing: half of all failed. Degraded: one of 20 failed or was slow, or any contact got no answer at all."""
        total, failed = self.answered + self.lost, self.given_up + self.lost
        if not total:
            return Health.QUIET
        if failed >= FAILING_SHARE * total:
            return Health.FAILING
        is_slow = self.slow > DEGRADED_SHARE * self.answered
        return Health.DEGRADED if self.lost or is_slow or failed > DEGRADED_SHARE * total else Health.HEALTHY


_ANSWERS, _HANDOVERS = Q(name=Name.ANSWER_TIME), Q(name=Name.HANDOVER)
_TALLIED = {
    "answered": _ANSWERS,
    "slow": _ANSWERS & Q(label__in=SLOW_LABELS),
    "handed_over": _HANDOVERS,
    "given_up": _HANDOVERS & Q(label__in=GIVEN_UP),
    "lost": Q(name=Name.OUTCOME, label=Outcome.DEAD),
}
"""What a `Tally` sums up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """How a channel is now, how it was in each half hour of the last day, and its sums of that day.

    `waiting`: contacts without an answer for a failure of these minutes, which no figure counts before it is over.
    """

    now: Health
    strip: Sequence[Health]
    today: Tally
    waiting: int


def strip_starts(now: datetime) -> list[datetime]:
    """Beginnings of the half hours of a strip."""
    return [whole(now, STRIP_WIDTH) - STRIP_WIDTH * back for back in reversed(range(STRIP_CELLS))]


def channel_health(now: datetime) -> dict[int, ChannelHealth]:
    """Of all channels that had figures within a day, or have contacts who wait for an answer; two statements."""
    starts = strip_starts(now)
    tallies: dict[int, dict[datetime | None, Tally]] = defaultdict(dict)
    halves = Q(period=Period.HALF_HOUR, start__gte=starts[0])
    minutes = Q(period=Period.MINUTE, start__gte=now - HEALTH_WINDOW)
    figures = Figure.objects.filter(halves | minutes, name__in=(Name.ANSWER_TIME, Name.HANDOVER, Name.OUTCOME))
    cells = figures.annotate(cell=Case(When(halves, then="start"))).values("channel_id", "cell")
    sums = cells.annotate(**{name: Sum("value", filter=kind, default=0) for name, kind in _TALLIED.items()})
    for channel_id, start, *numbers in sums.values_list("channel_id", "cell", *_TALLIED):
        tallies[channel_id][start] = Tally(**dict(zip(_TALLIED, map(int, numbers), strict=True)))
    waiting = _waiting(now)
    return {
        channel_id: _channel_health(tallies.get(channel_id, {}), starts, waiting.get(channel_id, 0))
        for channel_id in {*tallies, *waiting}
    }


def _waiting(now: datetime) -> dict[int, int]:
    groups = FailureGroup.objects.filter(waiting__gt=0, last_at__gte=now - HEALTH_WINDOW)
    return dict(groups.values_list("channel_id").annotate(contacts=Sum("waiting")).order_by())


def _channel_health(cells: Mapping[datetime | None, Tally], starts: Sequence[datetime], waiting: int) -> ChannelHealth:
    day = [cells.get(start, Tally()) for start in starts]
    now = cells.get(None, Tally()).health
    return ChannelHealth(
        now=Health.DEGRADED if waiting and now in (Health.QUIET, Health.HEALTHY) else now,
        strip=[tally.health for tally in day],
        today=sum(day, Tally()),
        waiting=waiting,
    )
