"""What of a text can be seen, and a text cut where its reader sees no wound."""

import unicodedata

from wcwidth import iter_graphemes

_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a Braille cell by their category, drawn as a blank
_DRAWN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Of the format characters these have a shape: number signs and such, that stand around digits."""
_IGNORABLE = ((0x34F, 0x34F), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0xFE00, 0xFE0F))
_IGNORABLE_PLANE = range(0xE0000, 0xE1000)
"""With `_IGNORABLE` what Unicode's Default_Ignorable_Code_Point has beyond the format characters: joiners,
variation selectors, and code points that will be such ones. Others without a category may be next year's emoji."""
FLAG_TAGS = range(0xE0020, 0xE0080)
"""Nothing by themselves; behind a black flag they say whose it is."""


def is_space(letter: str) -> bool:
    """Whether it takes room and shows nothing."""
    return letter.isspace() or letter in _FILLERS or unicodedata.category(letter) in ("Zs", "Zl", "Zp")


def is_zero_width(letter: str) -> bool:
    """Whether it takes no room and shows nothing: a joiner, a direction mark, a variation selector, a control."""
    if " " <= letter <= "~":  # most are
        return False
    code = ord(letter)
    if unicodedata.category(letter) in ("Cf", "Cc", "Cs"):
        return code not in _DRAWN and not letter.isspace()
    return code in _IGNORABLE_PLANE or any(first <= code <= last for first, last in _IGNORABLE)


def is_visible(text: str) -> bool:
    """Whether a reader sees anything of it."""
    return any(not is_space(letter) and not is_zero_width(letter) for letter in text)


MAX_NAME = 40  # characters of a foreign name shown to an operator


def named(name: object) -> str:
    """What a bot calls something, fit for an operator's page."""
    letters = "".join(letter for letter in str(name or "without a type") if letter.isprintable())
    return f"“{letters[:MAX_NAME]}”"


def one_line(value: object) -> str:
    """What a bot gives for a text; a line, so that it can't look like others in a note. Empty for what is none."""
    is_known = isinstance(value, str | int | float) and not isinstance(value, bool)
    return " ".join(str(value).split()) if is_known else ""


CUT_SIGN = "…"


def cut(text: str, most: int) -> str:
    """The text in at most `most` characters: its beginning and a sign, never half of what a reader sees as one."""
    if len(text) <= most:
        return text
    kept = 0
    for grapheme in iter_graphemes(text[: max(most, 0)] + " "):
        if kept + len(grapheme) + len(CUT_SIGN) > most:
            break
        kept += len(grapheme)
    return text[:kept].rstrip() + CUT_SIGN if most > 0 else ""
