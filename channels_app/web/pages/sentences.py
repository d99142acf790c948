"""The catalogue's words as HTML: what is typed as code, codes as links, and the values of a case as variables."""

import re

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

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
