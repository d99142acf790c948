"""The people of a run: contacts who write, and agents who take over and give back."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

from tests.faults.records import marker
from tests.faults.seats import TIMEOUT_S, Seat, post

WORDS = (("slow twice", 0.03), ("crash", 0.01), ("twice", 0.5))
"""What contacts say, by share: it decides what the bot does. The rest says nothing special, and is echoed."""
BURST = (2, 4)
PAUSES_S = (0.0, 0.0, 0.2)
"""Within a burst: all at once, or while the first is being answered already."""
"""Some contacts press the send key after every few words."""
AGENTS_LOOK_S = 1.0
AGENTS_TAKE_S = (2.0, 6.0)
"""From the moment when they see a conversation to their decision."""
GIVEN_BACK_SHARE = 0.6
"""Of the conversations that come to the agents; the others stay with them, and other contacts begin."""


@dataclass
class Contact:
    """One conversation: its number is in all that is said there."""

    number: int
    seat: Seat
    id: str = ""
    said: int = 0
    is_ours: bool = True


@dataclass
class Crowd:
    """Writes `messages` to bots within about `seconds`, in at least `conversations` conversations."""

    simulator: str
    seats: Sequence[Seat]
    conversations: int
    messages: int
    seconds: float
    seed: int
    agent_share: float
    """Of the messages: those that ask for a human."""
    burst_share: float
    said: int = 0
    contacts: list[Contact] = field(default_factory=list)
    _places: list[Contact] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def run(self) -> None:
        """Until all is said. Agents work beside, in a thread of their own."""
        agents = threading.Thread(target=self._work_as_agents, name="agents", daemon=True)
        agents.start()
        began_at = time.monotonic()
        while self.said < self.messages:
            due_at = began_at + self.seconds * self.said / self.messages
            time.sleep(max(0.0, due_at - time.monotonic()))
            self._speak()
        self._is_over.set()
        agents.join()

    def _speak(self) -> None:
        contact = self._next_contact()
        count = self._chance.randint(*BURST) if self._chance.random() < self.burst_share else 1
        for number in range(count):
            time.sleep(self._chance.choice(PAUSES_S) if number else 0)
            contact.said += 1
            text = f"{self._word()} {marker(contact.number, contact.said)}".strip()
            if contact.id:
                path = f"conversations/{contact.id}/messages"
                answer = post(f"{self.simulator}/sim/{path}", {"text": text})
            else:
                answer = self._begin(contact, text)
            contact.is_ours = answer["owner"] == "virtual_agent"
            self.said += contact.is_ours

    def _begin(self, contact: Contact, text: str) -> dict[str, str]:
        begun = post(
            f"{self.simulator}/sim/conversations", {"virtual_agent": contact.seat.virtual_agent, "text": text}
        )
        contact.id = begun["conversation_id"]
        return begun

    def _next_contact(self) -> Contact:
        """A new one when it is time for one or an old one's conversation stays with the agents; else any."""
        expected = min(self.conversations, 1 + self.said * self.conversations // self.messages)
        if len(self._places) < expected:
            self._places.append(self._new_contact())
            return self._places[-1]
        place = self._chance.randrange(len(self._places))
        if not self._places[place].is_ours:
            self._places[place] = self._new_contact()
        return self._places[place]

    def _new_contact(self) -> Contact:
        contact = Contact(len(self.contacts) + 1, self.seats[len(self.contacts) % len(self.seats)])
        with self._lock:
            self.contacts.append(contact)
        return contact

    def _word(self) -> str:
        drawn = self._chance.random()
        for word, share in (("agent", self.agent_share), *WORDS):
            drawn -= share
            if drawn < 0:
                return word
        return ""

    def _work_as_agents(self) -> None:
        """See what comes, think about it, and give it back or keep it."""
        chance = random.Random(self.seed)
        decide_at: dict[str, float] = {}
        while not self._is_over.wait(AGENTS_LOOK_S):
            now = time.monotonic()
            shown = requests.get(f"{self.simulator}/sim/conversations", timeout=TIMEOUT_S).json()
            for one in (each["id"] for each in shown if each["owner"] in ("queue", "agent")):
                if now < decide_at.setdefault(one, now + chance.uniform(*AGENTS_TAKE_S)):
                    continue
                if chance.random() < GIVEN_BACK_SHARE:
                    post(f"{self.simulator}/sim/conversations/{one}/agent", {"action": "delegate"})
                    del decide_at[one]
                else:
                    decide_at[one] = float("inf")
