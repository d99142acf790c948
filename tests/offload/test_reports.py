"""What became of a handover: reports complete the transcript once, in any order, and end the right handover."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.models import Conversation, MessageRow
from channels_app.operations.transcripts import load_transcript
from offload.models import Offload, OffloadProvider
from tests.builders import make_bot, make_event, sign
from tests.conftest import Walker
from tests.world import World

SECRET = "ab12" * 16
IN, OUT = "INBOUND", "OUTBOUND"
FIRST = [(IN, "Hello"), (OUT, "Hi!"), (IN, "agent"), (OUT, "Bye")]


@pytest.fixture
def walker(walk_with: Callable[..., Walker], world: World) -> Walker:
    """Handed over, with a note and last words."""
    walker = walk_with()
    provider = OffloadProvider(channel=walker.channel)
    provider.write_back_secret = SECRET
    provider.save()
    world.bot.replies = [{"messages": [{"text": "Hi!"}]}, {"messages": [{"text": "Bye"}], "complete": "handover"}]
    walker.post(make_event("CONVERSATION_STARTED"))
    walker.says("Hello")
    walker.says("agent")
    return walker


def report(
    walker: Walker,
    said: list[tuple[str, str]],
    notes: Sequence[str] = (),
    **changes: Any,
) -> None:
    sent_at = changes.pop("sent_at", timezone.now())
    name = changes.pop("type", "CONVERSATION_RESOLVED")
    document = {
        "type": name,
        "version": 1,
        "idempotencyKey": changes.pop("key", f"{name}-{len(said)}-{sent_at}"),
        "timestamp": sent_at.isoformat(),
        "data": {
            "conversation": {"id": "0-conv-1", "previousStatus": "new"},
            "agent": {"id": "a-1", "firstName": "Mia", "lastName": "Janssens", "email": "mia@example.com"},
            "statusUpdatedReason": "solved",
            "statusUpdatedComment": "Parcel found",
            "topics": [{"id": "t-1", "name": "Lost parcel"}],
            "messages": [
                {"id": f"m-{place}", "direction": way, "text": text} for place, (way, text) in enumerate(said)
            ],
            "notes": [
                {"id": text, "text": text, "creationUser": "Tom", "creationTimestamp": timezone.now().isoformat()}
                for text in notes
            ],
            **changes,
        },
    }
    body = json.dumps(document).encode()
    headers = {"X-Hootsuite-Signature": sign(body, SECRET)}
    path = f"/webhooks/write-back/{OffloadProvider.objects.get().uuid}/"
    assert walker.client.post(path, body, content_type="application/json", headers=headers).status_code == 200
    walker.work()


def told() -> list[tuple[str, str, str]]:
    rows = MessageRow.objects.filter(event__source="write_back").order_by("event_id", "position")
    return list(rows.values_list("author", "name", "text"))


MIA = "Mia Janssens"
PENDING = [*FIRST, (OUT, "I look for it."), (IN, "Hello")]
RESOLVED = [*PENDING, (OUT, "Found!"), (OUT, "Bye")]
AFTER = [("agent", MIA, "I look for it."), ("contact", "", "Hello"), ("agent", MIA, "Found!"), ("agent", MIA, "Bye")]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([RESOLVED], AFTER),
        ([RESOLVED, RESOLVED], AFTER),
        ([PENDING, RESOLVED], AFTER),
        ([RESOLVED, PENDING], AFTER),  # the later one came first
        ([RESOLVED[2:]], AFTER),  # only the end of the conversation
        ([[(OUT, "something"), (IN, "nobody knows")]], []),  # older than what is kept, or another's
        ([FIRST], []),
        ([[]], []),
        ([[*FIRST, (OUT, "  "), ("SIDEWAYS", "x")]], []),
    ],
)
def test_agents_messages_are_kept_once(
    walker: Walker, reports: list[list[tuple[str, str]]], expected: list[tuple[str, str, str]]
) -> None:
    for place, said in enumerate(reports):
        report(walker, said, key=f"report-{place}")
    assert told() == expected


def test_what_agents_said_between_two_parts_of_the_bot_stands_between_them(walker: Walker, world: World) -> None:
    world.inbox.gone.clear()
    walker.delegates(after_s=1)
    world.bot.replies = [{"messages": [{"text": "Me again"}], "complete": "handover"}]
    walker.says("Bot?", after_s=2)
    report(
        walker, [*PENDING, (IN, "Bot?"), (OUT, "Me again"), (OUT, "Done")], sent_at=timezone.now() + timedelta(hours=1)
    )
    report(
        walker, [*PENDING, (IN, "Bot?"), (OUT, "Me again"), (OUT, "Done")], sent_at=timezone.now() + timedelta(hours=2)
    )
    said = [line.text for line in load_transcript(walker.conversation().pk, reads_text=True).lines if line.is_message]
    order = [said.index(text) for text in ("I look for it.", "Me again", "Done")]
    assert order == sorted(order)
    assert len([text for text in said if text in ("I look for it.", "Done", "Hello")]) == 4


def test_a_retry_of_a_report_counts_once(walker: Walker) -> None:
    for _ in range(3):
        report(walker, RESOLVED, ["Refunded"], key="same")
    assert told() == [*AFTER, ("note", "Tom", "Refunded")]
    assert Offload.objects.get().topics == ["Lost parcel"]


def test_a_topic_that_is_told_twice_counts_once(walker: Walker) -> None:
    """By a rule and by an agent."""
    report(walker, RESOLVED, topics=[{"id": number, "name": "Refunds"} for number in ("t-1", "t-2")])
    assert (Offload.objects.get().topics, walker.conversation().topics) == (["Refunds"], ["Refunds"])


def test_our_own_note_is_no_agents(walker: Walker, world: World) -> None:
    [ours] = world.inbox.notes("0-conv-1")
    report(
        walker,
        FIRST,
        [ours, "Handed over by chatbridge: an older one", "Call back"],
        type="CONVERSATION_SET_TO_PENDING",
    )
    report(walker, FIRST, [ours, "Call back", "Called"])
    assert told() == [("note", "Tom", "Call back"), ("note", "Tom", "Called")]


def test_a_report_ends_the_handover_that_it_is_about(walker: Walker, world: World) -> None:
    early = timezone.now()
    world.inbox.gone.clear()
    walker.delegates()
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent again", after_s=1)
    first, second = Offload.objects.order_by("pk")
    report(walker, RESOLVED, sent_at=early, key="late")
    first.refresh_from_db()
    assert (first.state, first.ended_by, first.end_comment) == ("ended", MIA, "solved · Parcel found")
    assert Conversation.objects.get().owner == "other"
    again = [*RESOLVED, (IN, "agent again"), (OUT, "It has come")]
    report(walker, again, sent_at=timezone.now() + timedelta(seconds=5), key="now")
    second.refresh_from_db()
    assert second.state == "ended"
    assert Conversation.objects.get().owner == "closed"


def test_a_late_report_takes_no_conversation_from_the_bot(walker: Walker, world: World) -> None:
    world.inbox.gone.clear()
    walker.delegates(after_s=1)
    report(walker, RESOLVED, sent_at=timezone.now() + timedelta(hours=1))
    assert Conversation.objects.get().owner == "bot"


def comes_back(walker: Walker, world: World, *texts: str) -> None:
    """After the end: a session of its own."""
    world.inbox.gone.clear()
    for place, text in enumerate(texts):
        if place == 0:
            assert walker.post(make_event("CONVERSATION_STARTED", after_s=60)).status_code == 200
        walker.says(text, after_s=61 + place)


@pytest.mark.parametrize(
    ("first", "has_time_of_retry"),
    [("Where is it?", False), ("Where is it?", True), ("Hello", False)],  # with neither of both nobody could tell
)
def test_a_report_that_comes_after_the_contacts_return_tells_of_before(
    walker: Walker, world: World, first: str, has_time_of_retry: bool
) -> None:
    resolved_at = timezone.now()
    world.bot.replies = [{"messages": [{"text": "Again?"}]}, {"complete": "handover"}]
    comes_back(walker, world, first, "agent now")
    report(walker, RESOLVED, sent_at=timezone.now() + timedelta(hours=1) if has_time_of_retry else resolved_at)
    states = dict(Offload.objects.order_by("pk").values_list("pk", "state"))
    assert list(states.values()) == ["ended", "handed_over"]
    assert Conversation.objects.get().owner == "other"
    said = MessageRow.objects.order_by("said_at", "position").values_list("text", flat=True)
    assert list(said) == [text for _, text in RESOLVED] + [first, "Again?", "agent now"]


@pytest.mark.parametrize("last", [None, "Agent"])
def test_what_a_report_has_in_no_words_is_no_return(
    walk_with: Callable[..., Walker], world: World, last: str | None
) -> None:
    """The contact's last message before the handover was a picture, or a press."""
    walker = walk_with()
    provider = OffloadProvider(channel=walker.channel)
    provider.write_back_secret = SECRET
    provider.save()
    world.bot.replies = [{"messages": [{"text": "Hi!"}]}, {"complete": "handover"}]
    walker.says("Hello")
    walker.says(last)
    report(walker, [(IN, "Hello"), (OUT, "Hi!"), (OUT, "A nice picture.")])
    assert (Offload.objects.get().state, walker.conversation().owner) == ("ended", "closed")
    rows = MessageRow.objects.order_by("said_at", "position").values_list("author", flat=True)
    assert list(rows) == ["contact", "bot", "contact", "agent"]


