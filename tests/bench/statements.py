"""SQL statements and transactions for an event and for a turn, as PostgreSQL sees them: from its log."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.crews import Crew, raise_crews, run
from tests.bench.drives import Pace
from tests.bench.ground import Ground
from tests.bench.measure import Goal, show
from tests.bench.stage import Stage
from tests.bench.table import Section

PER_S = 25.0
CONVERSATIONS = 5
"""And as many accounts: what is done for each account now and then must not weigh more than in real life."""
WEB_GOAL = 2.0
SHOWN = 0.05
"""Statements that are rarer than this a turn are upkeep."""
PREFIX = "%d|%a|%p|"
_LINE = re.compile(
    r"(?P<database>[^|]*)\|(?P<program>[^|]*)\|(?P<pid>\d+)\|LOG:  (?:statement|execute [^:]*): ?(?P<text>.*)"
)
_BOUNDS = re.compile(r"(BEGIN|COMMIT|ROLLBACK)\b")
_VALUE = re.compile(r"'(?:[^']|'')*'(?:::\w+)?|\$\d+|\b\d+\b")
REMARK = (
    f"From PostgreSQL's log, at {PER_S:.0f} turns a second, all upkeep of the processes included. *Round trips* "
    "counts BEGIN, COMMIT and the pool's checks of its connections too. A transaction is what is committed as one; a "
    "statement outside of them is one by itself."
)


@dataclass(slots=True)
class Counts:
    """Of the processes of one kind: web, worker, guard."""

    statements: int = 0
    others: int = 0
    """Round trips that ask for nothing: BEGIN, COMMIT, ROLLBACK, and the empty ones by which a pool checks."""
    transactions: int = 0
    texts: Counter[str] = field(default_factory=Counter)


def count_statements(lines: Iterable[str], database: str) -> dict[str, Counts]:
    """What the processes did in a database, by their kind."""
    found: dict[str, Counts] = defaultdict(Counts)
    inside: set[str] = set()
    for program, pid, text in _statements(lines, database):
        counts = found[program.split(" ")[0]]
        bound = _BOUNDS.match(text)
        if bound is None and text.strip():
            counts.statements += 1
            counts.transactions += pid not in inside
            counts.texts[_outline(text)] += 1
            continue
        counts.others += 1
        if bound and bound[1] == "BEGIN":
            inside.add(pid)
        elif bound:
            counts.transactions += pid in inside
            inside.discard(pid)
    return dict(found)


def _statements(lines: Iterable[str], database: str) -> Iterator[tuple[str, str, str]]:
    """Program, process and text of each; a text of several lines goes on behind tabs."""
    current: list[str] = []
    for line in lines:
        if line.startswith("\t"):
            if current:
                current[2] += " " + line.strip()
            continue
        if current:
            yield current[0], current[1], current[2]
            current = []
        match = _LINE.match(line)
        if match and match["database"] == database:
            current = [match["program"], match["pid"], match["text"]]
    if current:
        yield current[0], current[1], current[2]


def _outline(text: str) -> str:
    """The statement without its values."""
    return " ".join(_VALUE.sub("?", text).split())


@contextmanager
def logged(ground: Ground) -> Iterator[list[str]]:
    """The lines that PostgreSQL logs meanwhile; they are there when the context has ended."""
    lines: list[str] = []
    start = ground.postgres.log.stat().st_size
    _set(ground, log_line_prefix=PREFIX, log_statement="all")
    try:
        yield lines
    finally:
        _set(ground, log_line_prefix=None, log_statement=None)
        with ground.postgres.log.open("rb") as log:
            log.seek(start)
            lines += log.read().decode(errors="replace").splitlines()


def _set(ground: Ground, **settings: str | None) -> None:
    for name, value in settings.items():
        ground.ask(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
    ground.ask("SELECT pg_reload_conf()")
    ground.ask("SELECT pg_sleep(0.2)")  # seconds, so that every session has noticed


def measure(stage: Stage) -> Section:
    header = ("build", "process", "statements", "round trips", "transactions")
    section = Section(title="Statements", remark=REMARK, header=header)
    crews = raise_crews(stage, section)
    for crew in (crews["naive"], crews["product"]):
        _measure(stage, section, crew)
    return section


def _measure(stage: Stage, section: Section, crew: Crew) -> None:
    run(stage, section, crew, crew.drive(CONVERSATIONS, Pace.BURST, burst=1))  # nothing is left of earlier loads
    with logged(stage.ground) as lines:
        drive = crew.drive(CONVERSATIONS, Pace.OPEN, seconds=stage.plan.counted_s, per_s=PER_S)
        heard = run(stage, section, crew, drive, to_its_end=True)
    found = count_statements(lines, crew.build.database_url.rpartition("/")[2].partition("?")[0])
    for program, counts in sorted(found.items(), key=lambda item: item[0] != "web"):
        figures = counts.statements, counts.statements + counts.others, counts.transactions
        unit = "web, an event" if program == "web" else f"{program}, a turn"
        section.rows.append((crew.name, unit, *(show(figure / heard.turns) for figure in figures)))
        section.details += _listed(f"{crew.name}, {program}", counts.texts, heard.turns)
    if crew.is_ours and "web" in found:
        reached = round(found["web"].statements / heard.turns, 1)
        section.goals.append(Goal(what="statements an event at the door", reached=reached, most=WEB_GOAL))


def _listed(who: str, texts: Mapping[str, int], turns: int) -> Iterator[str]:
    yield f"{who}:"
    for text, count in sorted(texts.items(), key=lambda item: -item[1]):
        if count / turns >= SHOWN:
            yield f"  {count / turns:5.2f}  {text[:160]}"
