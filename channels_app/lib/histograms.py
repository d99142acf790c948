"""Times as counts in buckets, so that hours can be added up and still tell a median."""

from collections.abc import Mapping
from itertools import pairwise

BOUNDS_S = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0)
"""Upper ends of the buckets: fine where a bot that is well answers, up to the platform's limit for a reply."""
MORE = "more"
LABELS = (*(f"{bound:g}" for bound in BOUNDS_S), MORE)
"""What a bucket is called: its upper end in seconds."""


def percentile_s(counts: Mapping[str, int], share: float) -> float | None:
    """The time in seconds that this share of all stays below; None when nothing was counted.

    Within a bucket times are taken as evenly spread. Values above the last bound count as the bound itself.
    """
    total = sum(counts.values())
    if not total:
        return None
    wanted, below = share * total, 0
    for label, (low, high) in zip(LABELS, pairwise((0.0, *BOUNDS_S)), strict=False):
        here = counts.get(label, 0)
        if here and below + here >= wanted:
            return low + (high - low) * (wanted - below) / here
        below += here
    return BOUNDS_S[-1]
