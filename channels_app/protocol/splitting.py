"""A long text as several messages: cut where a reader would pause, and never through what he sees as one."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from wcwidth import iter_graphemes

from channels_app.protocol.visible import is_visible

Size = Callable[[str], int]
"""A text's length, in the unit of the limit."""


def utf16_units(text: str) -> int:
    """As JavaScript and Java count: an emoji outside the first plane is two."""
    return len(text) + sum(letter > "\uffff" for letter in text)


def utf8_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


_PAUSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n[^\S\n]*\n\s*",  # a paragraph's end
        r"\n\s*",
        r"[.!?…]+[\"'”’»)\]]*\s+|[。！？｡।۔؟]+[」』”’）]*\s*",  # a sentence's
        r"\s+",
    )
)
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_LOOK_AHEAD = 32
"""Characters behind the place of a cut that say whether it goes through something."""


def split_text(text: str, most: int, size: Size = utf16_units) -> list[str]:
    """The text in parts of at most `most`, as few as good places for a cut allow; white space at a cut is left out.

    Only a link, or a pile of marks on one letter, that is longer than a whole part is cut itself.
    """
    parts = []
    while size(text) > most:
        at = _cut(text, _fitting(text, most, size))
        parts.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [part for part in (*parts, text) if is_visible(part)] or [text]


def _fitting(text: str, most: int, size: Size) -> int:
    """How many characters of the text fit; at least one."""
    least, more = 1, min(len(text), most) + 1
    while more - least > 1:
        middle = (least + more) // 2
        if size(text[:middle]) <= most:
            least = middle
        else:
            more = middle
    return least


def _cut(text: str, end: int) -> int:
    """Where the first `end` characters are cut best: at a pause behind their first third, so that there are few parts;
    else at the last pause; else between two characters that a reader sees."""
    edges = set(accumulate(len(grapheme) for grapheme in iter_graphemes(text[: end + _LOOK_AHEAD])))
    edges.discard(min(end + _LOOK_AHEAD, len(text)))
    for earliest in (end // 3, 0):
        for pause in _PAUSES:
            found = [place for place in _pauses(text, end, pause) if place > earliest and place in edges]
            if found:
                return found[-1]
    inside = next(
        (link for link in _LINK.finditer(text, 0, end + _LOOK_AHEAD) if link.start() < end < link.end()), None
    )
    if inside and inside.start() in edges:
        return inside.start()
    return max((edge for edge in edges if edge <= end), default=end)


def _pauses(text: str, end: int, pause: re.Pattern[str]) -> Iterator[int]:
    """Behind what is said before a pause, and before the white space that it ends with."""
    for found in pause.finditer(text, 0, min(end + 1, len(text))):
        place = found.start() + len(found[0].rstrip())
        if 0 < place <= end:
            yield place


def split_message(text: str, lines: Sequence[str], most: int, size: Size = utf16_units) -> list[str]:
    """The text with these lines below it; of several parts the last has the lines, so far as one can hold them."""
    whole = "\n".join(part for part in (text, *lines) if part)
    if size(whole) <= most:
        return [whole]
    chunks = _chunks(lines, most, size)
    parts = split_text(text, most, size) if text else []
    if parts and chunks:
        room = most - size("\n" + chunks[0])
        if size(parts[-1]) > room >= most // 4:
            parts[-1:] = split_text(parts[-1], room, size)
        if size(parts[-1]) <= room:
            chunks[0] = f"{parts.pop()}\n{chunks[0]}"
    return [*parts, *chunks]


def _chunks(lines: Sequence[str], most: int, size: Size) -> list[str]:
    """Whole lines that follow each other, in as few messages as hold them."""
    chunks = list[str]()
    for line in lines:
        if chunks and size(f"{chunks[-1]}\n{line}") <= most:
            chunks[-1] += f"\n{line}"
        else:
            chunks += split_text(line, most, size)
    return chunks
