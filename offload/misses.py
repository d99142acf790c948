"""How many answers of a bot in a row were not understood: by the names of intents, and by the bot's own word."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from channels_app.models import Outcome, WebhookEvent
from channels_app.protocol import EventType, Reply
from channels_app.protocol.intents import is_miss, named_in
from channels_app.protocol.remarks import NOT_UNDERSTOOD, UNDERSTOOD, remark

MAX_EVENTS = 50
"""Newest events of a conversation that are looked through."""
_SAID = (Outcome.REPLIED, Outcome.REPLIED_UNCONFIRMED, Outcome.HANDED_OVER, Outcome.RESOLVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an event tells of the bot's answers."""

    is_contacts: bool = False
    """It is a message of the contact's: what the bot said after it is one answer."""
    answers: bool = False
    """An answer of the bot, or a part of one, went out with it."""
    misses: bool = False
    asked: bool = False
    """Agents were asked for with it: before it another count has ended."""


def in_a_row(told: Sequence[Told], *, misses: bool, goes_on: bool) -> int:
    """The missed answers up to an answer, that one included if it is one. Pure.

    `told`: what came before it, the latest first. `misses`: whether it says that the bot did not understand; one that
    doesn't, yet hands over, ends no row: the contact may have given up. `goes_on`: it is a further part of the answer
    to the contact's latest message; if agents have been asked for with that, there is nothing to count any more.
    """
    if goes_on and any(one.asked for one in takewhile(lambda one: not one.is_contacts, told)):
        return 0
    answers = list(_answers(takewhile(lambda one: not one.asked, told)))
    own, earlier = (answers[0], answers[1:]) if goes_on else ([], answers)
    misses = misses or any(one.misses for one in own)
    return misses + sum(1 for _ in takewhile(bool, (any(one.misses for one in all_) for all_ in earlier if all_)))


def _answers(told: Iterable[Told]) -> Iterator[list[Told]]:
    """The parts of each answer, the latest first; empty where the bot said nothing."""
    answer: list[Told] = []
    for one in told:
        answer += [one] if one.answers else []
        if one.is_contacts:
            yield answer
            answer = []
    yield answer


def told_before(conversation_id: int, event_id: int, stint: int, names: Iterable[str]) -> list[Told]:
    """What the events before this one tell, of the same stint. `names`: see `is_miss`."""
    rows = WebhookEvent.objects.filter(conversation_id=conversation_id, pk__lt=event_id).order_by("-pk")
    columns = rows.values_list("type", "stint", "outcome", "reason", "answered_by", "offload__pk")[:MAX_EVENTS]
    of_stint = takewhile(lambda row: row[1] in (0, stint), columns)
    return [_told(*row, names=list(names)) for row in of_stint]


def _told(
    type_: str, _: int, outcome: str | None, reason: str, answer: int | None, offload: int | None, *, names: list[str]
) -> Told:
    """A message of the contact's that a later one of the bot's answered has its answer there."""
    misses, is_contacts = says_miss(reason, names), type_ == EventType.MESSAGE_RECEIVED
    speaks = EventType(type_).is_from_bot or (is_contacts and answer is None)
    return Told(
        is_contacts=is_contacts,
        answers=speaks and (outcome in _SAID or (outcome == Outcome.SILENT and misses)),
        misses=misses,
        asked=offload is not None,
    )


def says_miss(reason: str, names: Iterable[str]) -> bool:
    """Whether an event's reason says that the bot did not understand."""
    intents = named_in(remark(reason, UNDERSTOOD))
    return bool(remark(reason, NOT_UNDERSTOOD)) or any(is_miss(intent, names) for intent in intents)


def misses(reply: Reply, names: Iterable[str]) -> bool:
    return reply.not_understood or any(is_miss(intent.name, names) for intent in reply.intents)
