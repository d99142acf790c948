"""The account of a run, from its records alone: what was promised, and where it was broken."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.doubles import find_doubles
from tests.faults.records import Call, Heard, History, Notice, Row, place_in
from tests.faults.waiting import waits

CLAIM_S = 3.0
"""Between the moment when a worker looks what is waiting and the bot's hearing of it. An older message that comes
later than that look is a late one, and is answered by itself."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and in which conversation."""

    promise: str
    conversation: str
    what: str


@dataclass(frozen=True, slots=True)
class Account:
    figures: int
    """Calls for figures of a queue."""
    accepted: int
    outcomes: Counter[str]
    doubtful: Sequence[str]
    """Words that came twice, each with the reason why that is forgiven."""
    unconfirmed: Sequence[str]
    """Messages whose answer never came, although the bridge assumes so."""
    waits: Sequence[tuple[float, str]]
    """How long each message waited, in seconds, the longest last."""
    violations: Sequence[Violation]

    def of(self, promise: str) -> list[Violation]:
        return [violation for violation in self.violations if violation.promise == promise]


LOST, DOUBLE, ORDER = "lost", "double replies", "order"
AFTER_HANDOVER, LEFT_ALONE, LEFT_OPEN = "said after handover", "left alone", "left open"
FIGURES = "too many figures"
PROMISES = (LOST, DOUBLE, ORDER, AFTER_HANDOVER, LEFT_ALONE, LEFT_OPEN, FIGURES)
MAX_FIGURES_RATE, LOOK = 0.2, 6
"""Calls a second for the figures of an account's queue, and those of one look, each tried again with a new token."""


def account_for(history: History) -> Account:
    doubles, all_waits = list(find_doubles(history)), list(waits(history))
    violations = [
        *find_lost(history),
        *(Violation(DOUBLE, double.conversation, double.what) for double in doubles if not double.excuse),
        *find_bot_disorder(history),
        *find_contact_disorder(history),
        *find_words_after_handover(history),
        *(
            Violation(LEFT_ALONE, wait.notice.conversation, f"{wait.name} was left alone")
            for wait in all_waits
            if wait.seconds is None and not wait.is_doubtful
        ),
        *(Violation(LEFT_OPEN, "", f"{count} {what}") for what, count in history.left_open.items() if count),
        *find_too_many_figures(history),
    ]
    return Account(
        figures=sum(map(len, history.figures.values())),
        accepted=sum(notice.accepted_at is not None for notice in history.notices),
        outcomes=count_outcomes(history),
        doubtful=[f"{double.conversation}: {double.what}: {double.excuse}" for double in doubles if double.excuse],
        unconfirmed=[f"{wait.notice.conversation}: {wait.name}" for wait in all_waits if wait.is_doubtful],
        waits=sorted((wait.seconds, wait.name) for wait in all_waits if wait.seconds is not None),
        violations=violations,
    )


# --- accepted means kept --------------------------------------------------------------------------------------------


def count_outcomes(history: History) -> Counter[str]:
    """How the accepted events ended."""
    by_key = {row.key: row for row in history.rows if row.source == "inbox"}
    return Counter(
        _outcome(notice, by_key.get(notice.key)) for notice in history.notices if notice.accepted_at is not None
    )


def _outcome(notice: Notice, row: Row | None) -> str:
    if row is not None and row.outcome is not None:
        return row.outcome
    if notice.ended_inline:
        return "handed over inline"
    return "lost: no row" if row is None else "lost: no outcome"


def find_lost(history: History) -> Iterator[Violation]:
    """Accepted without a row or without an end; and whatever else the bridge began and didn't end."""
    by_key = {row.key: row for row in history.rows if row.source == "inbox"}
    for notice in history.notices:
        outcome = _outcome(notice, by_key.get(notice.key))
        if notice.accepted_at is not None and outcome.startswith("lost"):
            yield Violation(LOST, notice.conversation, f"{notice.type} {notice.marker or notice.key}: {outcome}")
    for row in history.rows:
        if row.outcome is None and row.source != "inbox":
            yield Violation(LOST, row.conversation, f"{row.type} of the {row.source} has no outcome")


# --- no more calls than were promised -------------------------------------------------------------------------------


