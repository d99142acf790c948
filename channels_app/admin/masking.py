"""Bodies as people may see them: decoded whatever they hold, with secrets covered."""

import json
import re
from typing import Any

MASK = "••••"

_SECRET_NAME = re.compile(r"token|secret|password|authori[sz]ation|credential|api_?key|signature", re.IGNORECASE)
# A text that isn't JSON after all may still hold `"verifyToken": "…"`, or a cut-off beginning of it. Keys are short,
# and the limit keeps the search linear.
_SECRET_IN_TEXT = re.compile(
    rf'("[^"]{{0,100}}?(?:{_SECRET_NAME.pattern})[^"]{{0,100}}"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}}\]]+)', re.IGNORECASE
)


def readable_body(raw: bytes) -> str:
    """A body for an admin: indented when it is JSON, else as it came."""
    text = raw.decode(errors="replace")
    try:
        document = json.loads(text)
        return json.dumps(masked(document), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _SECRET_IN_TEXT.sub(rf'\1"{MASK}"', text)


def readable_document(document: Any) -> str:
    """A stored document for an admin."""
    return json.dumps(masked(document), indent=2, ensure_ascii=False, default=str)


def masked(document: Any) -> Any:
    """The same with the values of all keys covered that sound like a secret."""
    if isinstance(document, dict):
        return {key: _covered(key, value) for key, value in document.items()}
    if isinstance(document, list):
        return [masked(item) for item in document]
    return document


def _covered(key: str, value: Any) -> Any:
    is_secret = bool(_SECRET_NAME.search(key)) and value not in (None, "")
    return MASK if is_secret else masked(value)
