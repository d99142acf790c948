"""The contacts: they write, wait for answers, and keep the times."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from tests.bench.drives import Drive, Heard, Pace
from tests.bench.entrances import Entrance, open_entrance
from tests.bench.events import conversation_id
from tests.bench.order import count_doubles, count_lost, count_swaps

REST_LOOK_S = 0.05
MS = 1000


@dataclass(slots=True)
class Letter:
    """One message and its way: moments in seconds, 0.0 while it has not got there."""

    sent_at: float
    accepted_at: float = 0.0
    asked_at: float = 0.0
    answered_at: float = 0.0
    heard_at: float = 0.0


@dataclass(slots=True)
class Talk:
    """A conversation as its contact knows it."""

    id: str
    place: int
    said: int = 0
    first: int = 1
    """The first message of the present drive."""
    heard: list[int] = field(default_factory=list)
    letters: dict[int, Letter] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        return len(self.heard) >= len(self.letters)


class Contacts:
    def __init__(self, seed: int) -> None:
        self._crowds: dict[str, list[Talk]] = {}
        self._talks: dict[str, Talk] = {}
        self._seed = seed
        self._drives = 0
        self._drive = Drive(crowd="", conversations=0, pace=Pace.CLOSED)
        self._entrance: Entrance
        self._heard = Heard()
        self._began_at = self._ends_at = 0.0
        self._to_come_in = 0
        """Conversations whose first message of the present drive has not been accepted yet."""
        self._has_begun = asyncio.Event()
        self.bot_s = 0.0

    async def run(self, drive: Drive) -> Heard:
        self._drives += 1
        self._entrance = await open_entrance(drive, f"{self._seed} drive {self._drives}")
        self._drive, self._heard, self.bot_s = drive, Heard(), drive.bot_ms / MS
        talks = self._assemble(drive)
        self._to_come_in, self._has_begun = len(talks), asyncio.Event()
        self._began_at, self._ends_at = self._now(), math.inf
        self._begin(talks)
        if drive.pace == Pace.CLOSED:  # the rush of all first messages is no part of it
            with suppress(TimeoutError):  # what was not accepted shows among the answers
                await asyncio.wait_for(self._has_begun.wait(), drive.drain_s)
            self._began_at = self._now()
        self._ends_at = self._began_at + drive.seconds
        await asyncio.sleep(drive.seconds)
        await self._rest(talks)
        self._entrance.close()
        return self._summed_up(talks)

    # --- what the bot and the inbox see -----------------------------------------------------------------------------

    def asked(self, conversation: str, number: int) -> None:
        self._heard.bot_calls += 1
        if letter := self._letter(conversation, number):
            letter.asked_at = self._now()

    def answered(self, conversation: str, number: int) -> None:
        if letter := self._letter(conversation, number):
            letter.answered_at = self._now()

    def told(self, conversation: str, marked: str, number: int) -> None:
        """A reply arrived in a conversation, with the mark of the message that it answers."""
        self._heard.inbox_calls += 1
        if marked != conversation:
            self._heard.strays += 1
        letter = self._letter(conversation, number)
        if letter is None:  # of an earlier drive
            return
        talk = self._talks[conversation]
        talk.heard.append(number)
        letter.heard_at = letter.heard_at or self._now()
        if self._drive.pace == Pace.CLOSED and self._now() < self._ends_at:
            self._say(talk)

    # --- what contacts do -------------------------------------------------------------------------------------------

    def _assemble(self, drive: Drive) -> list[Talk]:
        crowd = self._crowds.setdefault(drive.crowd, [])
        for place in range(len(crowd), drive.conversations):
            crowd.append(Talk(conversation_id(drive.crowd, place), place))
        talks = crowd[: drive.conversations]
        for talk in talks:
            self._talks[talk.id] = talk
            talk.heard, talk.letters, talk.first = [], {}, talk.said + 1
        return talks

    def _begin(self, talks: list[Talk]) -> None:
        match self._drive.pace:
            case Pace.OPEN:
                loop = asyncio.get_running_loop()
                for number in range(round(self._drive.per_s * self._drive.seconds)):
                    moment = self._began_at + number / self._drive.per_s
                    loop.call_at(moment, self._say, talks[number % len(talks)])
            case Pace.GREET:
                for talk in talks:
                    self._entrance.send(talk.id, talk.place, 0, partial(self._say, talk))
            case _:
                for talk in talks:
                    self._say(talk)

    def _say(self, talk: Talk) -> None:
        talk.said += 1
        letter = talk.letters[talk.said] = Letter(self._now())
        self._entrance.send(talk.id, talk.place, talk.said, partial(self._accepted, talk, letter))

    def _accepted(self, talk: Talk, letter: Letter) -> None:
        letter.accepted_at = self._now()
        self._to_come_in -= letter is talk.letters.get(talk.first)
        if not self._to_come_in:
            self._has_begun.set()
        if self._drive.pace == Pace.BURST and len(talk.letters) < self._drive.burst:
            self._say(talk)

    async def _rest(self, talks: list[Talk]) -> None:
        """Until every message was answered, or for as long as we care to wait."""
        ends_at = self._now() + self._drive.drain_s
        least = {Pace.GREET: 1, Pace.BURST: self._drive.burst}.get(Pace(self._drive.pace), 0)
        while self._now() < ends_at and not all(talk.is_answered and len(talk.letters) >= least for talk in talks):
            await asyncio.sleep(REST_LOOK_S)

    # --- what came of it --------------------------------------------------------------------------------------------

    def _summed_up(self, talks: list[Talk]) -> Heard:
        heard, seconds = self._heard, self._drive.seconds
        answered = [letter for letter in self._letters(talks) if letter.heard_at]
        in_time = sum(self._began_at <= letter.heard_at <= self._ends_at for letter in answered)
        heard.per_s = in_time / seconds if seconds else 0.0
        heard.turns = len(answered)
        heard.answers = dict(self._entrance.answers)
        heard.swaps = sum(count_swaps(talk.heard) for talk in talks)
        heard.doubles = sum(count_doubles(talk.heard) for talk in talks)
        heard.lost = sum(count_lost(talk.heard, talk.said, talk.first) for talk in talks)
        for letter in (letter for letter in answered if letter.accepted_at):
            after_bot_s = letter.heard_at - (letter.answered_at - letter.asked_at)
            heard.added.append((after_bot_s - letter.accepted_at) * MS)
            heard.whole.append((after_bot_s - letter.sent_at) * MS)
        return heard

    def _letters(self, talks: list[Talk]) -> Iterator[Letter]:
        for talk in talks:
            yield from talk.letters.values()

    def _letter(self, conversation: str, number: int) -> Letter | None:
        talk = self._talks.get(conversation)
        return talk.letters.get(number) if talk else None

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
