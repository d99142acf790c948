"""What a JSON answer says, found by JMESPath: https://jmespath.org. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from channels_app.adapters.bots.base import with_last_options
from channels_app.adapters.bots.generic import read_intents, read_option
from channels_app.adapters.bots.template_filling import as_text
from channels_app.adapters.bots.thoughts import without_thoughts
from channels_app.lib.jsons import JsonObject, as_words, text_in, words_in
from channels_app.protocol import Attachment, Completion, Message, OffloadRequest, Option, Reply
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
    "topics_path": "Topics",
    "resolve_path": "Resolve when",
}
MESSAGE_KEYS = ("text", "url", "options")
"""Of an object among the texts, at least one."""

compiled = lru_cache(maxsize=1_024)(jmespath.compile)
"""An expression, read once. Raises JMESPathError."""


def read_answer(document: Any, settings: Mapping[str, Any]) -> Reply:
    """Raises PayloadError for a value of a kind that its path can't mean. One option or file that is none is left out
    and named."""
    found = {name: _search(settings.get(name), document, label) for name, label in PATHS.items()}
    unshown: list[str] = []
    said = list(_messages(found["texts_path"], unshown))
    messages, is_marked = _without_marker(said, settings.get("handover_marker") or "")
    messages += [Message(attachment=attachment) for attachment in _files(found["files_path"], unshown)]
    messages = list(with_last_options(messages, tuple(_options(found["options_path"], unshown))))
    hands_over = is_marked or _is_wanted(found["handover_path"], settings.get("handover_value") or "")
    resolves = _is_wanted(found["resolve_path"], settings.get("resolve_value") or "")
    details = _details(found["details_path"])
    remembered, dropped = _remembered(document, settings.get("remember") or "")
    says_nothing = not (messages or hands_over or resolves or unshown) and found["texts_path"] is None
    return Reply(
        messages=tuple(messages),
        topics=tuple(dict.fromkeys(filter(None, map(as_words, _flat(found["topics_path"]))))),
        offload=OffloadRequest(reason=ASKED_FOR_HUMAN, payload=details) if hands_over else None,
        complete=Completion.RESOLVED if resolves and not hands_over else None,
        intents=tuple(intent for item in _flat(found["intent_path"]) for intent in read_intents(item)),
        remembered=remembered,
        dropped=(*dropped, *(["“Resolve when”: it also hands over"] if resolves and hands_over else [])),
        unshown=(_unread(document),) if says_nothing else tuple(unshown),
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


def _messages(found: Any, unshown: list[str]) -> Iterator[Message]:
    """Texts, and objects in their order: with text, file and options, as far as each has them."""
    for item in _flat(found):
        if isinstance(item, bool):
            raise PayloadError("Texts: found true or false, where text must be.")
        if not isinstance(item, dict):
            item = {"text": as_text(item)}
        elif item.keys().isdisjoint(MESSAGE_KEYS):
            raise PayloadError(f"Texts: found an object that has none of {', '.join(MESSAGE_KEYS)}.")
        message = Message(
            text=without_thoughts(words_in(item, "text")),
            attachment=next(_files([item], unshown), None) if item.get("url") else None,
            options=tuple(_options(item.get("options"), unshown)),
        )
        if message != Message():
            yield message


def _without_marker(messages: list[Message], marker: str) -> tuple[list[Message], bool]:
    """The messages without the words that ask for a person, and whether they were there."""
    if not marker or not any(marker in message.text for message in messages):
        return messages, False
    kept = (replace(message, text=message.text.replace(marker, "").strip()) for message in messages)
    return [message for message in kept if message != Message()], True


def _options(found: Any, unshown: list[str]) -> Iterator[Option]:
    for place, item in enumerate(_flat(found)):
        given = item if isinstance(item, dict) else {"title": as_text(item)}
        title = words_in(given, "title")
        if title:
            yield read_option(JsonObject({**given, "title": title}, f"Options[{place}]"))
        elif isinstance(item, dict):
            unshown.append("an option without a title")


def _files(found: Any, unshown: list[str]) -> Iterator[Attachment]:
    for item in _flat(found):
        given = item if isinstance(item, dict) else {"url": as_text(item)}
        url = text_in(given, "url")
        if url:
            yield Attachment(url=url, name=text_in(given, "name"), content_type=text_in(given, "content_type"))
        elif isinstance(item, dict):
            unshown.append("a file without an address")


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
