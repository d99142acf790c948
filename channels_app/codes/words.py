"""What an entry of the catalogue consists of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

UNKNOWN = "…"
"""Shown for a missing value: a page must not fail because of what it explains."""

SECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "What it means": "meaning",
        "Likely causes": "causes",
        "How to check": "checks",
        "How to fix it": "repairs",
        "Is it retried?": "retried",
        "What the contact notices": "contact",
    }
)
"""Titles of a code's page, in the order in which people ask, with the fields of `Code` that they show."""


class Severity(StrEnum):
    ERROR = "error"
    """Contacts get no answer from the bot, or an operator has to act."""
    WARNING = "warning"
    """It works, or fixes itself, but not as it should."""
    INFO = "info"
    """Good to know; no action needed."""


class Place(StrEnum):
    """Where a button leads. Pages know the address: of the channel, bot or conversation that they are about."""

    TEST_CONNECTION = "test_connection"
    """Runs the checks of the channel or bot."""
    REPLACE_KEYS = "replace_keys"
    """The channel's API keys."""
    SWITCH_REGION = "switch_region"
    """Tries the keys on the other region's server, or saves that region."""
    SHARED_SECRET = "shared_secret"  # noqa: S105 a place
    """The channel's field for it."""
    ROTATE_SECRET = "rotate_secret"  # noqa: S105 a place
    """What is seen of the old and the new secret, and when the old one ends."""
    WEBHOOK_URL = "webhook_url"
    """The channel's address, to be copied."""
    SEND_TEST = "send_test"
    """Sends a signed event to our own address."""
    CHANNEL_STATE = "channel_state"
    """Active, paused, archived."""
    CHANNEL_BOT = "channel_bot"
    """The channel's choice of a bot."""
    BOT_FAILURE = "bot_failure"
    """What the channel does when its bot fails."""
    INBOX_CHANNELS = "inbox_channels"
    """Where the bot answers."""
    OFFLOAD_PROVIDER = "offload_provider"
    """Verify token, opening hours and write-back secret of the channel."""
    BOT = "bot"
    """The bot's page: address, tokens, time-out, reply URL."""
    CONVERSATION = "conversation"
    EXCHANGE = "exchange"
    """The call with its request and response."""
    REPLAY = "replay"
    """Replays what failed."""
    REFUSALS = "refusals"
    """Requests that were refused or ignored, counted."""
    ACCOUNTS = "accounts"
    """API accounts: token, problem, quota."""
    WORKERS = "workers"
    """Queue and processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """`label` may have placeholders, as a text has."""

    label: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One thing that can go wrong or raise a question.

    `text` is the sentence shown to users, with {placeholders}. The rest is its page: `retried` says whether
    the bridge retries by itself, `contact` what the contact notices. In these, `backticks` mark what
    is typed, and a code such as CB-101 becomes a link.
    """

    code: str
    name: str
    severity: Severity
    text: str
    meaning: str
    causes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    retried: str
    contact: str
    buttons: tuple[Button, ...] = ()

    def __str__(self) -> str:
        return self.code

    @property
    def docs_url(self) -> str:
        """Its page in the product, below PUBLIC_BASE_URL."""
        return f"/ops/codes/{self.code}/"

    def sections(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Titles with their texts; several of them are a list."""
        for title, field_name in SECTIONS.items():
            texts = getattr(self, field_name)
            if texts:
                yield title, (texts,) if isinstance(texts, str) else texts


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class Problem:
    """A code with the values of one case. Values come from anywhere: escape the text where it is shown."""

    code: Code
    values: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def text(self) -> str:
        return self._filled(self.code.text)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """With their labels filled in."""
        return tuple(Button(label=self._filled(one.label), place=one.place) for one in self.code.buttons)

    def __str__(self) -> str:
        """For logs and terminals: "CB-101: Sparkcentral cannot reach …"."""
        return f"{self.code}: {self.text}"

    def _filled(self, text: str) -> str:
        return text.format_map(_Lenient(self.values))