def find_too_many_figures(history: History) -> Iterator[Violation]:
    """More within some span than the rate allows, and a look at either end of it: one that was cut off costs nothing
    afterwards."""
    for account, moments in history.figures.items():
        for first, began_at in enumerate(moments):
            for count, at in enumerate(moments[first:], start=1):
                if count > 2 * LOOK + MAX_FIGURES_RATE * (at - began_at):
                    yield Violation(FIGURES, "", f"{count} in {at - began_at:.1f} s for {account}")
                    return


# --- in order -------------------------------------------------------------------------------------------------------


def find_bot_disorder(history: History) -> Iterator[Violation]:
    """The bot heard a younger message before an older one that was waiting already.

    A call that was begun goes on after a crash before all others, so of a repeated one nobody knows since when.
    """
    rows = {row.key: row for row in history.rows if row.source == "inbox"}
    first_heard = _first_heard(history.heard)
    told: dict[str, list[tuple[float, str, Row]]] = defaultdict(list)
    for notice in history.notices:
        if notice.key in rows and notice.marker in first_heard:
            told[notice.conversation].append((first_heard[notice.marker], notice.marker, rows[notice.key]))
    for conversation, heard in told.items():
        for (at, younger, row), (_, older, late) in pairwise(sorted(heard, key=lambda each: each[0])):
            if row.attempts == 1 and late.sent_at < row.sent_at and late.received_at < at - CLAIM_S:
                yield Violation(ORDER, conversation, f"the bot heard {younger} before {older}")


def find_contact_disorder(history: History) -> Iterator[Violation]:
    """The contact got the first copies of answers in another order than the bot heard the questions."""
    first_heard = _first_heard(history.heard)
    said: dict[str, dict[tuple[float, int], str]] = defaultdict(dict)
    for call in history.processed():
        for text in call.texts:
            marker, part = place_in(text)
            if marker in first_heard:
                said[call.conversation].setdefault((first_heard[marker], part), text)
    for conversation, places in said.items():
        for (earlier, text), (later, next_text) in pairwise(places.items()):
            if later < earlier:
                yield Violation(ORDER, conversation, f"the contact read “{text}” before “{next_text}”")


def _first_heard(heard: Sequence[Heard]) -> dict[str, float]:
    first: dict[str, float] = {}
    for each in sorted(heard, key=lambda each: each.at):
        first.setdefault(each.marker, each.at)
    return first


# --- not after the handover -----------------------------------------------------------------------------------------


def find_words_after_handover(history: History) -> Iterator[Violation]:
    """Words after a completion that we know arrived, before the conversation was given to the bot again.

    Also words that the platform refused: that it protects the contact from us is no merit of ours. But not those
    behind a handover in the answer to an event: while PostgreSQL is away it can't be written down, and what had been
    stored before finds out by that refusal. Nor behind a handover that was repeated because its fate was unknown, and
    had been done: which of the two the agents' return belongs to only that refusal tells.
    """
    by_conversation: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        by_conversation[call.conversation].append(call)
    for conversation, calls in by_conversation.items():
        spans = list(_spans_after_handover(history, conversation, calls))
        for call in calls:
            is_over = any(
                ended_at < call.at < given_back_at and (_was_read_before(call, given_back_at) or not is_unsure)
                for ended_at, given_back_at, is_unsure in spans
            )
            if is_over and call.texts and not call.completes:
                heard = "the contact read" if call.processed_at else "the platform refused"
                yield Violation(AFTER_HANDOVER, conversation, f"{heard} “{call.texts[0]}”")


def _was_read_before(call: Call, moment: float) -> bool:
    """A slow platform may take words only once the conversation is the bot's again."""
    return call.processed_at is not None and call.processed_at < moment


def _spans_after_handover(
    history: History, conversation: str, calls: Sequence[Call]
) -> Iterator[tuple[float, float, bool]]:
    """From when till when, and whether the bridge may not know of it."""
    sendings = (sending for sending in history.sendings if sending.conversation == conversation)
    repeated = {sending.texts for sending in sendings if len(sending.results) > 1}
    handed_over: set[tuple[str, ...]] = set()
    starts = [start for start, _ in history.stints(conversation)]
    for call in sorted(calls, key=lambda call: call.at):
        if not call.completes or call.processed_at is None:
            continue
        ended_at = call.processed_at
        if call.is_acknowledged:
            given_back_at = min((start for start in starts if start > ended_at), default=float("inf"))
            yield ended_at, given_back_at, call.is_inline or call.texts in handed_over & repeated
        handed_over.add(call.texts)
