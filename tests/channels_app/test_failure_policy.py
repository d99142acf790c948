"""What follows when a bot fails, thinks for long or is switched off: as the channel's owner chose."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.forms import ValidationError
from django.test import Client
from django.utils import timezone

from channels_app.channels.forms.policies_field import PoliciesField
from channels_app.conversations.standing import OpenEvent, Standing
from channels_app.models import Bot, Channel, Conversation, Exchange, MessageRow, WebhookEvent, WorkerSlot
from channels_app.operations.explanations.gather import explain
from channels_app.operations.outcome_codes import codes_of_events
from channels_app.protocol import EventType
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    Effect,
    PayloadError,
    RefusedError,
    TemporaryError,
)
from channels_app.protocol.failures import FailureKind, kind_of_failure
from channels_app.turns.steps import Run, Wait, next_step
from offload.models import Offload
from tests.builders import make_event
from tests.conftest import Walker
from tests.pages import submit
from tests.world import World, answer

TOO_SLOW = TemporaryError("no complete answer in time", effect=Effect.UNKNOWN, timed_out=True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TOO_SLOW, "slow"),
        (TemporaryError("half an answer in time", effect=Effect.UNKNOWN, timed_out=True, status=200), "slow"),
        (TemporaryError("no connection in time", effect=Effect.NONE, timed_out=True), "error"),
        (TemporaryError("the connection was closed", effect=Effect.UNKNOWN), "error"),
        (TemporaryError("no connection", effect=Effect.NONE), "error"),
        (TemporaryError("busy", effect=Effect.NONE, status=503), "error"),
        (TemporaryError("broken", effect=Effect.FAILED, status=500), "error"),
        (PayloadError("no JSON"), "error"),
        (RefusedError("no", status=400), "refused"),
        (RefusedError("no", status=401), "refused"),
        (ConfigError("an internal address"), "refused"),
    ],
)
def test_each_failed_call_is_of_one_kind(error: BridgeError, kind: str) -> None:
    assert kind_of_failure(error) == kind


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, {}),
        ({}, {}),
        ({"slow": "say_text", "down": ""}, {"slow": "say_text"}),
        ({"tired": "say_text"}, "Is not known"),
        ({"slow": "shrug"}, "Must be one of"),
        ({"slow": ["say_text"]}, "Must be one of"),
        ("say_text", "Must be an object"),
    ],
)
def test_policies_are_judged_alike_wherever_they_come_from(given: Any, kept: Any) -> None:
    if isinstance(kept, str):
        with pytest.raises(ValidationError, match=kept):
            PoliciesField(required=False).clean(given)
    else:
        assert PoliciesField(required=False).clean(given) == kept


AGENTS, SORRY, HOLD = "An agent takes over.", "Sorry, try again.", "Let me look."
CODES = {"slow": "CB-501", "error": "CB-502", "refused": "CB-502", "silent": "CB-508", "down": "CB-510"}
FOLLOWS = {
    "hand_over": ([AGENTS], ["HANDOVER"], "handed_over"),
    "say_text": ([SORRY], [], "replied"),
    "stay_silent": ([], [], "silent"),
}


def fail(walker: Walker, world: World, kind: str) -> None:
    replies: dict[str, Any] = {"slow": TOO_SLOW, "error": answer(500), "refused": answer(400), "silent": answer(204)}
    world.bot.replies = [replies[kind]] if kind in replies else []
    if kind == "down":
        Bot.objects.update(failures=5, paused_until=timezone.now() + timedelta(minutes=5))
    walker.says("Hello")
    if kind == "silent":
        WebhookEvent.objects.update(called_at=timezone.now() - timedelta(minutes=1), wait_until=timezone.now())
        Conversation.objects.update(wake_at=timezone.now())
        walker.work()


@pytest.mark.parametrize("is_own_choice", [True, False], ids=["by kind", "in general"])
@pytest.mark.parametrize("policy", FOLLOWS)
@pytest.mark.parametrize("kind", list(FailureKind))
def test_what_follows_each_kind_of_failure(
    walk_with: Callable[..., Walker], world: World, kind: FailureKind, policy: str, *, is_own_choice: bool
) -> None:
    others = "stay_silent" if policy == "hand_over" else "hand_over"
    general, own = (others, {str(kind): policy}) if is_own_choice else (policy, {})
    walker = walk_with(
        bot_tries=1,
        answer_within_s=30,
        on_bot_failure=general,
        failure_policies=own,
        fallback_texts={"*": AGENTS},
        apology_texts={"*": SORRY},
    )
    fail(walker, world, kind)
    said, completions, outcome = FOLLOWS[policy]
    assert world.inbox.said("0-conv-1") == said
    assert (world.inbox.completions("0-conv-1"), walker.outcomes()) == (completions, [outcome])
    stop = explain(walker.conversation().pk).stop
    assert stop and stop.code == CODES[kind]
    assert set(codes_of_events(list(WebhookEvent.objects.all())).values()) == {CODES[kind]}


def test_a_bot_is_left_alone_after_as_many_failures_as_its_owner_wants(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(bot_tries=1)
    Bot.objects.update(max_failures=2, pause_s=300, revision=F("revision") + 1)
    world.bot.replies = [answer(500)] * 2
    for number in range(3):
        walker.says("Hello", f"conv-{number}")
    assert len(world.bot.turns) == 2
    assert Bot.objects.filter(paused_until__gt=timezone.now() + timedelta(minutes=4)).exists()


def test_a_conversation_stays_with_agents_after_as_many_handovers_as_the_owner_wants(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(max_bounces=2)
    world.bot.replies = [{"complete": "handover"}] * 9
    for _ in range(4):
        world.inbox.gone.clear()
        walker.delegates()
    assert (
        list(Offload.objects.order_by("id").values_list("reason", flat=True))
        == ["bot_completed"] * 2 + ["bounced"] * 2
    )


# --- a first word ----------------------------------------------------------------------------------------------


def thinks_until_the_contact_was_told(world: World, reply: Any) -> Callable[[], Any]:
    told = threading.Event()
    world.inbox.faults = [lambda: told.set()]

    def think() -> Any:
        assert told.wait(30), "nobody told the contact that the bot still thinks"
        return reply

    return think


@pytest.mark.parametrize("kind", ["INBOUND_MESSAGE_RECEIVED", "CONVERSATION_DELEGATED"])
def test_a_contact_is_told_once_that_the_bot_still_thinks_and_before_its_answer(
    walk_with: Callable[..., Walker], world: World, kind: str
) -> None:
    walker = walk_with(hold_after_s=1, holding_texts={"*": HOLD})
    world.bot.replies = [thinks_until_the_contact_was_told(world, answer(500)), {"messages": [{"text": "Here."}]}]
    walker.post(make_event(kind))
    walker.work()
    assert world.inbox.said("0-conv-1") == [HOLD, "Here."]
    assert list(Exchange.objects.order_by("id").values_list("target", "result")) == [
        ("inbox", "sent"),
        ("bot", "failed"),
        ("bot", "sent"),
        ("inbox", "sent"),
    ]
    assert (len(world.bot.turns), walker.outcomes()) == (2, ["replied"])
    said = MessageRow.objects.exclude(author="contact").order_by("said_at").values_list("author", "text")
    assert list(said) == [("bridge", HOLD), ("bot", "Here.")]
    assert explain(walker.conversation().pk).is_answered


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({"hold_after_s": 60}, {}),
        ({"hold_after_s": 0}, {}),
    ],
)
def test_who_is_answered_at_once_is_not_told_to_wait(
    walk_with: Callable[..., Walker], world: World, changes: dict[str, Any], event: dict[str, Any]
) -> None:
    walker = walk_with(holding_texts={"*": HOLD}, **changes)
    walker.says("Hello", **event)
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


def test_a_bot_that_answers_later_is_waited_for_in_two_parts(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(hold_after_s=30, answer_within_s=120, holding_texts={"*": HOLD})
    world.bot.replies = [answer(204)]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == []
    for _ in range(2):
        WebhookEvent.objects.update(called_at=timezone.now() - timedelta(seconds=40), wait_until=timezone.now())
        Conversation.objects.update(wake_at=timezone.now())
        walker.work(patiently=False)
    assert (world.inbox.said("0-conv-1"), walker.outcomes()) == ([HOLD], [None])
    assert walker.bot_says("Here.").status_code == 202
    walker.work()
    assert world.inbox.said("0-conv-1") == [HOLD, "Here."]


def test_nobody_is_told_to_wait_when_the_answer_is_there(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(hold_after_s=30, answer_within_s=120, holding_texts={"*": HOLD})
    world.bot.replies = [answer(204)]
    walker.says("Hello")
    walker.bot_says("Here.")
    WebhookEvent.objects.filter(type="message_received").update(
        called_at=timezone.now() - timedelta(seconds=40), wait_until=timezone.now()
    )
    walker.work()
    assert world.inbox.said("0-conv-1") == ["Here."]


def test_a_first_word_that_is_refused_costs_nothing(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(hold_after_s=1, holding_texts={"*": HOLD})
    think = thinks_until_the_contact_was_told(world, {"messages": [{"text": "Here."}]})
    tell = world.inbox.faults[0]
    world.inbox.faults = [lambda: tell() or answer(422)]
    world.bot.replies = [think]
    walker.says("Hello")
    assert (world.inbox.said("0-conv-1"), walker.outcomes()) == (["Here."], ["replied"])
    assert not MessageRow.objects.filter(author="bridge").exists()


# --- switched off ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "text", "kind", "said", "outcomes"),
    [
        ("hand_over", SORRY, "INBOUND_MESSAGE_RECEIVED", [], ["handed_over"]),
        ("say_text", SORRY, "INBOUND_MESSAGE_RECEIVED", [SORRY], ["replied"]),
        ("say_text", "", "INBOUND_MESSAGE_RECEIVED", [], ["handed_over"]),
        ("say_text", SORRY, "CONVERSATION_STARTED", [], ["silent"]),
        ("say_text", SORRY, "CONVERSATION_DELEGATED", [], ["handed_over"]),
        ("keep", SORRY, "INBOUND_MESSAGE_RECEIVED", [], [None]),
        ("keep", SORRY, "CONVERSATION_STARTED", [], [None]),
        ("keep", SORRY, "CONVERSATION_DELEGATED", [], ["handed_over"]),
    ],
)
def test_what_follows_while_the_bot_is_switched_off(
    walk_with: Callable[..., Walker],
    world: World,
    policy: str,
    text: str,
    kind: str,
    said: list[str],
    outcomes: list[str | None],
) -> None:
    walker = walk_with(is_active=False, when_paused=policy, paused_texts={"*": text})
    now = timezone.now()
    WorkerSlot.objects.create(name="w/1/1/worker", host="w", pid=1, kind="worker", started_at=now, beat_at=now)
    walker.post(make_event(kind))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=1))  # it has settled
    walker.work(patiently=False)
    assert (world.inbox.said("0-conv-1"), walker.outcomes()) == (said, outcomes)
    assert world.bot.turns == []
    told = explain(walker.conversation().pk)
    assert told.stop and told.stop.code == ("CB-818" if outcomes == [None] else "CB-802")
    if outcomes == [None]:
        assert set(codes_of_events(list(WebhookEvent.objects.all())).values()) == {"CB-818"}


def test_what_was_kept_is_answered_in_order_when_the_bot_is_switched_on(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(is_active=False, when_paused="keep")
    for text in ("one", "two"):
        walker.post(make_event(text=text))
        walker.work(patiently=False)
    assert world.bot.turns == []
    Channel.objects.update(is_active=True, revision=F("revision") + 1)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: one", "You said: two"]


def test_what_was_kept_for_too_long_goes_to_agents(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(is_active=False, when_paused="keep")
    walker.post(make_event(text="Hello"))
    walker.work(patiently=False)
    long_ago = timezone.now() - timedelta(seconds=241)  # a minute before the platform's five are over
    WebhookEvent.objects.update(received_at=long_ago, wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())
    walker.work(patiently=False)
    assert (world.bot.turns, walker.outcomes()) == ([], ["handed_over"])


def test_what_is_kept_holds_back_what_came_after_it_and_nothing_else() -> None:
    now = timezone.now()
    times: dict[str, Any] = {"sent_at": now, "received_at": now}
    kept = OpenEvent(
        id=1, type=EventType.MESSAGE_RECEIVED, state="queued", wait_until=now + timedelta(seconds=9), **times
    )
    after = OpenEvent(id=2, type=EventType.MESSAGE_RECEIVED, state="queued", **times)
    waits = OpenEvent(id=3, type=EventType.MESSAGE_RECEIVED, state="bot_wait", wait_until=now, **times)
    standing = Standing(is_owned=True)
    assert next_step([kept, after], standing, now) == Wait(now + timedelta(seconds=9))
    assert next_step([kept, after, waits], standing, now) == Run((3,))
    assert next_step([kept, after], standing, now + timedelta(seconds=9)) == Run((1,))


def test_the_page_keeps_what_follows_by_kind(admin_client: Client, channel: Channel) -> None:
    page = f"/admin/channels_app/channel/{channel.pk}/change/"
    changes = {"failure_policies-slow": "say_text", "when_paused": "say_text", "hold_after_s": "5"}
    shown = submit(admin_client, page, "channel_form", **changes)
    assert {"apology_texts", "holding_texts", "paused_texts"} <= set(shown.context["adminform"].form.errors)
    texts = {f"{name}_texts-*": "Wait." for name in ("apology", "holding", "paused")}
    submit(admin_client, page, "channel_form", **changes, **texts)
    row = Channel.objects.get()
    assert (row.failure_policies, row.hold_after_s, row.when_paused) == ({"slow": "say_text"}, 5, "say_text")
