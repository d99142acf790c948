"""What happens on an event, through the doors and against real rows."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app.conversations.events import order_handover
from channels_app.lib.http.session import Answer
from channels_app.models import Bot, Conversation, Delivery, InboxChannel, MessageRow, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.operations.transcripts import load_transcript
from channels_app.protocol.errors import Effect, TemporaryError
from offload.models import Offload
from tests.builders import make_event
from tests.conftest import Walker
from tests.world import World, answer

MENU = {
    "messages": [
        {
            "text": "Which one?",
            "options": [
                {"title": "Parcel", "payload": "parcel"},
                {"title": "Hours", "payload": "hours"},
                {"title": "Help page", "url": "https://help.example.com"},
                {"title": "Call us", "phone": "+32 2 555"},
            ],
        }
    ]
}
PICTURE = Answer(200, {"content-type": "image/png"}, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 1)
NO_CONNECTION = TemporaryError("POST http://bot.test/bot: connection refused", effect=Effect.NONE)


def test_a_message_gets_the_bots_answer(walker: Walker, world: World) -> None:
    walker.starts()
    walker.says("Where is my parcel?")
    assert world.inbox.said("0-conv-1") == ["You said: None", "You said: Where is my parcel?"]
    assert walker.outcomes() == ["replied", "replied"]
    assert [turn["type"] for turn in world.bot.turns] == ["conversation_started", "message"]


def test_the_bot_is_told_who_writes_and_where(walker: Walker, world: World) -> None:
    walker.starts()
    walker.says("Hello")
    turn = world.bot.turns[1]
    assert turn["contact"]["primary_identifier"] == "Johan"
    assert turn["attributes"] == [{"attribute": "company", "value": "Acme", "source": "AGENT"}]
    assert turn["inbox_channel"] == {"id": "inbox-channel-1", "name": "Demo Channel"}
    assert (turn["medium"], turn["language"]) == ("whatsapp", "en")
    assert turn["session_id"] == str(walker.conversation().session_id)
    assert len(turn["session_id"]) >= 32


def test_a_turn_keeps_its_idempotency_key_when_the_bot_is_asked_again(walker: Walker, world: World) -> None:
    world.bot.replies = [NO_CONNECTION, {"messages": [{"text": "Here I am"}]}]
    walker.says("Hello")
    keys = [headers["Idempotency-Key"] for headers in world.bot.headers]
    assert len(keys) == 2
    assert keys[0] == keys[1] == world.bot.turns[0]["turn_id"]
    assert world.inbox.said("0-conv-1") == ["Here I am"]


def test_several_messages_and_extras_leave_in_one_call_on_inbox_2(walker: Walker, world: World) -> None:
    world.bot.replies = [
        {
            "messages": [{"text": "One"}, {"text": "Two"}],
            "topics": ["Orders"],
            "tags": ["Happy"],
            "attributes": {"order_number": "A-3301"},
            "note": "Asked for order A-3301",
        }
    ]
    walker.says("Hello")
    assert len(world.inbox.calls) == 1
    body = world.inbox.calls[0][1]
    assert [message["text"] for message in body["sendMessages"]] == ["One", "Two"]
    assert body["applyTopics"] == ["Orders"]
    assert body["applyTags"][0]["tag"] == "Happy"
    assert body["setContactAttributes"] == {"order_number": "A-3301"}
    assert body["applyConversationNotes"] == [{"text": "Asked for order A-3301"}]


def test_classic_gets_a_call_for_each_message_in_order(walk_with: Callable[..., Walker], world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "One"}, {"text": "Two"}], "topics": ["Orders"], "note": "x"}]
    walk_with(inbox="sparkcentral").says("Hello")
    bodies = [body for _, body in world.inbox.calls]
    assert [body["sendMessage"]["text"] for body in bodies] == ["One", "Two"]
    assert "applyTopics" not in bodies[0]
    assert bodies[1]["applyTopics"] == ["Orders"]
    assert all("applyConversationNotes" not in body for body in bodies)


# --- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "payload"), [("2", "hours"), ("2.", "hours"), (" parcel ", "parcel"), ("PARCEL!", "parcel")]
)
def test_an_option_is_chosen_by_number_or_title(walker: Walker, world: World, typed: str, payload: str) -> None:
    world.bot.replies = [MENU]
    walker.says("menu")
    walker.says(typed)
    assert world.inbox.said("0-conv-1")[0] == (
        "Which one?\n1. Parcel\n2. Hours\nHelp page: https://help.example.com\nCall us: +32 2 555"
    )
    assert world.bot.turns[1]["payload"] == payload


def test_a_number_that_is_no_option_is_just_text(walker: Walker, world: World) -> None:
    world.bot.replies = [MENU]
    walker.says("menu")
    walker.says("7")
    assert (world.bot.turns[1]["text"], world.bot.turns[1]["payload"]) == ("7", None)


def test_a_payload_that_the_medium_sends_back_wins_over_the_text(walker: Walker, world: World) -> None:
    world.bot.replies = [MENU]
    walker.says("menu")
    walker.says("1", payload="something-else")
    assert world.bot.turns[1]["payload"] == "something-else"


# --- order and ownership ------------------------------------------------------------------------------------------


def test_a_message_that_overtakes_its_start_waits_for_it(walker: Walker, world: World) -> None:
    walker.post(make_event(text="Hi", after_s=0.01))
    assert walker.work(patiently=False) == 1  # looked, and decided to wait
    assert world.bot.turns == []
    walker.post(make_event("CONVERSATION_STARTED"))
    walker.work()
    assert [(turn["type"], turn.get("is_first", False)) for turn in world.bot.turns] == [("message", True)]


def test_a_message_whose_start_never_comes_is_answered(walker: Walker, world: World) -> None:
    walker.says("Hi")
    assert world.inbox.said("0-conv-1") == ["You said: Hi"]


def test_a_late_start_neither_greets_nor_takes_the_conversation_back(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "handover"}]
    walker.says("Hi")
    walker.starts(after_s=-2)
    walker.says("Anybody?")
    assert walker.outcomes() == ["ignored", "handed_over", "moot"]
    assert len(world.bot.turns) == 1


def test_a_late_start_with_a_new_timestamp_is_late_all_the_same(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "handover"}]
    walker.says("Hi")
    walker.starts(after_s=1, data={"language": "nl"})
    assert walker.outcomes() == ["handed_over", "ignored"]
    assert len(world.bot.turns) == 1
    assert walker.conversation().owner == "other"
    assert walker.conversation().language == "nl"  # what it tells is known all the same


def test_a_message_that_overtakes_the_agents_return_waits_for_it(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    world.inbox.gone.clear()
    walker.post(make_event(text="and now?", after_s=0.1))
    walker.work(patiently=False)
    assert walker.outcomes() == ["handed_over", None]
    walker.post(make_event("CONVERSATION_DELEGATED", after_s=2))
    walker.work(patiently=False)
    assert [turn["type"] for turn in world.bot.turns[1:]] == ["conversation_delegated", "message"]
    assert world.inbox.said("0-conv-1")[-1] == "You said: and now?"


def lost_ago(seconds: int) -> None:
    Delivery.objects.update(finished_at=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.parametrize("ending", ["handover", "resolved", "gone"])
@pytest.mark.parametrize("seconds", [30, 60])
def test_a_message_long_after_agents_had_it_is_the_bots(
    walker: Walker, world: World, ending: str, seconds: int
) -> None:
    """Its STARTED or DELEGATED is lost: nobody else gets messages."""
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": None if ending == "gone" else ending}]
    world.inbox.gone |= {"0-conv-1"} if ending == "gone" else set()
    walker.says("Thanks")
    lost_ago(seconds)
    world.inbox.gone.clear()
    walker.says("Hello again", after_s=1)
    if seconds < 45:
        assert walker.outcomes()[1:] == ["moot"]
        return
    assert walker.outcomes()[1:] == ["replied"]
    assert world.inbox.said("0-conv-1")[-1] == "You said: Hello again"
    assert (world.bot.turns[-1]["is_first"], walker.conversation().owner) == (True, "bot")


def test_if_it_is_not_the_bots_nothing_is_said_and_the_next_waits(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "handover"}]
    walker.says("agent")
    lost_ago(60)
    for place in (1, 2, 3):
        walker.says("Hello, Anna", after_s=place)
    assert world.inbox.said("0-conv-1") == ["Bye"]
    assert len(world.bot.turns) == 2  # asked once, and not again so soon
    assert walker.outcomes() == ["handed_over", "moot", "moot", "moot"]
    assert walker.conversation().owner == "other"


def test_messages_reach_the_bot_in_the_order_they_were_sent(walker: Walker, world: World) -> None:
    walker.post(make_event("CONVERSATION_STARTED", after_s=-9))
    for after_s, text in [(-5, "three"), (-7, "one"), (-6, "two")]:
        walker.post(make_event(text=text, after_s=after_s))
    walker.work()
    assert [turn["text"] for turn in world.bot.turns] == ["one", "two", "three"]


def test_a_conversation_that_is_gone_silences_the_bot_until_it_is_delegated(walker: Walker, world: World) -> None:
    walker.starts()
    world.inbox.gone.add("0-conv-1")
    walker.says("Hello")
    walker.says("Hello?")
    assert walker.outcomes() == ["replied", "moot", "moot"]
    assert len(world.bot.turns) == 2  # the second message did not reach it
    world.inbox.gone.clear()
    walker.delegates()
    assert world.bot.turns[-1]["type"] == "conversation_delegated"
    assert world.inbox.said("0-conv-1")[-1] == "You said: None"


def test_without_greeting_the_bot_is_not_asked_at_the_start(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(greeting="never")
    walker.starts()
    assert walker.outcomes() == ["silent"]
    assert world.bot.turns == []


def test_a_message_without_text_is_still_a_turn(walker: Walker, world: World) -> None:
    walker.says(None)
    assert world.bot.turns[0]["text"] is None
    assert walker.outcomes() == ["replied"]


# --- handover -----------------------------------------------------------------------------------------------------


def test_last_words_note_and_handover_leave_in_one_call(walker: Walker, world: World) -> None:
    walker.says("Where is my parcel?")
    world.bot.replies = [
        {
            "messages": [{"text": "A colleague takes over."}],
            "offload": {"reason": "asked_for_human", "payload": {"team": "sales"}},
        }
    ]
    walker.says("agent")
    body = world.inbox.calls[-1][1]
    assert world.inbox.said("0-conv-1")[-1] == "A colleague takes over."
    assert body["complete"] == "HANDOVER"
    note = body["applyConversationNotes"][0]["text"]
    for part in ("team: sales", "Contact: Where is my parcel?", "Bot: You said: Where", "agent"):
        assert part in note
    assert "asked_for_human" not in note
    offload = Offload.objects.get()
    assert (offload.state, offload.reason, offload.requested_by) == ("handed_over", "asked_for_human", "bot")
    assert offload.delivery is not None
    assert walker.outcomes() == ["replied", "handed_over"]
    assert walker.conversation().owner == "other"


def test_after_the_handover_nothing_reaches_the_bot(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    walker.says("are you there?")
    assert walker.outcomes() == ["handed_over", "moot"]
    assert len(world.bot.turns) == 1


def test_a_closed_provider_leaves_the_conversation_with_the_bot(walker: Walker, world: World) -> None:
    make_provider(walker, is_enabled=False, closed_text="We open at nine.")
    world.bot.replies = [{"messages": [{"text": "Let me see."}], "offload": {"reason": "asked"}}]
    walker.says("agent")
    assert world.inbox.said("0-conv-1") == ["Let me see.", "We open at nine."]
    assert world.inbox.completions("0-conv-1") == []
    assert Offload.objects.get().state == "closed"
    assert walker.conversation().owner == "bot"


def test_a_closed_provider_and_nothing_to_say_hands_over_all_the_same(walker: Walker, world: World) -> None:
    make_provider(walker, is_enabled=False)
    world.bot.replies = [{"offload": {"reason": "asked"}}]
    walker.says("agent")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_a_resolved_conversation_is_closed(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Bye"}], "complete": "resolved"}]
    walker.says("bye")
    assert world.inbox.completions("0-conv-1") == ["RESOLVED"]
    assert walker.outcomes() == ["resolved"]
    assert walker.conversation().owner == "closed"
    assert not Offload.objects.exists()


def test_an_admin_orders_the_handover(walker: Walker, world: World) -> None:
    walker.says("Hello")
    order_handover(walker.conversation(), by="anna")
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    offload = Offload.objects.get()
    assert (offload.reason, offload.requested_by, offload.state) == ("admin", "anna", "handed_over")


def test_a_handover_of_what_agents_have_already_is_moot(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    order_handover(walker.conversation(), by="anna")
    walker.work()
    assert len(world.inbox.calls) == 1
    assert Offload.objects.get(reason="admin").state == "moot"


def test_a_bot_that_fails_twice_hands_over_with_the_fallback_text(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(fallback_text="One moment.")
    world.bot.replies = [answer(500), answer(500)]
    walker.says("Hello")
    assert len(world.bot.turns) == 2
    assert world.inbox.said("0-conv-1") == ["One moment."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    offload = Offload.objects.get()
    assert (offload.reason, offload.requested_by, offload.detail) == (
        "bot_failed",
        "chatbridge",
        "The bot answered 500.",
    )
    assert MessageRow.objects.get(author="bridge").text == "One moment."


@pytest.mark.parametrize("reply", [answer(200, ["no", "object"]), answer(404), answer(200, {"messages": "no list"})])
def test_whatever_is_no_reply_is_a_failed_try(walker: Walker, world: World, reply: object) -> None:
    world.bot.replies = [reply, {"messages": [{"text": "Better now"}]}]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["Better now"]


# --- files of the contact -----------------------------------------------------------------------------------------

PHOTO = {"message": {"messageId": "m", "attachments": [{"type": "image", "url": "https://files.example/a.jpg"}]}}
SORRY = "Sorry, I can't open files."


def test_a_bot_is_told_what_kind_of_file_came(walker: Walker, world: World) -> None:
    walker.says(None, data=PHOTO)
    turn = world.bot.turns[0]
    image = {"type": "image", "placeholder": "[image]", "url": "https://files.example/a.jpg"}
    assert (turn["text"], turn["attachments"]) == (None, [image])
    walker.says(None)
    assert world.bot.turns[1]["attachments"] == [{"type": "unknown", "placeholder": "[attachment]"}]
    walker.says("Hello")
    assert "attachments" not in world.bot.turns[2]
    assert list(MessageRow.objects.filter(author="contact").order_by("id").values_list("text", flat=True)) == [
        "[image]",
        "[attachment]",
        "Hello",
    ]


@pytest.mark.parametrize(
    ("policy", "text", "said", "outcome"),
    [
        ("say_text", SORRY, [SORRY], "replied"),
        ("hand_over", SORRY, [SORRY], "handed_over"),
        ("hand_over", "", [], "handed_over"),
    ],
)
def test_a_channel_can_deal_with_files_without_its_bot(
    walk_with: Callable[..., Walker], world: World, policy: str, text: str, said: list[str], outcome: str
) -> None:
    texts = {"*": text} if text else {}
    walker = walk_with(on_contact_file=policy, **{"file_texts" if policy == "say_text" else "fallback_texts": texts})
    walker.says(None, data=PHOTO)
    assert world.bot.turns == []
    assert (world.inbox.said("0-conv-1"), walker.outcomes()) == (said, [outcome])
    reasons = list(Offload.objects.values_list("reason", "detail"))
    assert reasons == ([("contact_file", "[image]")] if policy == "hand_over" else [])
    stop = explain(walker.conversation().pk).stop
    assert stop and stop.problem and stop.problem.code.code == "CB-817"


@pytest.mark.parametrize(
    "message",
    [
        {"text": "Look", "attachments": [{"type": "image"}]},
        {"location": {"latitude": 51.2, "longitude": 4.4}},
        {"payload": "parcel"},
        {"text": "Hello"},
    ],
)
def test_what_a_bot_can_read_goes_to_it_all_the_same(
    walk_with: Callable[..., Walker], world: World, message: dict[str, Any]
) -> None:
    walker = walk_with(on_contact_file="hand_over")
    walker.says(None, data={"message": message})
    assert (len(world.bot.turns), walker.outcomes()) == (1, ["replied"])


def test_an_inbox_channel_without_the_bot_goes_to_agents_at_once(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(covers_all_inbox_channels=False)
    InboxChannel.objects.create(channel=walker.channel, external_id="another", is_enabled=True)
    walker.says("Hello")
    assert world.bot.turns == []
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == "inbox_channel_off"
    discovered = InboxChannel.objects.get(channel=walker.channel, external_id="inbox-channel-1")
    assert (discovered.name, discovered.is_enabled) == ("Demo Channel", False)
    assert discovered.first_seen_at is not None


def test_an_inbox_channel_that_was_answered_stays_so_when_the_choice_is_made(walker: Walker, world: World) -> None:
    walker.says("Hello")
    assert InboxChannel.objects.get().is_enabled


def test_an_enabled_inbox_channel_is_answered(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(covers_all_inbox_channels=False)
    InboxChannel.objects.create(channel=walker.channel, external_id="inbox-channel-1", is_enabled=True)
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


@pytest.mark.parametrize(("changes", "reason"), [({"is_active": False}, "channel_off"), ({"bot": None}, "no_bot")])
def test_a_channel_that_can_not_answer_goes_to_agents(
    walk_with: Callable[..., Walker], world: World, changes: dict[str, object], reason: str
) -> None:
    walker = walk_with(**changes)
    walker.says("Hello")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == reason


def test_an_asynchronous_bot_that_stays_silent_hands_over_in_time(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.says("Hello")
    event = WebhookEvent.objects.get()
    assert event.state == "bot_wait"
    assert event.wait_until is not None
    assert event.wait_until - timezone.now() < timedelta(seconds=46)
    WebhookEvent.objects.update(wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())
    walker.work()
    assert Offload.objects.get().reason == "bot_silent"
    assert walker.outcomes() == ["handed_over"]


def test_a_bot_without_greeting_is_no_failure(walker: Walker, world: World) -> None:
    world.bot.replies = [{}]
    walker.starts()
    WebhookEvent.objects.update(wait_until=timezone.now())
    Conversation.objects.update(wake_at=timezone.now())
    walker.work()
    assert walker.outcomes() == ["silent"]
    assert world.inbox.calls == []


def test_an_empty_reply_is_silence_on_purpose(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": []}]
    walker.says("Hello")
    assert walker.outcomes() == ["silent"]
    assert world.inbox.calls == []


def make_provider(walker: Walker, **changes: object) -> object:
    from offload.models import OffloadProvider

    return OffloadProvider.objects.create(channel=walker.channel, **{"closed_texts": {}, **changes})


# --- when the bot fails -------------------------------------------------------------------------------------------


def test_what_waited_too_long_goes_to_agents_without_asking_the_bot(walker: Walker, world: World) -> None:
    walker.post_and_age(text="Hello", age_s=241)
    assert world.bot.turns == []
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == "out_of_time"


def test_a_longer_limit_there_gives_the_bot_longer_here(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(reply_limit_s=3600)
    walker.post_and_age(text="Hello", age_s=3000)
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


@pytest.mark.parametrize(("age_s", "is_asked"), [(79, True), (81, False)])
def test_a_delegated_conversation_has_two_minutes(walker: Walker, world: World, age_s: int, is_asked: bool) -> None:
    walker.post(make_event("CONVERSATION_DELEGATED"))
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=age_s))
    walker.work(patiently=False)
    assert bool(world.bot.turns) is is_asked
    assert world.inbox.completions("0-conv-1") == ([] if is_asked else ["HANDOVER"])


@pytest.mark.parametrize(
    ("policy", "text", "said", "outcome"),
    [
        ("say_text", "Try again later.", ["Try again later."], "replied"),
        ("stay_silent", "Try again later.", [], "silent"),
    ],
)
def test_the_owner_of_the_channel_decides_what_follows_a_failure(
    walk_with: Callable[..., Walker], world: World, policy: str, text: str, said: list[str], outcome: str
) -> None:
    walker = walk_with(on_bot_failure=policy, fallback_text=text)
    world.bot.replies = [answer(500), answer(500)]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == said
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == [outcome]
    walker.says("Hello again")
    assert world.inbox.said("0-conv-1")[-1] == "You said: Hello again"


def test_a_bot_that_is_down_is_left_alone_and_found_again(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500)] * 5
    for number in range(4):
        walker.says("Hello", f"conv-{number}")
    assert len(world.bot.turns) == 5  # two tries each, the fifth failure closed the way
    reasons = Offload.objects.order_by("id").values_list("reason", flat=True)
    assert list(reasons) == ["bot_failed", "bot_failed", "bot_down", "bot_down"]
    assert world.inbox.completions("conv-3") == ["HANDOVER"]
    Bot.objects.update(paused_until=timezone.now())
    walker.says("Hello", "conv-4")
    assert world.inbox.said("conv-4") == ["You said: Hello"]
    assert (Bot.objects.get().failures, Bot.objects.get().paused_until) == (0, None)


def test_only_one_turn_tries_a_bot_that_was_down(walker: Walker, world: World) -> None:
    Bot.objects.update(failures=9, paused_until=timezone.now())
    world.bot.replies = [answer(500)]
    walker.says("Hello", "conv-1")
    walker.says("Hello", "conv-2")
    assert len(world.bot.turns) == 1
    assert world.inbox.completions("conv-1") == world.inbox.completions("conv-2") == ["HANDOVER"]


def test_bot_and_agents_do_not_play_ball_for_ever(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}] * 9
    for _ in range(8):
        world.inbox.gone.clear()
        walker.delegates()
    assert len(world.bot.turns) == 5
    assert list(Offload.objects.order_by("id").values_list("reason", flat=True))[-3:] == ["bounced"] * 3


def test_an_answer_counts_for_what_the_bot_knew_when_it_spoke(walker: Walker, world: World) -> None:
    """It answers the first message while the second is on its way to it: the second keeps its deadline."""
    import json

    world.bot.replies = [{}, {}]
    walker.says("one")
    walker.client.post(
        f"/webhooks/bot/{walker.channel.bot.uuid}/",  # type: ignore[union-attr]
        json.dumps({"session_id": str(walker.conversation().session_id), "messages": [{"text": "to one"}]}),
        content_type="application/json",
        headers={"Authorization": "Bearer bot-token-of-the-tests"},
    )
    WebhookEvent.objects.filter(type="bot_replied").update(received_at=timezone.now())
    walker.post(make_event(text="two"))
    walker.work(patiently=False)  # "two" reaches the bot while its answer still settles
    walker.work()
    assert world.inbox.said("0-conv-1") == ["to one"]
    states = dict(WebhookEvent.objects.filter(type="message_received").values_list("id", "state"))
    assert sorted(states.values()) == ["bot_wait", "done"]


def test_a_failure_without_a_text_to_say_goes_to_agents(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(on_bot_failure="say_text", fallback_text="")
    world.bot.replies = [answer(500), answer(500)]
    walker.says("Hello")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_an_agent_who_delegated_gets_a_failed_conversation_back(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(on_bot_failure="stay_silent")
    world.bot.replies = [answer(500), answer(500)]
    walker.delegates()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_all_tries_together_have_the_channels_patience(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(bot_tries=9, answer_within_s=5)
    world.bot.replies = [answer(500)] * 9
    walker.says("Hello")  # each look ahead lets two seconds pass
    assert 1 < len(world.bot.turns) < 5
    assert Offload.objects.get().reason == "bot_failed"


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
def test_a_bot_can_pause_between_its_messages_and_nobody_waits_meanwhile(
    walk_with: Callable[..., Walker], world: World, inbox: str
) -> None:
    walker = walk_with(inbox=inbox)
    texts = [
        {"text": "One", "pause_ms": 9_000},
        {"text": "Let me look", "pause_ms": 0},
        {"text": "Found", "pause_ms": 1_500},
    ]
    world.bot.replies = [{"messages": texts, "complete": "handover"}]
    walker.post(make_event(text="Hello"))
    walker.let_time_pass()
    walker.work(patiently=False)
    assert world.inbox.said("0-conv-1") == ["One", "Let me look"]  # the first message has nothing to wait for
    waiting = WebhookEvent.objects.get()
    assert (waiting.state, waiting.conversation.lease_slot) == ("sending", None)
    assert waiting.wait_until is not None
    walker.post(make_event(text="Hello?"))
    assert walker.work(patiently=False) <= 1  # it looks what has come, and goes on waiting
    assert world.inbox.said("0-conv-1") == ["One", "Let me look"]
    walker.work()
    assert world.inbox.said("0-conv-1") == ["One", "Let me look", "Found"]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert len(world.inbox.calls) == (2 if inbox == "hootsuite" else 3)


@pytest.mark.parametrize(
    ("wanted", "pauses"),
    [
        ([0, 1_500, 0], [0, 1_500]),
        ([5_000, 0, 0], [0]),
        ([0, 60_000, -5], [0, 10_000]),
        ([0, 9_000, 9_000, 9_000, 9_000, 9_000], [0, 9_000, 9_000, 9_000, 3_000, 0]),
    ],
)
def test_pauses_have_bounds(walker: Walker, world: World, wanted: list[int], pauses: list[int]) -> None:
    messages = [{"text": str(place), "pause_ms": pause_ms} for place, pause_ms in enumerate(wanted)]
    world.bot.replies = [{"messages": messages}]
    walker.post(make_event(text="Hello"))
    walker.let_time_pass()
    walker.work(patiently=False)
    rows = Delivery.objects.order_by("seq").values_list("payload", flat=True)
    assert [row.get("pause_ms", 0) for row in rows] == pauses


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
def test_of_very_long_messages_the_beginning_and_the_end_are_said(
    walk_with: Callable[..., Walker], world: World, inbox: str
) -> None:
    walker = walk_with(inbox=inbox)
    long = [{"text": f"{place} {'words ' * 3_000}"} for place in range(19)]
    world.bot.replies = [{"messages": [*long, *MENU["messages"]]}]
    walker.says("Hello")
    said = world.inbox.said("0-conv-1")
    assert (len(said), said[0][:7], said[-1].splitlines()[0]) == (40, "0 words", "Which one?")
    assert "texts from the middle of a very long answer" in WebhookEvent.objects.get().reason
    lines = load_transcript(walker.conversation().pk, reads_text=True).lines
    assert [line.text for line in lines if line.voice == "bot"] == said


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
@pytest.mark.parametrize("count", [20, 21, 500])
def test_more_messages_than_leave_at_once_are_joined(
    walk_with: Callable[..., Walker], world: World, count: int, inbox: str
) -> None:
    walker = walk_with(inbox=inbox)
    world.bot.replies = [{"messages": [{"text": str(number)} for number in range(count)]}]
    walker.says("Hello")
    said = world.inbox.said("0-conv-1")
    assert (len(said), said[0]) == (20, "0")
    assert "\n".join(said).split("\n") == [str(number) for number in range(count)]
    lines = load_transcript(walker.conversation().pk, reads_text=True).lines
    assert [line.text for line in lines if line.voice == "bot"] == said
    assert not any(line.is_bad for line in lines)


def test_words_for_a_book_are_cut_and_an_operator_is_told(walker: Walker, world: World) -> None:
    messages: list[dict[str, Any]] = [{"text": f"{number} {'x' * 900}"} for number in range(500)]
    messages[-1]["options"] = [{"title": "Unread", "payload": 1}]
    world.bot.replies = [{"messages": messages}]
    walker.says("Hello")
    said = world.inbox.said("0-conv-1")
    assert [text.partition(" ")[0] for text in said] == [str(number) for number in range(0, 80, 4)]  # 4 fill a text
    lines = load_transcript(walker.conversation().pk, reads_text=True).lines
    assert [line.text for line in lines if line.voice == "bot"] == said
    assert [(line.code, line.detail) for line in lines if line.is_bad] == [
        ("CB-518", "the last 420 of 500 messages, more than one reply can hold.")
    ]
    walker.says("1")
    assert world.bot.turns[-1]["payload"] is None


def test_a_file_among_many_words_keeps_its_place(walker: Walker, world: World) -> None:
    messages: list[dict[str, Any]] = [{"text": str(number)} for number in range(50)]
    world.files["/map.png"] = PICTURE
    messages[30]["attachment"] = {"url": "http://files.test/map.png"}
    world.bot.replies = [{"messages": messages}]
    walker.says("Hello")
    body = world.inbox.calls[0][1]["sendMessages"]
    assert "\n".join(message["text"] for message in body).split("\n") == [str(number) for number in range(50)]
    assert [message["text"] for message in body if message.get("attachment")] == ["30"]


# --- the beginning ------------------------------------------------------------------------------------------------

SAMPLE_MENU = {
    "messages": [{"text": "Hi!", "options": [{"title": "Parcel", "payload": "parcel"}, {"title": "Hours"}]}]
}


def began(walker: Walker, *events: tuple[str, float], text: str = "Hello") -> None:
    """What comes at a conversation's beginning, in the order of its arrival, with its stamps; then somebody works."""
    for name, after_s in events:
        changes = {"text": text} if name == "INBOUND_MESSAGE_RECEIVED" else {}
        assert walker.post(make_event(name, after_s=after_s, **changes)).status_code == 200
    walker.work()


