"""For templates: {{ row.first_at|moment }} and {{ row.first_at|moment:"j M H:i" }}, a time that says its zone."""

import re
from datetime import datetime

from django import template
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from channels_app.web import times

register = template.Library()
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")
"""A time as the audit log keeps it."""


@register.filter(expects_localtime=False)
def moment(value: datetime | None, form: str = "") -> SafeString | str:
    """In Django's format `form`; else day and time, with the year where it is another one."""
    if value is None or not form:
        return times.day_clock(value)
    return times.moment(value, date_format(localtime(value), form))


@register.filter
def local_times(text: str) -> str:
    """The text with each time of the audit log as the reader's clock had it."""
    return STAMP.sub(lambda found: times.full(datetime.fromisoformat(found[0])), text)
