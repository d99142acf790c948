"""`make faults`: the run, its account, and exit code 1 if a promise was broken."""

import argparse
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

from tests.faults import report
from tests.faults.broken import DEFECTS
from tests.faults.prove import PROOFS, prove
from tests.faults.run import Plan, run
from tests.faults.schedule import Deed, Trouble

SEEDS = 10_000
QUICK = Plan(seed=0, conversations=30, messages=250, seconds=25.0, workers=3, guards=1, density=1.0, drain_s=300.0)
THINKING = Plan(
    seed=0,
    conversations=300,
    messages=600,
    seconds=20.0,
    workers=1,
    guards=1,
    kinds=("sync",),
    delay_ms=8_000.0,
    deeds=(),
    troubles=(
        Trouble(at_s=7.0, deed=Deed.STOP_WORKER, target="1"),
        Trouble(at_s=19.0, deed=Deed.KILL_WORKER, target="1"),
    ),
    drain_s=300.0,
)
"""Bots that think for 8 s, and the one worker is stopped, later killed, while it waits for hundreds of them."""


def main(arguments: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped from outside, it still stops what it started
    options = parse(arguments)
    if options.prove is not None:
        return 0 if prove(options.seed, say, options.prove) else 1
    plan = plan_of(options)
    result = run(plan, say, options.keep)
    for line in report.lines(result):
        say(line)
    if options.keep:
        (options.keep / "stories.txt").write_text("\n".join(report.stories(result)))
    if report.is_good(result):
        say("All promises were kept.")
        return 0
    say(f'Promises were broken. To repeat the run: make faults ARGS="{" ".join(arguments_of(options))}"')
    return 1


def plan_of(options: argparse.Namespace) -> Plan:
    """The short run, the whole run, or the short run of a broken build under the circumstances that expose it."""
    plan = THINKING if options.thinking else QUICK if options.quick else Plan(seed=0)
    if options.broken:
        plan = next(proof for proof in PROOFS if proof.defect == options.broken).plan(0)
    given = {name: getattr(options, name) for name in ("conversations", "messages", "seconds")}
    return replace(plan, seed=options.seed, **{name: value for name, value in given.items() if value is not None})


def arguments_of(options: argparse.Namespace) -> list[str]:
    """What makes the same run again."""
    given = {name: getattr(options, name) for name in ("seed", "conversations", "messages", "seconds")}
    numbers = [f"--{name} {value:g}" for name, value in given.items() if value is not None]
    return [
        *numbers,
        *(["--quick"] if options.quick else []),
        *(["--thinking"] if options.thinking else []),
        *([f"--break {options.broken}"] if options.broken else []),
    ]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(SEEDS), help="repeat a run")
    parser.add_argument("--conversations", type=int, help="at least so many (200)")
    parser.add_argument("--messages", type=int, help="of contacts, to the bot (2000)")
    parser.add_argument("--seconds", type=float, help="how long contacts write (180)")
    parser.add_argument("--quick", action="store_true", help="a short run with some of everything")
    parser.add_argument("--thinking", action="store_true", help="bots think for 8 s; the worker is stopped and killed")
    parser.add_argument("--break", dest="broken", choices=DEFECTS, help="a short run of a build with this defect")
    parser.add_argument("--prove", nargs="*", metavar="DEFECT", help="are all broken builds (or these) noticed?")
    parser.add_argument("--keep", type=Path, help="an existing directory for the logs of all processes")
    return parser.parse_args(arguments)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
