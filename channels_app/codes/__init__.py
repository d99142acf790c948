"""The catalogue: everything that can go wrong, or that people wonder about, with a code, a sentence and a page.

The admin's pages, the API, the commands and the logs all take their words from here. `docs/codes/` is rendered from
it by `python -m channels_app.codes`. Which facts mean which code is said in `channels_app.protocol.causes`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from channels_app.codes import (
    api,
    api_keys,
    arrivals,
    bot_callbacks,
    bot_calls,
    bridge,
    handover,
    mix_ups,
    running,
    sending,
    shared_secret,
)
from channels_app.codes.words import Button, Code, Place, Problem, Severity

__all__ = ["AREAS", "CODES", "Button", "Code", "Place", "Problem", "Severity", "code", "describe"]

_ALL = (
    *bridge.CODES,
    *api_keys.CODES,
    *shared_secret.CODES,
    *mix_ups.CODES,
    *arrivals.CODES,
    *bot_calls.CODES,
    *bot_callbacks.CODES,
    *sending.CODES,
    *running.CODES,
    *handover.CODES,
    *api.CODES,
)
CODES: Mapping[str, Code] = MappingProxyType({one.code: one for one in sorted(_ALL, key=str)})
"""By code, in order. A stored code may be of another release: use `CODES.get` for those."""

AREAS: Mapping[str, str] = MappingProxyType(
    {
        "CB-1": bridge.TITLE,
        "CB-2": api_keys.TITLE,
        "CB-3": shared_secret.TITLE,
        "CB-4": arrivals.TITLE,
        "CB-5": bot_calls.TITLE,
        "CB-6": sending.TITLE,
        "CB-7": running.TITLE,
        "CB-8": handover.TITLE,
        "CB-9": api.TITLE,
    }
)
"""What the codes that begin so are about."""


def code(text: str) -> Code:
    """The entry of a code that is written down in the source, so it exists."""
    return CODES[text]


def describe(text: str, **values: object) -> Problem:
    """A code with the values of this case, e.g. `describe("CB-502", status=503)`."""
    return Problem(CODES[text], values)
