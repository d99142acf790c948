"""For templates: {% options countries country %}, the options of a long list, which are put together once."""

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
KEPT = 64
"""Lists with what is chosen in each: languages, countries and time zones, as often as a page shows them."""


@register.simple_tag
def options(choices: Iterable[tuple[str, str]], chosen: str) -> SafeString:
    """The loop of a template takes most of a page's time where the list is shown twenty times."""
    return _options(tuple(choices), chosen)


@lru_cache(KEPT)
def _options(choices: tuple[tuple[str, str], ...], chosen: str) -> SafeString:
    unmarked, marked = '<option value="{}">{}</option>', '<option value="{}" selected>{}</option>'
    return format_html_join(
        "", "{}", ((format_html(marked if value == chosen else unmarked, value, name),) for value, name in choices)
    )
