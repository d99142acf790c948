import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from channels_app.conversations.events import order_handover
from channels_app.models import MessageRow
from channels_app.protocol.visible import cut
from offload.note import LEFT_OUT, MAX_HEAD, MAX_LINE, MAX_LINES, MAX_NOTE, Spoken, write_note
from tests.conftest import Walker
from tests.world import World

FAMILY = "👨‍👩‍👧‍👦"


def bot(text: str) -> Spoken:
    return Spoken(f"Bot: {text}")


def contact(text: str) -> Spoken:
    return Spoken(f"Contact: {text}", is_contacts=True)


def note_of(*lines: Spoken, detail: str = "", remarks: tuple[str, ...] = ()) -> str:
    note = write_note("the bot asked", detail, remarks, lines)
    assert len(note) <= MAX_NOTE
    return note


def test_a_short_conversation_is_told_whole() -> None:
    note = note_of(contact("Hi"), bot("Hello"), contact("agent"), detail="asked", remarks=("From the bot: team: x",))
    assert note == (
        "Handed over by chatbridge: the bot asked.\nDetails: asked\nFrom the bot: team: x\n\n"
        "Contact: Hi\nBot: Hello\nContact: agent"
    )


def test_a_long_message_is_cut_and_takes_nobody_else_along() -> None:
    note = note_of(contact("Hi"), contact("a" * 4100), bot("Hello"), contact("agent"))
    assert note.endswith("a…\nBot: Hello\nContact: agent")
    assert "\n\nContact: Hi\nContact: aaaa" in note
    assert len(note) == MAX_NOTE  # as much of it as there is room for


def test_a_long_message_alone_is_there() -> None:
    assert note_of(contact("b" * 9000)).endswith("b…")


def test_many_long_messages_are_each_told_in_part_and_the_oldest_go() -> None:
    note = note_of(*[contact(f"{number} {'c' * 4000}") for number in range(100)])
    assert note.count("Contact: ") >= MAX_NOTE // MAX_LINE - 1
    assert note.partition("\n\n")[2].startswith(f"{LEFT_OUT}\nContact: ")
    assert "Contact: 99 cccc" in note


def test_a_long_head_leaves_room_for_the_conversation() -> None:
    talk = [contact(f"message {number} {'d' * 80}") for number in range(100)]
    note = note_of(*talk, detail="e" * 9000, remarks=("Not certain: short.", "From the bot: " + "f" * 9000))
    head, _, told = note.partition("\n\n")
    assert len(head) <= MAX_HEAD
    assert head.startswith("Handed over by chatbridge: the bot asked.\nDetails: e")
    assert "\nNot certain: short.\nFrom the bot: fff" in head
    assert told.endswith(talk[-1].text)


def test_a_long_head_takes_the_room_that_nobody_needs() -> None:
    assert len(note_of(contact("agent"), remarks=("g" * 9000,))) >= MAX_NOTE - 1
    assert len(note_of(remarks=("g" * 9000,))) >= MAX_NOTE - 1


def test_the_contacts_last_message_is_there_however_much_the_bot_said_since() -> None:
    note = note_of(contact("old"), contact("Where is it?"), *[bot(f"{n} {'h' * 400}") for n in range(60)])
    assert f"\n\n{LEFT_OUT}\nContact: Where is it?\n{LEFT_OUT}\nBot: " in note
    assert "Bot: 59 hh" in note


@pytest.mark.parametrize(
    "whole", [FAMILY, "e\u0301\u0323", "👍🏽", "🇧🇪", "क्षि", "한".encode().decode(), "\u1112\u1161\u11ab"]
)
def test_nothing_that_is_seen_as_one_is_cut_in_two(whole: str) -> None:
    text = whole * 9
    for most in range(1, len(text) + 1):
        shortened = cut(text, most)
        assert len(shortened) <= most
        kept = shortened.removesuffix("…")
        assert kept == whole * (len(kept) // len(whole))


TEXTS = st.text(st.sampled_from(["a", " ", "\n", "é", "👩", "\u200d", "🚀", "\u0301", "🇧", "क", "्", "ष"]), max_size=60)
LONG = st.builds(lambda text, times: text * times, TEXTS, st.sampled_from([1, 1, 1, 10, 100]))


@given(LONG, st.integers(0, 200))
def test_a_cut_text_is_the_beginning_and_a_sign(text: str, most: int) -> None:
    shortened = cut(text, most)
    assert len(shortened) <= most
    if shortened != text:
        kept = shortened.removesuffix("…")
        assert text.startswith(kept)
        ends = {0}
        for grapheme in iter_graphemes(text):
            ends.add(max(ends) + len(grapheme))
        assert len(kept) in ends or not text[len(kept) : len(kept) + 1].strip()


@given(st.lists(st.builds(Spoken, LONG, st.booleans()), max_size=110), LONG, st.lists(LONG, max_size=4).map(tuple))
def test_a_note_is_bounded_and_skips_nothing_that_fits(
    lines: list[Spoken], detail: str, remarks: tuple[str, ...]
) -> None:
    lines = [
        Spoken(f"{place}: {line.text}".replace("\n", "\n  "), line.is_contacts) for place, line in enumerate(lines)
    ]
    note = note_of(*lines, detail=detail, remarks=remarks)
    assert note.startswith("Handed over by chatbridge: the bot asked.")
    whole = len("\n".join([detail, *remarks, *(line.text for line in lines)]))
    if whole < MAX_NOTE - 100:
        assert all(line.text in note for line in lines)
        assert all(remark in note for remark in remarks)
        assert LEFT_OUT not in note
    told = [place for place, line in enumerate(lines) if f"\n{place}: " in note]
    last = max((place for place, line in enumerate(lines) if line.is_contacts), default=None)
    assert last is None or last in told
    skipped = set(range(len(lines))) - set(told)
    assert all(place == last or place > max(skipped, default=-1) for place in told)
    if len(told) < len(lines):
        assert len(note) > MAX_NOTE - 3 * len(LEFT_OUT) - MAX_LINE // 5


def test_the_note_of_a_handover_with_a_long_message_and_payload(walker: Walker, world: World) -> None:
    walker.says("Hi")
    walker.says("i" * 4100)
    offload = {"reason": "asked", "payload": {"summary": "j" * 5000}}
    world.bot.replies = [{"messages": [{"text": "Bye"}], "offload": offload, "note": "k" * 5000}]
    walker.says("agent, please")
    note = world.inbox.notes("0-conv-1")[0]
    assert len(note) <= MAX_NOTE
    for part in (
        "Details: asked",
        "From the bot: summary: jjj",
        "kkk",
        "Contact: Hi",
        "Contact: iii",
        "Contact: agent, please",
        "Bot: Bye",
    ):
        assert part in note


def test_the_contacts_last_message_is_found_behind_a_hundred_of_the_bot(walker: Walker, world: World) -> None:
    walker.says("Where is it?")
    row = MessageRow.objects.get(author="bot")
    MessageRow.objects.bulk_create(
        MessageRow(
            conversation_id=row.conversation_id,
            event_id=row.event_id,
            author="bot",
            position=number,
            text=f"bot {number}",
            said_at=row.said_at,
        )
        for number in range(1, MAX_LINES + 50)
    )
    order_handover(walker.conversation(), by="anna")
    walker.work()
    note = world.inbox.notes("0-conv-1")[0]
    assert f"\n\nContact: Where is it?\n{LEFT_OUT}\n" in note or "\n\nContact: Where is it?\nBot: bot " in note
