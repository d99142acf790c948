"""Bodies as people may see them: readable whatever they hold, secrets covered, texts only for those who may."""

import json
import re
from dataclasses import dataclass
from typing import Any

MASK = "••••"
"""Stands for a secret, and for a text that this person may not read."""

_SECRET_NAME = re.compile(r"token|secret|password|authori[sz]ation|credential|api_?key|signature", re.IGNORECASE)
# A text that isn't JSON after all may still hold `"verifyToken": "…"`, or a cut-off beginning of it. Keys are short,
# and the limit keeps the search linear.
_SECRET_IN_TEXT = re.compile(
    rf'("[^"]{{0,100}}?(?:{_SECRET_NAME.pattern})[^"]{{0,100}}"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}}\]]+)', re.IGNORECASE
)
_STRUCTURAL = """accepted action actor attribute code complete content_type contentType conversationId counter event id
    idempotencyKey language medium message_id messageCounter messageId role senderId session_id sessionId source
    status test timestamp turn_id type version"""
STRUCTURAL_KEYS = frozenset(_STRUCTURAL.split())
"""Keys whose values say what kind of body it is, and nothing that a person said."""
_WORD = re.compile(r"[\w.:/-]{1,100}")
_MASKS = re.compile("•{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body for one person. `raw` is the same as it came, if nothing of it has to be covered."""

    text: str = ""
    raw: str = ""
    is_json: bool = False
    is_hidden: bool = False
    """It is not JSON, so nobody can say what of it is a person's text."""

    @property
    def masks(self) -> int:
        return len(_MASKS.findall(self.text))


def body_for(text: str, *, reads_text: bool) -> Body:
    """A body as it may be shown to somebody who may, or may not, read what people say."""
    if not text:
        return Body()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return Body(text=_without_secrets(text)) if reads_text else Body(is_hidden=True)
    shown = masked(document) if reads_text else without_texts(masked(document))
    is_bare = reads_text and shown == document and not _SECRET_IN_TEXT.search(text)
    return Body(text=_pretty(shown), raw=text if is_bare else "", is_json=True)


def readable_body(raw: bytes) -> str:
    """A body for somebody who may read all of it: indented when it is JSON, else as it came."""
    return body_for(raw.decode(errors="replace"), reads_text=True).text


def readable_document(document: Any) -> str:
    """A stored document for somebody who may read all of it."""
    return _pretty(masked(document))


def masked(document: Any) -> Any:
    """The same with the values of all keys covered that sound like a secret."""
    if isinstance(document, dict):
        return {key: _covered(key, value) for key, value in document.items()}
    if isinstance(document, list):
        return [masked(item) for item in document]
    return document


def without_texts(document: Any, key: str = "") -> Any:
    """The same with every text and number covered but those that only say what kind of body it is."""
    if isinstance(document, dict):
        return {name: without_texts(value, name) for name, value in document.items()}
    if isinstance(document, list):
        return [without_texts(item, key) for item in document]
    if document in (None, "") or isinstance(document, bool):
        return document
    is_kept = key in STRUCTURAL_KEYS and _WORD.fullmatch(str(document))
    return document if is_kept else MASK


def _covered(key: str, value: Any) -> Any:
    is_secret = bool(_SECRET_NAME.search(key)) and value not in (None, "")
    return MASK if is_secret else masked(value)


def _without_secrets(text: str) -> str:
    return _SECRET_IN_TEXT.sub(rf'\1"{MASK}"', text)


def _pretty(document: Any) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    return text.encode(errors="replace").decode()  # half of a surrogate pair is valid JSON, and no text


def masked_name(text: str) -> str:
    """A name or number of a contact for somebody who may not read texts: the last digits tell numbers apart."""
    digits = re.search(r"\d{4}$", text)
    return f"••• {digits[0]}" if digits else "•••"
