"""The bridge's vocabulary: Event, Turn, Reply and their errors; from facts to a problem's code.

Adapters translate between these and what the platforms speak; nothing here knows a platform.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from channels_app.protocol.contact_message import ContactFile, placeholders
from channels_app.protocol.contact_message import ContactMessage as ContactMessage
from channels_app.protocol.contact_message import PastMessage as PastMessage
from channels_app.protocol.contacts import Contact as Contact
from channels_app.protocol.contacts import ContactAttribute as ContactAttribute
from channels_app.protocol.contacts import InboxChannelRef as InboxChannelRef
from channels_app.protocol.intents import Intent
from channels_app.protocol.remarks import BETWEEN_REMARKS, CANT_BE_SHOWN, LEFT_OUT, NOT_UNDERSTOOD, UNDERSTOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One HTTP request as received, before it is verified. Header names are lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime


class EventType(StrEnum):
    CONVERSATION_STARTED = "conversation_started"
    CONVERSATION_DELEGATED = "conversation_delegated"
    MESSAGE_RECEIVED = "message_received"
    """The contact said something."""
    BOT_REPLIED = "bot_replied"
    """A bot that calls back said something."""
    OFFLOAD_REQUESTED = "offload_requested"
    """A bot that calls back asked for a human."""
    HANDOVER_ORDERED = "handover_ordered"
    """An operator ordered the handover."""
    MESSAGE_ORDERED = "message_ordered"
    """An operator replies as the bot."""
    CONTACT_SILENT = "contact_silent"
    """The contact has said nothing for as long as the channel's rule allows."""
    CONVERSATION_RESOLVED = "conversation_resolved"
    CONVERSATION_PENDING = "conversation_pending"

    @property
    def opens(self) -> bool:
        """Whether it gives the conversation to the bot."""
        return self in (EventType.CONVERSATION_STARTED, EventType.CONVERSATION_DELEGATED)

    @property
    def asks_bot(self) -> bool:
        """Whether the bot is called for it."""
        return self.opens or self is EventType.MESSAGE_RECEIVED

    @property
    def is_from_bot(self) -> bool:
        """Whether a bot that calls back said it."""
        return self in (EventType.BOT_REPLIED, EventType.OFFLOAD_REQUESTED)

    @property
    def is_ordered(self) -> bool:
        """Whether an operator ordered it."""
        return self in (EventType.HANDOVER_ORDERED, EventType.MESSAGE_ORDERED)


ASKS_BOT = tuple(type_ for type_ in EventType if type_.asks_bot)


