"""What became of numbered messages, told from the order in which their answers arrived."""

from collections.abc import Sequence
from itertools import pairwise


def count_swaps(heard: Sequence[int]) -> int:
    """Answers that came after the answer to a later message."""
    return sum(later < earlier for earlier, later in pairwise(heard))


def count_doubles(heard: Sequence[int]) -> int:
    return len(heard) - len(set(heard))


def count_lost(heard: Sequence[int], said: int, first: int = 1) -> int:
    """Messages `first` to `said` that were never answered."""
    return len(set(range(first, said + 1)) - set(heard))
