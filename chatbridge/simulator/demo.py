"""The demo bot: plain rules from a turn to a reply, both in the words of the HTTP bot contract."""

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from chatbridge.simulator.conversation import JSON

KEPT_SESSIONS = 10_000
KEPT_LINES = 200
ORDER_NUMBER = re.compile(r"\b[A-Za-z]-\d{4}\b")
LISTED = re.compile(r"^(\d)\. (.+)$", re.MULTILINE)
KNOWN_ORDER = "A-3301"

OPTIONS = [
    {"title": "Parcel", "payload": "parcel"},
    {"title": "Opening hours", "payload": "hours"},
    {"title": "Help page", "url": "https://help.example/"},
    {"title": "Call us", "phone": "+3225550100"},
]


@dataclass(slots=True)
class Session:
    """What the bot remembers of one conversation. `lock` keeps its turns one after the other."""

    id: str
    turns: int = 0
    awaits_order: bool = False
    is_paused: bool = False
    counter: int = 0
    transcript: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """The last so many sessions."""

    def __init__(self) -> None:
        self.by_id: OrderedDict[str, Session] = OrderedDict()

    def get(self, session_id: str) -> Session:
        """The session, new when unknown."""
        session = self.by_id.setdefault(session_id, Session(session_id))
        self.by_id.move_to_end(session_id)
        if len(self.by_id) > KEPT_SESSIONS:
            self.by_id.popitem(last=False)
        return session

    def forget(self, session_id: str) -> bool:
        """Was there one?"""
        return self.by_id.pop(session_id, None) is not None


def in_text(reply: JSON) -> str:
    """The reply of a bot that has text only: a list for options, a link for a file."""
    return "\n\n".join(_in_text(message) for message in reply["messages"])


def _in_text(message: JSON) -> str:
    options = [option["title"] for option in message.get("options") or () if "payload" in option]
    lines = [message["text"], *(f"{number}. {title}" for number, title in enumerate(options, 1))]
    if message.get("attachment"):
        lines.append(message["attachment"]["url"])
    return "\n".join(lines)


def titles_in(text: str) -> dict[str, str]:
    """The options of such a text, by their numbers."""
    return dict(LISTED.findall(text))


def words_of(turn: JSON) -> set[str]:
    """The chosen option's payload, else the text, as lower-case words."""
    return set(re.findall(r"[\w-]+", (turn.get("payload") or turn.get("text") or "").casefold()))


def answer(turn: JSON, session: Session, media_url: str) -> JSON:
    """The reply to a turn."""
    session.turns += 1
    if turn["type"] == "conversation_started":
        return greet(turn)
    if turn["type"] == "conversation_delegated":
        return say("I am back: what else can I do?")
    words = words_of(turn)
    if number := ORDER_NUMBER.search(turn.get("text") or ""):
        return find_order(number[0].upper(), session)
    for keywords, rule in RULES:
        if words & keywords:
            return rule(turn, session, media_url)
    if turn.get("is_first"):
        return greet(turn)
    if session.awaits_order:
        return say(f'That is not an order number; it looks like {KNOWN_ORDER}. Say "agent" for a human.')
    return echo(turn)


def intent_of(turn: JSON) -> str:
    """What the demo bot understands of a turn, in the names of a bot's author."""
    words = words_of(turn)
    if ORDER_NUMBER.search(turn.get("text") or ""):
        return "parcel.status"
    rule = next((keywords for keywords, _ in RULES if words & keywords), frozenset())
    return next((INTENTS[word] for word in INTENTS if word in rule), "not.understood")


def say(*texts: str, **more: object) -> JSON:
    """A reply of plain messages."""
    return {"messages": [{"text": text} for text in texts], **more}


def greet(turn: JSON) -> JSON:
    """The first words of a conversation."""
    name = (turn.get("contact") or {}).get("primary_identifier")
    return say(f'Hello{" " + name if name else ""}! I am the demo bot. Ask about a parcel, or say "menu".')


def echo(turn: JSON) -> JSON:
    """Show at least that it was heard."""
    if not turn.get("text"):
        files = turn.get("attachments") or []
        if place := next((file for file in files if "latitude" in file), None):
            return say(f"You are at {place['latitude']}, {place['longitude']}. We are around the corner.")
        shown = " ".join(file["placeholder"] for file in files) or "pictures"
        return say(f"Thank you! I can't look at {shown} yet; tell me in words, please.")
    hint = 'Say "menu" to see what I can do, or "agent" for a human.'
    return say(f"You said: {turn['text']}", hint, not_understood=True)


def ask_order(turn: JSON, session: Session, media_url: str) -> JSON:
    """Remember the question."""
    session.awaits_order = True
    return say("Let me look. What is your order number?", topics=["Orders"])


def find_order(number: str, session: Session) -> JSON:
    """One order is known."""
    if number != KNOWN_ORDER:
        return say(f"I can't find order {number}. Is it {KNOWN_ORDER}, perhaps?")
    session.awaits_order = False
    text = f"Order {number} is on its way and arrives tomorrow before noon."
    done: JSON = {"topics": ["Orders"], "tags": ["Order found"], "attributes": {"order_number": number}}
    return say(text, **done, note=f"Asked for order {number}")


def ask_human(turn: JSON, session: Session, media_url: str) -> JSON:
    """Last words, and over to an agent."""
    offload = {"reason": "asked_for_human", "payload": {"team": "support"}}
    return say("I get you a human. One moment, please.", offload=offload)


def offer(turn: JSON, session: Session, media_url: str) -> JSON:
    """All kinds of options."""
    return {"messages": [{"text": "What can I do for you?", "options": OPTIONS}]}


def show_map(turn: JSON, session: Session, media_url: str) -> JSON:
    """A picture."""
    attachment = {"url": media_url, "name": "map.png", "content_type": "image/png"}
    return {"messages": [{"text": "This is where we are.", "attachment": attachment}]}


def show_way(turn: JSON, session: Session, media_url: str) -> JSON:
    """Words, and after a pause a picture."""
    (found,) = show_map(turn, session, media_url)["messages"]
    return {"messages": [{"text": "Let me draw you a map …"}, {**found, "pause_ms": 1500}]}


def repeat(turn: JSON, session: Session, media_url: str) -> JSON:
    """Two messages that both show what was heard."""
    return say(f"You said: {turn['text']}", f"Once more: {turn['text']}")


Rule = Callable[[JSON, Session, str], JSON]

RULES: tuple[tuple[frozenset[str], Rule], ...] = (
    (frozenset({"agent", "human"}), ask_human),
    (frozenset({"menu", "options", "help"}), offer),
    (frozenset({"map", "image"}), show_map),
    (frozenset({"way", "route"}), show_way),
    (frozenset({"hours", "opening"}), lambda *_: say("We are open from Monday to Friday, 9:00 to 17:00.")),
    (frozenset({"parcel", "order"}), ask_order),
    (frozenset({"bye"}), lambda *_: say("Goodbye!", complete="resolved", tags=["Happy"])),
    (frozenset({"twice"}), repeat),
    (frozenset({"slow"}), lambda *_: say("Sorry, that took a while.")),
    (frozenset({"hello", "hi"}), lambda turn, *_: greet(turn)),
)
"""The first rule with one of the words wins."""

INTENTS = {
    "agent": "agent",
    "menu": "menu",
    "hours": "opening.hours",
    "parcel": "parcel.status",
    "bye": "goodbye",
    "hello": "greeting",
}
"""What a rule understands, by one of its words."""
