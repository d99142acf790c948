"""Names, numbers and sentences of the catalogue, as pages write them."""

import re
from collections.abc import Iterable

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from channels_app.lib.masking import masked_name
from channels_app.models import Conversation
from channels_app.protocol.labels import one_line


def contact_name(row: Conversation, *, reads_text: bool) -> str:
    """The contact, or what is left of the name when it is masked: the last digits, else the conversation's number."""
    name = one_line(str(row.contact or ""))
    if not name:
        return "unknown contact"
    if reads_text:
        return name
    masked = masked_name(name)
    return masked if masked[-1].isdigit() else f"conversation {row.pk}"


def title_of(row: Conversation, *, reads_text: bool) -> str:
    """The headline of its page."""
    name = contact_name(row, reads_text=reads_text)
    return name.capitalize() if name.startswith("conversation ") else f"Conversation with {name}"


MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def seconds(value: float | None) -> str:
    """1.8 s, 48 s, 3 min, 2 h: as exact as people need it; a dash for none."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    if value < 2 * MINUTE_S:
        return f"{value:.0f} s"
    if value < 2 * HOUR_S:
        return f"{value / MINUTE_S:.0f} min"
    return f"{value / HOUR_S:.0f} h" if value < 2 * DAY_S else f"{value / DAY_S:.0f} days"


def many(number: int, one: str, more: str = "") -> str:
    """1 conversation, 4 120 conversations."""
    return f"{grouped(number)} {one if number == 1 else more or one + 's'}"


def grouped(number: int) -> str:
    """With narrow spaces between the thousands."""
    return f"{number:,}".replace(",", "\u202f")


def percent(part: float, whole: float) -> str:
    """Whole percents; never 0 % of what there is, never 100 % of what is not all."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 1:
        return "< 1 %"
    return "> 99 %" if 99 < share < 100 else f"{share:.0f} %"


def megabytes(value: int | None) -> str:
    return "–" if value is None else f"{value / 1024**2:.0f} MB"


def compared(now: float, before: float, words: str) -> str:
    """“12 % more than the day before”; empty when there is nothing to compare with."""
    if not before:
        return ""
    share = round(100 * (now - before) / before)
    return f"{abs(share)} % {'more' if share > 0 else 'fewer'} than {words}" if share else f"as many as {words}"


def difference(now: int, before: int) -> str:
    """+12, −3 or 0."""
    return f"{now - before:+d}".replace("-", "−") if now != before else "0"


def ceiling(values: Iterable[float | None]) -> float:
    """The end of an axis that holds these values: a round number."""
    highest = max((value for value in values if value is not None), default=0) or 1
    power = 10.0 ** (len(str(int(highest))) - 1 if highest >= 1 else -1)
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= highest)


_MARKS = re.compile(r"`([^`]+)`|\b(CB-\d{3})\b")
_VALUE = re.compile(r"\{(\w+)\}")


def rich(text: str) -> SafeString:
    """A text of a code's page: what is in backticks as code, other codes as links."""
    return mark_safe(_MARKS.sub(_marked, escape(text)))  # noqa: S308 - escaped, and what is added needs no escaping


def _marked(found: re.Match[str]) -> str:
    return f"<code>{found[1]}</code>" if found[1] else f'<a href="/ops/codes/{found[2]}/">{found[2]}</a>'


def with_variables(text: str) -> SafeString:
    """A sentence as the catalogue has it, without the values of a case."""
    parts = [escape(part) for part in _VALUE.split(text)]
    parts[1::2] = [format_html("<var>{}</var>", name) for name in parts[1::2]]
    return format_html_join("", "{}", ((part,) for part in parts))
