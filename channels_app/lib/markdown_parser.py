"""The parser: CommonMark's rules, but for what plain text holds by chance, and what language models write anyway."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, fence
from markdown_it.rules_inline import StateInline, emphasis, escape

SENTENCE_ENDS = ".,;:!?…。，、；：！？"
ESCAPABLE = r"[*_`~\[\](){}<>#+\-.!|$]"
"""Marks that authors put a backslash before."""
ESCAPED = "escaped"
"""The type of a token: a letter that a backslash stood before."""
_OPENABLE = re.compile(r"(?:https?://|mailto:|tel:|sms:|geo:|\w+://|www\.|[/#])\S", re.IGNORECASE)
_CODE = re.compile(r"(?:javascript|vbscript|data|file|blob|about):", re.IGNORECASE)
_REST_OF_ADDRESS = re.compile(r"//[^\s<>\[\]()\"`]*")
_OPENING = "([{<¿¡「『《〈【〔（［｛“‘„‚«‹\"'"
_CLOSING = ")]}>」』》〉】〕）］｝”’»›\"'%" + SENTENCE_ENDS


def leads_nowhere(address: str) -> bool:
    """Whether it is code or a file, which no contact can open from a message."""
    return _CODE.match(address) is not None


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


def _emphasis(state: StateInline, silent: bool) -> bool:
    """CommonMark's, and where a space is missing: "**Please note:**wait" ends in bold, "is**“it”**" begins it."""
    start, known = state.pos, len(state.delimiters)
    if not emphasis.tokenize(state, silent):
        return False
    before, after = state.src[max(start - 2, 0) : start], state.src[state.pos : state.pos + 1]
    for delimiter in state.delimiters[known:]:
        if state.src[start] == "*" and after.isalnum():
            delimiter.close |= before[-1:] != "" and (before[-1:] in _CLOSING or before in (": ", "： "))
        if state.src[start] == "*" and before[-1:].isalnum():
            delimiter.open |= after != "" and after in _OPENING
    return True


def _escape(state: StateInline, silent: bool) -> bool:
    r"""A backslash before a mark; not one of a path or a face: C:\*.*, ¯\_(ツ)_/¯."""
    if not _is_escape(state.src, state.pos) or not escape(state, silent):
        return False
    if not silent and state.tokens[-1].type == "text_special":
        state.tokens[-1].type = ESCAPED
    return True


def _is_escape(text: str, at: int) -> bool:
    if text[at] != "\\" or text[at + 1 : at + 2] == "\n":
        return text[at] == "\\"
    before = text[max(at - MAX_WORD, 0) : at]
    start = "" if not before or before[-1].isspace() else before.split()[-1]
    return _NO_ESCAPE.search(start + text[at : at + MAX_WORD].split(maxsplit=1)[0]) is None


MAX_WORD = 80  # characters around a backslash
_NO_ESCAPE = re.compile(rf"\\(?!{ESCAPABLE})|[:/\\¯¬‾]\\")
"""In a word with a backslash like these none is Markdown's: before a letter, behind a drive or an arm."""


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A block of code, its language named at most; not words with waves around: "~~~ Sale ~~~"."""
    first = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    return _FENCE.fullmatch(first) is not None and fence(state, start, end, silent)


_FENCE = re.compile(r"(?:`{3,}[ \t]*[A-Za-z0-9+#._-]{0,20}|~{3,}[ \t]*[a-z0-9+#._-]{0,20})[ \t]*")


class Parser(MarkdownIt):
    """No HTML, no entities, no code by indentation, no headings by a line below them."""

    def __init__(self) -> None:
        super().__init__("zero", {"store_labels": True})
        self.enable(["heading", "fence", "list", "blockquote", "table", "hr", "reference"])
        self.enable(["emphasis", "strikethrough", "link", "image", "backticks", "escape", "autolink"])
        self.inline.ruler.before("emphasis", "address", _address)
        self.block.ruler.at("fence", _fence, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.inline.ruler.at("emphasis", _emphasis)
        self.inline.ruler.at("escape", _escape)

    def validateLink(self, url: str) -> bool:  # noqa: N802 theirs
        """What is no address is no link: "[x](y)"."""
        return _OPENABLE.match(url) is not None or leads_nowhere(url)

    def normalizeLink(self, url: str) -> str:  # noqa: N802 theirs
        """To the letter."""
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 theirs
        """To the letter, too."""
        return link
