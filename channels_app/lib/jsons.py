"""JSON from strangers: cleaned of what no database takes, refused with a path, never with content.

A document may hold as many values as fit into its bytes, which the doors limit.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from channels_app.protocol.errors import PayloadError

MAX_DEPTH = 64  # levels; messages are not nested deeper, and anything deeper is read as null
MAX_TEXT = 65_536  # characters kept of one text; a longer one is cut, because its sender still waits for an answer
MAX_NUMBER = 2**64  # beyond this other JSON readers lose digits: it is read as a LongNumber
MAX_DIGITS = 21  # of a whole number below that, with its sign
MAX_EXACT_DIGITS = 4_000  # Python calculates with no longer texts of digits
MAX_KEY = 40  # characters of a key that an error repeats

_SURROGATE = b"\xed"
"""With this byte UTF-8 writes lone surrogates, and some Korean."""
_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""A NUL or half of a surrogate pair, escaped."""
_LEAP_SECOND = re.compile(r"^([^:]*:[0-9]{2}:)60", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL, UTF-8 has no lone surrogates


def read(body: bytes) -> Any:
    """The document in `body`, or PayloadError: UTF-8 only, no NaN or Infinity. Bare control characters in a text pass:
    platforms that put documents together by hand leave line breaks in them."""
    try:
        # Lone surrogates pass here, and become U+FFFD below: a contact's broken emoji must not cost the message.
        text = body.removeprefix(BOM_UTF8).decode("utf-8", "surrogatepass")
        document = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise PayloadError("The body is not readable JSON.") from error
    return document if _is_plain(body) else _cleaned(document, MAX_DEPTH)


def _is_plain(body: bytes) -> bool:
    """Whether cleaning would change nothing, as for nearly all: then the document needs no walk."""
    if len(body) > MAX_TEXT or _SURROGATE in body or b"\0" in body or (b"\\u" in body and _ESCAPE.search(body)):
        return False
    return body.count(b"{") + body.count(b"[") <= MAX_DEPTH


def read_object(body: bytes) -> dict[str, Any]:
    document = read(body)
    if not isinstance(document, dict):
        raise PayloadError("The body must be a JSON object.")
    return document


class CleanedText(str):
    """A text that had to be changed to be stored, and as it came."""

    original: str


def encoded(document: Any) -> bytes:
    """As it is sent and kept: readable, and with what UTF-8 doesn't have escaped."""
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def as_it_came(value: Any) -> Any:
    """The same value with its texts uncut and with letters that no database takes: to be given back, never stored."""
    if isinstance(value, CleanedText):
        return value.original
    if isinstance(value, LongNumber):
        return int(value) if len(value) <= MAX_EXACT_DIGITS and value.lstrip("-").isdecimal() else value
    if isinstance(value, dict):
        return {as_it_came(key): as_it_came(item) for key, item in value.items()}
    return [as_it_came(item) for item in value] if isinstance(value, list) else value


def _clean(text: str) -> str:
    cleaned = clean_text(text)
    if cleaned == text:
        return text
    marked = CleanedText(cleaned)
    marked.original = text
    return marked


def clean_text(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)[:MAX_TEXT]


def moment(value: object) -> datetime | None:
    """An RFC 3339 timestamp, up to nanoseconds (cut to microseconds), in UTC; else None."""
    if not isinstance(value, str):
        return None
    written = value.upper()  # RFC 3339 allows small letters and leap seconds, Python doesn't
    readable = _LEAP_SECOND.sub(r"\g<1>59", written)
    leap = timedelta(seconds=1 if readable != written else 0)
    try:
        parsed = datetime.fromisoformat(readable)
        return (parsed + leap).astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


class LongNumber(str):
    """A number too long to calculate with, kept as its digits: harmless in a field that is not read."""

    __slots__ = ()


def _read_whole(digits: str) -> int | LongNumber:
    is_usual = len(digits) <= MAX_DIGITS and abs(int(digits)) < MAX_NUMBER
    return int(digits) if is_usual else LongNumber(digits[:MAX_TEXT])


def _read_fraction(digits: str) -> float | LongNumber:
    number = float(digits)
    return number if abs(number) < MAX_NUMBER else LongNumber(digits[:MAX_TEXT])  # also 1e999, read as infinity


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_read_whole, parse_float=_read_fraction, strict=False
)


