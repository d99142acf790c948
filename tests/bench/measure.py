"""Figures: repeated, side by side, as medians and ratios."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Samples:
    """What one thing measured, round by round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> str:
        return f"{show(min(self.values))}–{show(max(self.values))}"

    def __str__(self) -> str:
        return show(self.median)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A ratio and what it should be; `most` or `least` bounds it."""

    what: str
    reached: float
    least: float | None = None
    most: float | None = None

    @property
    def is_reached(self) -> bool:
        return not (
            (self.least is not None and self.reached < self.least)
            or (self.most is not None and self.reached > self.most)
            or math.isnan(self.reached)
        )

    def __str__(self) -> str:
        sign, bound = ("≥", self.least) if self.least is not None else ("≤", self.most)
        verdict = "" if self.is_reached else " (missed)"
        return f"{self.what}: goal {sign} {bound:.2f}, reached {self.reached:.2f}{verdict}"


def interleave(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Samples]:
    """All cases once, then all once more: what disturbs the machine for a while disturbs each of them."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            found[name].append(case())
    return {name: Samples(tuple(values)) for name, values in found.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all lies; NaN of nothing."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else math.nan


def show(value: float) -> str:
    """Three figures, and no more than were measured."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
