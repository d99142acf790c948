"""What Inbox 2.0's web messenger makes of the plain text of a message: buttons, images, and templates.

As generous as the grammar can be read, so that nothing passes here that some medium would take for a shortcode.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_SHORTCODE = re.compile(
    r"(?P<mark>[%!])\[(?P<title>[^\]]*)\]\(\s*(?P<target>[^)\s]*)\s*\)|&\(\((?P<template>.*?)\)\)&", re.DOTALL
)


class Kind(StrEnum):
    """What an element is, by what it does."""

    REPLY = "reply"
    LINK = "link"
    LOCATION = "location"
    IMAGE = "image"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Element:
    """One shortcode: `value` is a reply's payload, a link's or an image's address, or a template's text."""

    kind: Kind
    title: str
    value: str

    @property
    def shown(self) -> str:
        """As a terminal can show it."""
        return f"({self.kind}: {self.value})" if self.kind in (Kind.IMAGE, Kind.TEMPLATE) else f"[{self.title}]"

    def to_json(self) -> dict[str, str]:
        """For the control API."""
        return {"kind": self.kind.value, "title": self.title, "value": self.value}


def elements(text: str) -> list[Element]:
    """The shortcodes of a text, in order."""
    return [_element(found) for found in _SHORTCODE.finditer(text)]


def shown(text: str) -> str:
    """The text as a contact reads it, its buttons in brackets."""
    return _SHORTCODE.sub(lambda found: _element(found).shown, text)


def _element(found: re.Match[str]) -> Element:
    if found["template"] is not None:
        return Element(Kind.TEMPLATE, "", found["template"])
    title, target = found["title"], found["target"]
    if found["mark"] == "!":
        return Element(Kind.IMAGE, title, target)
    if target.startswith("reply:"):
        return Element(Kind.REPLY, title, target.removeprefix("reply:"))
    return Element(Kind.LOCATION, title, "") if target == "location" else Element(Kind.LINK, title, target)