def _cleaned(value: Any, depth_left: int) -> Any:
    """The same value with its texts cleaned, and without what is nested too deep."""
    if depth_left < 0:
        return None
    if type(value) is str:
        return _clean(value)
    if isinstance(value, dict):
        return {_clean(key): _cleaned(item, depth_left - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, depth_left - 1) for item in value]
    return value


def text_in(holder: Mapping[str, Any], key: str) -> str:
    """For documents of others that are read leniently: what is of another type is not there. Trimmed."""
    value = holder.get(key)
    return value.strip() if isinstance(value, str) else ""


def as_words(value: object) -> str:
    """What people read: a text without the blanks around it, or a number as its digits, because an author who writes
    `title: 5` means "5". Empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()


def words_in(holder: Mapping[str, Any], key: str) -> str:
    return as_words(holder.get(key))


def object_in(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def objects_in(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = holder.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class JsonObject:
    """An object of a document that knows its place in it, for contracts that are ours to be strict about.

    `null` counts as absent everywhere. A wrong type is a PayloadError like "messages[1].text: must be text".
    """

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def read(cls, body: bytes) -> "JsonObject":
        return cls(read_object(body))

    @classmethod
    def read_list(cls, body: bytes) -> "list[JsonObject]":
        """The objects of a document that is a list."""
        document = read(body)
        if not isinstance(document, list):
            raise PayloadError("The body must be a JSON list.")
        return list(_objects_of((f"[{index}]", item) for index, item in enumerate(document)))

    def has(self, key: str) -> bool:
        return self.values.get(key) is not None

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str) or isinstance(value, LongNumber):
            self.refuse(key, "must be text")
        return value

    def words(self, key: str) -> str:
        """Text, or a number as its digits."""
        value = self.values.get(key)
        is_number = isinstance(value, int | float | LongNumber) and not isinstance(value, bool)
        return as_words(value) if is_number else self.text(key)

    def whole(self, key: str) -> int:
        """A number without its fraction; 0 when it is absent."""
        value = self.values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.refuse(key, "must be a number")
        return int(value or 0)

    def required_text(self, key: str) -> str:
        return self.text(key).strip() or self.refuse(key, "is missing")

    def object(self, key: str) -> "JsonObject | None":
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.refuse(key, "must be an object")
        return JsonObject(value, self.path_of(key))

    def objects(self, key: str) -> "Iterator[JsonObject]":
        return _objects_of(self._items(key))

    def texts(self, key: str) -> Iterator[str]:
        for place, value in self._items(key):
            if not isinstance(value, str) or isinstance(value, LongNumber):
                raise PayloadError(f"{place}: must be text")
            yield value

    def path_of(self, key: str) -> str:
        name = "".join(letter if letter.isprintable() else "?" for letter in key[:MAX_KEY])
        return f"{self.path}.{name}" if self.path else name

    def refuse(self, key: str, problem: str) -> NoReturn:
        raise PayloadError(f"{self.path_of(key)}: {problem}")

    def _items(self, key: str) -> Iterator[tuple[str, Any]]:
        value = self.values.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            self.refuse(key, "must be a list")
        for index, item in enumerate(value):
            yield f"{self.path_of(key)}[{index}]", item


def _objects_of(items: Iterator[tuple[str, Any]]) -> Iterator[JsonObject]:
    """Of values with their places; raises PayloadError at the first that is no object."""
    for place, value in items:
        if not isinstance(value, dict):
            raise PayloadError(f"{place}: must be an object")
        yield JsonObject(value, place)
