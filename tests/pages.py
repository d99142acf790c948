"""A browser without script: reads the forms of a page as they would be sent back."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from django.test import Client


class _Fields(HTMLParser):
    """The successful controls of one form, by HTML's own rules."""

    def __init__(self, form_id: str | None) -> None:
        """None: the one that there is."""
        super().__init__()
        self.form_id = form_id
        self.values: dict[str, str] = {}
        self.names: set[str] = set()
        self.secrets: set[str] = set()
        self.action = ""
        self.is_post = False
        self._is_inside = False
        self._open = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = self.form_id is None or found.get("id") == self.form_id
            self.action, self.is_post = found.get("action", ""), found.get("method", "").lower() == "post"
        if not self._is_inside:
            return
        name = found.get("name", "")
        if name:
            self.names.add(name)
        match tag:
            case "input":
                self._input(name, found)
            case "textarea" if name:
                self.values[name], self._open = "", name
            case "select":
                self._select = name
            case "option" if self._select and ("selected" in found or self._select not in self.values):
                self.values[self._select] = found.get("value", "")

    def _input(self, name: str, found: dict[str, str]) -> None:
        kind = found.get("type", "text")
        if not name or kind in ("submit", "button") or (kind in ("checkbox", "radio") and "checked" not in found):
            return
        self.values[name] = found.get("value", "on" if kind in ("checkbox", "radio") else "")
        self.secrets |= {name} if kind == "password" else set()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.values[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._open:
            self.values[self._open] = self.values[self._open].removeprefix("\n")
            self._open = ""
        elif tag == "select":
            self._select = ""


def fields_of(html: str, form_id: str) -> dict[str, str]:
    """What a browser would send of this form."""
    return _read(html, form_id).values


def names_in(html: str, form_id: str) -> set[str]:
    """All controls of this form."""
    return _read(html, form_id).names


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that posts. `secrets`: the names of its password fields."""

    action: str
    values: dict[str, str]
    secrets: frozenset[str]


def forms_of(html: str) -> list[Form]:
    """All forms of a page that post."""
    found = []
    for part in re.findall(r"<form.*?</form>", html, re.DOTALL):
        parser = _Fields(None)
        parser.feed(part)
        if parser.is_post:
            found.append(Form(action=parser.action, values=parser.values, secrets=frozenset(parser.secrets)))
    return found


def _read(html: str, form_id: str) -> _Fields:
    parser = _Fields(form_id)
    parser.feed(html)
    return parser


def submit(client: Client, url: str, form_id: str, /, **changes: Any) -> Any:
    """Open a page, change some fields (None: as if unticked), press Save, follow where it leads."""
    values: dict[str, Any] = {**fields_of(client.get(url).content.decode(), form_id), **changes}
    sent = {name: value for name, value in values.items() if value is not None}
    return client.post(url, sent, follow=True)
