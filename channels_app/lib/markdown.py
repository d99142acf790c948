"""Markdown, as language models write it, as text for a reader who would see its marks.

A text in which nothing is found stays as it is, to the letter; in others everything but the marks stays. So what only
looks like Markdown is left alone: "2*3*4", "__init__.py", a footnote's asterisk, an arm of ¯\\_(ツ)_/¯.
"""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from channels_app.lib.emphasis import SENTENCE_ENDS, Inline, Marks, last_of

MAX_LENGTH = 20_000
"""Characters of a text that is looked at: more is no answer of a language model, and takes its time."""


_MAY_BE_MARKED = re.compile(r"[*`]|__|\b_|~~|\]\(|^ {0,3}#|^ {0,3}~~~|\|.*\n.*-|<\w+:|<\S+@", re.MULTILINE)
"""What every construct has; most texts have none of it and are not parsed."""
_WEB = re.compile(r"(?:https?://|mailto:|tel:)\S", re.IGNORECASE)
_REST_OF_ADDRESS = re.compile(r"//[^\s<>\[\]()\"`]*")
_FOOTNOTE = re.compile(r"(?<!\*)\b\*(?=[\s.,;:)]|$)", re.MULTILINE)


def render(text: str, marks: Marks = Marks.NONE) -> str:
    """The text without Markdown's marks, or with those that its reader's screen knows."""
    if len(text) > MAX_LENGTH or not _MAY_BE_MARKED.search(text):
        return text
    source = text.replace("\r\n", "\n").replace("\r", "\n")
    rewriting = _Rewriting(source.split("\n"), marks, has_footnotes=bool(_FOOTNOTE.search(source)))
    rewriting.read(_PARSER.parse(source))
    said = rewriting.text() if rewriting.is_changed else text
    return said if said.strip() else text


# --- the parser ---------------------------------------------------------------------------------------------------


def _address(state: StateInline, silent: bool) -> bool:
    """Marks inside a bare web address belong to it."""
    found = None
    scheme = state.src[max(state.pos - len("https"), 0) : state.pos].lower()
    if state.src.startswith("://", state.pos) and scheme.endswith(("http", "https")):
        found = _REST_OF_ADDRESS.match(state.src, state.pos + 1)
    if not found:
        return False
    address = ":" + found[0].rstrip("*_~" + SENTENCE_ENDS)
    if not silent:
        state.pending += address
    state.pos += len(address)
    return True


class _Parser(MarkdownIt):
    """What language models write, and nothing that plain text holds by chance: no HTML, no entities, no code by
    indentation, no headings by a line below them."""

    def __init__(self) -> None:
        super().__init__("zero")
        self.enable(["heading", "fence", "list", "blockquote", "table", "hr"])
        self.enable(["emphasis", "strikethrough", "link", "image", "backticks", "escape", "autolink"])
        self.inline.ruler.before("emphasis", "address", _address)

    def validateLink(self, url: str) -> bool:  # noqa: N802 theirs
        """A link that no contact can open is none."""
        return _WEB.match(url) is not None

    def normalizeLink(self, url: str) -> str:  # noqa: N802 theirs
        """To the letter."""
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 theirs
        """To the letter, too."""
        return link


_PARSER = _Parser()


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
            yield from (": ".join(filter(None, row)) for row in (names, *rows) if any(row))
            return
        for row in rows:
            named = zip(names[1:], row[1:], strict=True)
            rest = ", ".join(": ".join(filter(None, pair)) for pair in named if pair[1])
            first = f"{names[0]}: {row[0]}" if names[0] and row[0] else row[0] or names[0]
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


def _before(line: str, content: str) -> str:
    """What stands before a line's content: its indentation, a quote's or a list's mark."""
    at = line.rfind(content.rstrip())
    return line[:at] if at > 0 else ""
