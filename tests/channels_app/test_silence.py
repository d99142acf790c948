"""A contact who says nothing more: the question, and the end that follows, by the channel's rule."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from channels_app.channels.care import pause_channel, resume_channel
from channels_app.models import Channel, Job, MessageRow, WebhookEvent
from channels_app.upkeep.silence import JOB, note_silences
from offload.models import Offload
from tests.builders import make_event
from tests.channels_app.test_rotations import ANN
from tests.conftest import Walker
from tests.world import World, answer

ASK, END = "Are you still there?", "Goodbye for now."
RULE: dict[str, Any] = {"silent_minutes": 30, "silent_end_minutes": 60, "silence_texts": {"*": ASK}}
RULE |= {"on_silence": "resolve", "silence_end_texts": {"*": END}}


@pytest.fixture
def walk_by(walk_with: Callable[..., Walker]) -> Callable[..., Walker]:
    """A channel with a rule that has been on for a while, and a contact who has had an answer."""

    def make(**changes: Any) -> Walker:
        walker = walk_with(**RULE | changes)
        walker.says("Hello")
        Job.objects.create(name=JOB, next_at=walker.channel.created_at, positions=positions(walker.channel))
        return walker

    return make


def positions(channel: Channel) -> dict[str, int]:
    return {f"begun {channel.pk}": 0, f"asked {channel.pk}": 0}


def pass_minutes(walker: Walker, minutes: int) -> None:
    """They pass, the guards look, and the workers do what follows."""
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=minutes))
    note_silences()
    walker.work()


def said(world: World) -> list[str]:
    return world.inbox.said("0-conv-1")[1:]


@pytest.mark.parametrize(
    ("rule", "after_30", "after_90", "completions"),
    [
        ({}, [ASK], [ASK, END], ["RESOLVED"]),
        ({"on_silence": "hand_over"}, [ASK], [ASK, END], ["HANDOVER"]),
        ({"silence_end_texts": {}}, [ASK], [ASK], ["RESOLVED"]),
        ({"silence_texts": {}}, [END], [END], ["RESOLVED"]),
        ({"silence_texts": {}, "silence_end_texts": {}, "on_silence": "hand_over"}, [], [], ["HANDOVER"]),
        ({"on_silence": "keep"}, [], [], []),
        ({"is_active": False}, [], [], []),
    ],
)
def test_what_a_silent_contact_reads_and_how_it_ends(
    walk_by: Callable[..., Walker],
    world: World,
    rule: dict[str, Any],
    after_30: list[str],
    after_90: list[str],
    completions: list[str],
) -> None:
    walker = walk_by(**{name: value for name, value in rule.items() if name != "is_active"})
    Channel.objects.update(is_active=rule.get("is_active", True), revision=F("revision") + 1)
    pass_minutes(walker, 29)
    assert said(world) == []
    pass_minutes(walker, 2)
    assert said(world) == after_30
    pass_minutes(walker, 58)
    assert said(world) == after_30
    pass_minutes(walker, 3)
    assert said(world) == after_90
    assert world.inbox.completions("0-conv-1") == completions
    pass_minutes(walker, 200)
    assert said(world) == after_90
    assert len(world.bot.turns) == 1


@pytest.mark.django_db(transaction=True)
def test_guards_find_it_as_they_run(walk_by: Callable[..., Walker], world: World) -> None:
    """In no transaction but those that the job itself begins."""
    walker = walk_by()
    pass_minutes(walker, 31)
    pass_minutes(walker, 61)
    assert said(world) == [ASK, END]


def test_agents_and_operators_read_why(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by(on_silence="hand_over")
    pass_minutes(walker, 31)
    pass_minutes(walker, 61)
    assert Offload.objects.get().reason == "contact_silent"
    assert "the contact was silent" in world.inbox.notes("0-conv-1")[0]
    authors = MessageRow.objects.order_by("id").values_list("author", "text")
    assert list(authors)[2:] == [("bridge", ASK), ("bridge", END)]


def test_a_contact_who_writes_is_not_silent(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by()
    pass_minutes(walker, 31)
    walker.says("Yes!", after_s=1)
    pass_minutes(walker, 29)
    assert said(world) == [ASK, "You said: Yes!"]
    pass_minutes(walker, 2)  # silent again, so asked again
    assert said(world) == [ASK, "You said: Yes!", ASK]


def test_a_message_that_comes_with_the_question_takes_its_place(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by()
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=31))
    note_silences()
    assert walker.post(make_event(text="Here I am", after_s=1)).status_code == 200
    walker.work()
    assert said(world) == ["You said: Here I am"]
    assert walker.outcomes()[-1] == "moot" or "moot" in walker.outcomes()


def test_with_the_agents_a_silence_is_theirs(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by()
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "handover"}]
    walker.says("agent", after_s=1)
    pass_minutes(walker, 31)
    assert said(world) == ["Bye"]
    assert not WebhookEvent.objects.filter(type="contact_silent").exists()


def test_two_guards_that_look_at_once_ask_once(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by()
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=31))
    note_silences()
    Job.objects.update(positions=positions(walker.channel))
    note_silences()
    walker.work()
    assert said(world) == [ASK]


def test_a_rule_begins_with_what_comes_from_then_on(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by()
    Job.objects.update(positions={})
    pass_minutes(walker, 31)
    pass_minutes(walker, 1)
    assert said(world) == []
    walker.says("And now?", after_s=1)
    pass_minutes(walker, 31)
    assert said(world)[1:] == [ASK]


def test_a_silence_that_the_platform_has_ended_is_left_alone(walk_by: Callable[..., Walker], world: World) -> None:
    walker = walk_by()
    pass_minutes(walker, 24 * 60)
    assert said(world) == []


@pytest.mark.parametrize("wants", [True, False])
def test_a_bot_that_wants_it_is_told_before_the_end(walk_by: Callable[..., Walker], world: World, wants: bool) -> None:
    walker = walk_by()
    bot = walker.channel.bot
    assert bot is not None
    bot.settings = bot.settings | {"hears_silence": wants}
    bot.revision += 1
    bot.save()
    pass_minutes(walker, 31)
    world.bot.replies = [{"messages": [{"text": "Never said"}]}]
    pass_minutes(walker, 61)
    assert said(world) == [ASK, END]
    assert [turn["type"] for turn in world.bot.turns[1:]] == (["contact_silent"] if wants else [])


@pytest.mark.parametrize("rule", ["resolve", "hand_over"])
def test_a_contact_who_writes_while_the_bot_is_told_is_not_silent(
    walk_by: Callable[..., Walker], world: World, rule: str
) -> None:
    walker = walk_by(on_silence=rule)
    bot = walker.channel.bot
    assert bot is not None
    bot.settings = bot.settings | {"hears_silence": True}
    bot.revision += 1
    bot.save()
    pass_minutes(walker, 31)

    def meanwhile() -> dict[str, Any]:
        walker.post(make_event(text="Here I am", after_s=1))
        return {}

    world.bot.replies = [meanwhile]
    pass_minutes(walker, 61)
    assert said(world) == [ASK, "You said: Here I am"]
    assert (world.inbox.completions("0-conv-1"), Offload.objects.count()) == ([], 0)


def test_a_contact_who_writes_while_the_end_waits_to_be_sent_reads_none(
    walk_by: Callable[..., Walker], world: World
) -> None:
    walker = walk_by()
    pass_minutes(walker, 31)

    def meanwhile() -> Any:
        walker.post(make_event(text="Here I am", after_s=1))
        return answer(429)

    world.inbox.faults = [meanwhile]
    pass_minutes(walker, 61)
    assert said(world) == [ASK, "You said: Here I am"]
    assert world.inbox.completions("0-conv-1") == []


def test_what_is_still_worked_on_is_looked_at_again(walk_by: Callable[..., Walker], world: World) -> None:
    """A question whose sending is being tried again: the end follows all the same."""
    walker = walk_by()
    world.inbox.faults = [answer(503)]
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=31))
    note_silences()
    walker.work(patiently=False)
    pass_minutes(walker, 61)  # the inbox is back, and the contact reads the question only now
    assert said(world) == [ASK]
    pass_minutes(walker, 30)
    assert said(world) == [ASK]
    WebhookEvent.objects.update(finished_at=F("finished_at") - timedelta(minutes=61))
    pass_minutes(walker, 1)
    assert (said(world), world.inbox.completions("0-conv-1")) == ([ASK, END], ["RESOLVED"])


def test_a_message_that_was_kept_over_a_pause_is_where_a_silence_begins(
    walk_by: Callable[..., Walker], world: World
) -> None:
    walker = walk_by(when_paused="keep", silent_minutes=1, reply_limit_s=3600)
    pause_channel(walker.channel, ANN)
    walker.post(make_event(text="Anybody?", conversation="0-conv-2"))
    walker.work(patiently=False)
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=2))
    note_silences()
    resume_channel(walker.channel, ANN)
    note_silences()
    walker.work()
    assert world.inbox.said("0-conv-2") == ["You said: Anybody?"]
    note_silences()
    walker.work()
    assert world.inbox.said("0-conv-2") == ["You said: Anybody?"]
    WebhookEvent.objects.update(finished_at=F("finished_at") - timedelta(minutes=2))
    note_silences()
    walker.work()
    assert world.inbox.said("0-conv-2") == ["You said: Anybody?", ASK]
