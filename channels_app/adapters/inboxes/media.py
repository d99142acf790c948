"""What the media behind an inbox can show: WhatsApp, Messenger and so on, by the ids that the inbox gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels_app.lib.emphasis import Marks
from channels_app.protocol import Attachment
from channels_app.protocol.splitting import Size, utf8_bytes, utf16_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What a message may be and what becomes of marks in it; by default what every medium takes.

    `max_length`: of a text, in the unit of `size`. The platform takes a longer one, and the medium drops it.
    """

    max_length: int = 1_000
    size: Size = utf16_units
    marks: Marks = Marks.NONE
    shows_buttons: bool = False
    """Whether shortcodes are known to become buttons there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message as its reader sees it: its text, and a line for each option."""

    text: str
    lines: tuple[str, ...] = ()
    attachment: Attachment | None = None

    @property
    def whole(self) -> str:
        return "\n".join(line for line in (self.text, *self.lines) if line)


MESSENGER = Medium(max_length=2_000)  # Messenger Platform, Send API: "text … 2000 characters"
WEB = Medium(max_length=4_000, shows_buttons=True)  # Inbox 2.0's reference of shortcodes; Sunshine Conversations: 4096
X = Medium(max_length=10_000)  # X API, direct messages: "up to 10,000 characters"

MEDIA: Mapping[str, Medium] = {
    "whatsapp": Medium(max_length=4_096, marks=Marks.WHATSAPP),  # Cloud API, text messages: "Maximum 4096 characters"
    "fb": MESSENGER,
    "facebook": MESSENGER,
    "instagram": Medium(max_length=1_000, size=utf8_bytes),  # Instagram Messaging: "UTF-8 and … 1000 bytes or less"
    "twit": X,
    "rtm": WEB,
    "smooch-rtm": WEB,
}
"""By the platform's ids. Those that are not here, SMS by its operator and new ones, get what every medium takes."""


def medium_of(name: str) -> Medium:
    return MEDIA.get(name.strip().casefold(), _ANY)


_ANY = Medium()
