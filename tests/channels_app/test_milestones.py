"""How far a channel got is noted when it gets there, by the statement that does it."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_app.channels import milestones
from channels_app.models import Channel, WebhookEvent
from tests.builders import make_event
from tests.conftest import Walker
from tests.world import World, answer

NAMES = ("first_event_at", "live_at", "handed_over_at")


def noted(walker: Walker) -> list[str]:
    row = Channel.objects.get(pk=walker.channel.pk)
    return [name for name in NAMES if getattr(row, name)]


def test_each_is_noted_when_it_happens(walker: Walker, world: World) -> None:
    revision = Channel.objects.get().revision
    assert noted(walker) == []
    walker.post(make_event(text="Hello"))
    assert noted(walker) == ["first_event_at"]
    walker.work()
    assert noted(walker) == ["first_event_at", "live_at"]
    world.bot.replies = [answer(200, {"messages": [], "offload": {"reason": "asked"}})]
    walker.says("A human, please", "0-conv-2")
    assert noted(walker) == list(NAMES)
    assert Channel.objects.get().revision == revision  # nothing that others keep of the channel depends on it


def test_it_is_noted_once_and_by_no_statement_of_its_own(walker: Walker) -> None:
    with CaptureQueriesContext(connection) as first:
        walker.says("Hello", "0-conv-1")
    before = Channel.objects.get()
    with CaptureQueriesContext(connection) as second:
        walker.says("Hello", "0-conv-2")
    with_a_part = [
        [name for name in NAMES for query in queries if name in query["sql"]] for queries in (first, second)
    ]
    assert "live_at" in with_a_part[0] and "first_event_at" in with_a_part[0]
    assert not [query["sql"] for query in second if "milestone" in query["sql"]]
    after = Channel.objects.get()
    assert (after.first_event_at, after.live_at) == (before.first_event_at, before.live_at)


def test_another_process_learns_it_from_the_row_and_keeps_the_first_time(walker: Walker) -> None:
    walker.says("Hello", "0-conv-1")
    before = Channel.objects.get()
    milestones.forget()  # as in another process that has the channel from an earlier moment
    walker.says("Hello", "0-conv-2")
    after = Channel.objects.get()
    assert (after.first_event_at, after.live_at) == (before.first_event_at, before.live_at)


def test_what_was_reached_stays_reached(walker: Walker) -> None:
    walker.says("Hello")
    WebhookEvent.objects.all().delete()
    assert noted(walker) == ["first_event_at", "live_at"]


def test_a_repeated_event_notes_nothing(walker: Walker) -> None:
    event = make_event(text="Hello")
    walker.post(event)
    Channel.objects.update(first_event_at=None)
    milestones.forget()
    walker.post(event)
    assert noted(walker) == []
