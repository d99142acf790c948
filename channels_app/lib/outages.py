"""Which PostgreSQL errors concern the server rather than the statement: decided here, for all callers.

What can't be done now may be possible in a moment, on the same server or its replacement. So a caller that
meets such an error closes the connection and waits, says 503, or hands over, and never calls it a defect.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import logging
import threading
import time
from typing import NamedTuple

from django.db import Error, InterfaceError, OperationalError, connection

from channels_app.codes import Problem, describe

logger = logging.getLogger(__name__)

LOG_AGAIN_S = 60.0
"""The same trouble is a line in the log so often, however many requests meet it."""
REMEMBERED_S = 15.0
"""Problems a check of the server doesn't show, such as a full disk, keep this process unready for this long."""


class Trouble(NamedTuple):
    """`why`: in words. `is_away`: the connection is of no use; else only this statement had to give way, and
    `is_conflict` says whether to another one."""

    why: str
    is_away: bool = True
    is_conflict: bool = False


_BUSY = {
    "0A000": "its tables have just been changed",  # "cached plan must not change result type": it is made anew
    "26000": "it has forgotten a prepared statement",
    "40001": "two changes conflicted",
    "40P01": "two changes waited for each other",
    "40003": "it is not known whether the change was made",
    "55P03": "another change holds the same row for too long",
    "57014": "a statement exceeded its time limit",
}
READ_ONLY = "it accepts no writes (it is read-only, like an old primary after a failover)"
_CONFLICTS = ("40001", "40P01", "55P03")
_AWAY = {
    "08": "the connection broke",
    "25006": READ_ONLY,
    "25P03": "it ended a transaction that had waited too long",
    "25P04": "it ended a transaction that took too long",
    "28": "it refuses our user or password",
    "3D000": "it has no such database",
    "42501": "our user may not do that there",
    "42P01": "its tables are not those of this version: run manage.py migrate",
    "42703": "its tables are not those of this version: run manage.py migrate",
    "53100": "its disk is full",
    "53200": "it is out of memory",
    "53300": "it has no connection left",
    "53": "it is short of something",
    "57P01": "it is being shut down",
    "57P02": "one of its processes crashed",
    "57P03": "it is starting or stopping",
    "57P04": "our database was dropped",
    "57P05": "it closed a connection that had been idle",
    "58": "its disk or system failed",
    "XX": "it had an internal error, or its data is damaged",
}
_HIDDEN = ("53", "58", "XX")
"""What a server says of itself in passing: the next look may find nothing wrong."""
# A connection that is refused comes without a code, only with the server's words.
_REFUSALS = {
    "too many clients": _AWAY["53300"],
    "connection slots": _AWAY["53300"],
    "starting up": _AWAY["57P03"],
    "shutting down": _AWAY["57P03"],
    "recovery": _AWAY["57P03"],
    "authentication failed": _AWAY["28"],
    "did not answer in time": "it does not answer",
    "timeout expired": "it does not answer",
    "read-only": READ_ONLY,
}
_UNREACHABLE = "it can't be reached"


def trouble_of(error: BaseException | None) -> Trouble | None:
    """What this error says about the server; None: it is about the statement, or about something else."""
    if not isinstance(error, Error):
        return None
    code = _code(error)
    if code in _BUSY:
        return Trouble(_BUSY[code], is_away=False, is_conflict=code in _CONFLICTS)
    why = next((_AWAY[name] for name in (code, code[:2]) if name in _AWAY), "")
    if not code and isinstance(error, OperationalError | InterfaceError):
        text = str(error)
        why = next((why for words, why in _REFUSALS.items() if words in text), _UNREACHABLE)
    return Trouble(why) if why else None


def _code(error: Error) -> str:
    """PostgreSQL's SQLSTATE; "" for an error of the connection."""
    return getattr(error.__cause__, "sqlstate", None) or ""


class _Known:
    """What this process knows of PostgreSQL's troubles."""

    def __init__(self) -> None:
        self.is_away = False
        self.hidden_why, self.hidden_until = "", 0.0
        self._logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def may_log(self, why: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._logged.get(why, -LOG_AGAIN_S) < LOG_AGAIN_S:
                return False
            self._logged[why] = now
            return True


_known = _Known()


def met(error: BaseException) -> Trouble | None:
    """Note what this error says about the server, and leave this thread's connection if it is of no use any more.

    None: it says nothing about the server, and is for the caller.
    """
    trouble = trouble_of(error)
    if trouble is None:
        return None
    if trouble.is_away:
        _known.is_away = True
        connection.close()
        if isinstance(error, Error) and _code(error)[:2] in _HIDDEN:
            _known.hidden_why, _known.hidden_until = trouble.why, time.monotonic() + REMEMBERED_S
    if _known.may_log(trouble.why):
        lines = str(error).strip().splitlines() or [""]
        logger.warning("%s (%s)", problem_of(trouble), lines[0])
    return trouble


def problem_of(trouble: Trouble) -> Problem:
    return describe("CB-711", why=trouble.why)


def is_away() -> bool:
    """Whether this process has found PostgreSQL unusable, and has not used it successfully since."""
    return _known.is_away


def over() -> None:
    """It was used again."""
    _known.is_away = False


def hidden() -> str:
    """A trouble of the last moments that a look at the server may not show; else ""."""
    return _known.hidden_why if time.monotonic() < _known.hidden_until else ""


def forget() -> None:
    """What this process knows; for tests."""
    global _known
    _known = _Known()
