"""The account on histories made by hand: the good ones pass, and each bad one breaks its promise and no other."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.account import (
    AFTER_HANDOVER,
    DOUBLE,
    FIGURES,
    LEFT_ALONE,
    LEFT_OPEN,
    LOST,
    ORDER,
    account_for,
)
from tests.faults.records import Blow, Call, Heard, History, Notice, Row, Sending, Tenure, marker, marker_in, place_in

ONE, TWO = marker(1, 1), marker(1, 2)
TALK = "0-talk"


def notice(what: str = ONE, at: float = 0.0, **changes: Any) -> Notice:
    kind = "INBOUND_MESSAGE_RECEIVED"
    given = Notice(conversation=TALK, key=what, type=kind, sent_at=at, accepted_at=at + 0.1, marker=what)
    return replace(given, **changes)


def row(what: str = ONE, at: float = 0.0, **changes: Any) -> Row:
    given = Row(
        conversation=TALK,
        source="inbox",
        key=what,
        type="message",
        sent_at=at,
        received_at=at + 0.1,
        outcome="replied",
    )
    return replace(given, **changes)


def call(what: str = ONE, at: float = 1.0, **changes: Any) -> Call:
    return replace(Call(conversation=TALK, at=at, texts=(f"You said: {what}",), processed_at=at), **changes)


def sending(what: str = ONE, *results: str) -> Sending:
    return Sending(conversation=TALK, texts=(f"You said: {what}",), results=results or ("sent",))


def history(**changes: Any) -> History:
    """Two messages, both answered."""
    given = History(
        notices=[notice(ONE, 0.0), notice(TWO, 10.0)],
        rows=[row(ONE, 0.0), row(TWO, 10.0)],
        sendings=[sending(ONE), sending(TWO)],
        calls=[call(ONE, 1.0), call(TWO, 11.0)],
        heard=[Heard(marker=ONE, at=0.5), Heard(marker=TWO, at=10.5)],
        blows=[],
        tenures={TALK: [Tenure(at=0.0, is_ours=True)]},
        left_open={"leases": 0, "wake-ups": 0},
    )
    return replace(given, **changes)


def broken(given: History) -> set[str]:
    return {violation.promise for violation in account_for(given).violations}


KILL = Blow(at=1.5, what="kill worker 1", may_interrupt_calls=True)
HANDOVER = call("", 5.0, texts=("One moment.",), completes=True)
WITH_AGENTS = {TALK: [Tenure(at=0.0, is_ours=True), Tenure(at=5.0, is_ours=False)]}
GIVEN_BACK = {TALK: [*WITH_AGENTS[TALK], Tenure(at=9.0, is_ours=True)]}
RETURNED = history(
    notices=[notice(ONE), notice(TWO, 9.1, ended_inline=True)],
    rows=[row(ONE, outcome="handed_over")],
    calls=[HANDOVER, replace(HANDOVER, at=9.2, processed_at=9.2, is_inline=True)],
    sendings=[Sending(conversation=TALK, texts=HANDOVER.texts, results=("sent",))],
    tenures={TALK: [*GIVEN_BACK[TALK], Tenure(at=9.2, is_ours=False)]},
)
REPEATED = history(
    notices=[notice(ONE), notice(TWO, 9.1, ended_inline=True)],
    calls=[
        replace(HANDOVER, status=0, fault="hang"),
        replace(HANDOVER, at=9.2, processed_at=9.2),
        call(TWO, 9.5, processed_at=None, status=404),
    ],
    sendings=[Sending(conversation=TALK, texts=HANDOVER.texts, results=("unknown", "sent")), sending(TWO)],
    tenures={TALK: [*GIVEN_BACK[TALK], Tenure(at=9.2, is_ours=False)]},
    blows=[Blow(at=5.0, what="restart PostgreSQL", may_interrupt_calls=True)],
)


def test_markers() -> None:
    assert ONE == "c0001m0001"
    assert marker_in(f"You said: twice {ONE}") == ONE
    assert marker_in("Hello!") == ""
    assert place_in(f"Once more: twice {ONE}") == (ONE, 1)
    assert place_in(f"You said: twice {ONE}") == (ONE, 0)


def test_a_good_history() -> None:
    account = account_for(history())
    assert not account.violations
    assert not account.doubtful
    assert not account.unconfirmed
    assert (account.accepted, account.outcomes) == (2, {"replied": 2})
    assert account.waits == [(1.0, ONE), (1.0, TWO)]


GOOD = {
    "not accepted, so a human has it": history(
        notices=[notice(accepted_at=None)], rows=[], calls=[], sendings=[], tenures=WITH_AGENTS
    ),
    "handed over in the answer to the event": history(
        notices=[notice(ended_inline=True)], rows=[], calls=[], sendings=[], tenures=WITH_AGENTS
    ),
    "refused behind a handover in the answer to an event": history(
        notices=[notice(ONE)],
        calls=[replace(HANDOVER, is_inline=True), call(ONE, 8.0, processed_at=None)],
        tenures=WITH_AGENTS,
    ),
    "handed over, given back, and handed over again in the answer to an event": RETURNED,
    "refused behind a handover that was repeated after the return, because its fate was unknown": REPEATED,
    "sent while the handover was on its way": history(
        notices=[notice(ONE), notice(TWO, 6.0)], calls=[call(ONE), HANDOVER], tenures=WITH_AGENTS
    ),
    "the same words in two deliveries": history(
        calls=[call(ONE), call(TWO, 11.0), call("", 2.0, texts=("menu?",)), call("", 3.0, texts=("menu?",))],
        sendings=[Sending(conversation=TALK, texts=("menu?",), results=("sent",))] * 2,
    ),
    "an older message that came late": history(
        notices=[notice(TWO, 0.0), notice(ONE, 9.0)],
        rows=[row(TWO, 5.0, received_at=5.0), row(ONE, 0.0, received_at=9.0)],
        heard=[Heard(marker=TWO, at=5.5), Heard(marker=ONE, at=9.5)],
        calls=[call(TWO, 6.0), call(ONE, 10.0)],
    ),
    "an older message that came while the call of the younger one had to be repeated": history(
        rows=[row(ONE, 0.0), row(TWO, 10.0, attempts=2)],
        heard=[Heard(marker=TWO, at=20.0), Heard(marker=ONE, at=21.0)],
        calls=[call(TWO, 20.5), call(ONE, 21.5)],
    ),
    "words after the conversation was given back": history(
        calls=[call(ONE), HANDOVER, call(TWO, 11.0)], tenures=GIVEN_BACK
    ),
    "the completion again, since nobody knew that it had arrived": history(
        calls=[call(ONE), HANDOVER, replace(HANDOVER, at=6.0, processed_at=None, status=404), call(TWO, 11.0)],
        tenures=GIVEN_BACK,
    ),
    "words after a completion that was never acknowledged": history(
        calls=[call(ONE), replace(HANDOVER, fault="502", status=502), call(TWO, 11.0)], tenures=WITH_AGENTS
    ),
    "a bot that calls back and said nothing to this, but something later": history(
        calls=[call(TWO, 11.0)],
        sendings=[sending(TWO)],
        heard=[Heard(marker=ONE, at=0.5, is_answered=False), Heard(marker=TWO, at=10.5)],
    ),
    "no greeting": history(
        notices=[notice(ONE, type="CONVERSATION_STARTED", marker="", key="s")], rows=[row("s", outcome="silent")]
    ),
    "a word after the delegation": history(
        notices=[notice(ONE, type="CONVERSATION_DELEGATED", marker="", key="d")],
        rows=[row("d")],
        calls=[call("", texts=("I am back",))],
    ),
}

BAD = {
    "accepted without a row": (LOST, history(rows=[row(ONE, 0.0)])),
    "accepted without an outcome": (LOST, history(rows=[row(ONE), row(TWO, outcome=None)])),
    "a bot's words without an outcome": (
        LOST,
        history(rows=[row(ONE), row(TWO, 10.0), row("b", source="bot", outcome=None)]),
    ),
    "twice without a reason": (DOUBLE, history(calls=[call(ONE), call(ONE, 2.0), call(TWO, 11.0)])),
    "twice after a kill, but no try is in doubt": (
        DOUBLE,
        history(calls=[call(ONE), call(ONE, 2.0), call(TWO, 11.0)], blows=[KILL]),
    ),
    "again after a time-out, which must be assumed to have arrived": (
        DOUBLE,
        history(
            calls=[call(ONE, fault="504", status=504), call(ONE, 2.0), call(TWO, 11.0)],
            sendings=[sending(ONE, "unknown", "sent"), sending(TWO)],
        ),
    ),
    "again after a reset, without a try that was written down": (
        DOUBLE,
        history(calls=[call(ONE, fault="reset", status=0), call(ONE, 2.0), call(TWO, 11.0)]),
    ),
    "two turns of one event": (
        DOUBLE,
        history(
            calls=[call(ONE), call(ONE, 2.0), call(TWO, 11.0)], sendings=[sending(ONE), sending(ONE), sending(TWO)]
        ),
    ),
    "thrice, with an excuse for two": (
        DOUBLE,
        history(
            calls=[call(ONE), call(ONE, 2.0), call(ONE, 4.0), call(TWO, 11.0)],
            sendings=[sending(ONE, "unknown", "sent"), sending(TWO)],
            blows=[KILL],
        ),
    ),
    "unmarked words twice": (
        DOUBLE,
        history(
            calls=[call(ONE), call(TWO, 11.0), call("", 2.0, texts=("menu?",)), call("", 3.0, texts=("menu?",))],
            sendings=[Sending(conversation=TALK, texts=("menu?",), results=("sent",))],
        ),
    ),
    "the bot heard the younger message first": (
        ORDER,
        history(
            heard=[Heard(marker=TWO, at=20.0), Heard(marker=ONE, at=21.0)], calls=[call(TWO, 20.5), call(ONE, 21.5)]
        ),
    ),
    "the contact read the later answer first": (ORDER, history(calls=[call(TWO, 11.0), call(ONE, 12.0)])),
    "the contact read the second part first": (
        ORDER,
        history(calls=[call(ONE), call(TWO, 11.0, texts=(f"Once more: {TWO}", f"You said: {TWO}"))]),
    ),
    "words after the handover": (
        AFTER_HANDOVER,
        history(
            calls=[call(ONE), HANDOVER, call("", 8.0, texts=("Still there?",)), call(TWO, 11.0)], tenures=GIVEN_BACK
        ),
    ),
    "words after the handover that the platform refused": (
        AFTER_HANDOVER,
        history(
            notices=[notice(ONE)], calls=[call(ONE), HANDOVER, call(TWO, 8.0, processed_at=None)], tenures=WITH_AGENTS
        ),
    ),
    "words that were read behind a handover in the answer to an event": (
        AFTER_HANDOVER,
        history(
            notices=[notice(ONE)],
            calls=[call(ONE), replace(HANDOVER, is_inline=True), call(TWO, 8.0)],
            tenures=WITH_AGENTS,
        ),
    ),
    "no answer and no human": (LEFT_ALONE, history(calls=[call(ONE)])),
    "an answer that the platform refused": (
        LEFT_ALONE,
        history(calls=[call(ONE), call(TWO, 11.0, processed_at=None)]),
    ),
    "no word after the delegation": (
        LEFT_ALONE,
        history(notices=[notice(ONE, type="CONVERSATION_DELEGATED", marker="", key=ONE)], calls=[], sendings=[]),
    ),
    "a handover that was sent once more after the return": (
        DOUBLE,
        replace(RETURNED, calls=[*RETURNED.calls, replace(HANDOVER, at=9.3, processed_at=9.3)]),
    ),
    "a handover in the answer to an event that was written down, and is sent all the same": (
        DOUBLE,
        replace(RETURNED, rows=[*RETURNED.rows, row(TWO, 9.1, outcome="handed_over")]),
    ),
    "refused behind a handover that was sent once": (
        AFTER_HANDOVER,
        replace(REPEATED, sendings=[Sending(conversation=TALK, texts=HANDOVER.texts, results=("sent",))] * 2),
    ),
    "a lease": (LEFT_OPEN, history(left_open={"leases": 1, "wake-ups": 0})),
}


@pytest.mark.parametrize("given", GOOD.values(), ids=GOOD)
def test_what_breaks_no_promise(given: History) -> None:
    assert not account_for(given).violations


@pytest.mark.parametrize(("promise", "given"), BAD.values(), ids=BAD)
def test_what_breaks_one_promise(promise: str, given: History) -> None:
    assert broken(given) == {promise}


DOUBTFUL = {
    "the inbox had answered 500": history(
        calls=[call(ONE, fault="500", status=500), call(ONE, 2.0), call(TWO, 11.0)],
        sendings=[sending(ONE, "failed", "sent"), sending(TWO)],
    ),
    "kill worker 1": history(
        calls=[call(ONE), call(ONE, 2.0), call(TWO, 11.0)],
        sendings=[sending(ONE, "unknown", "sent"), sending(TWO)],
        blows=[KILL],
    ),
    "the bot was asked again: kill worker 1": history(
        calls=[call(ONE), call(ONE, 2.0), call(TWO, 11.0)],
        sendings=[sending(ONE), sending(ONE), sending(TWO)],
        heard=[
            Heard(marker=ONE, at=1.0, counts_once=False),
            Heard(marker=ONE, at=1.8, counts_once=False),
            Heard(marker=TWO, at=10.5, counts_once=False),
        ],
        blows=[KILL],
    ),
    "the bot sent its answer again": history(
        calls=[call(ONE, texts=(f"You said: {ONE}",) * 2), call(TWO, 11.0)],
        sendings=[Sending(conversation=TALK, texts=(f"You said: {ONE}",) * 2, results=("sent",)), sending(TWO)],
        heard=[
            Heard(marker=ONE, at=1.0, counts_once=False, answer_is_repeated=True),
            Heard(marker=TWO, at=10.5, counts_once=False),
        ],
    ),
    "restart PostgreSQL": history(
        calls=[call(ONE, 40.0), call(ONE, 45.0), call(TWO, 51.0)],
        sendings=[sending(ONE, "unknown", "sent"), sending(TWO)],
        blows=[Blow(at=20.0, what="restart PostgreSQL", may_interrupt_calls=True, ended_at=39.0)],
    ),
}


@pytest.mark.parametrize(("excuse", "given"), DOUBTFUL.items(), ids=DOUBTFUL)
def test_a_double_that_can_be_forgiven_is_listed_with_its_reason(excuse: str, given: History) -> None:
    account = account_for(given)
    assert not account.violations
    assert [line.rpartition(f"“You said: {ONE}”: ")[2] for line in account.doubtful] == [excuse]


def test_a_bot_that_counts_a_question_once_has_no_excuse() -> None:
    given = DOUBTFUL["the bot was asked again: kill worker 1"]
    assert broken(replace(given, heard=[replace(heard, counts_once=True) for heard in given.heard])) == {DOUBLE}


def test_words_that_met_silence_and_never_came_are_listed() -> None:
    account = account_for(
        history(
            calls=[call(ONE), call(TWO, 11.0, fault="reset", status=0, processed_at=None)],
            sendings=[sending(ONE), sending(TWO, "unknown")],
        )
    )
    assert not account.violations
    assert [TWO in line for line in account.unconfirmed] == [True]


def test_so_are_those_to_which_the_bot_said_nothing_when_its_next_words_met_silence() -> None:
    account = account_for(
        history(
            calls=[call(TWO, 11.0, fault="504", status=504, processed_at=None)],
            sendings=[sending(TWO, "unknown")],
            heard=[Heard(marker=ONE, at=0.5, is_answered=False), Heard(marker=TWO, at=10.5)],
        )
    )
    assert not account.violations
    assert len(account.unconfirmed) == 2


def test_how_long_people_wait_counts_the_human_too() -> None:
    account = account_for(
        history(calls=[call(ONE)], tenures={TALK: [*WITH_AGENTS[TALK][:1], Tenure(at=14.0, is_ours=False)]})
    )
    assert [wait_s for wait_s, _ in account.waits] == [1.0, 4.0]


@pytest.mark.parametrize(
    ("moments", "is_broken"),
    [
        ([0.0, 0.1, 0.2, 20.0, 20.1, 20.2, 40.0, 40.1, 40.2], False),
        ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 30.0, 30.1, 30.2], False),
        ([place + part for place in range(0, 100, 5) for part in (0.0, 0.1, 0.2)], True),
        ([0.0] * 13, True),
    ],
)
def test_figures_cost_an_account_no_more_than_was_promised(moments: list[float], is_broken: bool) -> None:
    account = account_for(replace(history(), figures={"one": moments}))
    assert (bool(account.of(FIGURES)), account.figures) == (is_broken, len(moments))
