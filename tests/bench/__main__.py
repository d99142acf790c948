"""`make bench`: measure, print, write it down. Exit code 1 only if something went wrong, never for being slow."""

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench import (
    growth,
    ingress,
    latency,
    memory,
    pages,
    scale,
    start,
    statements,
    strangers,
    thinking,
    turns,
    waiting,
)
from tests.bench.machine import describe
from tests.bench.stage import Plan, Stage, stage
from tests.bench.table import Section
from tests.bridge import BASE_DIR

SEEDS = 10_000
REPORT = BASE_DIR / "docs" / "benchmarks.md"
PARTS: dict[str, Callable[[Stage], Section]] = {
    "ingress": ingress.measure,
    "turns": turns.measure,
    "latency": latency.measure,
    "statements": statements.measure,
    "memory": memory.measure,  # of the processes that have run since the turns: what restarts one comes later
    "scale": scale.measure,
    "thinking": thinking.measure,
    "growth": growth.measure,
    "pages": pages.measure,
    "strangers": strangers.measure,
    "waiting": waiting.measure,
    "start": start.measure,
}
SLOW = ("scale", "pages", "strangers", "waiting", "start")
"""Parts that the short run leaves out."""
INTRODUCTION = """# Benchmarks

Written by `make bench`. The builds that are compared run side by side and take turns, so **the ratios count**:
another machine has other figures. Medians of the rounds; *spread* is the slowest and the fastest round. What the
other builds do stands in `tests/bench/`."""


def main(arguments: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped from outside, it still stops what it started
    options = parse(arguments)
    plan = Plan.quick(options.seed) if options.quick else Plan(seed=options.seed, memory_s=options.memory_s)
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, stage(Path(name), plan) as found:
        facts = describe(found.ground)
        sections = list(_measured(found, options.only))
    took = f"The run took {time.monotonic() - began_at:.0f} s, seed {plan.seed}."
    if options.write:
        options.write.write_text("\n".join(_document(facts, sections, took)).rstrip() + "\n")
    print(took)
    return 1 if any(section.faults for section in sections) else 0


def _measured(found: Stage, parts: Sequence[str]) -> Iterator[Section]:
    for part in (name for name in PARTS if name in parts):  # always in this order: some go on where others ended
        began_at = time.monotonic()
        try:
            section = PARTS[part](found)
        except Exception as error:  # the others have figures all the same
            traceback.print_exc()
            section = Section(title=part.capitalize(), faults=[f"it ended with {type(error).__name__}: {error}"])
        print("\n".join([*section.lines(), *section.details]))
        print(f"({part} took {time.monotonic() - began_at:.0f} s)\n", flush=True)
        yield section


def _document(facts: Sequence[str], sections: Sequence[Section], took: str) -> Iterator[str]:
    yield INTRODUCTION
    yield ""
    yield from (f"- {fact}" for fact in facts)
    yield f"- {took}"
    yield ""
    for section in sections:
        yield from section.lines()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS), help="of the events' keys")
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten")
    parser.add_argument("--only", type=_parts, action="extend", metavar=",".join(PARTS), help="some parts")
    parser.add_argument(
        "--memory-s", type=float, default=60.0, help="for turns before the sizes are read; 400: 100,000"
    )
    parser.add_argument("--write", type=Path, help="a file for the report (a whole run writes docs/benchmarks.md)")
    options = parser.parse_args(arguments)
    if not options.quick and not options.only:
        options.write = options.write or REPORT
    options.only = options.only or [name for name in PARTS if not (options.quick and name in SLOW)]
    return options


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not known. Known are: {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
