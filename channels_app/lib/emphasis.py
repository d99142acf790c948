"""Markdown inside a line: emphasis, code, links and pictures, as a reader sees them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from markdown_it.token import Token

_SCHEME = re.compile(r"(?:mailto:|tel:)", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]+")  # __init__
SENTENCE_ENDS = ".,;:!?…"


class Marks(Enum):
    """What a reader's screen makes of marks in plain text."""

    NONE = auto()
    WHATSAPP = auto()
    """*bold*, _italic_, ~struck out~, `code`, ```block```; each within one line and not inside a word:
    https://faq.whatsapp.com/539178204879377"""


@dataclass(slots=True)
class _Pair:
    """Marks around something: `**` before and after it."""

    markup: str
    inner: str
    before: str
    after: str
    """The letter before it and the letters behind it; empty at the edges."""

    @property
    def is_inside_word(self) -> bool:
        return self.before.isalnum() or self.after[:1].isalnum()

    @property
    def is_meant(self) -> bool:
        """Whether this is emphasis, and not arithmetic, a number to dial, or a name with underscores."""
        if self.markup == "**":  # inside a word, too, where words have no spaces between them
            return not (self.before.isdigit() and self.after[:1].isdigit())
        if self.is_inside_word or self.before in tuple("*_@\\"):
            return False
        if self.markup == "__" and _NAME.fullmatch(self.inner):
            return False
        is_name = self.after[:1] in (*SENTENCE_ENDS, "-", "_", "*", "#") and self.after[1:2].isalnum()
        return not is_name and any(letter.isalpha() for letter in self.inner)


_CLOSES = {"strong_open": "strong_close", "em_open": "em_close", "s_open": "s_close", "link_open": "link_close"}


@dataclass(slots=True)
class Inline:
    marks: Marks
    is_changed: bool = False
    """Whether anything was found that is written otherwise now."""

    def render(self, tokens: Sequence[Token]) -> str:
        said, at = "", 0
        while at < len(tokens):
            token = tokens[at]
            if token.type in _CLOSES:
                last = last_of(tokens, at, _CLOSES[token.type])
                inner = self.render(tokens[at + 1 : last])
                said += self._around(token, inner, said[-1:], _raw(tokens[last + 1 : last + 3]))
                at = last
            else:
                said += self._single(token)
            at += 1
        return said

    def _single(self, token: Token) -> str:
        if token.type == "code_inline":
            self.is_changed = True
            is_shown = self.marks is Marks.WHATSAPP and "`" not in token.content and "\n" not in token.content
            return f"`{token.content}`" if is_shown else token.content
        if token.type == "image":
            self.is_changed = True
            return ": ".join(filter(None, (token.content.strip(), str(token.attrs.get("src", "")))))
        return "\n" if token.type in ("softbreak", "hardbreak") else token.content

    def _around(self, token: Token, inner: str, before: str, after: str) -> str:
        if token.type == "link_open":
            self.is_changed = True
            return _link(inner, str(token.attrs.get("href", "")))
        pair = _Pair(token.markup, inner, before, after)
        if token.type == "s_open":
            return self._struck_out(pair)
        if not pair.is_meant:
            return f"{token.markup}{inner}{token.markup}"
        if self.marks is Marks.WHATSAPP and len(token.markup) == 1:  # an author's own marks for WhatsApp
            mark = "_" if "*" in inner else token.markup
            return f"{mark}{inner}{mark}"
        self.is_changed = True
        fits = self.marks is Marks.WHATSAPP and "*" not in inner and "\n" not in inner and not pair.is_inside_word
        return f"*{inner}*" if fits else inner

    def _struck_out(self, pair: _Pair) -> str:
        """Without its mark, "~~€ 20~~" would say the opposite: where there is none it stays as it is."""
        if self.marks is not Marks.WHATSAPP or "\n" in pair.inner or pair.is_inside_word:
            return f"{pair.markup}{pair.inner}{pair.markup}"
        self.is_changed = True
        return f"~{pair.inner}~"


def last_of(tokens: Sequence[Token], first: int, closing: str) -> int:
    """Where what the first token opens is closed."""
    opens, depth = tokens[first].type, 0
    for at in range(first, len(tokens)):
        depth += (tokens[at].type == opens) - (tokens[at].type == closing)
        if not depth:
            return at
    return len(tokens) - 1


def _raw(tokens: Sequence[Token]) -> str:
    return "".join(token.content or token.markup or "\n" * (token.type == "softbreak") for token in tokens)


def _link(words: str, address: str) -> str:
    """ "Our page (https://…)"; the address alone where the words say no more."""
    shown = _SCHEME.sub("", address, count=1)
    said = words.strip()
    is_same = said.rstrip("/").casefold() in {
        shown.rstrip("/").casefold(),
        re.sub(r"https?://(www\.)?", "", shown.rstrip("/").casefold()),
    }
    return shown if is_same or not said else f"{words} ({shown})"
