"""The catalogue's words as HTML: what is typed as code, codes as links, and the values of a case as variables."""

import re

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from channels_app.codes.pages import html_text

_VALUE = re.compile(r"\{(\w+)\}")


def rich(text: str) -> SafeString:
    """A sentence of the catalogue."""
    return mark_safe(html_text(text))  # noqa: S308 - escaped there


def with_variables(text: str) -> SafeString:
    """A sentence as the catalogue has it, without the values of a case."""
    parts = [escape(part) for part in _VALUE.split(text)]
    parts[1::2] = [format_html("<var>{}</var>", name) for name in parts[1::2]]
    return format_html_join("", "{}", ((part,) for part in parts))
