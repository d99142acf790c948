"""What a run tells a person."""

from collections.abc import Iterator, Sequence

from tests.faults.account import PROMISES, Account, Violation
from tests.faults.records import Blow, History
from tests.faults.run import Result

LINES = 40
"""Of what happened in a conversation, the last ones; --keep writes all."""
LONGEST = 5
LONG_S = 60.0
"""A broken bot means a human within a minute; who waits longer is named."""
SHOWN = 10
"""Violations of one kind that are listed; more of them rarely tell more."""


def is_good(result: Result) -> bool:
    return not result.account.violations and result.drained_s is not None and not result.fallen


def lines(result: Result) -> Iterator[str]:
    account = result.account
    rest = "never came to rest" if result.drained_s is None else f"at rest after {result.drained_s:.0f} s"
    notices = result.history.notices
    conversations, messages = (
        {notice.conversation for notice in notices},
        [notice for notice in notices if notice.marker],
    )
    yield f"{len(conversations)} conversations, {len(messages)} messages of contacts, {rest}"
    yield f"accepted               {account.accepted}"
    for outcome, count in sorted(account.outcomes.items(), key=lambda item: -item[1]):
        yield f"  {outcome:<21}{count}"
    yield f"sum of the outcomes    {account.outcomes.total()}"
    for promise in PROMISES:
        yield f"{promise:<23}{len(account.of(promise))}"
    yield f"calls for figures      {account.figures}"
    yield f"doubtful doubles       {len(account.doubtful)}"
    yield from (f"  {doubt}" for doubt in account.doubtful)
    yield f"doubtful losses        {len(account.unconfirmed)}"
    yield from (f"  {loss}: the answer met silence and never arrived" for loss in account.unconfirmed)
    yield from _waits(account.waits)
    yield from (f"process: {line}" for line in result.fallen)
    yield from _violations(account)
    yield from _examples(result)


def _violations(account: Account) -> Iterator[str]:
    for promise in PROMISES:
        broken = account.of(promise)
        yield from (f"VIOLATION {promise}: {each.conversation} {each.what}" for each in broken[:SHOWN])
        if len(broken) > SHOWN:
            yield f"VIOLATION {promise}: … and {len(broken) - SHOWN} more"


def _waits(waits: Sequence[tuple[float, str]]) -> Iterator[str]:
    if not waits:
        return
    p50, p95, most = (waits[round(share * (len(waits) - 1))][0] for share in (0.5, 0.95, 1.0))
    yield f"answer or human after  p50 {p50:.1f} s, p95 {p95:.1f} s, max {most:.1f} s"
    yield from (f"  {wait_s:.1f} s {name}" for wait_s, name in waits[:-LONGEST:-1] if wait_s > LONG_S)


# --- what happened in a conversation ---------------------------------------------------------------------------------


def _examples(result: Result) -> Iterator[str]:
    """One conversation for each broken promise."""
    for promise in PROMISES:
        if violation := next((each for each in result.account.of(promise) if each.conversation), None):
            yield from _told(result, violation, LINES)


def stories(result: Result) -> Iterator[str]:
    """Every conversation in which a promise was broken."""
    for violation in result.account.violations:
        yield from _told(result, violation)


def _told(result: Result, violation: Violation, most: int = 0) -> Iterator[str]:
    yield f"{violation.promise}: {violation.what}. What happened in {violation.conversation}:"
    if violation.conversation:
        told = story(result.history, violation.conversation)
        yield from (f"  {line}" for line in told[-most:])
        yield from (f"  {line}" for line in _tries(result.history, violation.conversation))


def story(history: History, conversation: str) -> list[str]:
    """All that is known of a conversation, in the order of time, with the blows that fell meanwhile."""
    facts = sorted(_facts(history, conversation))
    began_at, ended_at = facts[0][0], facts[-1][0]
    blows = [(blow.at, f"({_what(blow)})") for blow in history.blows if began_at <= blow.at <= ended_at]
    return [f"{at - began_at:7.2f} s  {what}" for at, what in sorted([*facts, *blows])]


def _tries(history: History, conversation: str) -> Iterator[str]:
    """What the bridge wrote down of what it sent, where one call was not enough."""
    for sending in history.sendings:
        if sending.conversation == conversation and sending.results != ("sent",):
            yield f"bridge wrote down for “{' / '.join(sending.texts)}”: {', '.join(sending.results) or 'nothing'}"


def _what(blow: Blow) -> str:
    return blow.what.partition(" s  ")[2]


def _facts(history: History, conversation: str) -> Iterator[tuple[float, str]]:
    markers = set()
    for notice in history.notices:
        if notice.conversation == conversation:
            markers.add(notice.marker)
            yield notice.sent_at, f"platform sends {notice.type} {notice.marker}"
            if notice.accepted_at is not None:
                yield notice.accepted_at, f"bridge accepts {notice.type} {notice.marker}"
    for row in history.rows:
        if row.conversation == conversation:
            what = f"{row.type} {row.key[:8]} of {row.source}"
            yield row.received_at, f"bridge stores {what}: {row.outcome} after {row.attempts} tries"
    for heard in history.heard:
        if heard.marker in markers:
            yield heard.at, f"bot hears {heard.marker}"
    for call in history.calls:
        if call.conversation == conversation:
            done = "processed" if call.processed_at else "not processed"
            words = " / ".join(call.texts) + (" + complete" if call.completes else "")
            way = "in an answer of ours " if call.is_inline else ""
            yield call.at, f"inbox gets {way}“{words}”: {call.status} {call.fault} ({done})"
    for tenure in history.tenures.get(conversation, ()):
        yield tenure.at, f"conversation is with {'the bot' if tenure.is_ours else 'agents'}"