STARTED, MESSAGE = "CONVERSATION_STARTED", "INBOUND_MESSAGE_RECEIVED"


@pytest.mark.parametrize(
    "events", [[(STARTED, 0), (MESSAGE, 0.001)], [(MESSAGE, 0), (STARTED, 0.001)], [(MESSAGE, -5), (STARTED, 0)]]
)
def test_a_contact_who_begins_by_writing_hears_one_answer(
    walker: Walker, world: World, events: list[tuple[str, float]]
) -> None:
    began(walker, *events)
    assert [(turn["type"], turn.get("is_first", False), turn["text"]) for turn in world.bot.turns] == [
        ("message", True, "Hello")
    ]
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert sorted(outcome or "" for outcome in walker.outcomes()) == ["merged", "replied"]
    turn = world.bot.turns[0]  # what only the start tells is known
    assert (turn["language"], turn["attributes"][0]["value"]) == ("en", "Acme")
    walker.says("And now?")
    assert ("is_first" in world.bot.turns[1], walker.conversation().stint) == (False, 1)


def test_a_start_alone_is_asked_as_such(walker: Walker, world: World) -> None:
    walker.starts()
    walker.says("Hello")
    assert [(turn["type"], turn.get("is_first", False)) for turn in world.bot.turns] == [
        ("conversation_started", False),
        ("message", False),
    ]


