"""The checks of the bot's part: was it called, and did it say something that we understand?"""

from datetime import timedelta

from channels_app.operations.explanations.answers import Check, State, Try, problem_of
from channels_app.operations.explanations.facts import CallFacts, Facts
from channels_app.protocol.labels import count_of, duration, is_trouble
from channels_app.protocol.remarks import CANT_BE_SHOWN, OVERTAKEN, remark

NOT_UNDERSTOOD = "CB-503"
"""The call went well; what came back was no reply."""


def bot_called(facts: Facts) -> Check:
    calls = facts.bot_calls
    if not calls:
        return _not_called(facts)
    last, first = calls[-1], calls[0]
    tries = tuple(try_of(call) for call in calls)
    took_ms = sum(call.took_ms for call in calls)
    state, detail, problem = State.OK, f"at try {last.n}" if last.n > 1 else "", None
    if _has_spoken(facts) and is_trouble(last.code, last.error):
        detail = f"{last.error.rstrip('.')}; it answered anyway, by a later reply"
    elif is_trouble(last.code, last.error) and last.code != NOT_UNDERSTOOD:
        state, detail, problem = _after_failure(facts), last.error, problem_of(last.code, **_values(facts, last))
    return Check(
        name="bot_called",
        state=state,
        detail=detail,
        at=first.started_at,
        took_ms=took_ms,
        problem=problem,
        tries=tries,
    )


def _not_called(facts: Facts) -> Check:
    event = facts.event
    if facts.failed_by == "bot_down":
        problem = problem_of("CB-510", failures=facts.around.bot_failures or "several")
        detail = "not called, so that the contact does not have to wait"
        return Check(name="bot_called", state=State.FAILED, detail=detail, at=event.called_at, problem=problem)
    if event.outcome == "dead" and not facts.deliveries:
        return Check(name="bot_called", state=State.FAILED, detail=event.reason, problem=problem_of("CB-705"))
    if not event.outcome and event.state == "bot_call":
        return Check(name="bot_called", state=State.WAITING, detail="it is being called now", at=event.called_at)
    return Check(name="bot_called", state=State.OK, detail="the call itself was not recorded", at=event.called_at)


def bot_answered(facts: Facts) -> Check:
    event, answer = facts.event, facts.answer
    last = facts.bot_calls[-1] if facts.bot_calls else None
    if last and last.code == NOT_UNDERSTOOD and not _has_spoken(facts):
        problem = problem_of(last.code, **_values(facts, last))
        return Check(name="bot_answered", state=_after_failure(facts), detail=last.error, problem=problem)
    if facts.failed_by == "bot_silent":
        problem = problem_of("CB-508", limit=facts.around.answer_within_s)
        return Check(name="bot_answered", state=State.FAILED, at=event.finished_at, problem=problem)
    if facts.failed_by == "bot_unshowable" or (event.outcome == "silent" and remark(event.reason, CANT_BE_SHOWN)):
        told = remark(event.reason, CANT_BE_SHOWN) or event.reason.partition(": ")[2]
        named = facts.own_hand_over.detail if facts.own_hand_over else told
        problem = problem_of("CB-518", what=named.rstrip("."))
        return Check(name="bot_answered", state=State.FAILED, at=event.finished_at, problem=problem)
    if facts.because and event.outcome == "merged" and answer is None:
        detail = "the agents got the conversation with another message"
        return Check(
            name="bot_answered", state=State.FAILED, detail=detail, at=event.finished_at, problem=facts.because
        )
    if not event.outcome and event.state == "bot_wait" and answer is None:
        return Check(name="bot_answered", state=State.WAITING, detail=_patience(facts), at=event.called_at)
    if facts.outcome == "silent" and OVERTAKEN in event.reason:
        return Check(name="bot_answered", state=State.STOPPED, detail=event.reason, problem=problem_of("CB-525"))
    if facts.outcome == "silent" and not facts.deliveries:
        return Check(name="bot_answered", state=State.STOPPED, detail=event.reason, problem=problem_of("CB-509"))
    if answer is None:
        return Check(name="bot_answered", state=State.OK, detail=_what_it_said(facts))
    took = answer.received_at - (event.called_at or event.received_at)
    return Check(
        name="bot_answered",
        state=State.OK,
        detail=_what_it_said(facts),
        at=answer.received_at,
        took_ms=round(took.total_seconds() * 1000),
        event_id=answer.id,
    )


def _has_spoken(facts: Facts) -> bool:
    """Whether a later reply of the bot is the answer, regardless of the call's result."""
    return facts.answer is not None and not facts.failed_by


def _after_failure(facts: Facts) -> State:
    """Whether another try follows, or words that are here already."""
    return State.WAITING if not facts.event.outcome and facts.event.state in ("bot_call", "bot_wait") else State.FAILED


def _patience(facts: Facts) -> str:
    until, called_at = facts.event.wait_until, facts.event.called_at
    if until and called_at:  # before its time is up we may only look in, to show that the bot is typing
        until = max(until, called_at + timedelta(seconds=facts.around.answer_within_s))
    left = f"; we wait {duration((until - facts.now).total_seconds())} more" if until and until > facts.now else ""
    return f"the bot has the message and will answer later{left}"


def _what_it_said(facts: Facts) -> str:
    words = [count_of(facts.bot_messages, "message")] if facts.bot_messages else []
    own = facts.own_hand_over
    if own and own.reason in ("asked_for_human", "bot_completed"):
        words.append(own.label)
    if facts.outcome == "resolved":
        words.append("the bot closed the conversation")
    if facts.answer and (unshown := remark(facts.answer.reason, CANT_BE_SHOWN)):
        words.append(f"{unshown.rstrip('.')} can't be shown")
    return ", ".join(words)


# --- calls --------------------------------------------------------------------------------------------------------


def _state_of(call: CallFacts) -> State:
    """A refusal that is no trouble (agents have the conversation) is no success either."""
    if is_trouble(call.code, call.error):
        return State.FAILED
    return State.STOPPED if call.error else State.OK


def try_of(call: CallFacts) -> Try:
    detail = call.error or (f"answered {call.status}" if call.status else "")
    return Try(
        exchange_id=call.id,
        n=call.n,
        at=call.started_at,
        took_ms=call.took_ms,
        state=_state_of(call),
        detail=detail,
        code=call.code,
    )


def _values(facts: Facts, call: CallFacts) -> dict[str, object]:
    """What the sentence of a code wants to know of this call."""
    return {
        "limit": f"{call.took_ms / 1000:.1f}",
        "status": call.status,
        "problem": call.error.rstrip("."),
        "failures": facts.around.bot_failures,
    }
