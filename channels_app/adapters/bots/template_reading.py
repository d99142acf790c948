"""What a JSON answer says, found by JMESPath: https://jmespath.org. Pure."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from channels_app.adapters.bots.generic import read_attachment, read_intents, read_option
from channels_app.adapters.bots.template_filling import as_text
from channels_app.lib.jsons import JsonObject
from channels_app.protocol import Attachment, Message, OffloadRequest, Option, Reply
from channels_app.protocol.errors import PayloadError
from channels_app.protocol.visible import named

ASKED_FOR_HUMAN = "asked_for_human"
MAX_EXPRESSION = 1_000  # characters
MAX_REMEMBERED = 500  # characters of a value
MAX_KEYS = 8
"""Of an answer in which nothing was found, named for operators."""
PATHS = {
    "texts_path": "Texts",
    "options_path": "Options",
    "files_path": "Files",
    "intent_path": "Intent",
    "handover_path": "Handover when",
    "details_path": "Details for agents",
}

compiled = lru_cache(maxsize=1_024)(jmespath.compile)
"""An expression, read once. Raises JMESPathError."""


def read_answer(document: Any, settings: Mapping[str, Any]) -> Reply:
    """Raises PayloadError for a value of a kind that its path can't mean."""
    found = {name: _search(settings.get(name), document, label) for name, label in PATHS.items()}
    texts, is_marked = _without_marker(list(_texts(found["texts_path"])), settings.get("handover_marker") or "")
    options = tuple(_options(found["options_path"]))
    messages = [Message(text=text) for text in texts]
    messages += [Message(attachment=attachment) for attachment in _files(found["files_path"])]
    if options:
        last = messages.pop() if messages else Message()
        messages.append(Message(text=last.text, attachment=last.attachment, options=options))
    details = _details(found["details_path"])
    hands_over = is_marked or _is_wanted(found["handover_path"], settings.get("handover_value") or "")
    remembered, dropped = _remembered(document, settings.get("remember") or "")
    says_nothing = not messages and not hands_over and found["texts_path"] is None
    return Reply(
        messages=tuple(messages),
        offload=OffloadRequest(reason=ASKED_FOR_HUMAN, payload=details) if hands_over else None,
        intents=tuple(intent for item in _flat(found["intent_path"]) for intent in read_intents(item)),
        remembered=remembered,
        dropped=dropped,
        unshown=(_unread(document),) if says_nothing else (),
    )


def remembered_paths(text: str) -> list[tuple[str, str]]:
    """Names and expressions of what is remembered, one a line: `conversation_id = data.conversation`."""
    lines = (line.partition("=") for line in text.splitlines() if line.strip())
    return [(name.strip(), path.strip()) for name, _, path in lines]


def _search(path: str | None, document: Any, label: str) -> Any:
    if not path:
        return None
    try:
        expression: ParsedResult = compiled(path)
        return expression.search(document)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        # Functions refuse values of another type, with the value in their words.
        raise PayloadError(f"{label}: the path doesn't fit this answer ({type(error).__name__}).") from None


def _flat(found: Any) -> Iterator[Any]:
    """The values of lists in lists, in order, without those that are nothing."""
    if isinstance(found, list):
        for item in found:
            yield from _flat(item)
    elif found is not None:
        yield found


def _texts(found: Any) -> Iterator[str]:
    for item in _flat(found):
        if isinstance(item, dict | bool):
            raise PayloadError(f"Texts: found {_kind(item)}, where text must be.")
        if words := as_text(item).strip():
            yield words


def _kind(item: Any) -> str:
    return "an object" if isinstance(item, dict) else "true or false"


def _without_marker(texts: list[str], marker: str) -> tuple[list[str], bool]:
    """The texts without the words that ask for a person, and whether they were there."""
    if not marker or not any(marker in text for text in texts):
        return texts, False
    return [text for text in (text.replace(marker, "").strip() for text in texts) if text], True


def _options(found: Any) -> Iterator[Option]:
    for place, item in enumerate(_flat(found)):
        if isinstance(item, dict):
            yield read_option(JsonObject(item, f"Options[{place}]"))
        elif title := as_text(item).strip():
            yield Option(title=title)


def _files(found: Any) -> Iterator[Attachment]:
    for place, item in enumerate(_flat(found)):
        if isinstance(item, dict):
            yield read_attachment(JsonObject(item, f"Files[{place}]"))
        elif address := as_text(item).strip():
            yield Attachment(url=address)


def _is_wanted(found: Any, value: str) -> bool:
    """Whether it is this value, or one of several is; without a value whether there is anything."""
    wanted = value.strip().casefold()
    words = (as_text(item).strip().casefold() for item in _flat(found))
    return any(word == wanted if wanted else word not in ("", "false", "0", "{}") for word in words)


def _details(found: Any) -> Any:
    if found is None or isinstance(found, dict):
        return found or None
    words = as_text(found).strip()
    return {"details": words} if words else None


def _remembered(document: Any, text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the next turn is told, and what can't be kept."""
    kept: dict[str, str] = {}
    dropped: list[str] = []
    for name, path in remembered_paths(text):
        found = _search(path, document, "Remember")
        words = as_text(found)
        if isinstance(found, dict | list) or len(words) > MAX_REMEMBERED:
            dropped.append(f"{named(name)} to remember: it must be text of at most {MAX_REMEMBERED} characters")
        elif words:
            kept[name] = words
    return kept, tuple(dropped)


def _unread(document: Any) -> str:
    if not isinstance(document, dict) or not document:
        return "an answer in which the path for texts finds nothing"
    keys = ", ".join(map(named, list(document)[:MAX_KEYS]))
    return f"an answer with {keys}, in which the path for texts finds nothing"
