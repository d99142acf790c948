"""A conversation line by line, and as something to take away."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from channels_app.conversations.events import order_handover, order_message
from channels_app.models import MessageRow, WebhookEvent
from channels_app.operations.transcripts import Transcript, load_transcript
from channels_app.operations.transcripts.exports import bug_report, transcript_json, transcript_text
from channels_app.protocol.errors import Effect, TemporaryError
from offload.models import Offload
from tests.builders import make_event
from tests.conftest import Walker
from tests.world import World, answer


def of(walker: Walker, **how: Any) -> Transcript:
    return load_transcript(walker.conversation().pk, **{"reads_text": True, **how})


def said(transcript: Transcript) -> list[tuple[str, str]]:
    return [(str(line.voice), line.text) for line in transcript.lines if line.is_message]


def told(transcript: Transcript) -> list[str]:
    return [line.text for line in transcript.lines if not line.is_message]


def test_contact_and_bot_speak_in_turn(walker: Walker) -> None:
    walker.says("Where is my parcel?")
    transcript = of(walker)
    contact, bot = transcript.lines
    assert said(transcript) == [("contact", "Where is my parcel?"), ("bot", "You said: Where is my parcel?")]
    assert contact.asked_id == contact.event_id and not contact.exchange_ids
    assert len(bot.exchange_ids) == 2 and bot.took_ms is not None
    assert transcript.contact == "Johan"


@pytest.mark.parametrize(
    ("fault", "fates"),
    [
        (None, ["", ""]),
        (answer(404), ["not sent: no longer ours"] * 2),
        (answer(422), ["refused"] * 2),
        (TemporaryError("no answer", effect=Effect.UNKNOWN), ["sent, not confirmed"] * 2),
    ],
)
def test_words_that_did_not_arrive_are_seen(walker: Walker, world: World, fault: Any, fates: list[str]) -> None:
    world.bot.replies = [{"messages": [{"text": "One"}, {"text": "Two"}]}]
    world.inbox.faults += [fault] if fault else []
    walker.says("Hello")
    lines = of(walker).lines
    assert [line.fate for line in lines if line.voice == "bot"] == fates
    assert not any(line.fate for line in lines if line.voice != "bot")


def test_what_happened_stands_between(walker: Walker, world: World) -> None:
    walker.starts()
    world.bot.replies = [answer(502), {"messages": [{"text": "Sorry"}], "offload": {"reason": "angry"}}]
    walker.says("Hello?")
    walker.says("Still there?")
    world.inbox.gone.clear()
    walker.delegates()
    # As a set: a walker makes time pass by moving what waits back in time.
    assert {text.removeprefix("Bot, try 1: ") for text in told(of(walker))} == {
        "Conversation started",
        "Bot answered with an error",
        "Handed over to the agents",
        "Not answered: the conversation was no longer with the bot",
        "Delegated to the bot by an agent",
    }
    bad = [line for line in of(walker).lines if line.is_bad]
    assert len(bad) == 1 and bad[0].detail == "The bot answered 502." and bad[0].exchange_ids


def test_the_wish_of_a_bot_is_in_its_own_words(walker: Walker, world: World) -> None:
    world.bot.replies = [{"offload": {"reason": "angry about a late parcel"}}]
    walker.says("agent")
    assert "parcel" in of(walker).lines[-1].detail
    assert of(walker, reads_text=False).lines[-1].detail == "the bot asked for an agent"


def test_people_are_named(walker: Walker) -> None:
    walker.says("Hello")
    order_message(walker.conversation(), "Anna here.", by="anna")
    order_handover(walker.conversation(), by="bert")
    walker.work()
    lines = of(walker).lines
    assert ("Bot, written by anna", "Anna here.") in [(line.name, line.text) for line in lines]
    assert ("Handover ordered", "bert") in [(line.text, line.detail) for line in lines]


def test_the_fallback_text_is_not_the_bots(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(fallback_text="One moment.")
    world.bot.replies = [answer(500), answer(500)]
    walker.says("Hello")
    assert ("system", "One moment.") in said(of(walker))


def test_the_agent_who_resolved_it_is_named(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    event = WebhookEvent.objects.get()
    report = WebhookEvent.objects.create(
        source="write_back", channel=walker.channel, conversation=event.conversation, idempotency_key="w",
        type="conversation_resolved", sent_at=timezone.now(), outcome="silent", finished_at=timezone.now(),
    )  # fmt: skip
    Offload.objects.update(ended_at=report.sent_at, ended_by="Anna", state="ended")
    assert (of(walker).lines[-1].text, of(walker).lines[-1].detail) == ("Resolved by the agents", "Anna")


# --- texts --------------------------------------------------------------------------------------------------------


def test_nothing_that_was_said_is_given_to_who_may_not_read_it(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "CANARY", "attachment": {"url": "http://files.test/CANARY.png"}}]}]
    walker.says("CANARY", data={"contactProfile": {"id": "c", "primaryIdentifier": "+32470004821"}})
    hidden = of(walker, reads_text=False)
    assert {str(line.state) for line in hidden.lines if line.is_message} == {"masked"}
    assert hidden.contact == "••• 4821"
    everything = transcript_text(hidden) + json.dumps(transcript_json(hidden), cls=DjangoJSONEncoder)
    assert "CANARY" not in everything and "32470" not in everything and "(hidden)" in everything


def test_a_sticker_a_deleted_text_and_one_that_waits(walker: Walker) -> None:
    walker.says(None)
    assert of(walker).lines[0].text == "[attachment]"
    MessageRow.objects.filter(author="contact").update(text="")  # as an older version kept it
    assert of(walker).lines[0].state == "none"
    walker.post(make_event(text="Hello"))
    assert of(walker).lines[-1].state == "waiting"  # nobody has worked on it
    MessageRow.objects.update(text="", said_at=timezone.now() - timedelta(days=31))
    assert {str(line.state) for line in of(walker).lines if line.is_message} == {"deleted", "waiting"}


# --- long ones ----------------------------------------------------------------------------------------------------


def test_a_silence_is_seen(walker: Walker) -> None:
    walker.says("One")
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=60))
    MessageRow.objects.update(said_at=timezone.now() - timedelta(seconds=60))
    walker.says("Two")
    assert [line.gap_s > 50 for line in of(walker).lines] == [False, False, True, False]


def test_a_long_conversation_comes_in_parts(walker: Walker, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        walker.says(str(number))
    with django_assert_max_num_queries(7):
        latest = of(walker, events_most=2)
    earlier = of(walker, events_most=2, before=latest.before)
    first = of(walker, events_most=2, before=earlier.before)
    assert [text for voice, text in said(first) + said(earlier) + said(latest) if voice == "contact"] == list("01234")
    assert first.before is None


# --- to take away -------------------------------------------------------------------------------------------------


def test_as_text(walker: Walker) -> None:
    walker.says("Where is\nmy parcel?")
    text = transcript_text(of(walker))
    assert text.startswith("Conversation 0-conv-1\n") and "Contact: Where is\n    my parcel?\n" in text


def test_a_bug_report_holds_what_happened_and_nothing_that_was_said(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500, {"echo": "CANARY"}), answer(500)]
    walker.says("CANARY", data={"contactProfile": {"id": "c", "primaryIdentifier": "CANARY"}})
    report = json.dumps(bug_report(walker.conversation().pk), cls=DjangoJSONEncoder)
    assert "CANARY" not in report and "secret" not in report and "token" not in report
    facts = json.loads(report)
    assert facts["explanation"]["checks"] and len(facts["calls"]) == 3 and facts["channel"]["bot"] == "http"