def test_a_first_message_whose_start_is_lost_is_still_the_first(walker: Walker, world: World) -> None:
    walker.says("Hello")
    walker.starts(after_s=1)  # a retry, too late
    assert [(turn["type"], turn.get("is_first", False)) for turn in world.bot.turns] == [("message", True)]
    assert walker.outcomes() == ["replied", "ignored"]


def test_a_late_start_is_not_told_with_the_second_message(walker: Walker, world: World) -> None:
    walker.says("Hello")
    began(walker, (STARTED, 1), (MESSAGE, 2), text="Two")
    assert [(turn["text"], turn.get("is_first", False)) for turn in world.bot.turns] == [
        ("Hello", True),
        ("Two", False),
    ]
    assert walker.outcomes() == ["replied", "ignored", "replied"]


@pytest.mark.parametrize(
    ("greeting", "types", "outcomes"),
    [
        ("always", ["conversation_started", "message"], ["replied", "replied"]),
        ("never", ["message"], ["silent", "replied"]),
        ("with_first_message", ["message"], ["merged", "replied"]),
    ],
)
def test_the_channel_says_when_the_bot_is_told_of_the_start(
    walk_with: Callable[..., Walker], world: World, greeting: str, types: list[str], outcomes: list[str]
) -> None:
    walker = walk_with(greeting=greeting)
    began(walker, (STARTED, 0), (MESSAGE, 0.001))
    assert [turn["type"] for turn in world.bot.turns] == types
    assert ("is_first" in world.bot.turns[-1]) is (greeting == "with_first_message")
    assert walker.outcomes() == outcomes


