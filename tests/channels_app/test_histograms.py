"""Medians and other shares from counts in buckets."""

import pytest

from channels_app.lib.histograms import BOUNDS_S, LABELS, MORE, percentile_s


def test_nothing_counted_has_no_median() -> None:
    assert percentile_s({}, 0.5) is None
    assert percentile_s({"1": 0}, 0.5) is None


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ({"1": 10}, 0.5, 0.75),  # half-way between 0.5 and 1
        ({"0.25": 4}, 1.0, 0.25),
        ({"1": 50, "5": 50}, 0.5, 1.0),
        ({"1": 50, "5": 50}, 0.75, 4.5),
        ({"1": 95, "60": 5}, 0.95, 1.0),
        ({"1": 94, "60": 6}, 0.95, 45 + 15 / 6),
        ({MORE: 3}, 0.5, BOUNDS_S[-1]),
    ],
)
def test_a_share_lies_within_its_bucket(counts: dict[str, int], share: float, expected: float) -> None:
    assert percentile_s(counts, share) == pytest.approx(expected)


def test_each_bucket_has_a_name_of_its_own() -> None:
    assert len(set(LABELS)) == len(BOUNDS_S) + 1
    assert [float(label) for label in LABELS[:-1]] == list(BOUNDS_S) == sorted(BOUNDS_S)
