"""Plots as inline SVG: right places, no style, nothing that a browser would run."""

import re
from xml.etree import ElementTree

import pytest

from channels_app.web.pages.plots import HEIGHT, WIDTH, Series, line, share_bar, sparkline, stacked_bars, strip
from channels_app.web.pages.wording import (
    ceiling,
    compared,
    difference,
    grouped,
    many,
    megabytes,
    percent,
    seconds,
)

XSS = '"><script>alert(1)</script>'


def paths(svg: str, css: str) -> list[str]:
    """What is drawn with this class; that it is well-formed is tested on the way."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    return [mark.get("d", "") for mark in root.iter("path") if mark.get("class") == css]


def numbers(data: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?", data)]


def test_a_line_goes_through_the_middles_of_its_places() -> None:
    svg = line([Series(css="one", values=[0, 5, 10])], title="t", description="d", top=10)
    [data] = paths(svg, "one")
    assert numbers(data) == [80, HEIGHT, 240, HEIGHT / 2, 400, 0]


def test_a_line_has_a_gap_where_nothing_was_measured_and_a_dash_for_what_stands_alone() -> None:
    svg = line([Series(css="one", values=[1, 1, None, 1, None])], title="t", description="d", top=1)
    assert paths(svg, "one") == ["M48 0L144 0M288 0h96"]


def test_a_line_of_nothing_is_no_error() -> None:
    svg = line([Series(css="one", values=[None, None])], title="t", description="d", top=1)
    assert paths(svg, "one") == [""]


def test_what_is_above_the_top_stays_inside() -> None:
    svg = line([Series(css="one", values=[99])], title="t", description="d", top=10)
    assert numbers(paths(svg, "one")[0]) == [0, 0, WIDTH]


def test_target_and_band_lie_behind_the_line() -> None:
    svg = line(
        [Series(css="one", values=[1, 1])],
        title="t",
        description="d",
        top=10,
        band=[(2, 4), None],
        target=5,
    )
    assert paths(svg, "plot-target") == ["M0 60H480"]
    assert paths(svg, "plot-band") == ["M0 96V72h240V96"]
    assert svg.index("plot-band") < svg.index("plot-target") < svg.index('class="one"')


def test_a_target_above_the_axis_is_not_drawn_at_its_top() -> None:
    assert "plot-target" not in line([], title="t", description="d", top=10, target=11)


def test_bars_stand_on_each_other() -> None:
    series = [Series(css="low", values=[1, 2]), Series(values=[3, 0], pattern="cb-hatch")]
    svg = stacked_bars(series, title="t", description="d", top=4)
    assert paths(svg, "low") == ["M14.4 120V90h211.2V120M254.4 120V60h211.2V120"]
    assert '<path fill="url(#cb-hatch)" d="M14.4 90V0h211.2V90"/>' in svg


def test_parts_that_are_nowhere_draw_nothing() -> None:
    assert paths(stacked_bars([Series(css="low", values=[0])], title="t", description="d", top=1), "low") == []


def test_a_strip_tells_by_height_too() -> None:
    svg = strip(["quiet", "healthy", "degraded", "failing"], title="t")
    heights = [numbers(paths(svg, f"health-{state}")[0])[-1] for state in ("quiet", "healthy", "degraded", "failing")]
    assert heights == sorted(heights) and len(set(heights)) == 4


@pytest.mark.parametrize(("share", "width"), [(0.0, 0), (0.5, 50), (1.0, 100), (7.0, 100)])
def test_a_share_is_a_width(share: float, width: int) -> None:
    assert f"H{width}V10" in share_bar(share)


@pytest.mark.parametrize(
    "svg",
    [
        line([Series(css="a", values=[1])], title=XSS, description=XSS, top=1),
        stacked_bars([Series(css="a", values=[1])], title=XSS, description=XSS, top=1),
        sparkline([1, 2], title=XSS),
        strip(["healthy"], title=XSS),
    ],
)
def test_a_plot_has_its_words_and_no_style(svg: str) -> None:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    assert root.get("role") == "img"
    assert root.findtext("title") == XSS
    assert "<script" not in svg and "style" not in svg


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.26, "0.3 s"),
        (9.94, "9.9 s"),
        (48.2, "48 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (172800, "2 days"),
    ],
)
def test_times_are_as_exact_as_people_need_them(value: float | None, words: str) -> None:
    assert seconds(value) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(1, 0, "–"), (0, 5, "0 %"), (1, 1000, "< 1 %"), (999, 1000, "> 99 %"), (5, 5, "100 %"), (1, 3, "33 %")],
)
def test_a_little_is_not_nothing_and_nearly_all_not_all(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


def test_numbers_in_words() -> None:
    assert (many(1, "conversation"), many(1234, "conversation")) == ("1 conversation", "1\u202f234 conversations")
    assert (many(2, "needs", "need"), grouped(999)) == ("2 need", "999")
    assert (megabytes(None), megabytes(90 * 1024**2)) == ("–", "90 MB")
    assert [difference(*pair) for pair in ((5, 3), (3, 5), (3, 3))] == ["+2", "−2", "0"]


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [(5, 0, ""), (112, 100, "12 % more than x"), (88, 100, "12 % fewer than x"), (100, 100, "as many as x")],
)
def test_comparisons_are_words(now: int, before: int, words: str) -> None:
    assert compared(now, before, "x") == words


@pytest.mark.parametrize(
    ("values", "top"), [([], 1), ([0], 1), ([None, 7], 8), ([20], 20), ([21], 30), ([0.3], 0.3), ([1200], 1500)]
)
def test_an_axis_ends_at_a_round_number(values: list[float | None], top: float) -> None:
    assert ceiling(values) == pytest.approx(top)