@pytest.mark.parametrize("failures", [1, 2])
def test_a_first_message_is_the_first_at_each_try(walker: Walker, world: World, failures: int) -> None:
    world.bot.replies = [answer(500)] * failures
    began(walker, (STARTED, 0), (MESSAGE, 0.001))
    assert [turn.get("is_first", False) for turn in world.bot.turns] == [True, True]
    assert walker.outcomes() == ["merged", "handed_over" if failures == 2 else "replied"]


def test_a_first_message_is_the_first_also_when_its_worker_died(walker: Walker, world: World) -> None:
    from channels_app.conversations.claim import claim_due_conversation
    from tests.turns import take_step

    walker.post(make_event(STARTED))
    walker.post(make_event(text="Hello", after_s=0.001))
    lease = claim_due_conversation("tests")
    assert lease is not None
    world.bot.replies = [lambda: 1 / 0]
    with pytest.raises(ZeroDivisionError):
        take_step(lease)
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    walker.work()
    assert [turn.get("is_first", False) for turn in world.bot.turns] == [True, True]
    assert world.bot.turns[0]["turn_id"] == world.bot.turns[1]["turn_id"]
    assert walker.outcomes() == ["merged", "replied"]


def test_a_conversation_that_begins_anew_is_one_answer_again(walker: Walker, world: World) -> None:
    began(walker, (STARTED, 0), (MESSAGE, 0.001))
    began(walker, (STARTED, 60), (MESSAGE, 60.001))
    assert [turn.get("is_first", False) for turn in world.bot.turns] == [True, True]
    assert walker.conversation().stint == 2


