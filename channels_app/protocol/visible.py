"""What of a text can be seen: a reply without what can't, and a text cut where its reader sees no wound."""

import unicodedata
from dataclasses import replace

from wcwidth import iter_graphemes

from channels_app.lib.http.addresses import holds_data, is_link, web_address
from channels_app.protocol import Message, Option, Reply

_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a Braille cell by their category, drawn as a blank
_DRAWN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Of the format characters these have a shape: number signs and such, that stand around digits."""
_IGNORABLE = ((0x34F, 0x34F), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0xFE00, 0xFE0F))
_IGNORABLE_PLANE = range(0xE0000, 0xE1000)
"""With `_IGNORABLE` what Unicode's Default_Ignorable_Code_Point has beyond the format characters: joiners,
variation selectors, and code points that will be such ones. Others without a category may be next year's emoji."""
UNSEEN = "text that shows nothing"
CLOSED_FILE = "a file at an address that nobody else can open"
CLOSED_LINK = "a link that nobody else can open"
FLAG_TAGS = range(0xE0020, 0xE0080)
"""Nothing by themselves; behind a black flag they say whose it is."""


def is_space(letter: str) -> bool:
    """Whether it takes room and shows nothing."""
    return letter.isspace() or letter in _FILLERS or unicodedata.category(letter) in ("Zs", "Zl", "Zp")


def is_zero_width(letter: str) -> bool:
    """Whether it takes no room and shows nothing: a joiner, a direction mark, a variation selector, a control."""
    code = ord(letter)
    if unicodedata.category(letter) in ("Cf", "Cc", "Cs"):
        return code not in _DRAWN and not letter.isspace()
    return code in _IGNORABLE_PLANE or any(first <= code <= last for first, last in _IGNORABLE)


def is_visible(text: str) -> bool:
    """Whether a reader sees anything of it."""
    return any(not is_space(letter) and not is_zero_width(letter) for letter in text)


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


def visible_part(reply: Reply) -> Reply:
    """The reply without words, names and values that can't be seen and addresses that can't be opened; the same
    object for nearly all.

    Operators are told of the addresses, and if that is all that was said.
    """
    opened = tuple(map(_open_part, reply.messages))
    closed = tuple(dict.fromkeys(name for _, names in opened for name in names))
    messages = tuple(filter(None, (_visible_message(message) for message, _ in opened)))
    visible = replace(
        reply,
        messages=messages,
        topics=tuple(filter(is_visible, reply.topics)),
        tags=tuple(filter(is_visible, reply.tags)),
        attributes={name: value for name, value in reply.attributes.items() if is_visible(name) and is_visible(value)},
        note=reply.note if is_visible(reply.note) else "",
        unshown=(*reply.unshown, *(closed or ((UNSEEN,) if reply.messages and not messages else ()))),
    )
    return reply if visible == reply else visible


def _open_part(message: Message) -> tuple[Message, list[str]]:
    """A message without files and links that only its bot could open, and what these were. An internal file may be
    one that we are allowed to fetch: that shows when it is fetched."""
    names = []
    file = message.attachment
    if file and file.url and not holds_data(file.url):
        try:
            web_address(file.url)
        except ValueError:
            names.append(CLOSED_FILE)
            file = None
    options = tuple(option for option in message.options if not option.url or is_link(option.url))
    if options != message.options:
        names.append(CLOSED_LINK)
    return replace(message, attachment=file, options=options) if names else message, names


def _visible_message(message: Message) -> Message | None:
    options = tuple(filter(None, map(_visible_option, message.options)))
    text = message.text if is_visible(message.text) else ""
    return replace(message, text=text, options=options) if text or options or message.attachment else None


def _visible_option(option: Option) -> Option | None:
    """Without a title a link is still its address; a choice is nothing."""
    if is_visible(option.title):
        return option
    return None if option.is_choosable else replace(option, title="")
