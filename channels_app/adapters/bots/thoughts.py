"""What a language model thinks aloud before it answers, which no contact may read.

Most servers take it out of the answer themselves. Others leave it there, and some without its beginning, because that
stands in the prompt.
"""

import re

_TAG = re.compile(r"<(/?)(?:think|thinking|thought)>|\[(/?)THINK\]", re.IGNORECASE)
_FOLDED = re.compile(r"\s*<details\b[^>]*>\s*<summary>\s*Thinking\W*</summary>", re.IGNORECASE)
"""As Dify wrote it, before it left the tags as they were."""
_FOLDED_END = "</details>"


def without_thoughts(text: str) -> str:
    """What of an answer is said. Thoughts that never end, because the answer was cut off, take the rest with them."""
    said: list[str] = []
    start, is_thinking = 0, False
    for tag in _TAG.finditer(text):
        ends = bool(tag[1] or tag[2])
        if ends and not is_thinking:
            said.clear()
        elif not ends and not is_thinking:
            said.append(text[start : tag.start()])
        start, is_thinking = tag.end(), not ends
    rest = "" if is_thinking else text[start:]
    folded = _FOLDED.match(rest)
    if folded and not said:
        rest = rest[folded.end() :].partition(_FOLDED_END)[2]
    return "".join((*said, rest)).strip()
