"""Shortcodes of Inbox 2.0: buttons, images and templates written as plain text, in whatever a virtual agent says.

Their reference: `%[Title](reply:PAYLOAD)`, `%[Title](https://…)`, `%[Title](location)`, `![](https://…)`, and
`&((namespace=[[…]] template=[[…]] …))&`. It knows no way to escape one.
"""

import re

_BREAK = "\u200b"
"""Shows nothing, is no letter of any word, and no font lacks it."""
_OPENERS = re.compile(r"[%!](?=\[)|&(?=\(\()")


def neutralised(text: str) -> str:
    """The text with nothing in it that would be read as a shortcode; a reader sees the same."""
    return _OPENERS.sub(lambda found: found[0] + _BREAK, text)