def test_the_documented_sample_bot_word_for_word(walker: Walker, world: World) -> None:
    """It greets with a menu and echoes: a contact who writes first, and then chooses, is understood."""
    world.bot.replies = [SAMPLE_MENU, {"messages": [{"text": "You said: Hello"}]}]
    walker.starts()
    walker.says("Hello")
    walker.says("1")
    assert [(turn["text"], turn["payload"]) for turn in world.bot.turns[1:]] == [("Hello", None), ("Parcel", "parcel")]


# --- how long an offer stands -------------------------------------------------------------------------------------

OTHER_MENU = {"messages": [{"text": "Where?", "options": [{"title": "Here", "payload": "here"}]}]}
WORDS = {"messages": [{"text": "Let me see."}]}


def chosen(walker: Walker, world: World, replies: list[object], says: list[str]) -> tuple[str, object]:
    """The last turn's text and payload."""
    world.bot.replies = replies
    for text in says:
        walker.says(text)
    return world.bot.turns[-1]["text"], world.bot.turns[-1]["payload"]


def test_other_words_leave_an_offer_standing(walker: Walker, world: World) -> None:
    assert chosen(walker, world, [MENU, WORDS, WORDS], ["menu", "hm", "hm", "2"]) == ("Hours", "hours")


def test_another_offer_takes_its_place(walker: Walker, world: World) -> None:
    assert chosen(walker, world, [MENU, OTHER_MENU], ["menu", "hm", "2"]) == ("2", None)
    assert chosen(walker, world, [], ["1"]) == ("Here", "here")
    assert chosen(walker, world, [], ["Parcel"]) == ("Parcel", None)  # of the menu before: text


