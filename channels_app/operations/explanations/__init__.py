"""Why did the bot not answer? A pure function from stored facts to ordered checks; the first that fails says why."""

from collections.abc import Mapping

from channels_app.operations.explanations.answers import (
    TITLES,
    Check,
    Explanation,
    FailureGroupFacts,
    Refusing,
    State,
    Try,
    problem_of,
)
from channels_app.operations.explanations.arrival import (
    is_unasked,
    may_answer,
    picked_up,
    received,
    waiting_code,
    was_ours,
)
from channels_app.operations.explanations.asking import bot_answered, bot_called
from channels_app.operations.explanations.delivery import instead, reply_sent
from channels_app.operations.explanations.facts import (
    CallFacts,
    DeliveryFacts,
    EventFacts,
    Facts,
    HandOverFacts,
    Surroundings,
)
from channels_app.protocol.labels import duration, event_word

__all__ = [
    "TITLES",
    "CallFacts",
    "Check",
    "DeliveryFacts",
    "EventFacts",
    "Explanation",
    "Facts",
    "FailureGroupFacts",
    "HandOverFacts",
    "Refusing",
    "State",
    "Surroundings",
    "Try",
    "explain_facts",
    "problem_of",
    "waiting_code",
]


def explain_facts(
    facts: Facts, ids: Mapping[str, int] | None = None, group: FailureGroupFacts | None = None
) -> Explanation:
    """The fate of one event from a contact."""
    checks = all_checks(facts)
    tries = next((check.tries for check in checks if not check.is_passed and check.tries), ())
    calls = {"exchange": tries[-1].exchange_id} if tries else {}
    is_answered = facts.outcome in ("replied", "resolved") and not (facts.failed_by or is_unasked(facts))
    is_answered |= facts.outcome == "handed_over" and facts.bot_messages > 0 and not facts.failed_by
    return Explanation(
        headline=_headline(facts, checks),
        checks=checks,
        is_answered=is_answered,
        is_open=not facts.event.outcome,
        is_dead=facts.event.outcome == "dead",
        ids={**(ids or {}), **calls},
        group=group,
    )


def all_checks(facts: Facts) -> tuple[Check, ...]:
    """Each step in order; what lies behind the one where the way ended was not reached. Of what isn't the contact's
    only whether what was to be said arrived."""
    checks: list[Check] = []
    for name, step in (_STEPS if facts.event.type.asks_bot else {"reply_sent": reply_sent}).items():
        is_reached = all(check.state is State.OK for check in checks)
        checks.append(step(facts) if is_reached else Check(name=name, state=State.SKIPPED))
    other = instead(facts)
    return (*checks, other) if other else tuple(checks)


_STEPS = {
    "received": received,
    "picked_up": picked_up,
    "was_ours": was_ours,
    "may_answer": may_answer,
    "bot_called": bot_called,
    "bot_answered": bot_answered,
    "reply_sent": reply_sent,
}


_WAITS = {
    "picked_up": "it waits for a worker",
    "bot_called": "the bot is being asked",
    "bot_answered": "we wait for the bot",
    "reply_sent": "the reply is on its way",
    "handed_over": "the handover is on its way",
}
_ARRIVED = {"": "has not arrived yet", "replied_unconfirmed": "may not have arrived"}
_BOTS_PART = {
    "asked_for_human": "asked for an agent",
    "bot_completed": "ended its part",
    "not_understood": "did not understand once more",
}


def _headline(facts: Facts, checks: tuple[Check, ...]) -> str:
    """What happened to the contact, in a sentence."""
    event, hand_over = facts.event, facts.hand_over
    unanswered = "The bot was not asked." if is_unasked(facts) else "The bot did not answer."
    if not event.type.asks_bot:
        return f"What was to be said {_ARRIVED.get(facts.outcome, 'did not arrive')}: {event_word(event.type)}."
    took = f" after {duration((event.finished_at - event.received_at).total_seconds())}" if event.finished_at else ""
    match facts.outcome:
        case "":
            waits = next((check.name for check in checks if not check.is_passed), "")
            return f"Not answered yet: {_WAITS.get(waits, 'it is being worked on')}."
        case "replied" if facts.failed_by or is_unasked(facts):
            return f"{unanswered} The contact read the channel's own text{took}."
        case "replied":
            return f"The bot answered{took}."
        case "replied_unconfirmed":
            return "The bot answered, and Sparkcentral did not confirm that it accepted the message."
        case "handed_over" if hand_over and hand_over.reason in _BOTS_PART:
            said = "answered and " if facts.bot_messages else ""
            return f"The bot {said}{_BOTS_PART[hand_over.reason]}: handed over{took}."
        case "handed_over" if hand_over and hand_over.reason == "admin":
            return f"{hand_over.by or 'A person of your team'} handed the conversation over{took}."
        case "handed_over":
            return f"{unanswered} The agents got the conversation{took}."
        case "resolved":
            return f"The bot answered and closed the conversation{took}."
        case "silent" if facts.failed_by:
            return f"{unanswered} The channel is set to say nothing in that case."
        case "silent":
            return "No message was needed, and nothing went wrong."
        case "moot" if facts.because:
            return "The bot had not answered earlier, so the agents already had the conversation."
        case "moot":
            return "The conversation was no longer with the bot."
        case "ignored":
            return "This event was not handled."
        case "dead":
            return "It failed for good: the contact got no answer."
    return "It ended together with another event."
