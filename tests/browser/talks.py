"""What contacts and bots could have said during the last days, with a busy noon, quiet nights and some trouble."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HOURLY = (2, 1, 1, 1, 1, 2, 3, 6, 9, 12, 14, 13, 11, 12, 12, 10, 9, 8, 7, 6, 5, 4, 3, 2)
"""Conversations that begin in each hour of a day, where most are."""
NAMES = ("Mia", "Johan", "Aïcha", "Łukasz", "Sofia", "Noor", "Émile", "Hanna", "Tomás", "Ines", "Bram", "Yusuf")
FAMILIES = ("de Vries", "Peeters", "Benali", "Nowak", "Rossi", "Jansen", "Dubois", "Berg", "Silva", "Weber")
MEDIA = ("whatsapp", "fb", "instagram", "web")
ASKED = (
    ("Where is my parcel?", "Let me look. What is your order number?"),
    ("A-3301", "Order A-3301 is on its way and arrives tomorrow before noon."),
    ("When are you open?", "We are open from Monday to Friday, 9:00 to 17:00."),
    ("Can I change the address?", "Yes, as long as it has not left. Where shall it go?"),
    ("Thanks!", "You are welcome. Have a nice day!"),
)


class End(StrEnum):
    """How the last turn of a talk ended. ASKED: for a human; FAILED: the bot did, and humans got it."""

    REPLIED = "replied"
    RESOLVED = "resolved"
    ASKED = "asked"
    FAILED = "failed"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """For a while some talks end badly: so many hours ago, with a code."""

    since_h: float
    until_h: float
    end: End
    code: str
    error: str
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message of the contact, and what became of it."""

    at: datetime
    said: str
    answer: str
    took_s: float
    end: End
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    contact: str
    medium: str
    turns: Sequence[Turn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The past of a channel. `share`: how busy it is."""

    share: float
    pace_s: float
    troubles: Sequence[Trouble] = ()

    def talks(self, now: datetime, days: int, chance: random.Random) -> Iterator[Talk]:
        for back_h in range(days * len(HOURLY), 0, -1):
            hour = now - timedelta(hours=back_h)
            expected = self.share * HOURLY[hour.hour] * (0.5 if hour.weekday() > 4 else 1)
            for _ in range(round(expected * chance.uniform(0.7, 1.3))):
                yield self._talk(hour + timedelta(seconds=chance.uniform(0, 3500)), now, chance)

    def _talk(self, at: datetime, now: datetime, chance: random.Random) -> Talk:
        count = chance.choice((1, 2, 2, 3))
        begin = chance.randrange(len(ASKED) - count + 1)
        trouble = self._trouble((now - at) / timedelta(hours=1), chance)
        last = trouble.end if trouble else chance.choices((End.REPLIED, End.RESOLVED, End.ASKED), (5, 11, 3))[0]
        if last is End.ASKED and count == 1 and begin:  # hardly anybody asks for a human at once
            begin, count = begin - 1, 2
        turns = []
        for place, (said, answer) in enumerate(ASKED[begin : begin + count]):
            is_last = place == count - 1
            turns.append(
                Turn(
                    at=min(at + timedelta(seconds=35 * place), now),
                    said="I want to talk to a human" if is_last and last is End.ASKED else said,
                    answer="I get you a human. One moment, please." if is_last and last is End.ASKED else answer,
                    took_s=self.pace_s * chance.lognormvariate(0, 0.45),
                    end=last if is_last else End.REPLIED,
                    trouble=trouble if is_last else None,
                )
            )
        name = f"{chance.choice(NAMES)} {chance.choice(FAMILIES)}"
        return Talk(contact=name, medium=chance.choice(MEDIA), turns=turns)

    def _trouble(self, back_h: float, chance: random.Random) -> Trouble | None:
        found = (one for one in self.troubles if one.until_h < back_h < one.since_h)
        return next((one for one in found if chance.random() < one.share), None)
