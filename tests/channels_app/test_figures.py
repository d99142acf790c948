"""Figures are what the log says, however often they are counted."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from channels_app.conversations.refusals import count_refusal, count_refused
from channels_app.models import Channel, Conversation, Exchange, FailureGroup, Figure, Outcome, Period, WebhookEvent
from channels_app.operations.figures.counting import (
    KEPT,
    Fate,
    Name,
    drop_old_figures,
    sample_queue,
    whole,
)
from channels_app.operations.figures.dashboard import dashboard_figures
from channels_app.operations.figures.health import Health, Tally, channel_health
from channels_app.operations.figures.reading import WINDOWS, read_counts
from channels_app.protocol.errors import Effect, TemporaryError
from tests.builders import make_bot, make_channel, make_event
from tests.conftest import Walker
from tests.counting import count_newest
from tests.world import World, answer

DOWN = TemporaryError("POST: connection refused", effect=Effect.NONE)


def count() -> None:
    count_newest(timezone.now(), timedelta(minutes=10))


def figures(name: Name, period: Period = Period.MINUTE) -> dict[str, int]:
    rows = Figure.objects.filter(name=name, period=period)
    found: dict[str, int] = {}
    for label, value in rows.values_list("label", "value"):
        found[label] = found.get(label, 0) + value
    return found


def put(channel: Channel, name: Name, values: Iterable[tuple[str, int, timedelta]], period: Period) -> None:
    """Figures of some time ago."""
    width = {Period.MINUTE: 1, Period.HALF_HOUR: 30, Period.HOUR: 60}[period]
    for label, value, ago in values:
        start = whole(timezone.now() - ago, timedelta(minutes=width))
        Figure.objects.create(channel=channel, period=period, start=start, name=name, label=label, value=value)


# --- counting -----------------------------------------------------------------------------------------------------


def test_events_are_counted_by_what_became_of_them(walker: Walker) -> None:
    walker.starts()
    walker.says("Hello")
    event = make_event(text="Again")
    walker.post(event)
    walker.post(event)
    walker.work()
    count()
    assert figures(Name.INBOUND) == {"inbox": 3}
    assert figures(Name.DUPLICATES) == {"": 1}
    assert figures(Name.OUTCOME) == {Outcome.REPLIED: 3}
    assert sum(figures(Name.ANSWER_TIME).values()) == 3
    assert sum(figures(Name.BRIDGE_TIME).values()) == 3


@pytest.mark.parametrize("period", Period)
def test_counting_twice_is_counting_once(walker: Walker, period: Period) -> None:
    walker.says("Hello")
    count()
    first = list(Figure.objects.values_list("period", "start", "name", "label", "value").order_by("pk"))
    count()
    assert list(Figure.objects.values_list("period", "start", "name", "label", "value").order_by("pk")) == first
    assert figures(Name.OUTCOME, period) == {Outcome.REPLIED: 1}


def test_what_has_not_ended_yet_is_counted_anew_when_it_has(walker: Walker) -> None:
    walker.post(make_event(text="Hello"))
    count()
    assert figures(Name.OUTCOME) == {"open": 1}
    walker.work()
    count()
    assert figures(Name.OUTCOME) == {Outcome.REPLIED: 1}
    assert figures(Name.OUTCOME, Period.HOUR) == {Outcome.REPLIED: 1}


def test_a_conversation_counts_once_however_much_is_said_and_changes_its_fate(walker: Walker, world: World) -> None:
    walker.starts()
    walker.says("One")
    walker.says("Two")
    count()
    assert figures(Name.FATE) == {Fate.BOT: 1}
    world.bot.replies = [{"messages": [{"text": "One moment"}], "complete": "handover"}]
    walker.says("An agent, please")
    count()
    assert figures(Name.FATE) == {Fate.HANDED_OVER: 1}
    assert figures(Name.HANDOVER) == {"bot_completed": 1}


def test_a_conversation_that_comes_back_to_the_bot_counts_again(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "One moment"}], "complete": "handover"}]
    walker.says("An agent, please")
    world.inbox.gone.clear()
    walker.delegates(after_s=1)
    count()
    assert figures(Name.FATE) == {Fate.HANDED_OVER: 1, Fate.BOT: 1}


def test_nobody_answered_is_lost(walker: Walker, world: World) -> None:
    world.inbox.faults = [DOWN] * 99
    walker.post_and_age(text="Hello", age_s=235)
    tries = Exchange.objects.filter(target="inbox").update(code="CB-607")
    count()
    assert figures(Name.FATE) == {Fate.LOST: 1}
    assert figures(Name.OUTCOME) == {Outcome.DEAD: 1}
    assert figures(Name.FAILED) == {"CB-607": tries}
    assert figures(Name.ANSWER_TIME) == {}


def test_answers_are_sorted_by_their_time_and_the_bots_part_of_it(walker: Walker) -> None:
    walker.says("Hello")
    event = WebhookEvent.objects.get()
    event.finished_at = event.received_at + timedelta(seconds=7.5)
    event.save()
    event.exchanges.filter(target="bot").update(took_ms=6_200)
    count()
    assert figures(Name.ANSWER_TIME) == {"10": 1}
    assert figures(Name.BOT_TIME) == {"7": 1}
    assert figures(Name.BRIDGE_TIME) == {"1.5": 1}


def test_a_bot_that_answers_later_took_until_then(walk_with: Any, world: World) -> None:
    walker = walk_with(bot=make_bot("chatlayer"))
    walker.says("Hello")
    asked = WebhookEvent.objects.get()
    later = WebhookEvent.objects.create(
        channel=walker.channel,
        conversation=walker.conversation(),
        source="bot",
        type="bot_replied",
        idempotency_key="k",
        sent_at=asked.received_at,
        received_at=asked.received_at + timedelta(seconds=2.5),
        outcome=Outcome.REPLIED,
        state="done",
    )
    WebhookEvent.objects.filter(pk=asked.pk).update(
        answered_by=later.pk,
        called_at=asked.received_at + timedelta(seconds=0.2),
        outcome=Outcome.MERGED,
        finished_at=asked.received_at + timedelta(seconds=2.9),
    )
    count()
    assert figures(Name.BOT_TIME) == {"3": 1}
    assert figures(Name.BRIDGE_TIME) == {"1": 1}


def test_refused_requests_count_with_their_channel(channel: Channel) -> None:
    count_refusal("inbox", channel.uuid, "bad_signature")
    count_refusal("inbox", channel.uuid, "bad_signature")
    count_refusal("inbox", channel.uuid, "unknown_type")  # taken, only not understood
    count_refusal("inbox", uuid4(), "bad_signature")  # nobody's
    count_refusal("bot", channel.uuid, "bad_signature")
    assert figures(Name.REFUSED) == {"bad_signature": 2}
    count()
    assert figures(Name.REFUSED, Period.HOUR) == {"bad_signature": 2}
    count_refused(channel.uuid, "bad_signature")
    count()
    assert figures(Name.REFUSED, Period.HALF_HOUR) == {"bad_signature": 3}


def test_a_look_at_the_queue_keeps_the_worst_of_a_minute(walker: Walker) -> None:
    walker.post(make_event(text="Hello", conversation="one"))
    walker.post(make_event(text="Hello", conversation="two"))
    sample_queue()
    Conversation.objects.filter(external_id="two").update(wake_at=None)
    sample_queue()
    count()
    assert figures(Name.WAITING) == figures(Name.WAITING, Period.HOUR) == {"": 2}


def test_what_waited_is_not_added_up(channel: Channel) -> None:
    now = timezone.now()
    ago = now - whole(now, timedelta(hours=1)) + timedelta(minutes=30)  # two minutes of the same hour at any time
    put(channel, Name.WAITING, [("", 3, ago), ("", 5, ago + timedelta(minutes=1))], Period.MINUTE)
    count_newest(now, timedelta(hours=2))
    assert max(figures(Name.WAITING, Period.HOUR).values()) == 5


def test_old_figures_go_by_their_period(channel: Channel) -> None:
    for period, kept in KEPT.items():
        ages = [("old", 1, kept + timedelta(hours=2)), ("kept", 1, kept - timedelta(hours=2))]
        put(channel, Name.INBOUND, ages, period)
    assert drop_old_figures(timezone.now()) == len(KEPT)
    assert set(Figure.objects.values_list("label", flat=True)) == {"kept"}


def test_counting_the_past_keeps_what_no_event_tells(walker: Walker) -> None:
    walker.says("Hello")
    long_ago = timezone.now() - timedelta(days=5)
    WebhookEvent.objects.update(received_at=long_ago)
    put(walker.channel, Name.REFUSED, [("bad_signature", 7, timedelta(days=5))], Period.HOUR)
    call_command("count_figures", days=6)
    assert figures(Name.REFUSED, Period.HOUR) == {"bad_signature": 7}
    assert figures(Name.OUTCOME, Period.HOUR) == {Outcome.REPLIED: 1}


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_window_is_compared_with_the_time_before(channel: Channel) -> None:
    before = [("replied", 10, timedelta(hours=30)), ("replied", 0, timedelta(hours=48))]
    put(channel, Name.OUTCOME, [("replied", 4, timedelta(0)), *before], Period.HALF_HOUR)
    counts = read_counts(WINDOWS["24h"], None, timezone.now())
    assert counts.by_label(Name.OUTCOME) == {"replied": 4}
    assert counts.by_label_before(Name.OUTCOME) == {"replied": 10}
    assert counts.cells(Name.OUTCOME, "replied")[-1] == 4


def test_with_less_than_a_whole_time_before_nothing_is_compared(channel: Channel) -> None:
    put(channel, Name.OUTCOME, [("replied", 4, timedelta(0)), ("replied", 10, timedelta(hours=30))], Period.HALF_HOUR)
    assert read_counts(WINDOWS["24h"], None, timezone.now()).before == {}


def test_a_channel_is_looked_at_alone(channel: Channel) -> None:
    other = make_channel()
    put(channel, Name.INBOUND, [("inbox", 4, timedelta(0))], Period.HALF_HOUR)
    put(other, Name.INBOUND, [("inbox", 5, timedelta(0))], Period.HALF_HOUR)
    assert dashboard_figures("24h").inbound.total == 9
    assert dashboard_figures("24h", other.pk).inbound.total == 5


def test_what_is_usual_is_seen_from_the_same_hour_of_other_days(channel: Channel) -> None:
    days = [("inbox", 20 * day, timedelta(days=day)) for day in range(1, 5)]
    put(channel, Name.INBOUND, days, Period.HOUR)
    usual = dashboard_figures("24h").inbound.usual
    assert usual[-1] == (10.0, 40.0)  # half an hour of it
    Figure.objects.filter(start__lt=timezone.now() - timedelta(days=2, hours=12)).delete()
    assert dashboard_figures("24h").inbound.usual[-1] is None


def test_the_dashboard_asks_five_questions(channel: Channel, django_assert_max_num_queries: Any) -> None:
    put(channel, Name.INBOUND, [("inbox", 4, timedelta(0))], Period.HALF_HOUR)
    with django_assert_max_num_queries(5):
        dashboard_figures("24h", channel.pk)


@pytest.mark.parametrize("window", WINDOWS)
def test_an_empty_bridge_has_a_dashboard(db: None, window: str) -> None:
    facts = dashboard_figures(window)
    assert facts.answer_time.p95_s is None
    assert facts.conversations.total == 0
    assert len(facts.starts) == WINDOWS[window].cells


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        (Tally(), Health.QUIET),
        (Tally(answered=100), Health.HEALTHY),
        (Tally(answered=100, slow=5), Health.HEALTHY),
        (Tally(answered=100, slow=6), Health.DEGRADED),
        (Tally(answered=100, given_up=6, handed_over=6), Health.DEGRADED),
        (Tally(answered=100, handed_over=60), Health.HEALTHY),  # as contacts and bot wanted
        (Tally(answered=10_000, lost=1), Health.DEGRADED),
        (Tally(answered=10, given_up=5, handed_over=5), Health.FAILING),
        (Tally(lost=1), Health.FAILING),
    ],
)
def test_health_is_judged_by_what_contacts_got(tally: Tally, expected: Health) -> None:
    assert tally.health is expected


def test_each_channel_has_its_day_and_its_now(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500)] * 9
    walker.says("Hello")
    count()
    health = channel_health(timezone.now())[walker.channel.pk]
    assert health.now is Health.FAILING
    assert health.strip[-1] is Health.FAILING
    assert (health.today.handed_over, health.today.given_up) == (1, 1)


@pytest.mark.parametrize(
    ("waiting", "ago", "expected"),
    [(2, timedelta(minutes=1), (Health.DEGRADED, 2)), (2, timedelta(hours=1), None), (0, timedelta(0), None)],
)
def test_a_channel_whose_contacts_wait_is_not_quiet(
    channel: Channel, waiting: int, ago: timedelta, expected: tuple[Health, int] | None
) -> None:
    """While the inbox is away no event ends, so no figure tells of it."""
    at = timezone.now() - ago
    FailureGroup.objects.create(
        channel=channel, fingerprint="a", code="CB-607", first_at=at, last_at=at, waiting=waiting
    )
    found = channel_health(timezone.now()).get(channel.pk)
    assert (found and (found.now, found.waiting)) == expected


def test_counting_reads_only_the_window(walker: Walker) -> None:
    walker.says("Hello")
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(hours=5))
    count()
    assert figures(Name.INBOUND) == {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'event_received'")
        assert cursor.fetchone()
