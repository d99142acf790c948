"""Queue and workers: who works, what waits, and whether what they need is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import mean
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString

from channels_app.lib.zones import clock_words
from channels_app.models import Job
from channels_app.operations.surroundings import Account
from channels_app.operations.workload import RETRY_WIDTH, QueueFacts, Worker, queue_facts
from channels_app.upkeep.housekeeping import TASKS
from channels_app.web.pages import plots
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.plots import Series
from channels_app.web.pages.wording import ceiling, many, megabytes, percent, seconds

QUOTA_WARNING = 0.9
OVERDUE_S = 120
"""A job that is due for longer than this waits for a guard that isn't there."""

CLOCK_IS_RIGHT_S = 1.0
"""What a clock may be off without a word: people compare logs by the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A row of one of the page's tables; `state` is a CSS class with its word."""

    name: str
    state: str
    word: str
    cells: tuple[str, ...]


@operator_page()
def workers(request: HttpRequest) -> HttpResponse:
    context = _context(queue_facts())
    if request.GET.get("part") == "now":  # what the page fetches again from time to time
        return render(request, "ops/workers_now.html", context)
    return show(request, "workers", "Queue and workers", **context)


def _context(facts: QueueFacts) -> dict[str, Any]:
    queue = facts.queue
    title = "Nothing waits."
    if queue.waiting:
        title = f"{many(queue.waiting, 'conversation')} {'waits' if queue.waiting == 1 else 'wait'}, "
        title += f"the oldest for {seconds(queue.oldest_s)}."
    return {
        "facts": facts,
        "title_waiting": title,
        "is_mixed": len(facts.versions) > 1,
        "workers": [_worker(worker) for worker in facts.workers],
        "jobs": list(_jobs(facts)),
        "accounts": [_account(account, facts.at) for account in facts.accounts],
        "services": facts.services,
        "flow": _flow(facts),
        "retries": _retries(facts),
    }


def _worker(worker: Worker) -> Cells:
    return Cells(
        name=f"{worker.kind} on {worker.host}",
        state="healthy" if worker.is_alive else "failing",
        word=_life(worker),
        cells=(
            f"{seconds(worker.silent_s)} ago",
            str(worker.active),
            megabytes(worker.memory_bytes),
            _clock(worker.clock_ahead_s),
            worker.version,
        ),
    )


def _life(worker: Worker) -> str:
    if worker.is_alive:
        return "alive"
    silent = seconds(worker.silent_s)
    return f"ended {silent} ago" if worker.has_ended else f"silent for {silent}"


def _clock(ahead_s: float | None) -> str:
    if ahead_s is None:
        return "–"
    if abs(ahead_s) < CLOCK_IS_RIGHT_S:
        return "right"
    return f"{seconds(abs(ahead_s))} {'ahead' if ahead_s > 0 else 'behind'}"


def _jobs(facts: QueueFacts) -> Iterator[Cells]:
    found = {job.name: job for job in facts.jobs}
    for task in TASKS.values():
        job = found.get(task.name)
        if job is None or job.ended_at is None:
            yield Cells(name=task.purpose, state="quiet", word="not run yet", cells=("–", "–", "–", "–"))
            continue
        state, word = _job_state(job, facts.at)
        due_s = (job.next_at - facts.at).total_seconds()
        times = (f"{seconds(_age_s(job.ended_at, facts.at))} ago", f"{job.took_ms} ms")
        yield Cells(
            name=task.purpose,
            state=state,
            word=word,
            cells=(*times, job.result, f"in {seconds(due_s)}" if due_s > 0 else "now"),
        )


def _job_state(job: Job, now: datetime) -> tuple[str, str]:
    if job.has_failed:
        return "failing", "failed"
    if (now - job.next_at).total_seconds() > OVERDUE_S:
        return "degraded", "overdue"
    is_claimed = job.claimed_until is not None and job.claimed_until > now
    return ("running", "at work") if is_claimed else ("healthy", "fine")


def _age_s(moment: datetime, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0)


def _account(account: Account, now: datetime) -> Cells:
    row, share = account.row, account.quota_share
    quota = "not known" if share is None else f"{percent(share, 1)} of {row.quota_limit} calls"
    left_s = (row.token_expires_at - now).total_seconds() if row.token_expires_at else 0.0
    state, word = ("failing", f"refused {row.problem_code}".strip()) if row.problem else ("healthy", "fine")
    if not row.problem and share is not None and share >= QUOTA_WARNING:
        state, word = "degraded", "nearly used up"
    names = ", ".join(account.channels) or f"no channel ({row.account_key[:8]})"
    since = row.problem
    if row.problem and row.problem_since:
        since += f" Since {clock_words(row.problem_since)}."
    return Cells(
        name=names, state=state, word=word, cells=(f"for {seconds(left_s)}" if left_s > 0 else "none", quota, since)
    )


def _flow(facts: QueueFacts) -> dict[str, Any]:
    came, ended = [first for first, _ in facts.per_minute], [second for _, second in facts.per_minute]
    minutes = slice(-6, -1)  # the current one is not over yet
    title = f"{mean(came[minutes]):.1f} events a minute come in, {mean(ended[minutes]):.1f} are done."
    top = ceiling(came)
    lines = [
        Series(css="plot-line", values=came),
        Series(css="plot-line plot-line-50", values=ended),
    ]
    drawing = plots.line(lines, title=title, description="Two lines over the last hour.", top=top)
    return {"title": title, "plot": drawing, "top": f"{top:g}"}


def _retries(facts: QueueFacts) -> dict[str, Any]:
    counts = facts.queue.retries
    minutes = int(RETRY_WIDTH.total_seconds() // 60)
    rows: list[tuple[str, int, SafeString]] = [
        (f"{place * minutes}–{(place + 1) * minutes} min", count, plots.share_bar(count / max(counts)))
        for place, count in enumerate(counts)
        if count
    ]
    title = f"{many(sum(counts), 'event')} will be retried within an hour."
    return {"title": title if rows else "Nothing is waiting for a retry.", "rows": rows}
