"""What the media behind an inbox can show: WhatsApp, Messenger and so on, by the ids that the inbox gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from channels_app.lib.emphasis import Marks
from channels_app.lib.markdown import render_line
from channels_app.protocol import Attachment, Message
from channels_app.protocol.splitting import Size, utf8_bytes, utf16_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What a message may contain and what happens to marks in it; by default what every medium accepts.

    `max_length`: of a text, in the unit of `size`. The platform takes a longer one, and the medium drops it.
    """

    max_length: int = 1_000
    size: Size = utf16_units
    marks: Marks = Marks.NONE
    shows_buttons: bool = False
    """Whether shortcodes are known to become buttons there."""
    files: Mapping[str, int] | None = None
    """Megabytes that a file may have, by its type, or its type's group; "" for all others. What is not in here the
    platform takes and the medium drops. None: only the platform's own limit is known."""

    def file_problem(self, content_type: str, size: int) -> str:
        """Why contacts would not see this file of `size` bytes here; empty: they do."""
        if self.files is None:
            return ""
        names = (content_type, content_type.partition("/")[0], "")
        most = next((self.files[name] for name in names if name in self.files), None)
        if most is None:
            return f"The contact's medium does not show files of type {content_type}."
        if size > most * MEGABYTE:
            return (
                f"The contact's medium shows files of type {content_type} only up to {most} MB; this one has {size} "
                f"bytes."
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message as its reader sees it: its text, and a line for each option."""

    text: str
    lines: tuple[str, ...] = ()
    attachment: Attachment | None = None

    @property
    def whole(self) -> str:
        return "\n".join(line for line in (self.text, *self.lines) if line)


MEGABYTE = 1_000_000
"""Bytes. Where a medium means 1,048,576, a file just below that goes as a link, which costs less than its loss."""

_OOXML = "application/vnd.openxmlformats-officedocument."
_WHATSAPP_FILES = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16),
    **dict.fromkeys(("text/plain", "application/pdf"), 100),
    **dict.fromkeys(("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"), 100),
    **dict.fromkeys(
        (
            f"{_OOXML}{kind}"
            for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
        ),
        100,
    ),
}
"""WhatsApp Business Platform, Cloud API, "Media": "Supported media types". WebP is a sticker there, no picture."""
_INSTAGRAM_FILES = {
    **dict.fromkeys(("image/png", "image/jpeg", "image/gif"), 8),
    **dict.fromkeys(("audio/aac", "audio/mp4", "audio/wav", "video/mp4", "video/ogg", "video/quicktime"), 25),
    **dict.fromkeys(("video/webm", "application/pdf"), 25),
}
"""Instagram Messaging, "Upload Media for Instagram Messaging"."""
_X_FILES = {"image/jpeg": 5, "image/png": 5, "image/gif": 15, "video/mp4": 512}
"""X API, "Media": "Media types & size restrictions"; direct messages take a picture, a GIF or a video."""

MESSENGER = Medium(max_length=2_000, files={"image": 8, "": 25})
"""A text: 2,000 characters, as libraries for the Messenger Platform have it; of the pages of its "Send API" reference
that we know none names it. "Saving assets": "up to 25 MB", images 8 MB by address."""
WEB = Medium(max_length=4_000, shows_buttons=True)
"""Inbox 2.0's reference of shortcodes; Sunshine Conversations: 4096. On files in its messenger the documentation says
no more than the platform's own limit."""
X = Medium(max_length=10_000, files=_X_FILES)
"""X API, "POST direct_messages/events/new": "Max length of 10,000 characters"."""

MEDIA: Mapping[str, Medium] = {
    # Cloud API, "Text messages": "Maximum 4096 characters"
    "whatsapp": Medium(max_length=4_096, marks=Marks.WHATSAPP, files=_WHATSAPP_FILES),
    "fb": MESSENGER,
    "facebook": MESSENGER,
    # Instagram Messaging, "Send a Message": "must be UTF-8 and be a 1000 bytes or less"
    "instagram": Medium(max_length=1_000, size=utf8_bytes, files=_INSTAGRAM_FILES),
    "twit": X,
    "rtm": WEB,
    "smooch-rtm": WEB,
}
"""By the platform's ids. Those that are not here, SMS by its operator and new ones, get what every medium takes."""


def medium_of(name: str) -> Medium:
    return MEDIA.get(name.strip().casefold(), _ANY)


_ANY = Medium()


def titled(message: Message) -> Message:
    """The message, its options by the names that contacts read and choose by."""
    named = ((option, render_line(option.title)) for option in message.options)
    options = (
        option if title == option.title else replace(option, title=title, bots_title=option.title)
        for option, title in named
    )
    return replace(message, options=tuple(options)) if message.options else message
