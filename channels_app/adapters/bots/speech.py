"""What a bot says for a voice alone, as text: better read than missed. SSML: https://www.w3.org/TR/speech-synthesis11"""

import re
from html import unescape

_BREAK = re.compile(r"<(?:break|/p|/s|/speak)\b[^>]*>", re.IGNORECASE)
_MARK = re.compile(r"<[^>]*>")


def spoken_words(speech: object) -> str:
    """Without the marks for the voice."""
    if not isinstance(speech, str):
        return ""
    if not speech.lstrip().startswith("<"):
        return speech.strip()
    return " ".join(unescape(_MARK.sub("", _BREAK.sub(" ", speech))).split())
