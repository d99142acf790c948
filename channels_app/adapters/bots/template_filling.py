"""Placeholders in a template: what they may be called, and what stands for them. Pure.

A template is JSON before and after: what a contact writes is put into its values, never into its text, so nothing has
to be escaped by hand, and nothing is run.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any
from urllib.parse import quote

from channels_app.adapters.bots.generic import turn_document
from channels_app.protocol import Turn

SESSION_NAMES = ("session_id", "turn_id")
"""Ours, and safe anywhere."""
NAMES = (
    *("text", "payload", "type", *SESSION_NAMES, "message_id", "language", "medium", "topics", "is_first"),
    *(f"contact.{key}" for key in ("id", "primary_identifier", "secondary_identifier", "picture_url", "vip")),
    *("inbox_channel.id", "inbox_channel.name", "attributes", "attachments", "history", "trigger", "turn"),
)
ATTRIBUTE, REMEMBERED = "attribute.", "remembered."
GREETING = "Hello"
"""What "Test connection" says to a bot that isn't told of a start."""

MAX_DEPTH = 32
"""Levels of a template."""

_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")
_IN_TEMPLATE = re.compile(r'"(?:[^"\\\n]|\\.)*"|\{\{[^{}"\n]*\}\}')
"""A text of the template, or a placeholder that stands for a value by itself."""


class TemplateError(ValueError):
    """What is wrong with a template, for its author: names the line."""


def names_in(text: str) -> set[str]:
    return {name.strip() for name in _PLACEHOLDER.findall(text)}


def parsed(template: str) -> Any:
    """The template as a document that still has its placeholders. Raises TemplateError."""
    quoted = _IN_TEMPLATE.sub(lambda found: found[0] if found[0][0] == '"' else json.dumps(found[0]), template)
    try:
        document = json.loads(quoted, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise TemplateError(f"Line {error.lineno} is not JSON: {error.msg}.") from None
    except (ValueError, RecursionError):
        raise TemplateError(TOO_LARGE) from None
    if _is_deeper(document, MAX_DEPTH):
        raise TemplateError(TOO_LARGE)
    return document


TOO_LARGE = "This is not JSON that every API can read: a number or the nesting is too large."


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(digits)
    return number


def _is_deeper(node: Any, levels: int) -> bool:
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return levels < 0 or any(_is_deeper(child, levels - 1) for child in inside)


def problems_of(
    text: str, *, allowed: Iterable[str] = NAMES, remembered: Iterable[str] | None = None
) -> Iterator[str]:
    """What is wrong with the placeholders, by their lines. `remembered`: the names that have a value; None: such
    placeholders are not allowed here, nor those of contact attributes."""
    known = [*allowed, *(f"{REMEMBERED}{name}" for name in remembered or ())]
    for number, line in enumerate(text.split("\n"), start=1):
        for name in map(str.strip, _PLACEHOLDER.findall(line)):
            if name in known or (remembered is not None and _is_attribute(name)):
                continue
            yield f"Line {number}: {{{{{name}}}}} is not known here. {_instead(name, known)}"
        if "{{" in _PLACEHOLDER.sub("", line):
            yield f"Line {number}: {{{{ is not closed by }}}}."


def _is_attribute(name: str) -> bool:
    return bool(re.fullmatch(rf"{re.escape(ATTRIBUTE)}\w+", name, re.ASCII))


def _instead(name: str, known: list[str]) -> str:
    if name.startswith(REMEMBERED):
        return "Give the value its name under “Remember”."
    close = get_close_matches(name, known, n=1)
    return f"Did you mean {{{{{close[0]}}}}}?" if close else f"Known are: {', '.join(known)}."


def values_of(turn: Turn) -> Mapping[str, Any]:
    """What placeholders stand for: an HTTP bot's turn, and in `text` always words."""
    document = turn_document(turn)
    return {
        **document,
        "text": _words(turn),
        "is_first": turn.is_first,
        "attachments": document.get("attachments", []),
        "history": document.get("history", []),
        "attribute": {item.attribute: item.value for item in turn.attributes},
        "remembered": turn.remembered,
        "turn": document,
    }


def _words(turn: Turn) -> str:
    if turn.text:
        return turn.text
    if turn.type.opens:
        return GREETING if turn.is_test else ""
    if turn.payload is not None:
        return as_text(turn.payload)
    return turn.placeholder


def filled(node: Any, values: Mapping[str, Any]) -> Any:
    """The document with what is known for its placeholders. A text that is nothing but a placeholder becomes its
    value, whatever that is."""
    match node:
        case dict():
            return {filled_text(key, values): filled(value, values) for key, value in node.items()}
        case list():
            return [filled(item, values) for item in node]
        case str():
            whole = _PLACEHOLDER.fullmatch(node)
            return _value(whole[1], values) if whole else filled_text(node, values)
        case _:
            return node


def filled_text(text: str, values: Mapping[str, Any], shown: Callable[[Any], str] | None = None) -> str:
    """`shown`: how a value is written; as a text, unless it says otherwise."""
    shown = shown or as_text
    return _PLACEHOLDER.sub(lambda found: shown(_value(found[1], values)), text)


def for_address(value: Any) -> str:
    return quote(as_text(value), safe="")


def _value(name: str, values: Mapping[str, Any]) -> Any:
    """Nothing for what isn't known of this turn; of what is remembered an empty text, as it is always text."""
    found: Any = values
    for key in name.strip().split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return "" if found is None and name.strip().startswith(REMEMBERED) else found


def as_text(value: Any) -> str:
    """A value inside a text."""
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
