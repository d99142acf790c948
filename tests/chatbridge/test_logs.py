"""A flood of refusals is a line a minute with a count."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from chatbridge.logs import LineFormatter, OneAMinute, in_one_line


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def kept() -> Any:
    handler = Kept()
    handler.addFilter(OneAMinute())
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)


def test_the_console_has_the_filter() -> None:
    handlers = logging.getLogger().handlers
    assert any(isinstance(found, OneAMinute) for handler in handlers for found in handler.filters)


def test_refusals_are_a_line_a_minute_with_a_count(client: Client, db: None, kept: Kept) -> None:
    with time_machine.travel(datetime(2026, 11, 28, 12, 0, tzinfo=UTC), tick=False) as clock:
        for minute in range(2):
            for number in range(5):
                client.post(f"/webhooks/inbox/5b784e97-34fa-41e9-bf33-f1b7c897{minute:02}{number:02}/")
                client.get(f"/nothing/here/{minute}/{number}")
            clock.shift(61)
    refusals = [line for line in kept.lines if "Not Found" in line]
    assert len(refusals) == 2
    assert "/webhooks/inbox/" in refusals[0]
    assert refusals[1].endswith("(and 9 more like it since the last line)")


def test_our_own_failures_stay_as_they_are(kept: Kept) -> None:
    for _ in range(3):
        try:
            raise ValueError("ours")
        except ValueError:
            logging.getLogger("django.request").exception("Internal Server Error", extra={"status_code": 500})
        logging.getLogger("channels_app.web.webhooks.inbox").error("PostgreSQL is away")
    assert len(kept.lines) == 6


def test_the_servers_own_refusals_count_too(kept: Kept) -> None:
    for number in range(3):
        logging.getLogger("gunicorn.error").warning(f"Invalid request from ip=192.0.2.{number}: Hello?")
    assert len(kept.lines) == 1


# --- a line is a line ----

FORGED = '/ops/\n127.0.0.1 "POST /ops/" 200\x1b[2J\u2028\x9b'
SHOWN = '/ops/\\x0a127.0.0.1 "POST /ops/" 200\\x1b[2J\\u2028\\x9b'


def line_of(*args: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 1, "path: %s", args, None)


def test_line_breaks_and_escape_sequences_are_seen() -> None:
    assert LineFormatter("%(message)s").format(line_of(FORGED)) == f"path: {SHOWN}"


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("x")
    except ValueError as error:
        line = line_of("y")
        line.exc_info = (ValueError, error, error.__traceback__)
    assert LineFormatter("%(message)s").format(line).count("\n") >= 2


def test_the_access_log_uses_it_as_a_filter() -> None:
    line = line_of(FORGED)
    assert in_one_line(line) and line.getMessage() == f"path: {SHOWN}"
