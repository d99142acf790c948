"""What a transcript consists of, and the rows that it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from channels_app.models import Exchange, MessageRow, WebhookEvent
from offload.models import Offload


class Voice(StrEnum):
    CONTACT = "contact"
    BOT = "bot"
    AGENT = "agent"
    NOTE = "note"
    """What agents write for each other."""
    SYSTEM = "system"


class Text(StrEnum):
    """What there is of a message's words."""

    SHOWN = "shown"
    MASKED = "masked"
    """This person may not read it."""
    DELETED = "deleted"
    """The channel's time for texts is over."""
    NONE = "none"
    """A picture or a sticker."""
    WAITING = "waiting"
    """The message is not handled yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`text` is a message's text or our own sentence; `took_ms`: since the contact's message arrived; `gap_s`: how
    long nothing had happened before. `event_id` is the event that came in with it, if one did."""

    at: datetime
    voice: Voice
    name: str
    text: str = ""
    state: Text = Text.SHOWN
    detail: str = ""
    attachment_url: str = ""
    is_message: bool = False
    fate: str = ""
    """The fate of a message from us that did not clearly arrive."""
    is_bad: bool = False
    code: str = ""
    took_ms: int | None = None
    event_id: int | None = None
    asked_id: int | None = None
    """The event about which "why?" can be asked."""
    exchange_ids: tuple[int, ...] = ()
    gap_s: float = 0.0
    note: str = ""
    """What agents were told with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the lines are made of. By event: `ordered_by`, who ordered it; `fates`, the fate of each message that
    was to be said, in their order, "" where it arrived."""

    events: Sequence[WebhookEvent]
    messages: Sequence[MessageRow]
    exchanges: Sequence[Exchange]
    offloads: Sequence[Offload]
    fates: Mapping[int, Sequence[str]] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)
    """By event, what agents were told with its handover; for those who may read texts."""
    ordered_by: Mapping[int, str] = field(default_factory=dict)
    reads_text: bool = False
    texts_end_at: datetime
    """Texts of messages before this are deleted."""
