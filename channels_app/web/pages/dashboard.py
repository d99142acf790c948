"""The first page: is all well, and if not, what and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString

from channels_app.codes import Problem, Severity
from channels_app.lib.times import TimeRange
from channels_app.models import Channel
from channels_app.operations.figures.dashboard import Dashboard, dashboard_figures
from channels_app.operations.figures.health import STRIP_WIDTH, ChannelHealth, Health, Tally, strip_starts
from channels_app.operations.figures.reading import WINDOWS
from channels_app.web.links import number, page_address
from channels_app.web.pages import plots
from channels_app.web.pages.dashboard_tiles import make_tiles
from channels_app.web.pages.downloads import csv_download
from channels_app.web.pages.failures import ALL_WORD
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.tiles import Cells, Link, link_to
from channels_app.web.pages.wording import many

DEFAULT_WINDOW = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLine:
    """A channel, how it is now, and its last day as a strip, which leads to the lists of that day."""

    channel: Channel
    state: str
    words: str
    strip: SafeString
    today: Tally
    conversations: Link | None
    failures: Link | None
    cells_url: str


@operator_page()
def dashboard(request: HttpRequest) -> HttpResponse:
    context = _read(request)
    if request.GET.get("part") == "figures":  # what the page fetches again from time to time
        return render(request, "ops/dashboard_figures.html", context)
    return show(request, "dashboard", "Dashboard", **context)


@operator_page()
def figure_csv(request: HttpRequest, key: str) -> StreamingHttpResponse:
    """The table behind a figure as a file."""
    tile = next((tile for tile in make_tiles(_facts(request)) if tile.key == key), None)
    if tile is None:
        raise Http404("No such figure.")
    return csv_download(f"{key}-{_window(request)}", tile.head, (row.for_programs for row in tile.rows))


def _window(request: HttpRequest) -> str:
    asked = request.GET.get("window", DEFAULT_WINDOW)
    return asked if asked in WINDOWS else DEFAULT_WINDOW


def _facts(request: HttpRequest) -> Dashboard:
    return dashboard_figures(_window(request), number(request.GET.get("channel", "")))


def _read(request: HttpRequest) -> dict[str, Any]:
    facts = _facts(request)
    channels = list(Channel.objects.filter(archived_at=None).select_related("bot"))
    lines = list(_lines(facts, channels))
    return {
        "facts": facts,
        "tiles": make_tiles(facts),
        "channels": channels,
        "lines": [line for line in lines if facts.channel_id in (None, line.channel.pk)],
        "status": _status(lines, facts.problems),
        "windows": WINDOWS.values(),
        "cells": Cells.of(facts.starts, facts.window.width),
        "strip_cells": Cells.of(strip_starts(facts.at), STRIP_WIDTH),
        "query": f"window={facts.window.name}&channel={facts.channel_id or ''}",
    }


def _lines(facts: Dashboard, channels: list[Channel]) -> Iterator[ChannelLine]:
    day = TimeRange(since=strip_starts(facts.at)[0]).query()
    for channel in channels:
        talks = link_to("Conversations", "ops:conversations", channel=channel.pk, **day)
        health = facts.health.get(channel.pk)
        state, words = _state(channel, health)
        strip = health.strip if health else [Health.QUIET] * 2
        title = f"{channel.name}, the last 24 hours in half hours: {_summary(strip)}."
        yield ChannelLine(
            channel=channel,
            state=state,
            words=words,
            strip=plots.strip(strip, title=title),
            today=health.today if health else Tally(),
            conversations=talks,
            failures=link_to("Failures", "ops:failures", channel=channel.pk, state=ALL_WORD, **day),
            cells_url=page_address(reverse("ops:conversations"), {"channel": channel.pk}),
        )


def _state(channel: Channel, health: ChannelHealth | None) -> tuple[str, str]:
    """A word for the CSS, and words for people."""
    if channel.paused_at:
        return "paused", f"Paused by {channel.paused_by}"
    if not channel.is_active:
        return "paused", "Switched off"
    if channel.bot and channel.bot.failures >= channel.bot.max_failures:
        return Health.FAILING, "Failing: the bot is down"
    if health is None or health.now is Health.QUIET:
        return Health.QUIET, "Quiet: nothing to answer"
    waiting = f": {many(health.waiting, 'contact waits', 'contacts wait')} for an answer" if health.waiting else ""
    return health.now, f"{health.now.capitalize()}{waiting}"


def _summary(strip: Sequence[Health]) -> str:
    """In how many half hours it was how."""
    counts = [(health, sum(cell == health for cell in strip)) for health in reversed(Health)]
    return ", ".join(f"{count} {health}" for health, count in counts if count)


def _status(lines: list[ChannelLine], problems: Sequence[Problem]) -> str:
    """The answer of five seconds."""
    if not lines:
        return "No channels yet."
    bad = sum(line.state in (Health.FAILING, Health.DEGRADED) for line in lines)
    paused = sum(line.state == "paused" for line in lines)
    parts = [
        many(bad, "needs", "need") + " attention" if bad else "none needs attention",
        f"{paused} paused" if paused else "",
    ]
    is_ours = any(problem.code.severity is Severity.ERROR for problem in problems)
    channels = f"{many(len(lines), 'channel')}: {', '.join(filter(None, parts))}."
    return f"The bridge itself needs your attention. {channels}" if is_ours else channels
