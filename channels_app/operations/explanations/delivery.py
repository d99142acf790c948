"""The checks of the way out: were the bot's words accepted, and what happened in their place?"""

from collections.abc import Sequence

from channels_app.operations.explanations.answers import Check, State, problem_of
from channels_app.operations.explanations.asking import try_of
from channels_app.operations.explanations.facts import DeliveryFacts, Facts
from channels_app.protocol.labels import count_of
from channels_app.protocol.remarks import CANT_BE_SHOWN, remark

_STATES = {
    "refused": (State.FAILED, "CB-605"),
    "failed": (State.FAILED, "CB-608"),
    "cancelled": (State.STOPPED, "CB-601"),
    "unconfirmed": (State.FAILED, "CB-606"),
    "in_flight": (State.WAITING, ""),
    "pending": (State.WAITING, ""),
    "sent": (State.OK, ""),
}
"""What a delivery says of its reply, the worst first."""
_SAY_MORE = ("CB-518", "CB-611", "CB-612")
"""Codes of a try that say more than the state that it led to."""
LEFT_OUT = "CB-613"
"""Of a file that went neither as it is nor as its link."""
OURS = ("", "bot", "chatbridge")
"""Who asks for a handover without being a person."""
_HANDOVER_STATES = {
    "handed_over": State.OK,
    "ended": State.OK,
    "requested": State.WAITING,
    "closed": State.STOPPED,
    "moot": State.STOPPED,
    "refused": State.FAILED,
    "failed": State.FAILED,
}


def reply_sent(facts: Facts) -> Check:
    carriers = [delivery for delivery in facts.reply_deliveries if not delivery.uploads]
    if not carriers:
        return Check(name="reply_sent", state=State.SKIPPED, detail="there is nothing to send")
    return _sent("reply_sent", facts, carriers)


def instead(facts: Facts) -> Check | None:
    """What the contact got in place of the bot's words, or who got the contact."""
    if facts.hand_over and (facts.own_hand_over or facts.outcome == "handed_over"):
        return _handed_over(facts)
    carriers = [delivery for delivery in facts.instead if not delivery.uploads]
    if facts.failed_by and carriers:
        return _sent("fallback", facts, carriers)
    if facts.failed_by and facts.event.outcome:
        return Check(name="fallback", state=State.STOPPED, detail="nothing, as configured for the channel")
    return None


def _handed_over(facts: Facts) -> Check:
    hand_over = facts.hand_over
    assert hand_over is not None  # noqa: S101 - the caller has looked
    state = _HANDOVER_STATES.get(hand_over.state, State.WAITING)
    carriers = [delivery for delivery in facts.deliveries if delivery.completes]
    tries = tuple(try_of(call) for call in facts.calls if call.delivery_id in {one.id for one in carriers})
    is_wish = hand_over.reason in ("asked_for_human", "bot_completed")  # its detail is in the bot's words
    detail = "" if is_wish else hand_over.detail.rstrip(".")
    words = [hand_over.label, detail, f"asked for by {hand_over.by}" if hand_over.by not in OURS else ""]
    problem = None
    if state is State.FAILED:
        problem = problem_of("CB-810", problem=(carriers[-1].error if carriers else "").rstrip(".") or "it failed")
    if hand_over.state == "closed":
        problem = problem_of("CB-809")
    return Check(
        name="handed_over",
        state=state,
        detail=" · ".join(filter(None, words)),
        at=hand_over.finished_at or hand_over.requested_at,
        took_ms=sum(one.took_ms for one in tries) or None,
        tries=tries if facts.failed_by else (),
        problem=problem,
    )


def _sent(name: str, facts: Facts, carriers: Sequence[DeliveryFacts]) -> Check:
    worst = min(carriers, key=lambda delivery: list(_STATES).index(delivery.state))
    state, code = _STATES[worst.state]
    tries = tuple(try_of(call) for call in facts.calls if call.delivery_id in {one.id for one in carriers})
    told = [call.code for call in facts.calls if call.delivery_id == worst.id]
    last_code = told[-1] if told and (state is State.WAITING or told[-1] in _SAY_MORE) else code
    lost = {call.delivery_id for call in facts.calls if call.code == LEFT_OUT}
    unsent = [one.id in lost for one in facts.deliveries if one.uploads and one.state in ("refused", "failed")]
    words = [
        count_of(len(carriers), "call") if len(carriers) > 1 else "",
        worst.error.rstrip(".") or ("waits for the next try" if state is State.WAITING and worst.tries else ""),
        f"{count_of(unsent.count(False), 'file')} sent as a link" if False in unsent else "",
        f"{count_of(sum(unsent), 'file')} left out" if any(unsent) else "",
        "in the response to Sparkcentral's request, which cost no call" if worst.is_in_response else "",
    ]
    return Check(
        name=name,
        state=state,
        detail=", ".join(filter(None, words)),
        at=worst.finished_at or worst.created_at,
        took_ms=sum(one.took_ms for one in tries) or None,
        problem=problem_of(
            last_code,
            problem=worst.error.rstrip(".") or "no room in the account's rate limit",
            what=remark((facts.answer or facts.event).reason, CANT_BE_SHOWN).rstrip("."),
        ),
        tries=tries,
    )
