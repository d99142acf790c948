"""Plots as inline SVG: geometry in attributes, colours by CSS classes, no text inside.

They are drawn in a box that the page stretches to its own width, so axes and legends are the page's words around
them. Each has a title and a description for those who don't see it; the numbers stand in a table beside it. Shapes
are filled, so nothing closes their paths. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from channels_app.web.pages.wording import ceiling

WIDTH, HEIGHT = 480.0, 120.0
STRIP_HEIGHT = 20.0
GAP = 0.12
"""Share of a bar's place that stays empty."""
LEVELS = {"quiet": 0.1, "healthy": 0.4, "degraded": 0.7, "failing": 1.0}
"""How high a cell of a strip stands: worse is higher, so that it can be read without its colour."""

Point = float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values with the CSS class that colours them, or with the id of an SVG pattern of the page that fills them."""

    values: Sequence[Point]
    css: str = ""
    pattern: str = ""


def line(
    lines: Sequence[Series],
    *,
    title: str,
    description: str,
    top: float,
    band: Sequence[tuple[float, float] | None] = (),
    target: float | None = None,
) -> SafeString:
    """Lines over time, a gap where nothing was measured; a band behind them, and a target to stay below."""
    marks = [_path("plot-band", data) for data in [_band(band, top)] if data]
    if target is not None and target <= top:
        marks.append(_path("plot-target", f"M0 {_y(target, top)}H{WIDTH:g}"))
    marks += [_path(series.css, _segments(series.values, top)) for series in lines]
    return _svg("plot", marks, title, description)


def sparkline(values: Sequence[Point], *, title: str, css: str = "plot-line") -> SafeString:
    """A small line without axes."""
    marks = [_path(css, _segments(values, ceiling(values)))]
    return _svg("plot plot-spark", marks, title)


def stacked_bars(series: Sequence[Series], *, title: str, description: str, top: float) -> SafeString:
    """One bar a place, its parts on top of each other, the first at the bottom."""
    places = max((len(one.values) for one in series), default=0)
    below = [0.0] * places
    marks = list[SafeString]()
    for one in series:
        data = ""
        for place, value in enumerate(one.values):
            if value:
                data += _bar(place, places, below[place], below[place] + value, top)
                below[place] += value
        if data:
            filled = format_html('<path fill="url(#{})" d="{}"/>', one.pattern, data)
            marks.append(filled if one.pattern else _path(one.css, data))
    return _svg("plot", marks, title, description)


def share_bar(share: float, css: str = "plot-bar") -> SafeString:
    """One horizontal bar beside its number, which says the same: nothing to read out."""
    return format_html(
        '<svg class="plot-share" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="{}" d="M0 0H{}V10H0Z"/></svg>',
        css,
        _n(min(max(share, 0.0), 1.0) * 100),
    )


def strip(states: Sequence[str], *, title: str) -> SafeString:
    """A cell per state, in height and colour."""
    width = WIDTH / max(len(states), 1)
    data = dict.fromkeys(LEVELS, "")
    for place, state in enumerate(states):
        height = LEVELS[state] * STRIP_HEIGHT
        data[state] += f"M{_n(place * width)} {_n(STRIP_HEIGHT)}v{_n(-height)}h{_n(width * (1 - GAP))}v{_n(height)}"
    marks = [_path(f"health-{state}", cells) for state, cells in data.items() if cells]
    return _svg("plot plot-strip", marks, title, height=STRIP_HEIGHT)


# --- geometry -----------------------------------------------------------------------------------------------------


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _y(value: float, top: float) -> str:
    return _n(HEIGHT * (1 - min(value / top, 1.0)))


def _segments(values: Sequence[Point], top: float) -> str:
    """A path through the middles of the places; a value with no neighbour is a dash as wide as its place."""
    step, data, is_drawing = WIDTH / max(len(values), 1), "", False
    for place, value in enumerate(values):
        if value is None:
            is_drawing = False
            continue
        is_last = place + 1 == len(values) or values[place + 1] is None
        if not is_drawing and is_last:
            data += f"M{_n(place * step)} {_y(value, top)}h{_n(step)}"
        else:
            data += f"{'L' if is_drawing else 'M'}{_n((place + 0.5) * step)} {_y(value, top)}"
        is_drawing = True
    return data


def _band(band: Sequence[tuple[float, float] | None], top: float) -> str:
    step = WIDTH / max(len(band), 1)
    cells = [(place, pair) for place, pair in enumerate(band) if pair is not None]
    return "".join(
        f"M{_n(place * step)} {_y(low, top)}V{_y(high, top)}h{_n(step)}V{_y(low, top)}" for place, (low, high) in cells
    )


def _bar(place: int, places: int, low: float, high: float, top: float) -> str:
    step = WIDTH / places
    left, width = place * step + step * GAP / 2, step * (1 - GAP)
    return f"M{_n(left)} {_y(low, top)}V{_y(high, top)}h{_n(width)}V{_y(low, top)}"


def _path(css: str, data: str) -> SafeString:
    return format_html('<path class="{}" d="{}"/>', css, data)


def _svg(
    css: str, marks: Sequence[SafeString], title: str, description: str = "", height: float = HEIGHT
) -> SafeString:
    words = format_html("<title>{}</title>", title)
    if description:
        words += format_html("<desc>{}</desc>", description)
    frame = '<svg class="{}" role="img" viewBox="0 0 {} {}" preserveAspectRatio="none">{}{}</svg>'
    drawn = mark_safe("".join(marks))  # noqa: S308 - each was made by format_html
    return format_html(frame, css, _n(WIDTH), _n(height), words, drawn)
