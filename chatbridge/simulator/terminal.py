"""A contact in the terminal: talks through the simulator's control API to the conversation's owner."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from chatbridge.simulator.control_client import START_POLL_S, Api, SimulatorError
from chatbridge.simulator.shortcodes import Element, Kind, elements, shown

POLL_S = 20.0
"""How long one long poll waits."""

COLOURS = {"contact": "36", "virtual_agent": "32", "agent": "35", "note": "2"}
"""ANSI colours of the voices."""

_OBEYED = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
VISIBLE = {code: f"[U+{code:04X}]" for code in _OBEYED if chr(code) not in "\t\n"}
"""What a terminal would obey, written out: a bot's words neither move the cursor nor turn the direction of others."""

VOICES = {"contact": "you", "virtual_agent": "bot", "agent": "agent"}

FILES: dict[str, dict[str, object]] = {
    "/image": {"type": "image", "name": "photo.jpg"},
    "/audio": {"type": "audio", "name": "voice.ogg"},
    "/document": {"type": "document", "name": "offer.pdf"},
    "/location": {"type": "location", "latitude": 51.2194, "longitude": 4.4025},
}
"""What a contact sends without a word. The platform's own form is not documented."""

HELP = """\
[Title]   press this button               anything else   say it
/agent take | reply TEXT | note TEXT | topic NAME | delegate | resolve | pending   what a human agent does
/image, /audio, /document, /location      send one of these (a message without text)
/queue    who is waiting for an agent       /agents 0   no agent is available; /agents 2: two are
/dup      repeat the last event           /new      start a new conversation
/help     this                            /quit     leave"""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a piped conversation takes the answer for complete."""

    first_answer_s: float = 8.0
    quiet_s: float = 1.0


@dataclass
class Chat:
    """One contact and what is on the screen."""

    api: Api
    virtual_agent: str | None = None
    contact: str = "Johan"
    medium: str = ""
    buttons: dict[str, Element] = field(default_factory=dict)
    conversation: str | None = None
    out: TextIO = field(default_factory=lambda: sys.stdout)
    is_coloured: bool = False
    prompt: str = ""
    patience: Patience = field(default_factory=Patience)
    seen: int = 0
    owner: str | None = None
    is_answer_due: bool = False
    is_typing: bool = False
    commands: set[str] = field(default_factory=set)
    """What was done to the conversation beside the words, as far as it was shown."""
    screen: threading.RLock = field(default_factory=threading.RLock)

    # The conversation

    def begin(self) -> None:
        """Get ready for a conversation, or go on with the given one without repeating it."""
        if self.conversation:
            state = self.api.call("GET", f"/conversations/{self.conversation}")
            self.seen, self.owner, self.commands = state["last_n"], state["owner"], set(_commands(state))
            self.note(f"conversation {self.conversation} goes on")
            return
        self.note(f"a conversation with {self._choose()['name']} begins with your first words; /help helps")

    def say(self, text: str | None, file: dict[str, object] | None = None) -> None:
        """The contact speaks, or presses a button that the bot offered last: "[Parcel]". The first words begin the
        conversation, as the platform has it."""
        if self.conversation is None:
            self._open(text)
            if text is not None:
                return
        self.is_answer_due = self.owner == "virtual_agent"
        button = self.buttons.get(text or "")
        said: dict[str, object] = {"text": button.title, "payload": button.value} if button else {"text": text}
        said |= {"attachments": [file]} if file else {}
        self.api.call("POST", f"/conversations/{self.conversation}/messages", said)

    def _open(self, text: str | None) -> None:
        body = {"virtual_agent": self._choose()["id"], "contact": {"primaryIdentifier": self.contact}}
        body |= {"medium": self.medium} if self.medium else {}
        started = self.api.call("POST", "/conversations", body | ({"text": text} if text is not None else {}))
        with self.screen:
            self.conversation, self.owner, self.seen = started["conversation_id"], "virtual_agent", 0
            self.commands = set()
            self.is_answer_due = True
        self.note(f"conversation {self.conversation}")

    def take_in(self, wait_s: float) -> bool:
        """Wait for news, show it; did the bot or agent reply, or hand the contact over?"""
        conversation = self.conversation
        if conversation is None:
            time.sleep(min(wait_s, START_POLL_S))
            return False
        params = {"after": self.seen, "wait_s": wait_s, "is_typing": int(self.is_typing)}
        state = self.api.call("GET", f"/conversations/{conversation}", params=params, wait_s=wait_s)
        with self.screen:
            is_current = conversation == self.conversation
            return is_current and self._show(state)

    def _choose(self) -> Any:
        known = self.api.call("GET", "/virtual-agents")
        if not known:
            raise SimulatorError("The simulator has no virtual agent yet. POST /sim/accounts and /sim/virtual-agents.")
        if self.virtual_agent is None:
            return known[0]
        for each in known:
            if self.virtual_agent in (each["id"], each["name"]):
                return each
        names = ", ".join(each["name"] for each in known)
        raise SimulatorError(f"There is no virtual agent {self.virtual_agent!r}; there is: {names}")

    # The screen

    def _show(self, state: Any) -> bool:
        news = [message for message in state["messages"] if message["n"] > self.seen]
        is_moved, self.owner = state["owner"] != self.owner, state["owner"]
        # Who comes is announced before they speak, who leaves after their last words.
        is_arrival = self.owner in ("agent", "virtual_agent")
        if is_moved and is_arrival:
            self.note(self._whereabouts(state))
        for message in news:
            self.seen = message["n"]
            if message["from"] != "contact":
                self._voice(message)
        for command in _commands(state):
            if command not in self.commands:
                self.commands.add(command)
                self.note(command)
        if is_moved and not is_arrival:
            self.note(self._whereabouts(state))
        if state["is_typing"] and not self.is_typing:
            self.note("the bot is typing …")
        self.is_typing = state["is_typing"]
        return (is_moved and not is_arrival) or any(message["from"] != "contact" for message in news)

    def _voice(self, message: Any) -> None:
        picture = f"[{message['attachment']}]" if message["attachment"] else ""
        found = elements(message["text"] or "")
        self.buttons = {each.shown: each for each in found if each.kind is Kind.REPLY} or self.buttons
        words = " ".join(part for part in (shown(message["text"] or ""), picture) if part)
        speaker = message["from"]
        indented = words.translate(VISIBLE).replace("\n", "\n" + " " * 8)
        self.line(f"{self._coloured(VOICES[speaker].ljust(6), speaker)}  {indented}")

    def _whereabouts(self, state: Any) -> str:
        if state["owner"] == "queue":
            note = f"; note for the agent: {state['notes'][-1]}" if state["notes"] else ""
            return f"you are in the agents' queue{note}"
        return {
            "agent": "an agent has your conversation",
            "virtual_agent": "the bot has your conversation again",
            "closed": "the conversation is resolved; /new begins another",
        }[str(state["owner"])]

    def note(self, text: str) -> None:
        """A line that is not a message."""
        self.line(self._coloured(f"-- {text.translate(VISIBLE)}", "note"))

    def line(self, text: str) -> None:
        """Write a line, above the prompt if there is one."""
        with self.screen:
            erase = "\r\x1b[K" if self.prompt else ""
            self.out.write(f"{erase}{text}\n{self.prompt}")
            self.out.flush()

    def _coloured(self, text: str, voice: str) -> str:
        return f"\x1b[{COLOURS[voice]}m{text}\x1b[0m" if self.is_coloured else text

    # Lines of input

    def obey(self, line: str) -> bool:
        """Do what a line says; False ends the chat."""
        command, _, rest = line.partition(" ")
        if not line.startswith("/"):
            self.say(line)
        elif command in ("/quit", "/exit"):
            return False
        elif command == "/help":
            self.line(HELP)
        elif command == "/new":
            self.conversation = None
            self.begin()
        elif command in FILES:
            self.say(None, FILES[command])
        elif command == "/queue":
            self._list_queue()
        elif command == "/agents" and rest.isdecimal():
            account = self._choose()["client_id"]
            self.api.call("POST", f"/accounts/{account}/agents", {"agents_available": int(rest)})
            self.note(f"agents available: {rest}")
        elif command in ("/dup", "/agent") and self.conversation is None:
            self.note("the conversation begins with your first words")
        elif command == "/dup":
            self.api.call("POST", f"/conversations/{self.conversation}/events", {"repeat_last": True})
        elif command == "/agent":
            self._act(rest)
        else:
            self.note(f"{command} is not a command; /help lists them")
        return True

    def _act(self, rest: str) -> None:
        action, _, text = rest.strip().partition(" ")
        body = {"action": action or "take"} | ({"text": text} if text else {})
        self.api.call("POST", f"/conversations/{self.conversation}/agent", body)
        self.is_answer_due = action == "delegate"

    def _list_queue(self) -> None:
        waiting = self.api.call("GET", "/queue")
        for each in waiting:
            name = each["contact"].get("primaryIdentifier", "?")
            self.note(f"{each['id']}  {name}: {each['last_text'] or '(no text)'}  [{each['note'] or 'no note'}]")
        if not waiting:
            self.note("no one is waiting for an agent")

    # Ways to run

    def run_lines(self, lines: Iterable[str]) -> None:
        """A scripted conversation: each line waits for its answer."""
        self.begin()
        if self.is_answer_due:
            self.settle()
        for line in lines:
            if not (line := line.strip()):
                continue
            self.line(f"{self._coloured(VOICES['contact'].ljust(6), 'contact')}  {line}")
            try:
                if not self.obey(line):
                    return
            except SimulatorError as error:
                self.note(str(error))
            self.settle()

    def settle(self) -> None:
        """Show what comes until it is quiet; wait longer for the first answer if the bot has to give one."""
        if self.conversation is None:
            return
        ends_at = time.monotonic() + (self.patience.first_answer_s if self.is_answer_due else 0)
        self.is_answer_due = False
        quiet_at = time.monotonic() + self.patience.quiet_s
        while (left_s := max(ends_at, quiet_at) - time.monotonic()) > 0:
            if self.take_in(left_s):
                ends_at = 0.0
                quiet_at = time.monotonic() + self.patience.quiet_s

    def run_interactive(self) -> None:
        """Lines from a person; voices appear as they come."""
        self.prompt = "> "
        self.begin()
        threading.Thread(target=self._follow, daemon=True).start()
        is_going_on = True
        while is_going_on:
            try:
                line = input().strip()
                is_going_on = self.obey(line) if line else True
            except (EOFError, KeyboardInterrupt):
                is_going_on = False
            except SimulatorError as error:
                self.note(str(error))
            if is_going_on:
                self.out.write(f"\r{self.prompt}")
                self.out.flush()
        self.prompt = ""
        self.line("")

    def _follow(self) -> None:
        while True:
            try:
                self.take_in(POLL_S)
            except SimulatorError as error:
                self.note(str(error))
                time.sleep(1)


def _commands(state: Any) -> Iterator[str]:
    """What the bot, or who has the conversation, did beside the words. The note of a handover is told with it."""
    tags = (tag if isinstance(tag, str) else tag["tag"] for tag in state["tags"])
    notes = state["notes"][: -1 if state["owner"] == "queue" else None]
    yield from (f"topic: {topic}" for topic in state["topics"])
    yield from (f"tag of the contact's message: {tag}" for tag in tags)
    yield from (f"contact attribute: {name} = {value}" for name, value in state["attributes"].items())
    yield from (f"note for the agents: {note}" for note in notes)
