"""What a bot was told "202" for is said, whatever happens around it; or it is written down why not."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app.conversations.claim import claim_due_conversation, steal_conversation
from channels_app.conversations.events import order_handover
from channels_app.conversations.lease import LeaseLostError
from channels_app.models import Bot, Channel, Conversation, IntakeCount, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.operations.transcripts import load_transcript
from channels_app.protocol.errors import Effect, TemporaryError
from offload.models import Offload
from tests.builders import make_event
from tests.conftest import Walker
from tests.turns import take_step
from tests.world import World, answer

SILENT = TemporaryError("POST http://bot.test/bot: no answer in time", effect=Effect.UNKNOWN, timed_out=True)
HTML = answer(200, ["no", "reply"])


def speaking(walker: Walker, then: Any, **document: Any) -> Callable[[], Any]:
    """An answer before which the bot says "Words" by its other way."""

    def give() -> Any:
        assert walker.bot_says("Words", **document).status_code == 202
        return then

    return give


def words_of(world: World) -> list[str]:
    return world.inbox.said("0-conv-1")


@pytest.mark.parametrize("failure", [answer(500), SILENT, HTML, answer(404)])
@pytest.mark.parametrize("tries", [1, 2])
def test_a_bot_that_spoke_during_its_last_try_has_answered(
    walk_with: Callable[..., Walker], world: World, failure: Any, tries: int
) -> None:
    walker = walk_with(bot_tries=tries, fallback_text="One moment.")
    world.bot.replies = [failure] * (tries - 1) + [speaking(walker, failure)]
    walker.says("Hello")
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == ["merged", "replied"]
    assert len(world.bot.turns) == tries
    told = explain(walker.conversation().pk)
    assert (told.is_answered, told.stop) == (True, None)
    assert told.headline.startswith("The bot answered after ")


@pytest.mark.parametrize("policy", ["say_text", "stay_silent"])
def test_also_where_the_bot_keeps_the_conversation(
    walk_with: Callable[..., Walker], world: World, policy: str
) -> None:
    walker = walk_with(bot_tries=1, on_bot_failure=policy, fallback_text="Later, please.")
    world.bot.replies = [speaking(walker, answer(500))]
    walker.says("Hello")
    assert words_of(world) == ["Words"]
    assert walker.outcomes() == ["merged", "replied"]


def test_also_when_the_bots_pause_begins_between_its_tries(walker: Walker, world: World) -> None:
    def fail() -> Any:
        Bot.objects.update(failures=9)
        assert walker.bot_says("Words").status_code == 202
        return answer(500)

    world.bot.replies = [fail]
    walker.says("Hello")
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == []


def test_also_when_its_time_ends_while_the_words_settle(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    assert walker.bot_says("Words").status_code == 202
    WebhookEvent.objects.filter(type="message_received").update(wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())
    walker.work(patiently=False)
    walker.work()
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == ["merged", "replied"]


def test_also_when_a_worker_died_over_the_call(walker: Walker, world: World) -> None:
    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=2))
    world.bot.replies = [speaking(walker, KeyboardInterrupt())]
    lease = claim_due_conversation("tests")
    assert lease is not None
    with pytest.raises(AssertionError):  # the process ends here: nothing is written down
        take_step(lease)
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    walker.work()
    assert words_of(world) == ["Words"]
    assert walker.outcomes() == ["merged", "replied"]
    assert len(world.bot.turns) == 1


def test_also_when_the_guard_takes_over_from_a_stuck_worker(walker: Walker, world: World) -> None:
    def hang() -> Any:
        assert walker.bot_says("Words").status_code == 202
        long_ago = timezone.now() - timedelta(seconds=250)
        WebhookEvent.objects.filter(type="message_received").update(received_at=long_ago, called_at=long_ago)
        lease = steal_conversation("guard", walker.conversation().pk)
        assert lease is not None
        take_step(lease)
        return answer(500)

    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=2))
    world.bot.replies = [hang]
    lease = claim_due_conversation("tests")
    assert lease is not None
    with pytest.raises(LeaseLostError):
        take_step(lease)
    walker.work()
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == []


def test_a_wish_for_a_human_that_came_meanwhile_is_the_bots_own(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(bot_tries=1)
    offload = {"reason": "asked_for_human", "payload": {"team": "sales"}}
    world.bot.replies = [speaking(walker, answer(500), offload=offload)]
    walker.says("Hello")
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == "asked_for_human"


# --- handed over for another reason: the words leave with the handover --------------------------------------------


def test_a_person_who_orders_the_handover_takes_no_words_away(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    walker.bot_says("Words", offload={"reason": "asked", "payload": {"team": "sales"}})
    order_handover(walker.conversation(), by="anna")
    walker.work()
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().requested_by == "anna"
    assert "team: sales" in world.inbox.notes("0-conv-1")[0]
    assert "Bot: Words" in world.inbox.notes("0-conv-1")[0]


def test_words_for_an_earlier_message_leave_before_the_handover(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(bot_tries=1, fallback_text="One moment.")

    world.bot.replies = [{}, answer(500)]
    walker.says("one")
    walker.bot_says("to one")
    WebhookEvent.objects.filter(type="bot_replied").update(received_at=timezone.now())
    walker.post(make_event(text="two"))
    walker.work(patiently=False)
    walker.work()
    assert words_of(world) == ["to one", "One moment."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_words_before_a_switch_was_thrown_are_said(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    walker.bot_says("Words")
    Channel.objects.get(pk=walker.channel.pk).save()  # a new revision
    row = Channel.objects.get(pk=walker.channel.pk)
    row.is_active = False
    row.save()
    walker.says("Anybody?")
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_words_before_the_bots_own_goodbye_are_said_first(walker: Walker, world: World) -> None:
    bye = {"messages": [{"text": "Bye"}], "complete": "resolved"}
    world.bot.replies = [speaking(walker, bye)]
    walker.says("Hello")
    assert words_of(world) == ["Words", "Bye"]
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]


@pytest.mark.parametrize("bye", [{"complete": "handover"}, {"offload": {"reason": "asked"}}, {"complete": "resolved"}])
def test_words_after_the_bots_own_goodbye_are_said_after_it(walker: Walker, world: World, bye: dict[str, Any]) -> None:
    """They came between the claim and the call."""
    world.bot.replies = [{}]
    walker.says("Hello")
    walker.bot_says("One")
    walker.bot_says("Two", **bye)
    WebhookEvent.objects.filter(type="bot_replied").update(received_at=timezone.now() - timedelta(seconds=5))
    Conversation.objects.update(wake_at=timezone.now())
    lease = claim_due_conversation("tests")
    assert lease is not None
    walker.bot_says("Three")
    take_step(lease)
    walker.work()
    assert words_of(world) == ["One", "Two", "Three"]
    assert walker.outcomes()[1:].count("merged") == 2


def test_words_leave_with_the_handover_that_a_refused_reply_leads_to(walker: Walker, world: World) -> None:
    def refuse() -> Any:
        walker.bot_says("Words")
        return answer(400, {"errors": [{"code": 1003, "message": "too long"}]})

    world.inbox.faults = [refuse]
    walker.says("Hello")
    assert words_of(world) == ["Words"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


# --- and before the bot's later words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ({"messages": [{"text": "Answer"}]}, ["Words", "Answer"]),
        ({"messages": []}, ["Words"]),
        ({"note": "Noted"}, ["Words"]),
        ({"messages": [{"text": "Bye"}], "complete": "handover"}, ["Words", "Bye"]),
    ],
)
def test_words_during_a_call_are_said_before_its_answer(
    walker: Walker, world: World, then: dict[str, Any], said: list[str]
) -> None:
    world.bot.replies = [speaking(walker, then)]
    walker.says("Hello")
    assert words_of(world) == said
    assert "merged" in walker.outcomes()
    assert len(world.inbox.calls) == 1


def test_words_that_settle_when_the_contact_writes_are_said_before_the_answer(walker: Walker, world: World) -> None:
    world.bot.replies = [{}, {"messages": [{"text": "to two"}]}]
    walker.says("one")
    walker.bot_says("to one")
    WebhookEvent.objects.filter(type="bot_replied").update(received_at=timezone.now() + timedelta(seconds=60))
    walker.says("two")
    assert words_of(world) == ["to one", "to two"]
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == ["merged", "merged", "replied"]  # whoever waited for them has them


def test_a_wish_for_a_human_during_a_call_is_heard(walker: Walker, world: World) -> None:
    offload = {"reason": "asked_for_human", "payload": {"team": "sales"}}
    world.bot.replies = [speaking(walker, {"messages": [{"text": "Answer"}]}, offload=offload)]
    walker.says("Hello")
    assert words_of(world) == ["Words", "Answer"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == "asked_for_human"


def test_what_the_contact_writes_during_a_call_changes_nothing_of_its_answer(walker: Walker, world: World) -> None:
    def meanwhile() -> dict[str, Any]:
        walker.post(make_event(text="two", after_s=1))
        return {"messages": [{"text": "to one"}]}

    world.bot.replies = [meanwhile, {"messages": [{"text": "to two"}]}]
    walker.says("one")
    assert words_of(world) == ["to one", "to two"]
    assert walker.outcomes() == ["replied", "replied"]


def test_a_lease_that_was_lost_during_a_call_writes_nothing(walker: Walker, world: World) -> None:
    def meanwhile() -> dict[str, Any]:
        walker.bot_says("Words")
        assert steal_conversation("guard", walker.conversation().pk) is not None
        return {"messages": [{"text": "Answer"}]}

    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=2))
    world.bot.replies = [meanwhile]
    lease = claim_due_conversation("tests")
    assert lease is not None
    with pytest.raises(LeaseLostError):
        take_step(lease)
    assert words_of(world) == []


def test_words_before_a_text_instead_of_the_bot(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(bot_tries=1, on_bot_failure="say_text", fallback_text="Later, please.")
    world.bot.replies = [{}, answer(500)]
    walker.says("one")
    walker.bot_says("to one")
    WebhookEvent.objects.filter(type="bot_replied").update(received_at=timezone.now())
    walker.post(make_event(text="two", after_s=1))
    walker.work(patiently=False)
    walker.work()
    assert words_of(world) == ["to one", "Later, please."]
    assert world.inbox.completions("0-conv-1") == []


# --- closing while the contact waits ------------------------------------------------------------------------------

BYE = {"messages": [{"text": "Bye"}], "complete": "resolved"}
STAYED = "The bot asked to close the conversation: not done"


def lines_of(walker: Walker) -> list[str]:
    return [line.text for line in load_transcript(walker.conversation().pk).lines]


@pytest.mark.parametrize("bye", [BYE, {"complete": "resolved"}])
@pytest.mark.parametrize("is_during_call", [True, False])
def test_a_conversation_stays_open_while_a_message_waits(
    walker: Walker, world: World, is_during_call: bool, bye: dict[str, Any]
) -> None:
    def meanwhile() -> dict[str, Any]:
        if is_during_call:
            walker.post(make_event(text="And then?", after_s=1))
        return bye

    world.bot.replies = [meanwhile, {"messages": [{"text": "That is all"}], "complete": "resolved"}]
    walker.post(make_event(text="Thanks"))
    if not is_during_call:
        walker.post(make_event(text="And then?", after_s=1))
    walker.work()
    assert words_of(world) == [*(["Bye"] if "messages" in bye else []), "That is all"]
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]
    assert walker.outcomes() == ["replied" if "messages" in bye else "silent", "resolved"]
    assert STAYED in lines_of(walker)


def test_so_does_one_that_a_bot_closes_by_its_other_way(walker: Walker, world: World) -> None:
    world.bot.replies = [{}, {}]
    walker.says("Thanks")
    walker.bot_says("Bye", complete="resolved")
    WebhookEvent.objects.filter(type="bot_replied").update(received_at=timezone.now() - timedelta(seconds=5))
    walker.says("And then?", after_s=1)
    assert words_of(world) == ["Bye"]
    assert world.inbox.completions("0-conv-1") == []
    walker.bot_says("That is all", complete="resolved")
    walker.work()
    assert words_of(world) == ["Bye", "That is all"]
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]
    assert STAYED in lines_of(walker)


@pytest.mark.parametrize("bye", [BYE, {"complete": "resolved"}])
def test_so_does_one_whose_end_waits_to_be_sent_again(walker: Walker, world: World, bye: dict[str, Any]) -> None:
    def meanwhile() -> Any:
        walker.post(make_event(text="And then?", after_s=1))
        return answer(429)

    world.inbox.faults = [meanwhile]
    world.bot.replies = [bye, {"messages": [{"text": "That is all"}]}]
    walker.says("Thanks")
    assert words_of(world) == [*(["Bye"] if "messages" in bye else []), "That is all"]
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == ["replied" if "messages" in bye else "silent", "replied"]
    assert STAYED in lines_of(walker)


def test_a_message_that_the_bot_had_been_given_keeps_nothing_open(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Thanks")
    walker.bot_says("Bye", complete="resolved")
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]
    assert walker.outcomes() == ["merged", "resolved"]


# --- too late to be said: it is known, and why --------------------------------------------------------------------


def test_a_bot_is_told_that_the_handover_is_on_its_way(walker: Walker, world: World) -> None:
    answers = []

    def look() -> None:
        answers.append(walker.bot_says("Too late"))

    world.inbox.faults = [look]
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "not_assigned")]
    assert walker.outcomes() == ["handed_over"]


def accepted_before_agents_came(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    assert walker.bot_says("Words").status_code == 202
    world.inbox.gone.add("0-conv-1")


def alone(walker: Walker) -> None:
    walker.work()


def with_a_handover(walker: Walker) -> None:
    order_handover(walker.conversation(), by="anna")
    walker.work()


def after_it(walker: Walker) -> None:
    Conversation.objects.update(owner="other")
    walker.work()


@pytest.mark.parametrize("go_on", [alone, with_a_handover, after_it])
def test_words_that_agents_came_before_are_told_of_on_both_pages(
    walker: Walker, world: World, admin_client: Client, go_on: Callable[[Walker], None]
) -> None:
    accepted_before_agents_came(walker, world)
    go_on(walker)
    assert words_of(world) == []
    count = IntakeCount.objects.get(door="bot", reason="accepted_unsaid")
    assert walker.channel.bot is not None
    assert (count.owner_uuid, count.count) == (walker.channel.bot.uuid, 1)
    bots_page = admin_client.get(reverse("admin:channels_app_bot_change", args=[walker.channel.bot_id]))
    assert "CB-519" in bots_page.content.decode()
    page = unescape(admin_client.get(reverse("ops:conversation", args=[walker.conversation().pk])).content.decode())
    assert any(words in page for words in ("The bot's message was not sent", "Not sent: no longer ours"))
