"""The account of a run, from its records alone: what was promised, and where it was broken."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.records import Blow, Call, Heard, History, Notice, Row, Sending, marker_in, place_in

FAILURES = ("500", "502", "reset")
"""The platform says that the call failed, or closes a kept connection: usually nothing was done. Trying again is right
then, and doubles when it isn't so. But the bridge has to know what it does: the try is written down as `failed`."""
SILENCES = ("504", "reset", "hang")
"""The platform doesn't say what became of the call: assumed to have arrived. If it hasn't, the platform's own timer
brings a human, in minutes that no run waits for."""
FAILED, UNKNOWN = "failed", "unknown"
"""What the bridge writes about a try that may have been done all the same."""
CLAIM_S = 3.0
"""Between the moment when a worker looks what is waiting and the bot's hearing of it. An older message that comes
later than that look is a late one, and is answered by itself."""
BLOW_S = 1.0
"""A request that left before its process was killed can arrive this much later."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and in which conversation."""

    promise: str
    conversation: str
    what: str


@dataclass(frozen=True, slots=True)
class Account:
    accepted: int
    outcomes: Counter[str]
    doubtful: Sequence[str]
    """Words that came twice, each with the reason why that is forgiven."""
    unconfirmed: Sequence[str]
    """Words that never came, although the bridge assumes so."""
    waits_s: Sequence[float]
    violations: Sequence[Violation]

    def of(self, promise: str) -> list[Violation]:
        return [violation for violation in self.violations if violation.promise == promise]


LOST, DOUBLE, ORDER = "lost", "double replies", "order"
AFTER_HANDOVER, LEFT_ALONE, LEFT_OPEN = "said after handover", "left alone", "left open"
PROMISES = (LOST, DOUBLE, ORDER, AFTER_HANDOVER, LEFT_ALONE, LEFT_OPEN)


