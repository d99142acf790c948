"""Log-ins: written down, and refused for a while after too many that failed.

The audit log itself is the counter. Names are kept as digests there, because people type passwords into the wrong
field; the name of a user who exists is kept in clear too. Looking at a password costs a second of a processor, so
refusals come before that.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from psycopg.errors import LockNotAvailable

from channels_app.lib.clocks import database_now
from channels_app.lib.http.addresses import network_of
from channels_app.models import AuditEntry

LOGGED_IN = "logged in"
FAILED = "failed to log in"
LOGGED_OUT = "logged out"
OBJECT_TYPE = "log-in"

TRIES = 5
"""Tries for one name from one address; then it is refused for WAIT. Others behind that address are not touched."""
WAIT = timedelta(minutes=15)
TRIES_FROM_ANYWHERE = 50
"""Tries for one name from all addresses together; then only those are let in that got in before."""
WAIT_ANYWHERE = timedelta(hours=1)
TRIES_OF_NETWORK = 30
"""Attempts from one network for any names, within WAIT; beyond it only users who logged in from there before may."""
FAILURES_READ = 2_000
"""The newest failures of all networks that are looked through for those of one."""
AT_ONCE = 2
"""Passwords that a process looks at at the same time."""
PATIENCE_S = 1.0
"""How long a login waits for others in this process, and for others with its name or from its network."""
KNOWN_FOR = timedelta(days=30)
"""How long an address counts as one this name has logged in from."""


@dataclass(frozen=True, slots=True)
class Try:
    """One log-in with a name, newest first in lists of them."""

    at: datetime
    address: str
    is_good: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Why no password is checked now. `which`: the logins that failed too often, e.g. "with this name"."""

    until: datetime
    which: str


def refused_until(tries: Sequence[Try], address: str, now: datetime, *, is_known: bool) -> datetime | None:
    """When this name may be tried again from this address; None: now. `is_known`: it got in from there before."""
    own = _failures([row for row in tries if row.address == address], now - WAIT)
    if len(own) >= TRIES:
        return own[0] + WAIT
    everywhere = [row.at for row in tries if not row.is_good and row.at > now - WAIT_ANYWHERE]
    if len(everywhere) >= TRIES_FROM_ANYWHERE and not is_known:
        return everywhere[TRIES_FROM_ANYWHERE - 1] + WAIT_ANYWHERE
    return None


def _failures(tries: Sequence[Try], since: datetime) -> list[datetime]:
    """Times of the failures since then and since the last that was good, newest first."""
    failures = []
    for row in tries:
        if row.is_good or row.at <= since:
            break
        failures.append(row.at)
    return failures


class BusyError(Exception):
    """Too many log in at this moment."""


_places = threading.BoundedSemaphore(AT_ONCE)
# One at a time, so that none is checked before another's failure is counted.
_TAKE_TURNS = """
SET LOCAL lock_timeout = %(patience_ms)s;
SELECT pg_advisory_xact_lock(hashtextextended('chatbridge: log-ins of ' || %(name)s, 0));
SELECT pg_advisory_xact_lock(hashtextextended('chatbridge: log-ins from ' || %(network)s, 0))
"""


@contextmanager
def turn_to_log_in(name: str, address: str) -> Iterator[Refused | None]:
    """A moment without any other attempt for this name or from this network.

    Yields why it is refused. A failure to be counted must not leave the block as an exception. Raises
    BusyError.
    """
    if not _places.acquire(timeout=PATIENCE_S):
        raise BusyError
    try:
        with transaction.atomic():
            _take_turns(_digest(name), network_of(address) or address)
            yield _refused(name, address)
    finally:
        _places.release()


def _take_turns(name: str, network: str) -> None:
    values: dict[str, int | str] = {"patience_ms": round(PATIENCE_S * 1000), "name": name, "network": network}
    try:
        with connection.cursor() as cursor:
            for statement in _TAKE_TURNS.split(";"):
                cursor.execute(statement, values)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise BusyError from error
        raise


def _refused(name: str, address: str) -> Refused | None:
    now = database_now()
    rows = AuditEntry.objects.filter(object_type=OBJECT_TYPE, object_id=_digest(name)).order_by("-id")
    recent = rows.filter(action__in=(LOGGED_IN, FAILED), at__gt=now - WAIT_ANYWHERE)
    facts = recent.values_list("at", "address", "action")[: 2 * TRIES_FROM_ANYWHERE]
    tries = [Try(at, where, action == LOGGED_IN) for at, where, action in facts]
    is_known = rows.filter(action=LOGGED_IN, address=address, at__gt=now - KNOWN_FOR).exists()
    if until := refused_until(tries, address, now, is_known=is_known):
        return Refused(until, "with this name")
    until = None if is_known else _network_refused_until(address, now)
    return Refused(until, "from your network") if until else None


def _network_refused_until(address: str, now: datetime) -> datetime | None:
    """When the network of this address may try again."""
    network = network_of(address)
    failed = AuditEntry.objects.filter(object_type=OBJECT_TYPE, action=FAILED, at__gt=now - WAIT).order_by("-id")
    facts = failed.values_list("at", "address")[:FAILURES_READ]
    of_network = [at for at, where in facts if network_of(where) == network]
    return of_network[TRIES_OF_NETWORK - 1] + WAIT if len(of_network) >= TRIES_OF_NETWORK else None


def listen() -> None:
    """Write down each log-in, log-out and log-in that failed, whichever door it came through."""
    user_logged_in.connect(_on_login, dispatch_uid="audit")
    user_login_failed.connect(_on_failure, dispatch_uid="audit")
    user_logged_out.connect(_on_logout, dispatch_uid="audit")


def _on_login(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    _write(request, LOGGED_IN, user.get_username(), user.pk)


def _on_logout(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    if user is not None:
        _write(request, LOGGED_OUT, user.get_username(), user.pk)


def _on_failure(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    users = get_user_model()
    name = str(credentials.get(users.USERNAME_FIELD, ""))
    known = users._default_manager.filter(**{users.USERNAME_FIELD: name}).values_list("pk", flat=True).first()
    _write(request, FAILED, name, known)


def _write(request: HttpRequest | None, action: str, name: str, user_id: int | None) -> None:
    if request is None or "REMOTE_ADDR" not in request.META:
        return  # one of our programs, not a person at a browser
    AuditEntry.objects.create(
        user_id=user_id,
        actor=name if user_id else "unknown name",
        action=action,
        object_type=OBJECT_TYPE,
        object_id=_digest(name),
        object_name=name if user_id else "",
        address=request.META["REMOTE_ADDR"],
        via="admin",
    )


def _digest(name: str) -> str:
    """Names differ for Django by upper and lower case; for who guesses passwords they are one."""
    return salted_hmac("channels_app.access.logins", name.casefold(), algorithm="sha256").hexdigest()[:32]