def test_a_bot_without_memory_does_not_read_what_agents_said_before_the_return(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(bot=make_bot("openai"))
    provider = OffloadProvider(channel=walker.channel)
    provider.write_back_secret = SECRET
    provider.save()
    heard: list[list[str]] = []

    def hear() -> dict[str, Any]:
        heard.append([one["content"] for one in world.bot.turns[-1]["messages"] if one["role"] != "system"])
        return {"choices": [{"message": {"role": "assistant", "content": "Fine."}}]}

    world.bot.replies = [hear] * 3
    walker.post(make_event("CONVERSATION_STARTED"))
    walker.says("Hello")
    resolved_at = timezone.now()
    walker.channel.conversations.update(owner="other")
    comes_back(walker, world, "New question")
    report(walker, [(IN, "Hello"), (OUT, "Fine."), (OUT, "I refund it.")], sent_at=resolved_at)
    walker.says("And now?", after_s=70)
    assert told() == [("agent", MIA, "I refund it.")]
    assert heard[1:] == [["New question"], ["New question", "Fine.", "And now?"]]


def test_the_page_tells_the_story_to_its_end(walker: Walker, admin_client: Client) -> None:
    report(walker, RESOLVED, ["Customer is <b>kind</b>"], type="CONVERSATION_SET_TO_PENDING")
    report(walker, RESOLVED)
    pk = walker.conversation().pk
    shown = [(str(line.voice), line.name, line.text) for line in load_transcript(pk, reads_text=True).lines]
    assert [voice for voice, _, text in shown if text in ("Hello", "Found!")] == ["contact", "contact", "agent"]
    assert ("agent", f"Agent: {MIA}", "Found!") in shown
    assert ("note", "Note: Tom", "Customer is <b>kind</b>") in shown
    page = admin_client.get(f"/ops/conversations/{pk}/").content.decode()
    assert "&lt;b&gt;kind" in page
    assert "by Mia Janssens · topics: Lost parcel · solved · Parcel found" in page
    assert "<summary>The note for the agents</summary>" in page and "Contact: agent\nBot: Bye</p>" in page
    masked = load_transcript(pk, reads_text=False).lines
    assert not any(line.note for line in masked)
    assert not any("Found!" in line.text or "Parcel found" in line.detail for line in masked)
