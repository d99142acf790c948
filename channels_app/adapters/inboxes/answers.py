"""What a platform answered to a call: accepted, or what a failed one may have done and says of it."""

import re
from dataclasses import dataclass
from datetime import datetime

from channels_app.protocol.errors import Effect

MAX_TEXT_OF_THEIRS = 200  # characters of a platform's error message that we repeat

# What a failed call may have done. A status above 500 that isn't named tells nothing: gateways make up their own.
EFFECTS = {408: Effect.NONE, 429: Effect.NONE, 503: Effect.NONE, 500: Effect.FAILED, 502: Effect.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A call that the inbox accepted, and what it says of the account's daily quota."""

    status: int
    took_ms: int
    quota_used: int | None = None
    quota_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """An agent has opened a conversation. `at`: None if the platform's time can't be read."""

    conversation_id: str
    agent: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """Who is there, and who waits; None: the inbox didn't tell."""

    agents: int | None = None
    """Available ones."""
    waiting: int | None = None
    """Contacts whom no agent has answered yet."""
    longest_wait_s: int | None = None

    @property
    def are_known(self) -> bool:
        return None not in (self.agents, self.waiting, self.longest_wait_s)


_QUOTED = re.compile(r"""“[^”]*”?|«[^»]*»?|"[^"]*"?|`[^`]*`?|(?<!\w)['‘][^'’]*['’](?!\w)""")


def public_text(text: object) -> str:
    """A platform's own message, safe for a log line and any page: what it quotes may be a contact's."""
    words = " ".join(text.split()) if isinstance(text, str) else ""
    words = _QUOTED.sub("•••", words)
    return "".join(letter for letter in words if letter.isprintable())[:MAX_TEXT_OF_THEIRS]
