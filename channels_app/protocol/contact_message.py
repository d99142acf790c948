"""What a contact says, and sends that is no text: a picture, a voice message, a place."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class FileKind(StrEnum):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFile:
    """One of them, as far as the inbox tells. A location has both degrees, or none that we know."""

    kind: FileKind = FileKind.UNKNOWN
    url: str = ""
    name: str = ""
    content_type: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def placeholder(self) -> str:
        """What stands for it where only text can be: "[image]", "[location 51.2,4.4]"; "[attachment]", if nobody
        knows what it is."""
        if self.kind is FileKind.UNKNOWN:
            return "[attachment]"
        place = ",".join(_degrees(number) for number in (self.latitude, self.longitude) if number is not None)
        return f"[{self.kind}{' ' if place else ''}{place}]"


def _degrees(number: float) -> str:
    """As people write it, to a metre."""
    return f"{number:.5f}".rstrip("0").rstrip(".")


def placeholders(files: tuple[ContactFile, ...]) -> str:
    """All of them in one line; of a message that holds nothing at all, that it does."""
    return " ".join(file.placeholder for file in files or (ContactFile(),))


_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(FileKind)}|attachment)(?: [-\d.,]+)?\]", re.ASCII)


def are_placeholders(text: str) -> bool:
    """Whether a text only stands for files."""
    return not _PLACEHOLDER.sub("", text).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactMessage:
    """What the contact said. `text` is None for a picture or a sticker."""

    text: str | None = None
    external_id: str = ""
    payload: Any = None
    """The payload of one of our options, sent back by the medium."""
    files: tuple[ContactFile, ...] = ()

    @property
    def is_only_files(self) -> bool:
        """Whether there is nothing to read in it, and nothing that was pressed; a place is something to read."""
        has_place = any(file.latitude is not None for file in self.files)
        return self.text is None and self.payload is None and not has_place

    @property
    def words(self) -> str:
        """Its text, or what stands for it."""
        return self.text or ("" if self.payload is not None else placeholders(self.files))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """What was said in a conversation before a turn. `author`: contact, bot or agent."""

    author: str
    name: str = ""
    text: str
    at: datetime