@pytest.mark.parametrize(
    ("hours", "age_h", "payload"), [(24, 23, "hours"), (24, 25, None), (1, 2, None), (48, 25, "hours")]
)
def test_an_offer_stands_as_long_as_the_channel_says(
    walk_with: Callable[..., Walker], world: World, hours: int, age_h: int, payload: str | None
) -> None:
    walker = walk_with(offer_hours=hours)
    world.bot.replies = [MENU]
    walker.says("menu")
    conversation = walker.conversation()
    offered_at = datetime.fromisoformat(conversation.options["at"])
    conversation.options["at"] = (offered_at - timedelta(hours=age_h)).isoformat()
    conversation.save()
    walker.says("2")
    assert world.bot.turns[-1]["payload"] == payload


def test_an_offer_of_a_version_that_kept_no_time_stands(walker: Walker, world: World) -> None:
    world.bot.replies = [MENU]
    walker.says("menu")
    conversation = walker.conversation()
    del conversation.options["at"]
    conversation.save()
    walker.says("2")
    assert world.bot.turns[-1]["payload"] == "hours"


# --- a number answers one question --------------------------------------------------------------------------------

RATING = {"messages": [{"text": "How was it?", "options": [{"title": str(n), "payload": n} for n in range(1, 6)]}]}


