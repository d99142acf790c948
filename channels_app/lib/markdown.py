"""Markdown, as language models write it, as text for a reader who would see its marks.

A text in which nothing is found stays as it is, to the letter; in others everything but the marks stays. So what only
looks like Markdown is left alone: "2*3*4", "__init__.py", a footnote's asterisk, an arm of ¯\\_(ツ)_/¯.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markdown_it.token import Token

from channels_app.lib.emphasis import Inline, Marks, last_of
from channels_app.lib.markdown_parser import ESCAPABLE, Parser

MAX_LENGTH = 20_000
"""Characters of a text that is looked at: more is no answer of a language model, and takes its time."""


_MAY_BE_MARKED = re.compile(
    rf"[*`]|__|\b_|~~|\][(\[]|\[\^|^ {{0,3}}#|^ {{0,3}}\[.*\]:|\|.*\n.*-|<\w+:|<\S+@|\\{ESCAPABLE}", re.MULTILINE
)
"""What every construct has; most texts have none of it and are not parsed."""
_FOOTNOTE = re.compile(r"(?<!\*)\b\*(?=[\s.,;:)]|$)", re.MULTILINE)


def render(text: str, marks: Marks = Marks.NONE) -> str:
    """The text without Markdown's marks, or with those that its reader's screen knows."""
    if len(text) > MAX_LENGTH or not _MAY_BE_MARKED.search(text):
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    source = _with_raised_numbers(lines)
    environment: dict[str, Any] = {}
    rewriting = _Rewriting(source.split("\n"), marks, has_footnotes=bool(_FOOTNOTE.search(source)))
    rewriting.read(_PARSER.parse(source, environment))
    rewriting.drop_addresses(environment.get("references", {}))
    said = rewriting.text() if rewriting.is_changed or source != lines else text
    return said if said.strip() else text


def render_line(text: str) -> str:
    """The same for a name, which is never a list or a heading: without marks on any screen."""
    if len(text) > MAX_LENGTH or not _MAY_BE_MARKED.search(text):
        return text
    inline = Inline(Marks.NONE)
    said = inline.render(_PARSER.parseInline(text)[0].children or ())
    return said if inline.is_changed and said.strip() else text


_PARSER = Parser()

_NOTE = re.compile(r"^ {0,3}\[\^([^\]\s]{1,40})\]:[ \t]*(?=\S)", re.MULTILINE)
"""Where a footnote begins."""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _with_raised_numbers(text: str) -> str:
    """Footnotes as print has them: "¹" for "[^1]", where the text has the note, too."""
    labels = list(dict.fromkeys(_NOTE.findall(text)))
    if not labels:
        return text
    are_numbers = all(label.isascii() and label.isdecimal() for label in labels)
    for place, label in enumerate(labels, 1):
        mark = (label if are_numbers else str(place)).translate(_RAISED)
        name = re.escape(f"[^{label}]")
        noted = re.sub(rf"^( {{0,3}}){name}:[ \t]*", rf"\g<1>{mark} ", text, flags=re.MULTILINE)
        said = noted.replace(f"[^{label}]", mark)
        text = said if said != noted else text
    return text


# --- blocks -------------------------------------------------------------------------------------------------------


class _Rewriting:
    """The lines of a text, some of them replaced by what a reader sees."""

    def __init__(self, lines: list[str], marks: Marks, *, has_footnotes: bool) -> None:
        self.lines = lines
        self.is_changed = False
        self._inline = Inline(marks)
        self._marks = marks
        self._has_footnotes = has_footnotes
        self._replaced: dict[int, tuple[int, list[str]]] = {}

    def text(self) -> str:
        said, at = list[str](), 0
        while at < len(self.lines):
            end, lines = self._replaced.get(at, (at + 1, [self.lines[at]]))
            said += lines
            at = max(end, at + 1)
        return "\n".join(said)

    def read(self, tokens: Sequence[Token]) -> None:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            start, end = token.map or (0, 0)
            if token.type == "table_open":
                last = last_of(tokens, at, "table_close")
                self._put(start, end, list(self._table(tokens[at:last])))
                at = last
            elif token.type == "fence":
                self._put(start, end, self._fence(token.content.rstrip("\n")))
            elif token.type == "hr" and "*" in self.lines[start]:
                self._put(start, end, [self.lines[start].replace("*", "-")])
            elif token.type == "heading_open":
                self._put(start, end, [self._heading(tokens[at + 1])])
                at += 1
            elif token.type == "bullet_list_open" and token.markup == "*":
                self._bullets(tokens[at : last_of(tokens, at, "bullet_list_close")])
            elif token.type == "inline":
                self._paragraph(token, start, end)
            at += 1

    def drop_addresses(self, references: Mapping[str, Mapping[str, Any]]) -> None:
        """What says where a link leads is not needed again below."""
        labels = self._inline.labels - self._inline.kept_labels
        gone = {at for label in labels & references.keys() for at in range(*references[label]["map"])}
        for at in gone:
            end = next(place for place in range(at, len(self.lines) + 1) if place not in gone)
            is_alone = not "".join(self.lines[end : end + 1]).strip()
            if is_alone and at and at - 1 not in gone and not self.lines[at - 1].strip():
                self._put(at - 1, at, [])
            self._put(at, at + 1, [])

    def _put(self, start: int, end: int, lines: list[str]) -> None:
        self._replaced[start] = (end, lines)
        self.is_changed = True

    def _fence(self, code: str) -> list[str]:
        if not code.strip():
            return []
        return (f"```{code}```" if self._marks is Marks.WHATSAPP and "```" not in code else code).split("\n")

    def _heading(self, inline: Token) -> str:
        words = Inline(Marks.NONE).render(inline.children or ())
        return f"*{words}*" if self._marks is Marks.WHATSAPP and words and "*" not in words else words

    def _table(self, tokens: Sequence[Token]) -> Iterator[str]:
        """A row of two cells as "Monday: 9 to 17"; of more each with its column's name."""
        cells = [token for token in tokens if token.type == "inline"]
        width = sum(token.type == "th_open" for token in tokens)
        names = [Inline(Marks.NONE).render(cell.children or ()) for cell in cells[:width]]
        rows = [
            [self._inline.render(cell.children or ()) for cell in cells[at : at + width]]
            for at in range(width, len(cells), width)
        ]
        if width <= 2 or not rows:
            yield from (_labelled(*row) for row in (names, *rows) if any(row))
            return
        for row in rows:
            named = zip(names[1:], row[1:], strict=True)
            rest = ", ".join(_labelled(*pair) for pair in named if pair[1])
            first = _labelled(names[0], row[0])
            yield ", ".join(filter(None, (first, rest)))

    def _bullets(self, tokens: Sequence[Token]) -> None:
        """Dots for a list's asterisks; a single one that an asterisk in the text refers to is a footnote's."""
        level = tokens[0].level
        items = [
            token.map[0]
            for token in tokens
            if token.type == "list_item_open" and token.level == level + 1 and token.map
        ]
        if len(items) > 1 or level or not self._has_footnotes:
            for line in items:
                self._dot(line)

    def _dot(self, at: int) -> None:
        """The first asterisk of this line that stands where a bullet does becomes a dot."""
        found = re.match(r"((?:[\s>•+-]|\d+[.)])*)\*(?=\s)", self.lines[at])
        if found:
            self.lines[at] = f"{found[1]}•{self.lines[at][found.end() :]}"
            self.is_changed = True

    def _paragraph(self, inline: Token, start: int, end: int) -> None:
        self._inline.is_changed = False
        said = self._inline.render(inline.children or ())
        if not self._inline.is_changed:
            return
        content = inline.content.split("\n")
        before = [_before(*pair) for pair in zip(self.lines[start:end], content, strict=False)]
        lines = said.split("\n")
        if len(lines) == len(before):
            lines = [f"{prefix}{line}" for prefix, line in zip(before, lines, strict=True)]
        else:
            lines[0] = f"{before[0]}{lines[0]}"
        self._put(start, end, lines)


def _labelled(name: str, value: str = "") -> str:
    return f"{name.rstrip(' :：')}: {value}" if name and value else name or value


def _before(line: str, content: str) -> str:
    """What stands before a line's content: its indentation, a quote's or a list's mark."""
    at = line.rfind(content.rstrip())
    return line[:at] if at > 0 else ""
