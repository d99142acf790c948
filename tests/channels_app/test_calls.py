"""One list of calls in and out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from channels_app.conversations.events import order_message
from channels_app.models import Channel, Conversation, Exchange, WebhookEvent
from channels_app.operations import calls
from channels_app.operations.calls import CallFilter, CallLine, list_exchanges
from tests.builders import make_channel
from tests.conftest import Walker
from tests.world import World, answer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def all_lines(which: CallFilter) -> Iterator[CallLine]:
    page = list_exchanges(which)
    yield from page.lines
    while page.before:
        page = list_exchanges(which, page.before)
        yield from page.lines


def seen(which: CallFilter) -> list[tuple[str, str, str]]:
    return [(line.direction, line.what, line.result) for line in all_lines(which)]


def test_a_turn_is_three_calls(walker: Walker) -> None:
    walker.says("Hello")
    assert sorted(seen(CallFilter())) == [
        ("bot", "message of the contact", "accepted"),
        ("in", "message of the contact", "answered"),
        ("inbox", "reply", "accepted"),
    ]


def test_what_a_person_orders_is_no_call(walker: Walker) -> None:
    walker.says("Hello")
    order_message(walker.conversation(), "One moment.", by="anna")
    walker.work()
    assert [what for direction, what, _ in seen(CallFilter()) if direction == "in"] == ["message of the contact"]


def test_parts_of_a_reply_have_names(walker: Walker, world: World) -> None:
    map_ = {"url": "http://files.test/map.png"}
    world.bot.replies = [{"messages": [{"text": "Look", "attachment": map_}], "complete": "handover"}]
    walker.says("Hello")
    assert {what for direction, what, _ in seen(CallFilter()) if direction == "inbox"} == {"file", "handover"}


@pytest.fixture
def many(channel: Channel) -> list[tuple[str, int]]:
    """Calls of both directions whose times and numbers disagree a little; by direction and number."""
    conversation = Conversation.objects.create(channel=channel, external_id="0-many")
    made = []
    for number in range(12):
        at = NOW + timedelta(seconds=number - 3 * (number % 2))
        event = WebhookEvent.objects.create(
            source="inbox", channel=channel, conversation=conversation, idempotency_key=str(number),
            type="message_received", sent_at=at, received_at=at, outcome="dead" if number == 5 else "replied",
        )  # fmt: skip
        made.append(("in", event.pk))
        for try_ in range(number % 3):
            call = Exchange.objects.create(
                event=event, channel=channel, target="bot", n=try_ + 1, fence=1, result="sent",
                started_at=at + timedelta(seconds=try_), took_ms=400 * number, status=500 if try_ else 200,
                code="CB-502" if try_ else "",
            )  # fmt: skip
            made.append(("bot", call.pk))
    return made


def test_pages_hold_each_call_once(many: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAGE", 4)
    lines = list(all_lines(CallFilter()))
    assert sorted((line.direction, line.id) for line in lines) == sorted(many)
    times = [line.at for line in lines]
    assert all(later <= earlier + timedelta(seconds=5) for earlier, later in pairwise(times))


@pytest.mark.parametrize(
    ("which", "count"),
    [
        (CallFilter(direction="in"), 12),
        (CallFilter(direction="bot"), 12),
        (CallFilter(direction="inbox"), 0),
        (CallFilter(errors_only=True), 5),
        (CallFilter(code="CB-502"), 4),
        (CallFilter(code="CB-501"), 0),
        (CallFilter(status="2xx"), 8),
        (CallFilter(status="5xx"), 4),
        (CallFilter(status="none"), 0),
        (CallFilter(is_slow=True), 5),
        (CallFilter(is_slow=True, status="5xx"), 2),
        (CallFilter(status="nonsense", direction="nonsense"), 0),
    ],
)
def test_filters(many: list[tuple[str, int]], which: CallFilter, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WINDOW", 3)
    monkeypatch.setattr(calls, "PAGE", 2)
    assert len(list(all_lines(which))) == count


def test_channel_and_conversation(many: list[tuple[str, int]], channel: Channel) -> None:
    conversation = Conversation.objects.get()
    assert len(list(all_lines(CallFilter(conversation_id=conversation.pk)))) == len(many)
    assert len(list(all_lines(CallFilter(channel_id=channel.pk)))) == len(many)
    assert list(all_lines(CallFilter(conversation_id=conversation.pk + 1))) == []
    assert list(all_lines(CallFilter(channel_id=make_channel().pk))) == []


def test_a_search_that_looked_through_enough_says_so(
    many: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "WINDOW", 3)
    page = list_exchanges(CallFilter(code="CB-501"))
    assert page.is_cut and page.before and page.lines == ()


def test_a_page_costs_few_queries(walker: Walker, world: World, django_assert_max_num_queries: Any) -> None:
    world.bot.replies = [answer(500), answer(500)]
    for number in range(5):
        walker.says("Hello", f"0-conv-{number}")
    with django_assert_max_num_queries(9):
        lines = list_exchanges(CallFilter()).lines
        assert all(line.channel.name and str(line.conversation.contact) == "Johan" for line in lines)


@pytest.mark.parametrize("before", ["", "x", "²-1", "1-", "9" * 30 + "-1"])
def test_no_address_is_trouble(db: None, before: str) -> None:
    assert list_exchanges(CallFilter(), before).lines == ()