@pytest.mark.parametrize(
    ("menu", "first", "then", "told"),
    [
        (MENU, "1", "2", ("2", None)),
        (MENU, "Parcel", "2", ("2", None)),
        (MENU, "1", "(2)", ("(2)", None)),
        (MENU, "1", "No. 2", ("No. 2", None)),
        (MENU, "1", "hours", ("Hours", "hours")),
        (MENU, "1", "2. Hours", ("Hours", "hours")),
        (MENU, "well", "2", ("Hours", "hours")),
        (RATING, "5", "2", ("2", None)),
        (RATING, "9", "2", ("2", 2)),
    ],
)
def test_a_number_alone_chooses_once(
    walker: Walker, world: World, menu: object, first: str, then: str, told: tuple[str, object]
) -> None:
    """ "1", "How many?", "2": two of them, not the second option."""
    assert chosen(walker, world, [menu, WORDS], ["menu", first, then]) == told
    assert chosen(walker, world, [MENU], ["menu", "2"]) == ("Hours", "hours")


def test_a_button_that_was_pressed_is_a_choice(walker: Walker, world: World) -> None:
    world.bot.replies = [MENU, WORDS]
    walker.says("menu")
    walker.says("Parcel", payload="parcel")
    walker.says("2")
    assert [turn["payload"] for turn in world.bot.turns] == [None, "parcel", None]


