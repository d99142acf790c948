"""Reading the audit log: newest first, by who, what, and on which thing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet

from channels_app.lib.times import ALWAYS, TimeRange
from channels_app.models import AuditEntry
from channels_app.models.periods import rows_during

NAMES_WITHIN = 100_000
"""Entries, the newest, in which a thing is looked for by a part of its name: there is no index for that."""
READ_AT_ONCE = 1_000

# Steps from one name to the next along the index: a DISTINCT would read the whole log.
_KNOWN_ACTIONS = """
WITH RECURSIVE known AS (
    (SELECT action FROM channels_app_auditentry ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT entry.action FROM channels_app_auditentry entry WHERE entry.action > known.action
            ORDER BY entry.action LIMIT 1)
    FROM known WHERE known.action IS NOT NULL
)
SELECT action FROM known WHERE action IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """Which entries are meant; what is empty selects nothing away.

    `thing` is "channel:12", as in entries' links, or part of a name. `before` is the id at which the page continues.
    """

    who: str = ""
    action: str = ""
    thing: str = ""
    before: int | None = None
    during: TimeRange = ALWAYS

    @property
    def is_by_name(self) -> bool:
        return bool(self.thing) and _exact(self.thing) is None

    def entries(self) -> QuerySet[AuditEntry]:
        """Newest first; slice it."""
        found = rows_during(AuditEntry.objects.order_by("-id"), self.during)
        if self.who:
            found = found.filter(actor=self.who)
        if self.action:
            found = found.filter(action=self.action)
        if self.before is not None:
            found = found.filter(id__lt=self.before)
        return found.filter(**self._thing_filter()) if self.thing else found

    def _thing_filter(self) -> dict[str, Any]:
        exact = _exact(self.thing)
        if exact:
            return {"object_type": exact[0], "object_id": exact[1]}
        newest = AuditEntry.objects.aggregate(newest=Max("id"))["newest"] or 0
        return {"object_name__icontains": self.thing, "id__gt": newest - NAMES_WITHIN}

    def all_entries(self) -> Iterator[AuditEntry]:
        """All of them, however many: read in parts, so that no statement takes long."""
        search = self
        while rows := list(search.entries()[:READ_AT_ONCE]):
            yield from rows
            search = replace(search, before=rows[-1].pk)


def known_actions() -> list[str]:
    """What people did, as far as the log knows, in the order of the alphabet."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_ACTIONS)
        return [action for (action,) in cursor.fetchall()]


def _exact(thing: str) -> tuple[str, str] | None:
    kind, colon, identity = thing.partition(":")
    return (kind, identity) if colon and kind.replace("-", "").isalpha() and " " not in identity else None
