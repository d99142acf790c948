"""What a person reads at the end of a run."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults import report
from tests.faults.__main__ import arguments_of, parse, plan_of
from tests.faults.account import account_for
from tests.faults.broken import DEFECTS, put_in
from tests.faults.prove import PROOFS
from tests.faults.records import History
from tests.faults.run import Result
from tests.faults.test_account import BAD, KILL, ONE, TALK, call, history, row


def result(**changes: Any) -> Result:
    records = history(**changes)
    return Result(history=records, account=account_for(records), schedule=[], fallen=[], drained_s=3.0)


def test_a_good_run_is_good() -> None:
    good = result()
    assert report.is_good(good)
    told = list(report.lines(good))
    assert told[0] == "1 conversations, 2 messages of contacts, at rest after 3 s"
    assert "answer or human after  p50 1.0 s, p95 1.0 s, max 1.0 s" in told
    assert not any("VIOLATION" in line for line in told)


@pytest.mark.parametrize(("promise", "records"), BAD.values(), ids=BAD)
def test_a_broken_promise_is_named_with_the_story_of_its_conversation(promise: str, records: History) -> None:
    bad = Result(history=records, account=account_for(records), schedule=[], fallen=[], drained_s=3.0)
    assert not report.is_good(bad)
    told = list(report.lines(bad))
    assert any(line.startswith(f"VIOLATION {promise}: ") for line in told)
    assert "\n".join(report.stories(bad))


def test_only_the_first_violations_of_a_kind_are_listed() -> None:
    rows = [replace(row(f"b{number}"), source="bot", outcome=None) for number in range(25)]
    told = list(report.lines(result(rows=[*history().rows, *rows])))
    assert sum(line.startswith("VIOLATION lost: ") for line in told) == report.SHOWN + 1
    assert "VIOLATION lost: … and 15 more" in told


def test_a_story_has_all_sides_and_the_blows() -> None:
    told = report.story(history(blows=[replace(KILL, what="1.5 s  kill worker 1")]), TALK)
    assert told[0] == "   0.00 s  conversation is with the bot"
    for part in (
        "platform sends",
        "bridge accepts",
        "bridge stores",
        "bot hears c0001m0001",
        "inbox gets",
        "(kill wor",
    ):
        assert any(part in line for line in told), part


@pytest.mark.parametrize("changes", [{"fallen": ["worker 1 ended by itself"]}, {"drained_s": None}])
def test_a_process_that_fell_or_a_bridge_that_never_rests_is_no_good_run(changes: dict[str, Any]) -> None:
    assert not report.is_good(replace(result(), **changes))


def test_the_longest_waits_are_named() -> None:
    told = list(report.lines(result(calls=[call(ONE, 70.0), *history().calls[1:]])))
    assert f"  70.0 s {ONE}" in told


def test_how_to_repeat_a_run() -> None:
    options = parse(["--seed", "7", "--messages", "50", "--quick"])
    assert arguments_of(options) == ["--seed 7", "--messages 50", "--quick"]
    assert (plan_of(options).seed, plan_of(options).messages) == (7, 50)
    assert arguments_of(parse(["--seed", "7", "--break", "never-mend-it"])) == ["--seed 7", "--break never-mend-it"]


def test_each_defect_has_its_proof() -> None:
    assert [proof.defect for proof in PROOFS] == list(DEFECTS)


def test_a_defect_in_a_function_that_is_gone_would_be_none() -> None:
    with pytest.raises(AttributeError):
        put_in("tests.faults.broken", "no_such_function", lambda true: true)
