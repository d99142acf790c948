"""Files that a bot names by their address: fetched, recognised and named as the inbox wants them."""

import base64
import binascii
import re
import time
import unicodedata
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import BinaryIO, Self
from urllib.parse import unquote, unquote_to_bytes, urljoin

from channels_app.deliveries.file_types import UNTOLD, Content, FileType, recognise
from channels_app.lib.http.addresses import (
    WEB,
    AllowList,
    Target,
    holds_data,
    is_internal_host,
    reachable_addresses,
    web_address,
)
from channels_app.lib.http.session import Answer, ApiSession
from channels_app.protocol import Attachment
from channels_app.protocol.errors import ConfigError, PayloadError

MAX_BYTES = 10 * 1000 * 1000 - 1
"""The platform takes fewer than 10 MB."""
TIMEOUT_S = 15.0
"""For the whole file, with all redirects: a contact waits for the words beside it."""
LOOKUP_S = 2.0
"""For the name in a link that a contact will see; the call before has just asked for it."""
MAX_HOPS = 5
"""Redirects; a file store needs one or two."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_STEM = 60
DATA = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file whose content is of a type that agents get. It lies on the disk until it is left."""

    content: Content
    type: FileType

    @property
    def data(self) -> memoryview:
        return self.content.data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.content.close()

    def rightly_named(self, name: str) -> str:
        """The name with an ending that belongs to the type."""
        path = PurePosixPath(name)
        return name if path.suffix.lower() in self.type.endings else f"{path.stem}{self.type.endings[0]}"


@cache
def _session() -> ApiSession:
    return ApiSession(timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)


def fetch_media(url: str, declared_type: str = "", name: str = "") -> Media:
    """The file behind an address, and what its bot says of its type and calls it.

    PayloadError when it can't be passed on; else the errors of a call. It has to be left (`with`), or is left when
    nobody knows it any more.
    """
    content, told = _held(url) if holds_data(url) else _fetched(url)
    told, declared = (text.partition(";")[0].strip().lower() for text in (told, declared_type))
    try:
        type_ = _type_of(content, told=declared if told in UNTOLD else told, name=name or _last_part(url))
    except PayloadError:
        content.close()
        raise
    return Media(content=content, type=type_)


def _type_of(content: Content, *, told: str, name: str) -> FileType:
    if not content.data:
        raise PayloadError("The file is empty.")
    if len(content.data) > MAX_BYTES:
        raise PayloadError(f"The file has more than {MAX_BYTES} bytes.")
    found = recognise(content, told, PurePosixPath(name).suffix.lower())
    if found is None:
        raise PayloadError(f"Files of this type are not passed on ({_named(told)}).")
    return found


def _held(url: str) -> tuple[Content, str]:
    """Content and type of a `data:` address."""
    parts = DATA.fullmatch(url.strip())
    if not parts:
        raise PayloadError("The data: address can't be read.")
    told, parameters, held = parts.groups()
    data = unquote_to_bytes(held)
    if not parameters.lower().endswith(";base64"):
        return Content.holding(data), told or "text/plain"
    letters = b"".join(data.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        data = base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except binascii.Error:
        raise PayloadError("The data: address can't be read.") from None
    return Content.holding(data), told or "text/plain"


def _fetched(url: str) -> tuple[Content, str]:
    """Content and type of what lies at an address, read as a browser would, then with all that is odd in its path."""
    deadline = time.monotonic() + TIMEOUT_S
    try:
        addresses = [web_address(url)]
    except ValueError as error:
        raise ConfigError(str(error)) from None
    with suppress(ValueError):  # then there is but one way to read it
        addresses.append(web_address(url, is_literal=True))
    with ExitStack() as opened:
        file = opened.enter_context(TemporaryFile())
        for address in dict.fromkeys(addresses):
            answer = _followed(address, deadline, file)
            if answer.status == 200:
                opened.pop_all()
                return Content(file), answer.headers.get("content-type", "")
    raise PayloadError(f"The file's address answered {answer.status}.", status=answer.status)


def _followed(address: str, deadline: float, file: BinaryIO) -> Answer:
    """The answer behind all redirects, its body in the file; each address is checked like the first."""
    for _ in range(MAX_HOPS + 1):
        file.seek(0)
        file.truncate()
        answer = _session().call("GET", address, timeout_s=max(deadline - time.monotonic(), 0.001), into=file)
        where = answer.headers.get("location", "")
        if answer.status not in REDIRECTS or not where:
            return answer
        try:
            # Header bytes arrive as Latin-1; who writes more than ASCII there means UTF-8.
            address = web_address(urljoin(address, where.encode("latin-1").decode("utf-8", "replace")))
        except ValueError as error:
            raise ConfigError(f"The file's address redirects to one that can't be called. {error}") from None
    raise PayloadError(f"The file's address redirects more than {MAX_HOPS} times.", status=answer.status)


def contact_link(url: str) -> str:
    """The address as its contact may see it, "" if a contact could not open it."""
    try:
        address = web_address(url)
        host = Target.parse(address).host
    except ValueError:
        return ""
    if is_internal_host(host):
        return ""
    try:
        reachable_addresses(host, AllowList(), LOOKUP_S)
    except ConfigError:  # a public name of something internal
        return ""
    except (OSError, UnicodeError):
        pass  # not known here, or not now
    return url if url.isprintable() and " " not in url and "\\" not in url else address


# --- names -----------------------------------------------------------------------------------------------------------


def file_name(file: Attachment, unique: str) -> str:
    """A name that the inbox accepts: letters, digits, `-`, `_`, `.`; `unique` keeps it so in its conversation.

    Its ending may still be wrong: `Media.rightly_named`, when the type is known.
    """
    path = PurePosixPath(_own_name(file.name) or _last_part(file.url))
    suffix = path.suffix.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", path.suffix) else ""
    stem = unicodedata.normalize("NFKD", path.stem if suffix else path.name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:MAX_STEM]
    return f"{stem or 'file'}-{unique}{suffix}"


def _last_part(url: str) -> str:
    """What a file is called in its address; nothing in a `data:` address."""
    found = WEB.fullmatch(url.strip())
    return _own_name(re.split(r"[?#]", found[3], maxsplit=1)[0]) if found else ""


def _own_name(path: str) -> str:
    """A name as bots write it: behind folders, with percent signs."""
    return re.split(r"[/\\]", unquote(path.rstrip("/\\ ")))[-1].strip()


def _named(told: str) -> str:
    return told if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,80}", told) else "type unknown"
