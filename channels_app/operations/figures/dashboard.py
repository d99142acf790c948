"""All figures of the dashboard together, for the page and for the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels_app.codes import Problem
from channels_app.lib.clocks import database_now
from channels_app.operations.failures.groups import Group, top_groups
from channels_app.operations.figures.counting import Name
from channels_app.operations.figures.health import ChannelHealth, channel_health
from channels_app.operations.figures.reading import (
    WINDOWS,
    AnswerTime,
    Conversations,
    HandoverReason,
    Inbound,
    Window,
    answer_time,
    conversations,
    handovers,
    inbound,
    read_counts,
)
from channels_app.operations.platform_status import status_problems
from channels_app.operations.workload import Queue, Worker, read_queue, read_workers, work_problems

GROUPS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """The figures of one channel or of all (`channel_id` None) in a window. Health, queue and workers are of now.

    `failures`: the largest groups with their numbers of failures in the window. `peaks`: conversations that waited,
    and the seconds that the oldest had waited, at the worst moment of each cell.
    """

    at: datetime
    window: Window
    channel_id: int | None
    starts: Sequence[datetime]
    answer_time: AnswerTime
    conversations: Conversations
    handovers: Sequence[HandoverReason]
    failures: Sequence[tuple[Group, int]]
    inbound: Inbound
    peaks: Sequence[tuple[int, int]]
    queue: Queue
    workers: Sequence[Worker]
    problems: Sequence[Problem]
    health: Mapping[int, ChannelHealth]


def dashboard_figures(window: str = "24h", channel_id: int | None = None) -> Dashboard:
    """Everything that the dashboard shows, in few statements. `window` is one of WINDOWS, else KeyError."""
    now = database_now()
    counts = read_counts(WINDOWS[window], channel_id, now)
    queue, workers = read_queue(), read_workers()
    failed = {int(label): count for label, count in counts.by_label(Name.GROUP).items()}
    return Dashboard(
        at=now,
        window=counts.window,
        channel_id=channel_id,
        starts=counts.starts,
        answer_time=answer_time(counts),
        conversations=conversations(counts),
        handovers=handovers(counts),
        failures=top_groups(failed, GROUPS_SHOWN),
        inbound=inbound(counts),
        peaks=list(zip(counts.cells(Name.WAITING), counts.cells(Name.OLDEST), strict=True)),
        queue=queue,
        workers=workers,
        problems=[*work_problems(queue, workers), *status_problems(now)],
        health=channel_health(now),
    )