def test_a_choice_stays_one_when_the_bot_is_asked_again(walker: Walker, world: World) -> None:
    world.bot.replies = [MENU, answer(500), WORDS]
    walker.says("menu")
    walker.says("1")
    assert [turn["payload"] for turn in world.bot.turns] == [None, "parcel", "parcel"]


@pytest.mark.parametrize(("says", "payload"), [("2", None), ("hours", "hours")])
def test_a_number_alone_answers_nothing_of_before_the_agents(
    walker: Walker, world: World, says: str, payload: str | None
) -> None:
    world.bot.replies = [MENU, {"complete": "handover"}, WORDS]
    walker.says("menu")
    walker.says("agent")
    world.inbox.gone.clear()
    walker.delegates(after_s=1)
    walker.says(says, after_s=2)
    assert world.bot.turns[-1]["payload"] == payload


def test_what_a_version_before_offered_can_be_chosen_as_ever(walker: Walker, world: World) -> None:
    world.bot.replies = [MENU, WORDS]
    walker.says("menu")
    conversation = walker.conversation()
    for name in ("stint", "after", "chosen_by"):
        del conversation.options[name]
    conversation.save()
    walker.says("2")
    walker.says("1")
    assert [turn["payload"] for turn in world.bot.turns] == [None, "hours", None]


@pytest.mark.parametrize("says", ["1", "Here", "1. Here"])
def test_nobody_chooses_from_a_menu_that_is_not_there_yet(walker: Walker, world: World, says: str) -> None:
    """ "1" twice, quickly: the second was no answer to what the first led to."""

    def meanwhile() -> object:
        walker.post(make_event(text=says, after_s=1))
        return OTHER_MENU

    world.bot.replies = [MENU, meanwhile, WORDS]
    walker.says("menu")
    walker.says("1")
    assert [(turn["text"], turn["payload"]) for turn in world.bot.turns[1:]] == [("Parcel", "parcel"), (says, None)]
    walker.says(says, after_s=2)
    assert world.bot.turns[-1]["payload"] == "here"


def test_nor_from_one_of_a_bot_that_calls_back(walker: Walker, world: World) -> None:
    world.bot.replies = [{}, {}, {}]
    walker.says("menu")
    walker.post(make_event(text="1", after_s=1))
    walker.bot_says("Which?", messages=MENU["messages"])
    walker.work()
    walker.says("1", after_s=2)
    assert [turn["payload"] for turn in world.bot.turns] == [None, None, "parcel"]
