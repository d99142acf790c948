"""What is no text in a contact's message.

The platform doesn't document how files and locations arrive, only that a message may have no text. So all common forms
are read, and what is in none of them is a file of which nothing is known.
"""

import math
import mimetypes
from collections.abc import Iterator, Mapping
from typing import Any

from channels_app.protocol.contact_message import ContactFile, FileKind

MAX_FILES = 10  # of one message; media allow as many pictures at once
MAX_URL = 2_000  # characters
MAX_NAME = 200

HOLDERS = ("attachments", "attachment", "media", "files", "file", "location")
URL_KEYS = ("url", "mediaUrl", "contentUrl", "href", "link")
NAME_KEYS = ("name", "fileName", "filename", "title")
TYPE_KEYS = ("contentType", "content_type", "mimeType", "mime_type", "mediaType", "type")
LATITUDE_KEYS, LONGITUDE_KEYS = ("latitude", "lat"), ("longitude", "lng", "lon", "long")
KINDS = {
    **{kind.value: kind for kind in FileKind},
    **dict.fromkeys(("photo", "picture", "gif"), FileKind.IMAGE),
    **dict.fromkeys(("voice", "voice_message"), FileKind.AUDIO),
    **dict.fromkeys(("file", "application", "text"), FileKind.DOCUMENT),
}
"""By their word for it, or the first part of a content type."""


def read_files(message: Mapping[str, Any]) -> tuple[ContactFile, ...]:
    """All that the message names, the place that a location button sends back among them."""
    found = list(dict.fromkeys(_named(message)))
    place = _place(message.get("payload"))
    if place and place not in found:
        found.append(place)
    kind = _kind_of(message.get("type"))
    if not found and kind not in (None, FileKind.DOCUMENT):  # of a message "text" and "file" say nothing of what it is
        found.append(ContactFile(kind=kind))
    return tuple(found[:MAX_FILES])


def _named(message: Mapping[str, Any]) -> Iterator[ContactFile]:
    for key in HOLDERS:
        value = message.get(key)
        for item in value if isinstance(value, list) else [value]:
            file = _place(item) or _file(item)
            if file:
                yield file


def _file(item: object) -> ContactFile | None:
    if isinstance(item, str) and item:
        item = {"url" if "://" in item else "name": item}
    if not isinstance(item, dict) or not item:
        return None
    url, name = _first(item, URL_KEYS)[:MAX_URL], _first(item, NAME_KEYS)[:MAX_NAME]
    told = [value for key in TYPE_KEYS if isinstance(value := item.get(key), str)]
    content_type = next((value.lower() for value in told if "/" in value), "")[:MAX_NAME]
    guessed = mimetypes.guess_type(name)[0] or mimetypes.guess_type(url.partition("?")[0])[0]
    kinds = [kind for kind in map(_kind_of, (*told, guessed)) if kind is not None]
    # "file" may be any: what its type or its name says is more
    kind = next((kind for kind in kinds if kind is not FileKind.DOCUMENT), kinds[0] if kinds else FileKind.UNKNOWN)
    is_link = url.startswith(("https://", "http://"))
    return ContactFile(kind=kind, url=url if is_link else "", name=name, content_type=content_type)


def _kind_of(told: object) -> FileKind | None:
    return KINDS.get(told.lower().partition("/")[0]) if isinstance(told, str) else None


def _place(item: object) -> ContactFile | None:
    """The place that it names, itself or in its coordinates."""
    if not isinstance(item, dict):
        return None
    for holder in (item, item.get("coordinates"), item.get("location")):
        if not isinstance(holder, dict):
            continue
        latitude = _degrees(_first(holder, LATITUDE_KEYS), 90)
        longitude = _degrees(_first(holder, LONGITUDE_KEYS), 180)
        if latitude is not None and longitude is not None:
            name = _first(item, NAME_KEYS)[:MAX_NAME]
            return ContactFile(kind=FileKind.LOCATION, name=name, latitude=latitude, longitude=longitude)
    return None


def _degrees(text: str, most: int) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= most else None


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The first of these that is text or a number, as text."""
    values = (item.get(key) for key in keys)
    found = next((value for value in values if isinstance(value, str | int | float) and value != ""), "")
    return "" if isinstance(found, bool) else str(found)
