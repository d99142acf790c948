"""The parts that only compute."""

import math
from functools import partial
from typing import Any, cast

import pytest

from tests.bench.__main__ import _measured
from tests.bench.events import Post, marked, read_mark
from tests.bench.measure import Goal, Samples, interleave, quantile, show
from tests.bench.order import count_doubles, count_lost, count_swaps
from tests.bench.statements import count_statements
from tests.bench.table import Section
from tests.bench.wire import answer, take_message


def test_cases_take_turns() -> None:
    ran: list[str] = []

    def case(name: str) -> float:
        ran.append(name)
        return float(len(ran))

    found = interleave({name: partial(case, name) for name in ("floor", "product")}, rounds=2)
    assert ran == ["floor", "product", "floor", "product"]
    assert found == {"floor": Samples((1.0, 3.0)), "product": Samples((2.0, 4.0))}
    assert (found["floor"].median, found["floor"].spread) == (2.0, "1.00–3.00")


@pytest.mark.parametrize(
    ("goal", "is_reached"),
    [
        (Goal(what="a", reached=0.6, least=0.6), True),
        (Goal(what="a", reached=0.59, least=0.6), False),
        (Goal(what="a", reached=1.0, most=1.0), True),
        (Goal(what="a", reached=1.01, most=1.0), False),
        (Goal(what="a", reached=math.nan, most=1.0), False),
    ],
)
def test_a_goal_says_whether_it_was_reached(goal: Goal, *, is_reached: bool) -> None:
    assert goal.is_reached is is_reached
    assert ("missed" in str(goal)) is not is_reached


def test_quantiles_are_values_that_occurred() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert math.isnan(quantile([], 0.5))


def test_figures_are_shown_with_three_digits() -> None:
    assert [show(value) for value in (0.123, 1.234, 12.34, 1234.5, math.nan)] == ["0.12", "1.23", "12.3", "1,234", "–"]


def test_a_section_is_a_table_with_its_goals_and_faults() -> None:
    section = Section(title="Speed", header=("build", "per second"), rows=[("floor", "10")], faults=["lost"])
    section.goals.append(Goal(what="ratio", reached=2.0, least=1.0))
    assert list(section.lines()) == [
        "## Speed",
        "",
        "| build | per second |",
        "|-------|------------|",
        "| floor |         10 |",
        "",
        "- ratio: goal ≥ 1.00, reached 2.00",
        "- **WRONG**: lost",
        "",
    ]


def test_swapped_doubled_and_lost_answers_are_counted() -> None:
    heard = [4, 6, 5, 7, 7]
    assert (count_swaps(heard), count_doubles(heard), count_lost(heard, said=9, first=4)) == (1, 1, 2)
    assert (count_swaps([1, 2, 3]), count_doubles([1, 2, 3]), count_lost([1, 2, 3], said=3)) == (0, 0, 0)


def test_messages_are_taken_whole_and_one_by_one() -> None:
    both = answer(b"one") + answer(b"two")
    assert take_message(both[:40]) is None
    first = take_message(both)
    assert first is not None
    assert (first.status, first.body) == (200, b"one")
    second = take_message(first.rest)
    assert second is not None
    assert (second.body, second.rest) == (b"two", b"")


def test_events_are_distinct_and_carry_their_mark() -> None:
    post = Post(seed="1")
    first, second = post.message("/door/", "0-crowd-000001", 7), post.message("/door/", "0-crowd-000001", 7)
    assert first != second
    message = take_message(first)
    assert message is not None
    assert (message.path, message.rest) == (b"/door/", b"")
    assert read_mark(message.body) == ("0-crowd-000001", 7)
    assert read_mark(marked("0-crowd-000002", 12).encode()) == ("0-crowd-000002", 12)


LOG = """\
bench|web|10|LOG:  statement: SELECT 1 FROM channel WHERE name = 'it''s'
bench|worker 1|11|LOG:  statement: BEGIN
bench|worker 1|11|LOG:  execute _pg3_0: UPDATE conversation
\tSET fence = $1
\tWHERE id = $2
bench|worker 1|11|DETAIL:  parameters: $1 = '1', $2 = '2'
bench|worker 2|12|LOG:  statement: SELECT 2
bench|worker 1|11|LOG:  execute <unnamed>: SELECT 3
bench|worker 1|11|LOG:  statement: COMMIT
bench|worker 2|12|LOG:  statement:
other|web|13|LOG:  statement: SELECT 4
|| |LOG:  checkpoint starting
"""


def test_statements_are_counted_by_process_and_transaction() -> None:
    found = count_statements(LOG.splitlines(), "bench")
    assert set(found) == {"web", "worker"}
    web, worker = found["web"], found["worker"]
    assert (web.statements, web.others, web.transactions) == (1, 0, 1)
    assert (worker.statements, worker.others, worker.transactions) == (3, 3, 2)
    assert dict(web.texts) == {"SELECT ? FROM channel WHERE name = ?": 1}
    assert dict(worker.texts) == {"UPDATE conversation SET fence = ? WHERE id = ?": 1, "SELECT ?": 2}


def test_a_part_that_fails_loses_no_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Any) -> Section:
        raise AssertionError("an answer of 500")

    parts = {"ingress": lambda _: Section(title="Ingress"), "pages": fail, "start": lambda _: Section(title="Start")}
    monkeypatch.setattr("tests.bench.__main__.PARTS", parts)
    sections = list(_measured(cast(Any, None), list(parts)))
    assert [section.title for section in sections] == ["Ingress", "Pages", "Start"]
    assert [section.faults for section in sections][1] == ["it ended with AssertionError: an answer of 500"]
    assert "an answer of 500" in "\n".join(sections[1].lines())
