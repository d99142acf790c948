"""What handlers want done, as values: no row, no clock, no network."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import pytest

from channels_app.adapters.inboxes import inbox_class
from channels_app.channels.live import LiveChannel
from channels_app.conversations.contacts import KnownContact
from channels_app.conversations.lease import ClaimedEvent, Lease
from channels_app.conversations.release import Release
from channels_app.conversations.standing import OpenEvent
from channels_app.deliveries.replies import Say
from channels_app.models import Author, FailurePolicy, Outcome, Owner
from channels_app.protocol import Event, EventType, Message, OffloadRequest, Reply
from channels_app.protocol.sentences import Occasion, Wording
from channels_app.turns.asking import instead_of_bot
from channels_app.turns.ordered import on_bot_events, on_ordered_handover, on_ordered_message, on_report
from offload.models import OffloadReason
from offload.services import Request

Facts = TypeVar("Facts", Lease, LiveChannel)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FALLBACK = Reply(messages=(Message(text="One moment, please."),))


def only(kind: type[Facts], **facts: Any) -> Facts:
    """With nothing else known: a handler that reads another field than these fails."""
    unknown: dict[str, Any] = dict.fromkeys(field.name for field in fields(kind))
    return kind(**{**unknown, **facts})


def lease(owner: str = Owner.BOT) -> Lease:
    return only(Lease, conversation_id=1, owner=owner, now=NOW, events=(), language="", contact=KnownContact())


def channel(text: str = "One moment, please.") -> LiveChannel:
    texts = {occasion: {"*": text} for occasion in (Occasion.HANDOVER, Occasion.APOLOGY)}
    return only(LiveChannel, wording=Wording(texts=texts))


def claimed(type_: EventType, id_: int = 1) -> ClaimedEvent:
    facts = OpenEvent(id=id_, type=type_, state="queued", sent_at=NOW, received_at=NOW)
    return ClaimedEvent(facts=facts, source="inbox", raw=b"", attempts=0, reason="", begun_at=NOW)


def event(type_: EventType, reply: Reply | None = None, **details: str) -> Event:
    return Event(type=type_, key="", conversation_id="c-1", sent_at=NOW, reply=reply, details=details)


def ended(given: Release | Say) -> tuple[Outcome, str | None]:
    assert isinstance(given, Release)
    (group,) = given.ended
    return group.outcome, group.reason


HELLO, WISH = Reply(messages=(Message(text="Hello"),)), Reply(offload=OffloadRequest(reason="asked"))


def test_what_a_bot_said_in_one_breath_is_one_reply() -> None:
    both = [claimed(EventType.BOT_REPLIED), claimed(EventType.OFFLOAD_REQUESTED, 2)]
    events = [event(EventType.BOT_REPLIED, HELLO), event(EventType.OFFLOAD_REQUESTED, WISH)]
    said = on_bot_events(lease(), channel(), both, events)
    assert said == Say(lease=lease(), claimed=both, reply=HELLO.merged_with(WISH))


def test_what_is_ordered_for_the_contact_is_said_as_it_stands() -> None:
    order = [claimed(EventType.MESSAGE_ORDERED)]
    said = on_ordered_message(lease(), channel(), order, [event(EventType.MESSAGE_ORDERED, text="Hello")])
    assert said == Say(lease=lease(), claimed=order, reply=HELLO)


@pytest.mark.parametrize("owner", [Owner.BOT, Owner.UNKNOWN])
def test_an_ordered_handover_says_nothing_to_the_contact(owner: str) -> None:
    order = [claimed(EventType.HANDOVER_ORDERED)]
    said = on_ordered_handover(lease(owner), channel(), order, [event(EventType.HANDOVER_ORDERED, by="Anna")])
    request = Request(reason=OffloadReason.ADMIN, by="Anna")
    assert said == Say(lease=lease(owner), claimed=order, reply=Reply(), author=Author.BRIDGE, request=request)


@pytest.mark.parametrize("owner", [Owner.OTHER, Owner.CLOSED])
@pytest.mark.parametrize(
    ("handler", "type_", "writes_more"),
    [
        (on_bot_events, EventType.BOT_REPLIED, True),
        (on_ordered_handover, EventType.HANDOVER_ORDERED, True),
        (on_ordered_message, EventType.MESSAGE_ORDERED, False),
    ],
)
def test_nothing_is_said_in_a_conversation_that_is_not_the_bots(
    handler: Callable[..., Release | Say], type_: EventType, owner: str, *, writes_more: bool
) -> None:
    given = handler(lease(owner), channel(), [claimed(type_)], [event(type_, HELLO, text="Hello", by="Anna")])
    assert ended(given) == (Outcome.MOOT, "The conversation is not with the bot.")
    assert isinstance(given, Release) and (given.along is not None) == writes_more


@pytest.mark.django_db
def test_a_report_is_noted_with_the_release() -> None:
    resolved = EventType.CONVERSATION_RESOLVED
    live = replace(channel(), inbox=inbox_class("hootsuite")({}))
    given = on_report(lease(Owner.OTHER), live, [claimed(resolved)], [event(resolved)])
    assert ended(given) == (Outcome.SILENT, "Recorded with the handover.")
    assert given.along is not None


FAILED = Request(reason=OffloadReason.BOT_FAILED, by="chatbridge", detail="HTTP 500")
WRITES, DELEGATES = EventType.MESSAGE_RECEIVED, EventType.CONVERSATION_DELEGATED
HANDS_OVER = partial(Say, author=Author.BRIDGE, request=FAILED)
STAYS = partial(Say, author=Author.BRIDGE, reason=f"{OffloadReason.BOT_FAILED.label}: HTTP 500")


@pytest.mark.parametrize(
    ("policy", "text", "type_", "make", "reply"),
    [
        (FailurePolicy.HAND_OVER, "One moment, please.", WRITES, HANDS_OVER, FALLBACK),
        (FailurePolicy.HAND_OVER, " ", WRITES, HANDS_OVER, Reply()),
        (FailurePolicy.SAY_TEXT, "One moment, please.", WRITES, STAYS, FALLBACK),
        (FailurePolicy.SAY_TEXT, "One moment, please.", DELEGATES, HANDS_OVER, FALLBACK),
        (FailurePolicy.SAY_TEXT, "", WRITES, HANDS_OVER, Reply()),  # somebody has to answer
        (FailurePolicy.STAY_SILENT, "One moment, please.", DELEGATES, HANDS_OVER, FALLBACK),
    ],
)
def test_what_follows_a_lost_bot_is_what_the_channels_owner_chose(
    policy: str, text: str, type_: EventType, make: Callable[..., Say], reply: Reply
) -> None:
    said = instead_of_bot(lease(), channel(text), claimed(type_), FAILED, policy)
    assert said == make(lease=lease(), claimed=[claimed(type_)], reply=reply)


def test_an_owner_can_choose_silence() -> None:
    given = instead_of_bot(lease(), channel(), claimed(WRITES), FAILED, FailurePolicy.STAY_SILENT)
    assert ended(given) == (Outcome.SILENT, f"{OffloadReason.BOT_FAILED.label}: HTTP 500")
