"""The catalogue: every known problem or question, with a code, a sentence and a page.

The admin's pages, the API, the commands and the logs all take their words from here. An entry is a Markdown file in
`catalogue/`, which people also read on GitHub; `channels_app.codes.markdown` says what such a file consists of.
Which facts mean which code is said in `channels_app.protocol.causes`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from channels_app.codes.markdown import read_catalogue
from channels_app.codes.words import Button, Code, Place, Problem, Severity

__all__ = ["AREAS", "CODES", "Button", "Code", "Place", "Problem", "Severity", "code", "describe"]

CODES: Mapping[str, Code] = MappingProxyType({one.code: one for one in read_catalogue()})
"""By code, in order. A stored code may be of another release: use `CODES.get` for those."""

AREAS: Mapping[str, str] = MappingProxyType(
    {
        "CB-1": "The bridge's own address and its saved secrets",
        "CB-2": "API keys",
        "CB-3": "Shared secret and other pasted values",
        "CB-4": "What arrives",
        "CB-5": "The bot",
        "CB-6": "Sending to Sparkcentral",
        "CB-7": "Running the bridge",
        "CB-8": "Handover, and the state of a channel",
        "CB-9": "Calls to the REST API",
    }
)
"""What the codes that begin so are about."""


def code(text: str) -> Code:
    """The entry of a code that is written down in the source, so it exists."""
    return CODES[text]


def describe(text: str, **values: object) -> Problem:
    """A code with the values of this case, e.g. `describe("CB-502", status=503)`."""
    return Problem(CODES[text], values)
