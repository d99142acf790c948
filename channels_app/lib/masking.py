"""Bodies as they may be shown: readable with any content, secrets masked, texts only for those with permission."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from channels_app.protocol.labels import visible, visible_json

MASK = "••••"
"""Stands for a secret, and for a text that this person may not read."""

_SECRET_NAME = re.compile(r"token|secret|password|authori[sz]ation|credential|api_?key|signature", re.IGNORECASE)
# A text that isn't JSON after all may still hold `"verifyToken": "…"`, or a cut-off beginning of it. Keys are short,
# and the limit keeps the search linear.
_SECRET_IN_TEXT = re.compile(
    rf'("[^"]{{0,100}}?(?:{_SECRET_NAME.pattern})[^"]{{0,100}}"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}}\]]+)', re.IGNORECASE
)
_KEY_IN_QUERY = re.compile(
    r"token|secret|^pass$|passw|^pwd|^jwt$|auth|credential|key$|^sig$|signature$|^code$", re.IGNORECASE
)
_IDS = """conversationId id idempotencyKey message_id messageId senderId session_id sessionId turn_id"""
_KINDS = """CONVERSATION_STARTED CONVERSATION_DELEGATED INBOUND_MESSAGE_RECEIVED CONVERSATION_RESOLVED
    CONVERSATION_SET_TO_PENDING conversation_started conversation_delegated message HANDOVER RESOLVED handover
    resolved event template postback"""
_ID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9]-[0-9a-f]{11}-[0-9]{3}-[0-9a-f]{8}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_SHOWN = {
    **dict.fromkeys(_IDS.split(), re.compile(_ID)),
    **dict.fromkeys(("type", "complete"), re.compile("|".join(_KINDS.split()))),
    "timestamp": re.compile(_TIME),
    "version": re.compile("[12]"),
}
"""What is left of a body without texts, by key and form of its value: no number, no word and no name of a person has
such a form. A key alone proves nothing: a bot may keep a PIN under `code`, and an illness under `status`."""
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
"""A name that programs give. What else is a key is data, such as a number of a phone."""
_MASKS = re.compile("•{3,}")


NUMBER_LEAST = 8
"""Characters of a number whose last four may be seen: of a shorter one they would be most of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body for one person. `raw` is the same as it came, if nothing of it has to be covered."""

    text: str = ""
    raw: str = ""
    is_json: bool = False
    is_hidden: bool = False
    """It is not JSON, so there is no telling which parts are a person's text."""

    @property
    def masks(self) -> int:
        return len(_MASKS.findall(self.text))


def body_for(text: str, *, reads_text: bool) -> Body:
    """A body as it may be shown to a user with, or without, permission to read texts."""
    if not text:
        return Body()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Body(text=visible(_without_secrets(text))) if reads_text else Body(is_hidden=True)
    shown = masked(document) if reads_text else without_texts(masked(document))
    is_bare = reads_text and shown == document and not _SECRET_IN_TEXT.search(text)
    return Body(text=visible_json(_pretty(shown)), raw=visible_json(text) if is_bare else "", is_json=True)


def masked(document: Any) -> Any:
    """The same with the values of all keys covered that sound like a secret."""
    if isinstance(document, dict):
        return {key: _covered(key, value) for key, value in document.items()}
    if isinstance(document, list):
        return [masked(item) for item in document]
    return document


_BARE_KEY = re.compile(r"(?=.*[0-9_-]).{8,}|.{16,}")
"""A value without a name that is no word, as `debug` or `wsdl` is one."""


def keys_in_query(address: str) -> list[str]:
    """The names of what looks like a key in an address, as `code` in https://bot.example/api?code=…; "" where a key
    stands there alone. An address inside the query has keys of its own."""
    _, *parts = re.split("[?#&;]", unquote_plus(address))
    named = (part.partition("=") for part in parts)
    return [
        name if equals else ""
        for name, equals, value in named
        if (value and _KEY_IN_QUERY.search(name)) or (not equals and _BARE_KEY.fullmatch(name))
    ]


_ADDRESS = re.compile(r"(https?://[^?#]*[?#])(.+)", re.IGNORECASE | re.DOTALL)


def without_query(text: str) -> str:
    """An address with all that its query and its fragment say covered: a key may have any name there. Other texts as
    they are."""
    address = _ADDRESS.fullmatch(text)
    if address is None:
        return text
    parts = (part.partition("=") for part in address[2].split("&"))
    return f"{address[1]}{'&'.join(f'{name}={MASK}' if equals else MASK for name, equals, _ in parts)}"


def without_texts(document: Any, key: str = "") -> Any:
    """The same with every value covered but those that only say what kind of body it is."""
    if isinstance(document, dict):
        items = enumerate(document.items(), start=1)
        return {_shown_key(name, place): without_texts(value, name) for place, (name, value) in items}
    if isinstance(document, list):
        return [without_texts(item, key) for item in document]
    if document is None or document == "":
        return document
    form = _SHOWN.get(key)
    return document if form and form.fullmatch(str(document)) else MASK


def _shown_key(name: str, place: int) -> str:
    return name if _KEY.fullmatch(name) else f"{MASK} {place}"


COVERED_LEAST = 4
"""Characters of a value that is looked for: covering every "a" would hide all and protect nothing."""


QUOTING_KEYS = frozenset({"error", "detail", "cause"})
"""Where our own documents may contain text from others."""


def without_values(document: Any, values: Iterable[str], keys: frozenset[str] = frozenset()) -> Any:
    """The same without these texts: a second look at what is to be given away. `keys`: only in their values."""
    sought = sorted({value for value in values if len(value) >= COVERED_LEAST}, key=len, reverse=True)
    return _without(document, sought, keys, is_meant=not keys)


def _without(node: Any, sought: Sequence[str], keys: frozenset[str], *, is_meant: bool) -> Any:
    match node:
        case dict():
            inside = {key: is_meant or key in keys for key in node}
            return {key: _without(value, sought, keys, is_meant=inside[key]) for key, value in node.items()}
        case list() | tuple():
            return [_without(item, sought, keys, is_meant=is_meant) for item in node]
        case str() if is_meant:
            for value in sought:
                node = node.replace(value, MASK)
            return node
        case _:
            return node


def _covered(key: str, value: Any) -> Any:
    is_secret = bool(_SECRET_NAME.search(key)) and value not in (None, "")
    return MASK if is_secret else masked(value)


def _without_secrets(text: str) -> str:
    return _SECRET_IN_TEXT.sub(rf'\1"{MASK}"', text)


def _pretty(document: Any) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    return text.encode(errors="replace").decode()  # half of a surrogate pair is valid JSON, and no text


def masked_name(text: str) -> str:
    """A contact's name or number for a user who may not read texts: the last digits tell numbers apart."""
    digits = re.search(r"\d{4}$", text) if len(text) >= NUMBER_LEAST else None
    return f"••• {digits[0]}" if digits else "•••"
