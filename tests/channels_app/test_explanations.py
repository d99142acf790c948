"""Explanations from facts alone: what walking would take long to reach."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels_app.operations.explanations import (
    CallFacts,
    DeliveryFacts,
    EventFacts,
    Explanation,
    Facts,
    HandOverFacts,
    Surroundings,
    explain_facts,
)
from channels_app.protocol import EventType

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AGO = NOW - timedelta(seconds=20)


def event(**changes: Any) -> EventFacts:
    given = {"sent_at": AGO, "received_at": AGO, "called_at": AGO, "state": "done", "outcome": "replied"}
    return EventFacts(**{"id": 1, "type": EventType.MESSAGE_RECEIVED, **given, **changes})


def call(target: str = "bot", **changes: Any) -> CallFacts:
    return CallFacts(**{"id": 7, "target": target, "n": 1, "started_at": AGO, "status": 200, **changes})


def delivery(state: str = "sent", **changes: Any) -> DeliveryFacts:
    return DeliveryFacts(**{"id": 3, "state": state, "created_at": AGO, **changes})


def hand_over(reason: str, state: str = "handed_over", **changes: Any) -> HandOverFacts:
    return HandOverFacts(
        **{"reason": reason, "label": reason, "by": "chatbridge", "state": state, "requested_at": AGO, **changes}
    )


def told(**facts: Any) -> Explanation:
    given = {"event": event(), "around": Surroundings(owner="bot"), "calls": (call(),), "deliveries": (delivery(),)}
    return explain_facts(Facts(**{"now": NOW, **given, **facts}))


def stop(explanation: Explanation) -> tuple[str, str, str]:
    assert explanation.stop is not None
    return explanation.stop.name, str(explanation.stop.state), explanation.stop.code


def test_all_went_well() -> None:
    assert told().stop is None and told().is_answered and not told().is_open


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # the bot
        ({"calls": (call(code="CB-503", error="messages: must be a list"),)}, ("bot_answered", "failed", "CB-503")),
        ({"calls": (call(code="CB-507", error="No address", status=0),)}, ("bot_called", "failed", "CB-507")),
        ({"calls": (call(code="CB-999", error="Of another release"),)}, ("bot_called", "failed", "")),
        (
            {"calls": (call(code="CB-503", error="x"),), "event": event(outcome="", state="bot_call")},
            ("bot_answered", "waiting", "CB-503"),
        ),
        ({"calls": (), "event": event(outcome="", state="bot_call")}, ("bot_called", "waiting", "")),
        # the inbox
        (
            {
                "deliveries": (delivery("pending", tries=1, error="429"),),
                "calls": (call(), call("inbox", delivery_id=3, code="CB-602", error="429")),
                "event": event(outcome="", state="sending"),
            },
            ("reply_sent", "waiting", "CB-602"),
        ),
        (
            {"deliveries": (delivery("pending"),), "event": event(outcome="", state="sending")},
            ("reply_sent", "waiting", ""),
        ),
        ({"deliveries": (delivery("failed", error="503"),)}, ("reply_sent", "failed", "CB-608")),
        ({"deliveries": (delivery("unconfirmed"),)}, ("reply_sent", "failed", "CB-606")),
        (
            {"deliveries": (delivery("cancelled"),), "event": event(outcome="moot")},
            ("reply_sent", "stopped", "CB-601"),
        ),
        # the handover
        (
            {"hand_over": hand_over("asked_for_human", "failed"), "event": event(outcome="dead")},
            ("handed_over", "failed", "CB-810"),
        ),
        ({"hand_over": hand_over("asked_for_human", "closed")}, ("handed_over", "stopped", "CB-809")),
        (
            {"hand_over": hand_over("asked_for_human", "requested"), "event": event(outcome="", state="sending")},
            ("handed_over", "waiting", ""),
        ),
        # never asked
        (
            {"failed_by": "bounced", "hand_over": hand_over("bounced"), "calls": ()},
            ("may_answer", "stopped", "CB-808"),
        ),
        (
            {"failed_by": "out_of_time", "hand_over": hand_over("out_of_time"), "calls": ()},
            ("may_answer", "failed", "CB-807"),
        ),
        (
            {
                "failed_by": "channel_archived",
                "calls": (),
            },
            ("may_answer", "stopped", "CB-804"),
        ),
    ],
)
def test_what_stopped_it(facts: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert stop(told(**facts)) == expected
    assert told(**facts).headline.endswith(".")


def test_a_file_that_left_as_a_link_is_no_trouble() -> None:
    explanation = told(deliveries=(delivery("refused", uploads=True), delivery("sent", id=4)))
    assert explanation.stop is None and "1 file sent as a link" in explanation.checks[-1].detail


def test_a_reply_that_was_refused_is_told_apart_from_the_hand_over_in_its_place() -> None:
    parts = (
        delivery("refused", id=1),
        delivery("cancelled", id=2),
        delivery("sent", id=3, completes="handover"),
    )
    calls = (
        call(),
        call("inbox", id=8, delivery_id=1, code="CB-605", error="422"),
        call("inbox", id=9, delivery_id=3),
    )
    explanation = told(
        event=event(outcome="handed_over"),
        deliveries=parts,
        calls=calls,
        failed_by="reply_refused",
        hand_over=hand_over("reply_refused"),
    )
    assert stop(explanation) == ("reply_sent", "failed", "CB-605")
    assert [one.exchange_id for one in explanation.checks[-2].tries] == [8]
    assert [one.exchange_id for one in explanation.checks[-1].tries] == [9]
    assert explanation.ids == {"exchange": 8}


def test_a_message_that_ended_with_the_bots_later_one_is_seen_through_it() -> None:
    answer = event(id=2, type=EventType.BOT_REPLIED, received_at=NOW, outcome="resolved")
    explanation = told(event=event(outcome="merged"), answer=answer, bot_messages=1)
    assert explanation.is_answered and "closed the conversation" in explanation.headline
    assert explanation.checks[5].took_ms == 20_000
