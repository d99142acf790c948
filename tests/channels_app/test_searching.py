"""One search box for whatever people have of a conversation."""

from functools import partial
from typing import Any

import pytest

from channels_app.models import Channel, Conversation, Exchange, MessageRow
from channels_app.operations.search import Found, find_conversations
from channels_app.operations.search import words as windows
from tests.builders import make_channel
from tests.conftest import Walker
from tests.world import World, answer

find = partial(find_conversations, reads_text=True)


@pytest.fixture
def talk(walker: Walker) -> Conversation:
    """The one that is looked for, and another one."""
    walker.says("Good morning", "0-other", data={"contactProfile": {"id": "contact-mia", "primaryIdentifier": "Mia"}})
    walker.says("Where is my parcel?", "0-conv-1")
    return walker.conversation()


def ids(found: Found) -> list[str]:
    return [line.conversation.external_id for line in found.lines]


@pytest.mark.parametrize(
    "term",
    [
        "0-conv-1",
        "https://app.sparkcentral.com/v2/conversation/0-conv-1?tab=history#top",
        "SESSION",
        "conversation PK",
        "event EVENT",
        "Event #EVENT",
        "delivery DELIVERY",
        "call CALL",
        "KEY",
        "contact-johan",
        "TRACE",
    ],
)
def test_what_names_a_conversation_finds_it_alone(talk: Conversation, term: str) -> None:
    event = talk.events.get()
    call = event.exchanges.latest("id")
    Exchange.objects.filter(pk=call.pk).update(trace_id="trace-0815")
    values: dict[str, object] = {
        "PK": talk.pk,
        "EVENT": event.pk,
        "DELIVERY": talk.deliveries.get().pk,
        "CALL": call.pk,
    }
    values |= {"SESSION": talk.session_id, "KEY": event.idempotency_key, "TRACE": "trace-0815"}
    for name, value in values.items():
        term = term.replace(name, str(value))
    found = find(term)
    assert (ids(found), found.is_exact, found.before) == (["0-conv-1"], True, "")


def test_what_names_an_event_says_which(talk: Conversation) -> None:
    event = talk.events.get()
    for term in (f"event {event.pk}", f"delivery {talk.deliveries.get().pk}", event.idempotency_key):
        assert find(term).lines[0].event_id == event.pk


def test_a_bare_number_may_be_anything(talk: Conversation) -> None:
    assert "0-conv-1" in ids(find(str(talk.pk)))


@pytest.mark.parametrize(("term", "expected"), [("joh", ["0-conv-1"]), ("MIA", ["0-other"]), ("nobody", [])])
def test_a_contact_is_found_by_a_part_of_its_name(talk: Conversation, term: str, expected: list[str]) -> None:
    found = find(term)
    assert (ids(found), found.is_exact) == (expected, False)


def test_words_are_found_by_those_who_may_read_them(talk: Conversation) -> None:
    assert ids(find("my PARCEL")) == ["0-conv-1"]
    assert ids(find_conversations("my parcel")) == []


@pytest.mark.parametrize("term", ["\0", "9" * 40, "event 999999", "²", "%", "call ٣", "'; --", "https://"])
def test_no_term_is_trouble(talk: Conversation, term: str) -> None:
    assert not find(term, before="x-²").is_exact


def test_a_search_goes_on_where_it_ended(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        walker.says("needle" if number in (0, 6) else "hay", f"0-conv-{number}")
    MessageRow.objects.filter(author="bot").update(text="")
    monkeypatch.setattr(windows, "WINDOW", 6)
    found, seen, pages = find("needle"), [], 0
    while True:
        seen += ids(found)
        pages += 1
        if not found.before:
            break
        found = find("needle", before=found.before)
    assert seen == ["0-conv-6", "0-conv-0"]
    assert pages > 2


def test_without_a_term_the_latest_come_first(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("0-a", "0-b", "0-c", "0-a"):
        walker.says("Hello", name)
    monkeypatch.setattr("channels_app.operations.search.PAGE", 2)
    found = find_conversations()
    assert ids(found) == ["0-a", "0-c"]
    assert ids(find_conversations(before=found.before)) == ["0-b"]


def test_channel_and_owner_narrow_it_down(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent", "0-theirs")
    walker.says("Hello", "0-ours")
    other = make_channel()
    assert ids(find_conversations(owner="other")) == ["0-theirs"]
    assert ids(find("johan", owner="bot")) == ["0-ours"]
    assert ids(find_conversations(channel_id=walker.channel.pk)) == ["0-ours", "0-theirs"]
    assert ids(find_conversations(channel_id=other.pk)) == ids(find("0-ours", channel_id=other.pk)) == []


def test_lines_tell_what_is_wrong(walker: Walker, world: World) -> None:
    world.inbox.gone.add("0-gone")
    walker.says("Hello", "0-gone")
    walker.says("Hello", "0-fine")
    assert [(line.conversation.external_id, line.code) for line in find_conversations().lines] == [
        ("0-fine", ""),
        ("0-gone", "CB-601"),
    ]


def test_a_failed_bot_is_the_code_of_its_last_call(walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500), answer(500)]
    walker.says("Hello")
    assert [line.code for line in find_conversations().lines] == ["CB-502"]


def test_a_list_costs_few_queries(walker: Walker, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        walker.says("Hello", f"0-conv-{number}")
    for term in ("", "johan", "Hello", "0-conv-3"):
        with django_assert_max_num_queries(12):
            lines = find(term).lines
            assert lines and all(line.last and str(line.conversation.contact) == "Johan" for line in lines)


def test_nobody_is_there_yet(channel: Channel) -> None:
    assert find_conversations() == find("x") == Found()