def account_for(history: History) -> Account:
    doubles = list(find_doubles(history))
    violations = [
        *find_lost(history),
        *(Violation(DOUBLE, double.conversation, double.what) for double in doubles if not double.excuse),
        *find_bot_disorder(history),
        *find_contact_disorder(history),
        *find_words_after_handover(history),
        *find_left_alone(history),
        *(Violation(LEFT_OPEN, "", f"{count} {what}") for what, count in history.left_open.items() if count),
    ]
    return Account(
        accepted=sum(notice.accepted_at is not None for notice in history.notices),
        outcomes=count_outcomes(history),
        doubtful=[f"{double.conversation}: {double.what}: {double.excuse}" for double in doubles if double.excuse],
        unconfirmed=[what for _, what in find_unconfirmed(history)],
        waits_s=sorted(wait_s for _, wait_s in waits(history) if wait_s is not None),
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


# --- once -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Double:
    """Words that reached a contact twice; with an excuse they are doubtful, without one the bridge is wrong."""

    conversation: str
    what: str
    excuse: str


def find_doubles(history: History) -> Iterator[Double]:
    """Words that were processed more often than they were written down to be sent."""
    copies: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in _processed(history.calls):
        for text in call.texts:
            copies[call.conversation, text].append(call)
    sendings: dict[tuple[str, str], list[Sending]] = defaultdict(list)
    for sending in history.sendings:
        for text in sending.texts:
            sendings[sending.conversation, text].append(sending)
    for (conversation, text), calls in copies.items():
        planned = sendings[conversation, text]
        meant = 1 if marker_in(text) else max(1, len(planned))
        if extra := max(0, len(calls) - meant):
            what = f"{len(calls)} × “{text}”"
            yield Double(conversation, what, _excuse(history, text, calls, planned, extra))


def _excuse(history: History, text: str, copies: Sequence[Call], planned: Sequence[Sending], extra: int) -> str:
    """Why the words came twice, if that can be forgiven: somebody else said or did something that leaves doubt."""
    if marker_in(text) and len(planned) > 1:
        return _excuse_of_bot(history, marker_in(text))
    results = {result for sending in planned for result in sending.results}
    by_arrival = sorted(copies, key=lambda call: call.at)
    blows = [blow for blow in history.blows if blow.may_interrupt_calls] if UNKNOWN in results else []
    reasons = []
    for first, second in pairwise(by_arrival):
        blow = _blow_between(blows, first.at - BLOW_S, second.at)
        if FAILED in results and first.fault in FAILURES:
            reasons.append(f"the inbox had answered {first.fault}")
        elif blow is not None:
            reasons.append(blow.what)
            blows.remove(blow)  # it cut off this call, and no other of the same words
    return " and ".join(reasons[:extra]) if len(reasons) >= extra else ""


def _excuse_of_bot(history: History, marker: str) -> str:
    """A bot that doesn't know a repeated question answers it again."""
    heard = sorted((each for each in history.heard if each.marker == marker), key=lambda each: each.at)
    if len(heard) < 2 or heard[0].counts_once:
        return ""
    blows = [blow for blow in history.blows if blow.may_interrupt_calls]
    blow = _blow_between(blows, heard[0].at - BLOW_S, heard[-1].at)
    return f"the bot was asked again: {blow.what}" if blow else ""


def _blow_between(blows: Sequence[Blow], since: float, until: float) -> Blow | None:
    """A blow that may have cut off a call between two moments."""
    return next((blow for blow in blows if since <= blow.at <= until), None)


# --- in order -------------------------------------------------------------------------------------------------------


def find_bot_disorder(history: History) -> Iterator[Violation]:
    """The bot heard a younger message before an older one that was waiting already."""
    rows = {row.key: row for row in history.rows if row.source == "inbox"}
    first_heard = _first_heard(history.heard)
    told: dict[str, list[tuple[float, str, Row]]] = defaultdict(list)
    for notice in history.notices:
        if notice.key in rows and notice.marker in first_heard:
            told[notice.conversation].append((first_heard[notice.marker], notice.marker, rows[notice.key]))
    for conversation, heard in told.items():
        for (at, younger, row), (_, older, late) in pairwise(sorted(heard, key=lambda each: each[0])):
            if late.sent_at < row.sent_at and late.received_at < at - CLAIM_S:
                yield Violation(ORDER, conversation, f"the bot heard {younger} before {older}")


def find_contact_disorder(history: History) -> Iterator[Violation]:
    """The contact got the first copies of answers in another order than the bot heard the questions."""
    first_heard = _first_heard(history.heard)
    said: dict[str, dict[tuple[float, int], str]] = defaultdict(dict)
    for call in _processed(history.calls):
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

    Also words that the platform refused: that it protects the contact from us is no merit of ours.
    """
    by_conversation: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        by_conversation[call.conversation].append(call)
    for conversation, calls in by_conversation.items():
        spans = list(_spans_after_handover(history, conversation, calls))
        for call in calls:
            is_over = any(ended_at < call.at < given_back_at for ended_at, given_back_at in spans)
            if is_over and call.texts and not call.completes:
                heard = "the contact read" if call.processed_at else "the platform refused"
                yield Violation(AFTER_HANDOVER, conversation, f"{heard} “{call.texts[0]}”")


def _spans_after_handover(history: History, conversation: str, calls: Sequence[Call]) -> Iterator[tuple[float, float]]:
    starts = [start for start, _ in history.stints(conversation)]
    for call in calls:
        if call.completes and call.is_acknowledged and call.processed_at is not None:
            ended_at = call.processed_at
            yield ended_at, min((start for start in starts if start > ended_at), default=float("inf"))


# --- never left alone -----------------------------------------------------------------------------------------------


def find_left_alone(history: History) -> Iterator[Violation]:
    """Contacts whose message got neither an answer nor a human, and agents whose delegation got no word."""
    unconfirmed = {marker for marker, _ in find_unconfirmed(history)}
    for notice, wait_s in waits(history):
        if wait_s is None and notice.marker not in unconfirmed:
            yield Violation(LEFT_ALONE, notice.conversation, f"{notice.marker or notice.type} was left alone")


def find_unconfirmed(history: History) -> Iterator[tuple[str, str]]:
    """Answers that left, met silence, and weren't processed: the bridge assumes them sent and shows its doubt."""
    calls: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        for each in {marker_in(text) for text in call.texts} - {""}:
            calls[each].append(call)
    for sending in history.sendings:
        for each in {marker_in(text) for text in sending.texts} - {""}:
            met = calls[each]
            is_in_doubt = UNKNOWN in sending.results and any(call.fault in SILENCES for call in met)
            if is_in_doubt and not any(call.processed_at for call in met):
                yield each, f"{sending.conversation}: the answer to {each} met silence and never arrived"


def waits(history: History) -> Iterator[tuple[Notice, float | None]]:
    """How long each message waited for its answer or a human; None: for ever.

    When a bot has nothing to say to a message, any later word of it will do: nobody can tell what it answers.
    """
    answered: dict[str, float] = {}
    spoken: dict[str, list[float]] = defaultdict(list)
    for call, at in _processed_with_time(history.calls):
        spoken[call.conversation] += [at] * bool(call.texts)
        for text in call.texts:
            answered.setdefault(marker_in(text), at)
    needs_no_answer = {heard.marker for heard in history.heard if not heard.is_answered} | {""}
    for notice in history.notices:
        if notice.type == "CONVERSATION_STARTED":
            continue  # a greeting is a courtesy
        ends = [end for _, end in history.stints(notice.conversation) if end > notice.sent_at]
        ends += [answered[notice.marker]] if notice.marker and notice.marker in answered else []
        if notice.marker in needs_no_answer:
            ends += [at for at in spoken[notice.conversation] if at > notice.sent_at]
        first = min(ends, default=float("inf"))
        yield notice, first - notice.sent_at if first < float("inf") else None


def _processed(calls: Sequence[Call]) -> list[Call]:
    return [call for call, _ in _processed_with_time(calls)]


def _processed_with_time(calls: Sequence[Call]) -> list[tuple[Call, float]]:
    """What reached the contact, in this order."""
    done = [(call, call.processed_at) for call in calls if call.processed_at is not None]
    return sorted(done, key=lambda each: each[1])
