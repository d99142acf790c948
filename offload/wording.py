"""What a provider says to contacts: its texts, with what is known at the time in place of their variables."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as date_in
from django.utils.translation import get_supported_language_variant, override

from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.protocol.languages import ANY, pick_tag
from channels_app.protocol.sentences import READY
from channels_app.protocol.visible import is_visible
from offload.models import OffloadProvider
from offload.opening_hours import next_opening
from offload.services import Decision


class Variable(StrEnum):
    """In a text between braces, like {name}."""

    NAME = "name"
    NEXT_OPENING = "next_opening"
    WAITING = "waiting"
    LONGEST_WAIT = "longest_wait"


_VARIABLE = re.compile(rf"\{{ *({'|'.join(Variable)}) *\}}")
_BRACE = re.compile(r"\{[^{}\n]{0,40}\}?|\}")
_SENTENCE = re.compile(r".+?(?:[.!?…؟۔।]+(?=\s|$)|[。！？｡]+|\n|$)\s*", re.DOTALL)
"""Ends of sentences in the scripts that have them; the last kind has no space behind it."""
MAX_NAME = 40
"""Characters; what is longer is hardly what a contact is called."""


EXACT_MINUTES = 10
"""Longer waits are told in fives."""
MAX_MINUTES = 55
"""Longer ones in hours."""


@dataclass(frozen=True, slots=True)
class _Words:
    """How a language says when and how long, and its days: `day` in the letters of Django's date format. Unless it is
    named below, by signs that are read everywhere."""

    today: str = "{time}"
    tomorrow: str = "{day}, {time}"
    later: str = "{day}, {time}"
    day: str = "l, j E"
    moment: str = "< 1 min"
    minute: str = "± 1 min"
    minutes: str = "± {} min"
    hour: str = "± 1 h"
    hours: str = "± {} h"


_WORDS = {
    "en": _Words(
        *("today at {time}", "tomorrow at {time}", "on {day} at {time}", "l j F"),
        *("less than a minute", "about a minute", "about {} minutes", "about an hour", "about {} hours"),
    ),
    "nl": _Words(
        *("vandaag om {time}", "morgen om {time}", "op {day} om {time}", "l j F"),
        *(
            "minder dan een minuut",
            "ongeveer een minuut",
            "ongeveer {} minuten",
            "ongeveer een uur",
            "ongeveer {} uur",
        ),
    ),
    "fr": _Words(
        *("aujourd'hui à {time}", "demain à {time}", "le {day} à {time}", "l j F"),
        *("moins d'une minute", "environ une minute", "environ {} minutes", "environ une heure", "environ {} heures"),
    ),
    "de": _Words(
        *("heute um {time} Uhr", "morgen um {time} Uhr", "am {day} um {time} Uhr", "l, j. F"),
        *("weniger als eine Minute", "etwa eine Minute", "etwa {} Minuten", "etwa eine Stunde", "etwa {} Stunden"),
    ),
    "es": _Words(
        *("hoy a las {time}", "mañana a las {time}", "el {day} a las {time}", r"l j \d\e F"),
        *("menos de un minuto", "alrededor de un minuto", "unos {} minutos", "alrededor de una hora", "unas {} horas"),
    ),
}


def say_for(decision: Decision, now: datetime, *, language: str, fallback: str, name: str) -> str:
    """What a contact of this language reads; empty: nothing. `fallback`: the channel's language. `name`: what the
    inbox calls the contact.

    A sentence whose variable isn't known is left out. If nothing is left, our own text says what can be said.
    """
    provider, figures = decision.provider, decision.figures or QueueFigures()
    if provider is None:
        return ""
    texts = provider.texts_for(decision.occasion)
    tag = pick_tag(texts, language, fallback)
    if not tag:
        return ""
    spoken = (fallback if tag == ANY else tag) or "en"
    opening = next_opening_of(provider, now)
    values = {
        Variable.NAME: name if _is_name(name) else "",
        Variable.NEXT_OPENING: in_words(opening, now, spoken) if opening else "",
        Variable.WAITING: str(figures.waiting or ""),
        Variable.LONGEST_WAIT: about(figures.longest_wait_s, spoken) if figures.longest_wait_s else "",
    }
    said = filled(texts[tag], values)
    if is_visible(said):
        return said
    ready = READY[decision.occasion]
    return filled(ready[pick_tag(ready, language, fallback)], values)


def next_opening_of(provider: OffloadProvider, now: datetime) -> datetime | None:
    """By the clock of the opening hours; None: it is open, never opens, or there is no clock to tell it by."""
    since = now if provider.is_enabled else provider.disabled_until
    hours = provider.opening_hours
    if not hours or since is None:
        return None
    opening = next_opening(hours, since)
    return opening.astimezone(ZoneInfo(hours["timezone"])) if opening and opening > now else None


def _is_name(text: str) -> bool:
    """Whether a contact is called so, and not a number, an address or a handle."""
    letters = [letter for letter in text if letter not in " .'’-"]
    return 0 < len(text) <= MAX_NAME and bool(letters) and all(unicodedata.category(one)[0] in "LM" for one in letters)


def filled(text: str, values: Mapping[Variable, str]) -> str:
    """The text with the values; without the sentences of which one is empty."""
    sentences = _SENTENCE.findall(text)
    kept = [one for one in sentences if all(values.get(Variable(name)) for name in _VARIABLE.findall(one))]
    return _VARIABLE.sub(lambda found: values[Variable(found[1])], "".join(kept)).strip()


def wrong_in(text: str) -> str:
    """What can't be read in a text with variables; empty: nothing."""
    found = _BRACE.search(_VARIABLE.sub("", text))
    if not found:
        return ""
    *names, last = (f"{{{name}}}" for name in Variable)
    return f"“{found[0]}” is not known. You can use {', '.join(names)} and {last}."


def in_words(moment: datetime, now: datetime, language: str) -> str:
    """When it will be, from `now`, by the moment's own clock: "tomorrow at 09:00"."""
    words = _WORDS.get(language.partition("-")[0], _Words())
    days = (moment.date() - now.astimezone(moment.tzinfo).date()).days
    pattern = {0: words.today, 1: words.tomorrow}.get(days, words.later)
    with override(_supported(language)):
        return pattern.format(day=date_in(moment, words.day), time=f"{moment:%H:%M}")


def about(seconds: int, language: str) -> str:
    """A wait as people say it: "about 5 minutes"."""
    words, minutes = _WORDS.get(language.partition("-")[0], _Words()), round(seconds / 60)
    if minutes < 1:
        return words.moment
    if minutes > MAX_MINUTES:
        hours = round(minutes / 60)
        return words.hour if hours == 1 else words.hours.format(hours)
    if minutes > EXACT_MINUTES:
        minutes = 5 * round(minutes / 5)
    return words.minute if minutes == 1 else words.minutes.format(minutes)


def _supported(language: str) -> str:
    try:
        return get_supported_language_variant(language.lower())
    except LookupError:
        return "en"


def samples(language: str) -> dict[str, str]:
    """By their names, for a preview: of a Friday evening."""
    opening = datetime(2026, 11, 30, 9, tzinfo=UTC)
    return {
        Variable.NAME: "Anna",
        Variable.NEXT_OPENING: in_words(opening, opening - timedelta(days=3), language),
        Variable.WAITING: "6",
        Variable.LONGEST_WAIT: about(5 * 60, language),
    }
