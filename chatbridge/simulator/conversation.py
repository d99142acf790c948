"""One conversation as the inbox keeps it: who owns it, what was said, what the virtual agent did."""

import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

JSON = dict[str, Any]

KEPT_MESSAGES = 1_000
"""Per conversation, so that a benchmark of hours in one conversation doesn't fill the memory."""

KEPT_RECORDS = 500
"""Calls and events shown per conversation; the ledger keeps more."""

CALL_KEYS = ("at", "body", "status", "inline", "fault")
"""What is shown of a call; `inline`: it came in the answer to an event."""

SOURCES = ("MEDIUM", "AGENT", "CRM_CONFIRMED")
"""Where an attribute comes from, weakest first: "CRM_CONFIRMED wins over AGENT over MEDIUM"."""


class Owner(StrEnum):
    """Who has to answer the contact."""

    VIRTUAL_AGENT = "virtual_agent"
    QUEUE = "queue"
    AGENT = "agent"
    CLOSED = "closed"


@dataclass(slots=True)
class Said:
    """One message of contact, virtual agent or agent."""

    n: int
    sender: str
    text: str | None
    attachment: str | None = None
    payload: str | None = None
    files: list[JSON] | None = None
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def view(self) -> JSON:
        """As the control API shows it."""
        shown = {"n": self.n, "id": self.id, "from": self.sender, "text": self.text, "at": self.at}
        return shown | {"attachment": self.attachment, "payload": self.payload}


@dataclass(slots=True)
class Conversation:
    """The state of one thread. Changes go through its methods, which wake those who wait for news."""

    id: str
    client_id: str
    virtual_agent_id: str
    contact: JSON
    attributes: list[JSON]
    medium: str
    channel: JSON
    language: str
    team: str = ""
    """Whose agents get it."""
    owner: Owner = Owner.QUEUE
    status: str = "new"
    created_at: float = field(default_factory=time.time)
    queued_at: float = field(default_factory=time.time)
    said: int = 0
    typing: int = 0
    is_typing: bool = False
    messages: deque[Said] = field(default_factory=lambda: deque(maxlen=KEPT_MESSAGES))
    calls: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))
    events: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))
    notes: list[JSON] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    tags: list[JSON] = field(default_factory=list)
    attachments: dict[str, JSON] = field(default_factory=dict)
    last_event: tuple[str, JSON, str] | None = None
    listeners: list[Callable[[], None]] = field(default_factory=list)
    stop_reply_timer: Callable[[], None] | None = None
    owners: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_RECORDS))

    def say(
        self,
        sender: str,
        text: str | None,
        *,
        attachment: str | None = None,
        payload: str | None = None,
        files: list[JSON] | None = None,
    ) -> Said:
        """Add a message; a word of the virtual agent or of an agent ends the time that the contact waits."""
        self.said += 1
        message = Said(self.said, sender, text, attachment, payload, files)
        self.messages.append(message)
        if sender != "contact":
            self.answered()
        self.wake()
        return message

    def give_to(self, owner: Owner) -> None:
        """Change who has to answer."""
        if owner is not Owner.VIRTUAL_AGENT:
            self.answered()
        if owner is Owner.QUEUE:
            self.status = "new"
            self.queued_at = time.time()
        self.owner = owner
        self.owners.append({"at": time.time(), "owner": owner})
        self.wake()

    def answered(self) -> None:
        """The timers stop, and typing is no longer shown."""
        self.is_typing = False
        if self.stop_reply_timer:
            self.stop_reply_timer()
            self.stop_reply_timer = None

    def wake(self) -> None:
        """Tell those who wait; each is told once and has to ask again."""
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            listener()

    def set_attributes(self, values: dict[str, str]) -> None:
        """ "An attribute that already has a value is not overwritten", regardless of its source."""
        taken = {entry["attribute"] for entry in self.attributes if entry.get("value")}
        for name, value in values.items():
            if name not in taken:
                self.attributes.append({"attribute": name, "value": value, "source": "AGENT"})

    def attribute_values(self) -> dict[str, Any]:
        """One value per attribute, the strongest source's."""
        ranked = sorted(
            (entry for entry in self.attributes if entry.get("value")),
            key=lambda entry: SOURCES.index(entry["source"]) if entry.get("source") in SOURCES else -1,
        )
        return {entry["attribute"]: entry["value"] for entry in ranked}

    def summary(self) -> JSON:
        """One line of a list."""
        last = self.messages[-1] if self.messages else None
        shown = {"id": self.id, "owner": self.owner, "status": self.status, "virtual_agent": self.virtual_agent_id}
        return shown | {"contact": self.contact, "last_text": last and last.text, "messages": self.said}

    def view(self, after: int = 0) -> JSON:
        """Everything, for the control API; only messages newer than number `after`."""
        return self.summary() | {
            "messages": [message.view() for message in self.messages if message.n > after],
            "last_n": self.said,
            "notes": [note["text"] for note in self.notes],
            "topics": self.topics,
            "tags": self.tags,
            "attributes": self.attribute_values(),
            "attachments": list(self.attachments.values()),
            "typing": self.typing,
            "is_typing": self.is_typing,
            "calls": [{key: call.get(key) for key in CALL_KEYS} for call in self.calls],
            "events": list(self.events),
            "owners": list(self.owners),
        }
