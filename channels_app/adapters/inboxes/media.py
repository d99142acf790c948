"""What the media behind an inbox can show: WhatsApp, Messenger and so on, by the ids that the inbox gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels_app.lib.markdown import Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What a message may be and what becomes of marks in it; by default what every medium takes."""

    marks: Marks = Marks.NONE


MEDIA: Mapping[str, Medium] = {
    "whatsapp": Medium(marks=Marks.WHATSAPP),
}
"""Of the platform's ids; those that are not here, and new ones, are shown what every medium takes."""


def medium_of(name: str) -> Medium:
    return MEDIA.get(name.strip().casefold(), _ANY)


_ANY = Medium()
