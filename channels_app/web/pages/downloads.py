"""Tables as CSV files, however long, and harmless in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse

from channels_app.lib.clocks import database_now
from channels_app.protocol.labels import visible

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A spreadsheet would run a text that begins so; what contacts and platforms write may."""


class _Line:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_download(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """The table as a file "name-2026-03-14.csv", sent while it is read."""
    response = StreamingHttpResponse(_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{database_now():%Y-%m-%d}.csv"'
    return response


def _lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(head)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: Any) -> Any:
    """A number as it is; a text with what a screen would obey written out, and with an apostrophe in front, as people
    do it, if a spreadsheet would run it."""
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text