class Completion(StrEnum):
    HANDOVER = "handover"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A choice that the bot offers: with `url` or `phone` a link, else something the contact can choose."""

    title: str
    payload: Any = None
    url: str = ""
    phone: str = ""
    number: int = 0
    """What stands before it in the list that the contact reads; 0: nothing."""
    token: str = ""
    """What a press of its button sends back; empty: it has none."""
    wants_location: bool = False
    """It asks for the place where the contact is."""
    bots_title: str = ""
    """The title as the bot wrote it, if contacts read another: without Markdown's marks."""

    @property
    def title_for_bot(self) -> str:
        return self.bots_title or self.title

    @property
    def is_choosable(self) -> bool:
        return not self.url and not self.phone and not self.wants_location


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    url: str
    name: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing the bot says: text, attachment, options, in any combination."""

    text: str = ""
    options: tuple[Option, ...] = ()
    attachment: Attachment | None = None
    has_buttons: bool = False
    """Whether its options are to press; else they are a list to read."""
    pause_ms: int = 0
    """Milliseconds that the bot wants to wait before it, after what it said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffloadRequest:
    """The bot asks for a human. `reason` is a short word of the bot's, `payload` what its author configured."""

    reason: str = ""
    payload: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """All that a turn does to the conversation, in one object."""

    messages: tuple[Message, ...] = ()
    topics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    complete: Completion | None = None
    offload: OffloadRequest | None = None
    unshown: tuple[str, ...] = ()
    """What the bot said in a form that no inbox can show, named for operators: never sent, and never dropped in
    silence."""
    dropped: tuple[str, ...] = ()
    """What it asked for and can't be done, also named for operators."""
    intents: tuple[Intent, ...] = ()
    """What it understood of the contact's words; a channel's table gives the topics for it."""
    not_understood: bool = False
    """It says that it did not understand them."""
    remembered: Mapping[str, str] = field(default_factory=dict)
    """What it wants told with the next turns of the conversation, e.g. its own id of it."""

    @property
    def is_unshowable(self) -> bool:
        """Whether the bot said something, and all of it in such forms."""
        told = Reply(unshown=self.unshown, dropped=self.dropped, intents=self.intents, remembered=self.remembered)
        return bool(self.unshown) and replace(self, not_understood=False) == told

    @property
    def remarks(self) -> str:
        """For operators; begins with `remarks.CANT_BE_SHOWN` if anything was."""
        named = {CANT_BE_SHOWN: self.unshown, LEFT_OUT: self.dropped, UNDERSTOOD: map(str, self.intents)}
        named[NOT_UNDERSTOOD] = ("so the bot says",) if self.not_understood else ()
        words = {mark: ", ".join(names) for mark, names in named.items()}
        return BETWEEN_REMARKS.join(f"{mark}: {text}." for mark, text in words.items() if text)

    def merged_with(self, later: "Reply") -> "Reply":
        """Both replies as one, in order: how several messages of a bot that calls back share a call."""
        return replace(
            self,
            messages=self.messages + later.messages,
            topics=tuple(dict.fromkeys(self.topics + later.topics)),
            tags=tuple(dict.fromkeys(self.tags + later.tags)),
            attributes={**self.attributes, **later.attributes},
            note="\n\n".join(note for note in (self.note, later.note) if note),
            complete=self.complete or later.complete,
            offload=self.offload or later.offload,
            unshown=self.unshown + later.unshown,
            dropped=self.dropped + later.dropped,
            intents=tuple(dict.fromkeys(self.intents + later.intents)),
            not_understood=self.not_understood or later.not_understood,
            remembered={**self.remembered, **later.remembered},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One notification, verified and in our words.

    `key` is the sender's idempotency key. `conversation_id` is the inbox's id of the conversation, or for a
    bot's event our session id. `sent_at` is the sender's clock. `counter` orders the events of a bot's session.
    `counts_per_turn`: the sender may use the key again for what it says to the contact's next message;
    `signed_at`: the unix second that it was signed at, if it has no key of its sender's own; what comes with the same
    second and key again is a replay.
    """

    type: EventType
    key: str
    conversation_id: str
    sent_at: datetime
    contact: Contact | None = None
    attributes: tuple[ContactAttribute, ...] | None = None
    inbox_channel: InboxChannelRef | None = None
    medium: str = ""
    language: str = ""
    message: ContactMessage | None = None
    topics: tuple[str, ...] = ()
    trigger: Mapping[str, Any] | None = None
    reply: Reply | None = None
    counter: int | None = None
    counts_per_turn: bool = False
    signed_at: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else a door needs to know of it: who resolved the conversation, or what was said before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the bot is told. `turn_id` stays the same on a retry; `session_id` has at least 32 characters."""

    type: EventType
    turn_id: str
    session_id: str
    text: str | None = None
    payload: Any = None
    files: tuple[ContactFile, ...] = ()
    message_id: str = ""
    language: str = ""
    medium: str = ""
    contact: Contact = field(default_factory=Contact)
    attributes: tuple[ContactAttribute, ...] = ()
    inbox_channel: InboxChannelRef | None = None
    topics: tuple[str, ...] = ()
    trigger: Mapping[str, Any] | None = None
    dialog: str = ""
    """Where in its flow the bot should start, by the bot's own id; empty: the bot decides."""
    history: tuple[PastMessage, ...] = ()
    """What was said before, oldest first, as far as we know; only when an agent gave the bot the conversation, or for
    a bot that remembers nothing itself."""
    remembered: Mapping[str, str] = field(default_factory=dict)
    """What the bot wanted to be told with this turn, see `Reply.remembered`."""
    is_first: bool = False
    """The message begins the conversation, and the bot gets no separate turn for its start."""
    time_left_s: float | None = None
    """Seconds in which the answer must be here, if the bot's own time-out isn't shorter; not told to the bot."""
    is_test: bool = False
    """A question of "Test connection": no contact is behind it."""
    is_repeat: bool = False
    """An earlier try of the same turn may have reached the bot."""

    @property
    def placeholder(self) -> str:
        """What stands for a message without text, where a bot takes nothing else; its author can train an intent."""
        return placeholders(self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as the inbox can show it: options already written out, an attachment already uploaded."""

    text: str = ""
    attachment_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What one call to the inbox carries; stored as JSON with its delivery."""

    messages: tuple[OutgoingMessage, ...] = ()
    topics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tagged_message_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    complete: Completion | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            messages=tuple(OutgoingMessage(**message) for message in data["messages"]),
            topics=tuple(data["topics"]),
            tags=tuple(data["tags"]),
            tagged_message_id=data["tagged_message_id"],
            attributes=data["attributes"],
            note=data["note"],
            complete=Completion(data["complete"]) if data["complete"] else None,
        )
