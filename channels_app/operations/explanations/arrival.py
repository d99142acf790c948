"""The checks before the bot is asked: did it come, did a worker take it up, was it the bot's to answer?"""

from datetime import datetime, timedelta

from channels_app.operations.explanations.answers import Check, State, problem_of
from channels_app.operations.explanations.facts import Facts
from channels_app.protocol import EventType
from channels_app.protocol.labels import count_of, duration

SILENT_AFTER = timedelta(seconds=30)
"""Workers and guards say every ten seconds that they live; after that one is gone or stuck."""
LONG_WAIT = timedelta(seconds=10)
"""Who waited longer than this for a worker did not wait for the bot."""


def received(facts: Facts) -> Check:
    event = facts.event
    words = [
        "signature ok",
        f"arrived {event.duplicates + 1} times, counted once" if event.duplicates else "new event",
    ]
    late_s = (event.received_at - event.sent_at).total_seconds()
    if late_s > 1:
        words.append(f"sent {duration(late_s)} before")
    return Check(name="received", state=State.OK, detail=", ".join(words), at=event.received_at, event_id=event.id)


def picked_up(facts: Facts) -> Check:
    event = facts.event
    began_at = _began_at(facts)
    if event.outcome and not began_at:
        return _ended_unasked(facts)
    since = event.retried_at or event.received_at
    waited = (began_at or facts.now) - since
    words = duration(waited.total_seconds())
    if not began_at:
        return _waits(facts, waited)
    idle = began_at - max(since, facts.around.busy_until or since)
    problem = problem_of("CB-702", wait=duration(idle.total_seconds())) if idle > LONG_WAIT else None
    again = "; retried by an operator" if event.retried_at else ""
    behind = ", for an earlier message of this conversation" if waited > LONG_WAIT and problem is None else ""
    detail = f"waited {words}{behind}{again}"
    return Check(name="picked_up", state=State.OK, detail=detail, at=began_at, problem=problem)


def _began_at(facts: Facts) -> datetime | None:
    """When a worker began with it. What was only sent again was not asked about again."""
    if facts.event.called_at or not facts.is_sent_again:
        return facts.event.called_at
    return facts.event.retried_at


def waiting_code(
    *,
    now: datetime,
    since: datetime,
    wait_until: datetime | None,
    silent: timedelta,
    is_leased: bool,
    is_busy: bool,
) -> str:
    """What is wrong when no worker has begun with an event yet: something comes first, or no worker runs.

    `since`: it came, or was retried; `wait_until`: when it is looked at again whether the bot, which was switched off,
    is on; `silent`: since a worker said that it lives; `is_busy`: another message of the conversation is begun with.
    """
    if silent > SILENT_AFTER and not is_leased:
        return "CB-701"
    if wait_until and wait_until > now:
        return "CB-818"
    is_next = not is_leased and not is_busy
    return "CB-702" if now - max(since, wait_until or since) > LONG_WAIT and is_next else ""


def _waits(facts: Facts, waited: timedelta) -> Check:
    around, words = facts.around, duration(waited.total_seconds())
    silent = facts.now - around.worker_seen_at if around.worker_seen_at else timedelta.max
    code = waiting_code(
        now=facts.now,
        since=facts.now - waited,
        wait_until=facts.event.wait_until,
        silent=silent,
        is_leased=around.is_leased,
        is_busy=around.is_busy,
    )
    is_next = not (around.is_leased or around.is_behind or around.is_busy)
    detail = f"waits for {words}{'' if is_next else '; an earlier message of this conversation comes first'}"
    if code != "CB-701":
        problem = problem_of(code, wait=words)
        return Check(name="picked_up", state=State.WAITING, detail=detail, problem=problem)
    since = duration(silent.total_seconds()) if around.worker_seen_at else "a long time"
    problem = problem_of(code, silent=since, waiting=count_of(around.waiting, "conversation"))
    return Check(name="picked_up", state=State.FAILED, detail=detail, problem=problem)


def _ended_unasked(facts: Facts) -> Check:
    """It ended before it was started."""
    event = facts.event
    if event.outcome == "dead":
        state, problem = State.FAILED, problem_of("CB-705")
    else:
        is_unreadable = event.outcome == "ignored"
        state = State.STOPPED
        problem = problem_of("CB-408", problem=event.reason.rstrip(".")) if is_unreadable else None
    return Check(name="picked_up", state=state, detail=event.reason, at=event.finished_at, problem=problem)


def was_ours(facts: Facts) -> Check:
    event = facts.event
    if event.outcome == "ignored":
        return Check(name="was_ours", state=State.STOPPED, detail=event.reason, problem=problem_of("CB-410"))
    if event.outcome == "moot" and not facts.bot_calls and not facts.deliveries:
        # If the bot had failed before, that is the reason.
        state, problem = (State.FAILED, facts.because) if facts.because else (State.STOPPED, problem_of("CB-610"))
        return Check(name="was_ours", state=state, detail=_who_had_it(facts), problem=problem)
    return Check(name="was_ours", state=State.OK)


def _who_had_it(facts: Facts) -> str:
    before = facts.hand_over
    if before is None:
        return "the agents had the conversation, or it was closed"
    age_s = (facts.event.received_at - before.requested_at).total_seconds()
    return f"handed over {f'{duration(age_s)} before' if age_s > 0 else 'meanwhile'}: {before.label}"


_NEVER_ASKED = {
    "contact_asked": "CB-819",
    "message_left": "CB-820",
    "no_bot": "CB-801",
    "channel_off": "CB-802",
    "channel_paused": "CB-803",
    "channel_archived": "CB-804",
    "inbox_channel_off": "CB-806",
    "bounced": "CB-808",
    "out_of_time": "CB-807",
    "contact_file": "CB-817",
}
"""Reasons for which humans get an event without the bot being asked."""
_FAILURES = frozenset({"CB-801", "CB-807"})
"""Those that were not wanted."""


def is_unasked(facts: Facts) -> bool:
    """Whether the bot had no part in it."""
    return bool(_unasked_code(facts))


def _unasked_code(facts: Facts) -> str:
    own = facts.own_hand_over
    reason = facts.failed_by or (own.reason if own else "")
    return "" if facts.bot_calls else _NEVER_ASKED.get(reason, "")


def may_answer(facts: Facts) -> Check:
    around, event = facts.around, facts.event
    code = _unasked_code(facts)
    if code == "CB-807" and facts.because:
        detail = "its time ran out before its turn: an earlier message held it up"
        return Check(name="may_answer", state=State.FAILED, detail=detail, problem=facts.because)
    if code:
        problem = problem_of(code, who=around.paused_by or "someone", name=around.inbox_channel)
        state = State.FAILED if code in _FAILURES else State.STOPPED
        return Check(name="may_answer", state=state, detail=around.channel, problem=problem)
    is_greeting = event.type is EventType.CONVERSATION_STARTED
    if is_greeting and event.outcome == "silent" and not facts.bot_calls:
        return Check(name="may_answer", state=State.STOPPED, detail=event.reason, problem=problem_of("CB-815"))
    words = [around.channel, f"on {around.inbox_channel}" if around.inbox_channel else "", f"with {around.bot}"]
    return Check(name="may_answer", state=State.OK, detail=" ".join(filter(None, words)))
