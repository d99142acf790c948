"""Markdown inside a line: emphasis, code, links and pictures, as a reader sees them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from markdown_it.token import Token
from wcwidth import iter_graphemes

from channels_app.lib.markdown_parser import ESCAPED, SENTENCE_ENDS, leads_nowhere

_SCHEME = re.compile(r"(?:mailto:|tel:|sms:|geo:)", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_]+")  # __init__
_QUOTES = "\"'“”„‟‘’‚«»‹›「」『』"
_BEHIND_ADDRESS = re.compile(r"[\s.,;:!?)\]}>\"'*_~|]")
"""What no reader's screen takes for a part of the address before it."""
_STROKE = "\u0336"
"""Combines with the letter before it, which is struck out then."""


def _is_spaced(letter: str) -> bool:
    """Whether it is a letter or digit of a script that has spaces between words: all before Thai, and Korean's."""
    return letter.isalnum() and (letter < "\u0e00" or "\uac00" <= letter <= "\ud7a3")


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
        """Whether this is emphasis, and not arithmetic, a number to dial, a hidden name, or one with underscores."""
        if self.markup == "**":  # inside a word, too, where words have no spaces between them
            return self._is_strong
        if _is_spaced(self.before) or self.before in tuple("*_@\\"):
            return False
        if _is_spaced(self.after[:1]) and self.inner[-1:] not in tuple(SENTENCE_ENDS):
            return False
        if self.markup == "__" and _NAME.fullmatch(self.inner):
            return False
        is_name = self.after[:1] in (*SENTENCE_ENDS, "-", "_", "*", "#") and _is_spaced(self.after[1:2])
        return not is_name and any(letter.isalpha() for letter in self.inner)

    @property
    def _is_strong(self) -> bool:
        first, last = self.inner[:1], self.inner.rstrip()[-1:]
        if "/" in (first, last) or (self.before.isdigit() and self.after[:1].isdigit()):
            return False  # **/*.py, 2**3**2
        begins_word, ends_word = not _is_spaced(self.before), not _is_spaced(self.after[:1])
        if begins_word and ends_word:
            return True
        if first in _QUOTES and last in _QUOTES:
            return True
        if not begins_word and not first.isalnum():
            return False  # x**(n + 1), y**(n + 1)
        if not ends_word and not last.isalnum():
            return begins_word and self.before not in tuple(")]")  # (a + b)**2 + (c + d)**2
        return begins_word or ends_word or " " not in self.inner  # j**n@a.example, m**y@b.example


_CLOSES = {"strong_open": "strong_close", "em_open": "em_close", "s_open": "s_close", "link_open": "link_close"}


@dataclass(slots=True)
class Inline:
    marks: Marks
    is_changed: bool = False
    """Whether anything was found that is written otherwise now."""
    labels: set[str] = field(default_factory=set)
    """Of the addresses further below that are written where they are named now."""
    kept_labels: set[str] = field(default_factory=set)
    """Of those that are still to be looked up."""
    _ends_in_address: bool = False
    """Whether what was said last is an address, which another letter would become part of."""

    def render(self, tokens: Sequence[Token]) -> str:
        self._ends_in_address = False
        return self._render(tokens)

    def _render(self, tokens: Sequence[Token], before: str = "", after: str = "") -> str:
        """`before` and `after`: what stands around them, beyond the marks around them."""
        said, at = "", 0
        while at < len(tokens):
            token, last = tokens[at], at
            if token.type in _CLOSES:
                last = last_of(tokens, at, _CLOSES[token.type])
                around = said[-1:] or before, _raw(tokens[last + 1 : last + 3]) or after
                inner = self._render(tokens[at + 1 : last], *around)
                said += self._around(token, inner, *around)
            elif piece := self._single(token):
                is_glued = self._ends_in_address and not _BEHIND_ADDRESS.match(piece)
                said += f" {piece}" if is_glued or (token.type == "image" and said[-1:].isalnum()) else piece
                self._ends_in_address = token.type == "image"
            at = last + 1
        return said

    def _single(self, token: Token) -> str:
        if token.type == "code_inline":
            self.is_changed = True
            is_shown = self.marks is Marks.WHATSAPP and "`" not in token.content and "\n" not in token.content
            return f"`{token.content}`" if is_shown else token.content
        if token.type == "image":
            return self._picture(token)
        self.is_changed |= token.type == ESCAPED
        return "\n" if token.type in ("softbreak", "hardbreak") else token.content

    def _picture(self, token: Token) -> str:
        self._note(token)
        address = str(token.attrs.get("src", ""))
        words = Inline(Marks.NONE).render(token.children or ()).strip()
        return ": ".join(filter(None, (words, "" if leads_nowhere(address) else address)))

    def _around(self, token: Token, inner: str, before: str, after: str) -> str:
        if token.type == "link_open":
            return self._link(token, inner, before)
        pair = _Pair(token.markup, inner, before, after)
        if token.type == "s_open":
            return self._struck_out(pair)
        if not pair.is_meant:
            return f"{token.markup}{inner}{token.markup}"
        if self.marks is Marks.WHATSAPP and len(token.markup) == 1 and not pair.is_inside_word:
            mark = "_" if "*" in inner else token.markup  # an author's own marks for WhatsApp
            return _between(mark, inner)
        self.is_changed = True
        fits = self.marks is Marks.WHATSAPP and "*" not in inner and "\n" not in inner and not pair.is_inside_word
        return _between("*", inner) if fits else inner

    def _link(self, token: Token, words: str, before: str) -> str:
        """ "Our page (https://…)"; the address alone where the words say no more, the words where it leads nowhere."""
        label = str(token.meta.get("label", ""))
        if label.startswith("^") or (words.isdigit() and words == label):
            self.kept_labels.add(label)
            return f"[{words}]"  # a source by its number, as people write it, too
        self._note(token)
        address = str(token.attrs.get("href", ""))
        shown = _SCHEME.sub("", address, count=1)
        if leads_nowhere(address):
            return f"<{words}>" if token.markup == "autolink" else words
        said = words.strip()
        is_same = said.rstrip("/").casefold() in {
            shown.rstrip("/").casefold(),
            re.sub(r"https?://(www\.)?", "", shown.rstrip("/").casefold()),
        }
        self._ends_in_address = is_same or not said
        if not self._ends_in_address:
            return f"{words} ({shown})"
        return f" {shown}" if before.isalnum() or words[:1].isspace() else shown

    def _note(self, token: Token) -> None:
        """A link or a picture is written otherwise now, and so may be the line that its address is in."""
        self.is_changed = True
        if "label" in token.meta:
            self.labels.add(str(token.meta["label"]))

    def _struck_out(self, pair: _Pair) -> str:
        """Without any mark "~~€ 20~~ € 15" would say both: its letters are struck out where the medium has none."""
        if "://" in pair.inner or "~" in (pair.before, pair.after[:1]):
            return f"{pair.markup}{pair.inner}{pair.markup}"
        self.is_changed = True
        if self.marks is Marks.WHATSAPP and "\n" not in pair.inner and not pair.is_inside_word:
            return f"~{pair.inner}~"
        return "".join(letter if letter.isspace() else letter + _STROKE for letter in iter_graphemes(pair.inner))


def _between(mark: str, words: str) -> str:
    """Marks stand next to a letter, or they show."""
    said = words.strip()
    return words.replace(said, f"{mark}{said}{mark}", 1)


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
