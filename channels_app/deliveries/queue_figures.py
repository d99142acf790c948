"""How many agents are available and how many contacts wait, as all processes know it.

One look of three calls every 20 s for an account, less often if it took more of them: never more than 0.2 calls a
second. Who needs figures waits for a look no longer than two seconds, then goes on without; it is kept for who comes
next.
"""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.db import Error, connections, transaction

from channels_app.adapters.inboxes import Inbox
from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.deliveries.throttle import take_ticket
from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import recorded_calls
from channels_app.protocol.errors import BridgeError
from offload.models import QueueLook

CALLS = 3
COST = timedelta(seconds=5)
"""Of a call: until the next look, so many times."""
EVERY = timedelta(seconds=20)
"""Between two looks of an account, whatever teams they are for."""
REST = timedelta(seconds=60)
"""After a look that failed: a platform in trouble, or keys without this permission."""
MAX_AGE = timedelta(seconds=60)
"""Older figures tell nothing. Those of several teams take turns, so they may be older than EVERY."""
PATIENCE_S = 2.0
POLL_S = 0.1
UNKNOWN = QueueFigures()
NOBODY = "nobody"
"""In place of teams: no look is under way."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the latest looks for these teams told."""

    figures: QueueFigures = UNKNOWN
    told_at: datetime | None = None
    """None: nothing yet, or too long ago."""
    failed_at: datetime | None = None
    """Of a look since."""
    is_coming: bool = False
    """Whether a look is under way."""

    @property
    def is_fresh(self) -> bool:
        return self.told_at is not None and self.told_at > database_now() - EVERY


def figures_for(inbox: Inbox, teams: Sequence[str]) -> QueueFigures | None:
    """Of these teams, or of the whole account if there are none. None: this kind of inbox tells nothing.

    Never waits longer than PATIENCE_S; what isn't known by then is None. To be called outside of transactions.
    """
    if not inbox.tells_queue:
        return None
    deadline = time.monotonic() + PATIENCE_S
    known = known_figures(inbox, teams)
    if not known.is_fresh and _may_look(inbox, teams):
        known = known_figures(inbox, teams)
    while known.is_coming and not known.is_fresh and time.monotonic() < deadline:
        time.sleep(POLL_S)
        known = known_figures(inbox, teams)
    return known.figures


def known_figures(inbox: Inbox, teams: Sequence[str]) -> Known:
    """What is known without asking."""
    row = QueueLook.objects.filter(account_key=inbox.account_key).first()
    if row is None:
        return Known()
    kept, now = row.found.get(_name(teams), {}), database_now()
    told_at, failed_at = _moment(kept, "told_at"), _moment(kept, "failed_at")
    has_told = told_at is not None and told_at > now - MAX_AGE
    return Known(
        figures=QueueFigures(**kept["figures"]) if has_told else UNKNOWN,
        told_at=told_at if has_told else None,
        failed_at=failed_at,
        is_coming=row.looking_for == _name(teams) and row.next_at > now,
    )


def _moment(kept: dict[str, float], name: str) -> datetime | None:
    return datetime.fromtimestamp(kept[name], UTC) if kept.get(name) else None


def _name(teams: Sequence[str]) -> str:
    return f"teams {' '.join(sorted(teams))}"


def _may_look(inbox: Inbox, teams: Sequence[str]) -> bool:
    """Whether a look has been begun: one of all processes begins it."""
    now, key = database_now(), inbox.account_key
    QueueLook.objects.bulk_create([QueueLook(account_key=key, next_at=now)], ignore_conflicts=True)
    due = QueueLook.objects.filter(account_key=key, next_at__lte=now)
    if not due.update(next_at=now + EVERY, looking_for=_name(teams)):
        return False
    threading.Thread(target=_look, args=(inbox, teams, now), name="queue-figures", daemon=True).start()
    return True


def _look(inbox: Inbox, teams: Sequence[str], began_at: datetime) -> None:
    try:
        with recorded_calls() as calls:
            figures = _ask(inbox, teams)
        _keep(inbox, teams, figures, began_at + max(EVERY if figures else REST, len(calls) * COST))
    except Error as error:
        if outages.met(error) is None:
            logger.exception("the figures of a queue were not kept")
    finally:
        connections.close_all()


def _ask(inbox: Inbox, teams: Sequence[str]) -> QueueFigures | None:
    """None: there are none."""
    if any(take_ticket(inbox.account_key) > 0 for _ in range(CALLS)):
        return None  # the account makes as many calls as it may
    try:
        figures = inbox.queue_figures(teams)
    except BridgeError as error:
        logger.warning("no figures of the queue at %s: %s", inbox.server_name, error.detail)
        return None
    return None if figures == UNKNOWN else figures


def _keep(inbox: Inbox, teams: Sequence[str], figures: QueueFigures | None, next_at: datetime) -> None:
    now = database_now()
    with transaction.atomic():
        row = QueueLook.objects.select_for_update().get(account_key=inbox.account_key)
        oldest = (now - MAX_AGE).timestamp()
        kept = {name: told for name, told in row.found.items() if told.get("told_at", 0) > oldest}
        if figures is None:
            kept[_name(teams)] = {**kept.get(_name(teams), {}), "failed_at": now.timestamp()}
        else:
            kept[_name(teams)] = {"figures": asdict(figures), "told_at": now.timestamp()}
        row.found, row.looking_for, row.next_at = kept, NOBODY, max(row.next_at, next_at)
        row.save(update_fields=["found", "next_at", "looking_for"])
