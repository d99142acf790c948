"""Words that reached a contact twice, and why that may be forgiven."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.faults.records import FAILED, UNKNOWN, Blow, Call, History, Sending, marker_in

FAILURES = ("500", "502", "reset")
"""The platform says that the call failed, or resets a kept connection: usually nothing was done. Trying again is right
then, and doubles when it isn't so. But the bridge has to know what it does: the try is written down as `failed`."""
BLOW_S = 5.0
"""A request that left before its process was killed can arrive this much later on a busy machine."""


@dataclass(frozen=True, slots=True)
class Double:
    """Words that reached a contact twice; with an excuse they are doubtful, without one the bridge is wrong."""

    conversation: str
    what: str
    excuse: str


def find_doubles(history: History) -> Iterator[Double]:
    """Words that were processed more often than they were written down to be sent.

    A handover in the answer to an event, while nobody could write it down, is none: each ends a stint of its own.
    """
    written = {row.key for row in history.rows if row.outcome in ("replied", "handed_over")}
    unwritten = Counter(
        notice.conversation for notice in history.notices if notice.ended_inline and notice.key not in written
    )
    copies: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in history.processed():
        for text in call.texts:
            copies[call.conversation, text].append(call)
    sendings: dict[tuple[str, str], list[Sending]] = defaultdict(list)
    for sending in history.sendings:
        for text in sending.texts:
            sendings[sending.conversation, text].append(sending)
    for (conversation, text), calls in copies.items():
        planned = sendings[conversation, text]
        meant = 1 if marker_in(text) else max(1, len(planned))
        inline = sum(call.is_inline and call.completes for call in calls)
        if extra := max(0, len(calls) - meant - min(inline, unwritten[conversation])):
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
    if any(each.answer_is_repeated for each in heard):
        return "the bot sent its answer again"
    if len(heard) < 2 or heard[0].counts_once:
        return ""
    blows = [blow for blow in history.blows if blow.may_interrupt_calls]
    blow = _blow_between(blows, heard[0].at - BLOW_S, heard[-1].at)
    return f"the bot was asked again: {blow.what}" if blow else ""


def _blow_between(blows: Sequence[Blow], since: float, until: float) -> Blow | None:
    """A blow that may have cut off a call between two moments."""
    return next((blow for blow in blows if blow.hits(since, until)), None)
