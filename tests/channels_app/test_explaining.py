"""Why did the bot not answer? Each way that a message can go, walked, and what the explanation says of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.test import Client
from django.utils import timezone

from channels_app.conversations.events import order_handover
from channels_app.conversations.refusals import count_refusal
from channels_app.models import Bot, Channel, Conversation, Delivery, Owner, WebhookEvent, WorkerSlot
from channels_app.operations.explanations import Explanation
from channels_app.operations.explanations.gather import explain
from channels_app.operations.explanations.silences import explain_silence
from channels_app.operations.replays import replay_event
from channels_app.protocol.errors import Effect, TemporaryError
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.world import World, answer


def told(walker: Walker, event_id: int | None = None) -> Explanation:
    return explain(walker.conversation().pk, event_id)


def states(explanation: Explanation) -> dict[str, str]:
    return {check.name: str(check.state) for check in explanation.checks}


def stop_of(explanation: Explanation) -> tuple[str, str, str]:
    assert explanation.stop is not None
    return explanation.stop.name, str(explanation.stop.state), explanation.stop.code


ALL_WELL = dict.fromkeys(
    ("received", "picked_up", "was_ours", "may_answer", "bot_called", "bot_answered", "reply_sent"), "ok"
)


def test_an_answered_message(walker: Walker) -> None:
    walker.says("Hello")
    told_now = told(walker)
    assert states(told_now) == ALL_WELL
    assert told_now.is_answered and told_now.stop is None and told_now.cause == ""
    assert told_now.headline.startswith("The bot answered after ")
    assert [one.is_ok for check in told_now.checks for one in check.tries] == [True, True]


def test_a_bot_that_fails_twice(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(502), answer(503)]
    walker.says("Hello")
    told_now = told(walker)
    assert stop_of(told_now) == ("bot_called", "failed", "CB-502")
    assert [one.detail for one in told_now.checks[4].tries] == ["The bot answered 502.", "The bot answered 503."]
    assert states(told_now)["reply_sent"] == "skipped"
    assert told_now.checks[-1].name == "handed_over" and told_now.checks[-1].state == "ok"
    assert told_now.headline.startswith("The bot did not answer. The agents got the conversation")
    assert "exchange" in told_now.ids and not told_now.is_answered


def test_a_bot_that_fails_once_is_no_trouble(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(502)]
    walker.says("Hello")
    assert states(told(walker)) == ALL_WELL
    assert [one.is_ok for one in told(walker).checks[4].tries] == [False, True]


def test_a_bot_between_two_tries(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(502)]
    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=2))
    Conversation.objects.update(wake_at=timezone.now())
    walker.work(patiently=False)
    told_now = told(walker)
    assert stop_of(told_now)[:2] == ("bot_called", "waiting") and told_now.is_open
    assert told_now.headline == "Not answered yet: the bot is being asked."


def test_a_bot_that_is_left_alone(walker: Walker) -> None:
    Bot.objects.update(failures=7, paused_until=timezone.now() + timedelta(minutes=5))
    walker.says("Hello")
    assert stop_of(told(walker)) == ("bot_called", "failed", "CB-510")
    assert "failed 7 times in a row" in told(walker).cause


def test_a_bot_that_answers_later(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(204)]
    walker.says("Hello")
    assert stop_of(told(walker)) == ("bot_answered", "waiting", "")
    session = {"session_id": str(walker.conversation().session_id), "messages": [{"text": "Here I am."}]}
    url = f"/webhooks/bot/{walker.channel.bot.uuid}/" if walker.channel.bot else ""
    headers = {"Authorization": "Bearer bot-token-of-the-tests"}
    assert walker.client.post(url, session, content_type="application/json", headers=headers).status_code == 202
    walker.work()
    told_now = told(walker)
    assert states(told_now) == ALL_WELL and told_now.is_answered
    assert told_now.checks[5].event_id == WebhookEvent.objects.get(type="bot_replied").pk
    assert told(walker, told_now.checks[5].event_id).ids["event"] == told_now.ids["event"]


def test_a_bot_that_never_calls_back(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(answer_within_s=15)
    world.bot.replies = [answer(204)]
    walker.says("Hello")
    WebhookEvent.objects.update(wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())
    walker.work()
    assert stop_of(told(walker)) == ("bot_answered", "failed", "CB-508")
    assert told(walker).checks[-1].state == "ok"


def test_a_bot_that_has_nothing_to_say(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": []}]
    walker.says("Thanks")
    assert stop_of(told(walker)) == ("bot_answered", "stopped", "CB-509")


@pytest.mark.parametrize(
    ("policy", "last"), [("say_text", ("fallback", "ok")), ("stay_silent", ("fallback", "stopped"))]
)
def test_a_channel_that_keeps_the_conversation_when_its_bot_fails(
    walk_with: Callable[..., Walker], world: World, policy: str, last: tuple[str, str]
) -> None:
    walker = walk_with(on_bot_failure=policy, fallback_text="Later, please.")
    world.bot.replies = [answer(500), answer(500)]
    walker.says("Hello")
    told_now = told(walker)
    assert stop_of(told_now)[:2] == ("bot_called", "failed") and not told_now.is_answered
    assert (told_now.checks[-1].name, str(told_now.checks[-1].state)) == last


def test_a_bot_that_asks_for_an_agent(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "One moment."}], "offload": {"reason": "wants a person"}}]
    walker.says("agent")
    told_now = told(walker)
    assert told_now.stop is None and told_now.is_answered
    assert told_now.headline.startswith("The bot answered and asked for an agent: handed over")
    assert "the bot asked for an agent" in told_now.checks[-1].detail


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        ({"bot": None}, ("may_answer", "failed", "CB-801")),
        ({"is_active": False}, ("may_answer", "stopped", "CB-802")),
        ({"is_active": False, "paused_at": timezone.now(), "paused_by": "anna"}, ("may_answer", "stopped", "CB-803")),
        ({"covers_all_inbox_channels": False}, ("may_answer", "stopped", "CB-806")),
    ],
)
def test_a_bot_that_may_not_answer(
    walk_with: Callable[..., Walker], changes: dict[str, Any], stop: tuple[str, str, str]
) -> None:
    walker = walk_with(**changes)
    walker.says("Hello")
    assert stop_of(told(walker)) == stop
    assert told(walker).checks[-1].name == "handed_over"
    assert "…" not in told(walker).cause  # every value of the sentence is known


def test_no_greeting_is_wanted(walk_with: Callable[..., Walker]) -> None:
    walker = walk_with(greeting="never")
    walker.starts()
    assert stop_of(told(walker)) == ("may_answer", "stopped", "CB-815")
    assert told(walker).cause == "The bot waits for the contact's first message."


def test_a_start_that_was_told_with_a_message_has_its_fate(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500), answer(500)]
    walker.post(make_event("CONVERSATION_STARTED"))
    walker.post(make_event(text="Hello", after_s=0.01))
    walker.work()
    started, message = WebhookEvent.objects.order_by("id")
    assert (started.outcome, started.reason) == ("merged", "The bot was told of it with the contact's first message.")
    for event_id in (started.pk, message.pk, None):
        assert told(walker, event_id).ids["event"] == message.pk
        assert stop_of(told(walker, event_id)) == ("bot_called", "failed", "CB-502")


def test_a_start_that_came_too_late(walker: Walker) -> None:
    walker.says("Hello")
    walker.starts(after_s=-10)
    started = WebhookEvent.objects.get(type="conversation_started")
    assert stop_of(told(walker, started.pk)) == ("was_ours", "stopped", "CB-410")


def test_a_message_that_is_the_agents(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    walker.says("Is anybody there?")
    told_now = told(walker)
    assert stop_of(told_now) == ("was_ours", "stopped", "CB-610")
    assert "the bot ended its part" in told_now.checks[2].detail
    assert told(walker, WebhookEvent.objects.earliest("id").pk).headline.startswith("The bot ended its part")


def test_an_agent_who_took_it_meanwhile(walker: Walker, world: World) -> None:
    world.inbox.gone.add("0-conv-1")
    walker.says("Hello")
    assert stop_of(told(walker)) == ("reply_sent", "stopped", "CB-601")
    assert "agent took it" in told(walker).cause
    assert [str(one.state) for one in told(walker).checks[-1].tries] == ["stopped"]


def test_a_person_who_handed_it_over_meanwhile(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(204)]
    walker.says("Hello")
    order_handover(walker.conversation(), by="anna")
    walker.work()
    told_now = told(walker)
    assert told_now.headline.startswith("anna handed the conversation over")
    assert (told_now.checks[-1].name, told_now.checks[-1].state) == ("handed_over", "ok")


def test_a_reply_that_is_refused(walker: Walker, world: World) -> None:
    world.inbox.faults = [answer(422)]
    walker.says("Hello")
    told_now = told(walker)
    assert stop_of(told_now) == ("reply_sent", "failed", "CB-605")
    assert (told_now.checks[-1].name, told_now.checks[-1].state) == ("handed_over", "ok")


def test_a_reply_without_an_answer(walker: Walker, world: World) -> None:
    world.inbox.faults = [TemporaryError("no complete answer in time", effect=Effect.UNKNOWN)]
    walker.says("Hello")
    assert stop_of(told(walker)) == ("reply_sent", "failed", "CB-606")
    assert not told(walker).is_answered


def test_a_reply_on_its_way(walker: Walker) -> None:
    walker.says("Hello")
    Delivery.objects.update(state="pending", finished_at=None)
    WebhookEvent.objects.update(outcome=None, state="sending", finished_at=None)
    assert stop_of(told(walker))[:2] == ("reply_sent", "waiting")
    assert told(walker).headline == "Not answered yet: the reply is on its way."


def test_an_event_that_failed_for_good(walker: Walker) -> None:
    walker.says("Hello")
    Delivery.objects.all().delete()
    WebhookEvent.objects.get().exchanges.all().delete()
    WebhookEvent.objects.update(outcome="dead", reason="Handling it failed repeatedly; see the log.")
    assert stop_of(told(walker)) == ("bot_called", "failed", "CB-705")


def test_what_failed_for_good_and_was_done_again(walker: Walker, world: World) -> None:
    world.inbox.faults = [answer(400)] * 3  # the reply, and the handover in its place
    walker.says("Hello")
    assert told(walker).is_dead
    event = WebhookEvent.objects.get()
    replay_event(event.pk, "ann")
    walker.work()
    told_now = told(walker)
    assert states(told_now) == ALL_WELL
    assert told_now.is_answered and told_now.headline.startswith("The bot answered after ")
    picked_up = next(check for check in told_now.checks if check.name == "picked_up")
    assert picked_up.detail == "waited 0.0 s; retried by an operator"


# --- not taken up -------------------------------------------------------------------------------------------------


def a_worker(age_s: int) -> None:
    now = timezone.now()
    beat = {"started_at": now, "beat_at": now - timedelta(seconds=age_s)}
    WorkerSlot.objects.create(name="h/1/1/worker", host="h", pid=1, kind="worker", version="1", **beat)


@pytest.mark.parametrize(
    ("beat_age_s", "event_age_s", "stop"),
    [
        (5, 1, ("picked_up", "waiting", "")),
        (5, 40, ("picked_up", "waiting", "CB-702")),
        (95, 1, ("picked_up", "failed", "CB-701")),
        (None, 1, ("picked_up", "failed", "CB-701")),
    ],
)
def test_a_message_that_nobody_has_taken_up(
    walker: Walker, beat_age_s: int | None, event_age_s: int, stop: tuple[str, str, str]
) -> None:
    if beat_age_s is not None:
        a_worker(beat_age_s)
    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=event_age_s))
    assert stop_of(told(walker)) == stop


def test_a_message_behind_another_one(walker: Walker) -> None:
    for text in ("One", "Two"):
        walker.post(make_event(text=text))
    assert "comes first" in told(walker).checks[1].detail


def test_an_event_that_its_bot_can_not_read_any_more(walker: Walker) -> None:
    walker.says("Hello")
    reason = "Can no longer be read: It contains no event."
    WebhookEvent.objects.update(outcome="ignored", reason=reason, called_at=None)
    assert stop_of(told(walker)) == ("picked_up", "stopped", "CB-408")


# --- nothing came -------------------------------------------------------------------------------------------------


def test_nothing_came_because_it_was_refused(channel: Channel) -> None:
    for _ in range(3):
        count_refusal("inbox", channel.uuid, "bad_signature")
    count_refusal("bot", make_bot().uuid, "bad_verify_token")
    silence = explain_silence()
    assert [check.code for check in silence.checks] == ["CB-305"]
    assert f"{channel.name}: 3 events refused" in silence.checks[0].detail


def test_what_waits_for_a_worker_is_said_before_what_was_refused(channel: Channel, walker: Walker) -> None:
    count_refusal("inbox", channel.uuid, "bad_signature")
    walker.post(make_event(text="Hello"))
    silence = explain_silence()
    assert [check.code for check in silence.checks] == ["CB-701", "CB-305"]
    assert "1 conversation waiting for a worker" in silence.checks[0].detail
    assert silence.headline.startswith("No such conversation is known yet")
    a_worker(age_s=5)  # it will take it up in a moment
    assert [check.code for check in explain_silence().checks] == ["CB-305"]


def test_nothing_came_at_all(channel: Channel) -> None:
    assert explain_silence(channel.pk).checks[0].code == "CB-401"


def test_a_conversation_in_which_nobody_wrote(channel: Channel) -> None:
    conversation = Conversation.objects.create(channel=channel, external_id="0-x", owner=Owner.BOT)
    assert explain(conversation.pk).headline == "There is no message from the contact."


# --- for machines -------------------------------------------------------------------------------------------------


def test_an_explanation_is_json_and_costs_little(
    walker: Walker, world: World, django_assert_max_num_queries: Any
) -> None:
    world.bot.replies = [answer(500), answer(500)]
    walker.says("I am ill")
    with django_assert_max_num_queries(10):
        told_now = told(walker)
    text = json.dumps(told_now.to_json(), cls=DjangoJSONEncoder)
    assert json.loads(text)["checks"][0]["name"] == "received"
    assert "ill" not in text.replace("still", "")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("bad_signature", "CB-305"),
        ("old_secret", "CB-308"),
        ("signed_by_inbox_2", "CB-314"),
        ("no_secret", "CB-304"),
    ],
)
def test_a_secret_that_became_wrong_is_named_while_it_is_wrong(
    walker: Walker, admin_client: Client, reason: str, code: str
) -> None:
    walker.says("Hello")
    if reason == "no_secret":
        Channel.objects.update(shared_secret_encrypted="")
    pk = walker.conversation().pk
    page, api = f"/ops/conversations/{pk}/", f"/api/v1/conversations/{pk}/explain/"
    words = "Events of this channel are refused"
    assert told(walker).refusing is None
    count_refusal("inbox", walker.channel.uuid, reason)
    refusing = told(walker).refusing
    assert refusing is not None and str(refusing.problem.code) == code
    assert refusing.accepted_at is not None and refusing.accepted_at < refusing.refused_at
    shown = admin_client.get(page).content.decode()
    assert words in shown and f"/admin/channels_app/channel/{walker.channel.pk}/change/" in shown
    assert admin_client.get(api).json()["refusing"]["code"] == code
    Channel.objects.update(shared_secret_saved_at=timezone.now(), shared_secret_encrypted="saved")
    assert told(walker).refusing is None
    assert words not in admin_client.get(page).content.decode()


def test_refusals_end_with_the_next_event_that_is_accepted_and_no_bot_ends_them(walker: Walker) -> None:
    walker.says("Hello")
    count_refusal("inbox", walker.channel.uuid, "bad_signature")
    assert walker.bot_says("Still there?").status_code == 202  # it came by another door
    assert told(walker).refusing is not None
    assert walker.post(make_event(text="Hello again")).status_code == 200
    assert told(walker).refusing is None


@pytest.mark.parametrize("reason", ["no_signature", "too_large", "old_secret_used", "too_old"])
def test_other_refusals_say_nothing_of_the_secret(walker: Walker, reason: str) -> None:
    walker.says("Hello")
    count_refusal("inbox", walker.channel.uuid, reason)
    assert told(walker).refusing is None
