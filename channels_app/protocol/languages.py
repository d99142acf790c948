"""Languages as people and platforms name them, and which of several texts a contact reads."""

import re
from collections.abc import Iterator, Mapping

from channels_app.protocol.visible import is_visible

OFFERED = {"en": "English", "nl": "Dutch", "fr": "French", "de": "German", "es": "Spanish"}
"""By their tags: those in which the bridge has sentences of its own."""
ANY = "*"
"""In place of a tag: for contacts of every language that has no text of its own."""
MAX_TAG = 35  # characters: the longest that RFC 5646 asks for

Texts = Mapping[str, str]
"""A text by the tag of its language, or by ANY."""

_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_NO_LANGUAGE = frozenset({"und", "mul", "zxx"})  # of ISO 639: unknown, several, none
_BY_NAME = {
    name: tag
    for tag, names in {
        "en": "english engels anglais englisch inglés",
        "nl": "dutch nederlands néerlandais niederländisch neerlandés flemish vlaams",
        "fr": "french frans français französisch francés",
        "de": "german duits allemand deutsch alemán",
        "es": "spanish spaans espagnol spanisch español",
    }.items()
    for name in names.split()
}


def language_tag(text: str) -> str:
    """The language that is meant, like "nl" or "nl-BE"; empty: none can be read in it.

    Browsers say "nl-BE,nl;q=0.9", systems "nl_BE.UTF-8", agents "Dutch".
    """
    first = re.split(r"[,;.]", text, maxsplit=1)[0].strip().replace("_", "-")
    first = _BY_NAME.get(first.casefold(), first)
    if len(first) > MAX_TAG or not _TAG.fullmatch(first):
        return ""
    primary, *others = first.split("-")
    if primary.lower() in _NO_LANGUAGE:
        return ""
    return "-".join([primary.lower(), *(_subtag(other) for other in others)])


def _subtag(text: str) -> str:
    """As it is usually written: a region BE, a script Latn."""
    if len(text) == 2:
        return text.upper()
    return text.title() if len(text) == 4 and text.isalpha() else text.lower()


def pick_text(texts: Texts, language: str, fallback: str = "") -> str:
    """What a contact of this language reads, see `pick_tag`. Empty: there is none."""
    return texts.get(pick_tag(texts, language, fallback), "")


def pick_tag(texts: Texts, language: str, fallback: str = "") -> str:
    """Which text a contact of this language reads: nl-BE, else nl, else the one for all others, else the one in the
    channel's own language (`fallback`). Any text is better than none. Empty: there is none."""
    wanted = [*_widening(language or fallback), ANY, *_widening(fallback), *OFFERED, *texts]
    return next((tag for tag in wanted if is_visible(texts.get(tag, ""))), "")


def _widening(tag: str) -> Iterator[str]:
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
