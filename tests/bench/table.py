"""What a part of the run found, as Markdown that reads well in a terminal too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.measure import Goal


@dataclass(slots=True, kw_only=True)
class Section:
    """`faults` are what must not happen at any speed: an answer other than 200, a lost turn, a wrong order."""

    title: str
    remark: str = ""
    header: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    """For the terminal only."""

    def lines(self) -> Iterator[str]:
        yield f"## {self.title}"
        yield ""
        if self.remark:
            yield from (self.remark, "")
        if self.header:
            yield from table(self.header, self.rows)
            yield ""
        yield from (f"- {goal}" for goal in self.goals)
        yield from (f"- **WRONG**: {fault}" for fault in self.faults)
        if self.goals or self.faults:
            yield ""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in (header, *rows)) for place in range(len(header))]
    yield _line(header, widths)
    yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    yield from (_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """The first column holds words, the others figures."""
    first, *others = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return f"| {' | '.join(cells)} |"
