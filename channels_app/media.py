"""Files that a bot names by their address: fetched, checked and named as the inbox wants them."""

import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from channels_app.errors import PayloadError
from channels_app.http import ApiSession

MAX_BYTES = 10 * 1000 * 1000 - 1
"""The platform takes fewer than 10 MB."""
TIMEOUT_S = 15.0
"""For the whole file: a contact waits for the words beside it."""
STEM_MOST = 60
EXECUTABLE_TYPES = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml", "text/javascript"})
"""Types that run in an agent's browser: the agent gets the link instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    data: bytes
    content_type: str


@cache
def _session() -> ApiSession:
    return ApiSession(timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)


def fetch_media(url: str, declared_type: str = "") -> Media:
    """The file behind an address. PayloadError when it can't be passed on; else the errors of a call."""
    answer = _session().call("GET", url)
    if answer.status != 200:
        raise PayloadError(f"The file's address answered {answer.status}.", status=answer.status)
    told = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    content_type = told or declared_type.lower() or "application/octet-stream"
    if content_type in EXECUTABLE_TYPES:
        raise PayloadError(f"A file of type {content_type} is not passed on.")
    if not answer.body:
        raise PayloadError("The file is empty.")
    return Media(data=answer.body, content_type=content_type)


def file_name(url: str, name: str, content_type: str, unique: str) -> str:
    """A name that the inbox accepts: letters, digits, `-`, `_`, `.`; `unique` keeps it so in its conversation."""
    path = PurePosixPath(name or urlsplit(url).path)
    suffix = path.suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", path.suffix) else ""
    if not suffix:
        suffix = mimetypes.guess_extension(content_type.partition(";")[0].strip()) or ""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem if path.suffix else path.name).strip("-")[:STEM_MOST]
    return f"{stem or 'file'}-{unique}{suffix}"
