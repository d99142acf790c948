"""Shortcodes of Inbox 2.0: buttons, images and templates written as plain text in a virtual agent's messages.

Their reference: `%[Title](reply:PAYLOAD)`, `%[Title](https://…)`, `%[Title](location)`, `![](https://…)`, and
`&((namespace=[[…]] template=[[…]] …))&`. It knows no way to escape one.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

from channels_app.protocol import Message, Option
from channels_app.protocol.options import lines

MAX_BUTTONS = 10
MAX_TITLE = 80
"""Buttons of a reply and characters of a title. Their reference names no limits; a longer list reads better as one."""

_BREAK = "\u200b"
"""Shows nothing, is no letter of any word, and no font lacks it."""
_OPENERS = re.compile(r"[%!](?=\[)|&(?=\(\()")


def neutralised(text: str) -> str:
    """The text with nothing in it that would be read as a shortcode; a reader sees the same."""
    return _OPENERS.sub(lambda found: found[0] + _BREAK, text)


def fit(messages: Sequence[Message]) -> bool:
    """Whether all these options can be buttons."""
    options = [option for message in messages for option in message.options]
    return len(options) <= MAX_BUTTONS and all(len(option.title) <= MAX_TITLE for option in options)


def button_lines(message: Message) -> list[str]:
    """A button for each option, in their order; what none is made for, a phone number, is a line of text."""
    return [line for option in message.options for line in _button(option) or map(neutralised, lines(_only(option)))]


def _only(option: Option) -> Message:
    return Message(options=(option,))


def _button(option: Option) -> list[str]:
    title = neutralised(" ".join(option.title.translate(_BRACKETS).split()))
    if option.token:
        return [f"%[{title}](reply:{option.token})"]
    if option.wants_location:
        return [f"%[{title}](location)"]
    if title and option.url.lower().startswith(("https://", "http://")):
        return [f"%[{title}]({quote(option.url, safe=_SAFE)})"]
    return []


_BRACKETS = str.maketrans("[]", "()")
_SAFE = "%/:?#@!$&'*+,;=~"
"""What of an address stays as it is: all that isn't a letter of our own grammar."""
_BUTTON = re.compile(r"%\[([^\]]*)\]\((?:reply:[^)]*|location|(https?://[^)]*))\)")


def readable(text: str) -> str:
    """For people: "[Parcel]", where the contact sees a button."""
    return _BUTTON.sub(lambda found: f"[{found[1]}]" + (f" {found[2]}" if found[2] else ""), text)
