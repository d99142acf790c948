"""Logs that strangers can't flood, and in which a line is one line for any input."""

import logging
import threading
from collections.abc import Hashable

QUIET_S = 60.0
"""Between two lines of a kind."""
AT_WILL = ("django.request", "django.security", "channels_app.web.webhooks.base")
"""Loggers with lines that any request from a stranger can cause."""
SERVER, SERVERS_REFUSAL = "gunicorn.error", "Invalid request from"
_SEEN = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\t"}
_SEEN |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029)}


class OneAMinute(logging.Filter):
    """Lets one line of a kind pass in a minute, with the number of those that were left out before it.

    For lines strangers can cause at will; our own failures are logged unchanged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._seen: dict[Hashable, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = _kind_of(record)
        if kind is None:
            return True
        now = record.created
        with self._lock:
            passed_at, left_out = self._seen.get(kind, (now - QUIET_S, 0))
            if 0 <= now - passed_at < QUIET_S:
                self._seen[kind] = (passed_at, left_out + 1)
                return False
            self._seen[kind] = (now, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out:,} more like it since the last line)", ()
        return True


def _kind_of(record: logging.LogRecord) -> Hashable | None:
    """Not by its text, which contains the invented address."""
    if record.name == SERVER:
        return SERVER if str(record.msg).startswith(SERVERS_REFUSAL) else None
    status = getattr(record, "status_code", 0)
    is_ours = record.exc_info and not 400 <= status < 500
    return None if is_ours or not record.name.startswith(AT_WILL) else (record.name, record.levelno, status)


class LineFormatter(logging.Formatter):
    """Shows what would begin another line or move a terminal's cursor. A traceback below a line stays as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        return super().formatMessage(record).translate(_SEEN)


def in_one_line(record: logging.LogRecord) -> bool:
    """The same as a filter, for a logger whose formatter is not ours."""
    record.msg, record.args = record.getMessage().translate(_SEEN), ()
    return True
