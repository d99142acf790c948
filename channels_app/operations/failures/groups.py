"""The groups of failures as people see them: how each stands, and what operators decided about it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Sum

from channels_app.access.audit import Actor, record_audit
from channels_app.codes import CODES, Code
from channels_app.lib.attributes import filled
from channels_app.lib.clocks import database_now
from channels_app.lib.times import ALWAYS, TimeRange
from channels_app.models import Failure, FailureGroup, Figure, Period, WebhookEvent
from channels_app.models.periods import numbers_during, within
from channels_app.operations.failures.states import GroupFacts, GroupState, group_state, mute_until
from channels_app.operations.figures.counting import WIDTHS, Name, whole

MAX_GROUPS = 300
"""Groups to consider, those with the latest failures: more causes than anyone will read."""
TREND_CELLS = 48
"""Half hours of a trend: a day."""
RECENT_CELLS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with its state; `trend`: failures in each half hour of the last day."""

    row: FailureGroup
    state: GroupState
    trend: Sequence[int]

    @property
    def code(self) -> Code | None:
        """Its entry in the catalogue; None for one of another release."""
        return CODES.get(self.row.code)

    @property
    def title(self) -> str:
        return self.code.name if self.code else self.row.message or self.row.code

    @property
    def recent(self) -> int:
        """Failures in about the last hour."""
        return sum(self.trend[-RECENT_CELLS:])


def facts_of(row: FailureGroup, trend: Sequence[int] = ()) -> GroupFacts:
    """What its state is computed from."""
    before = trend[:-RECENT_CELLS]
    return filled(
        GroupFacts,
        row,
        recent=sum(trend[-RECENT_CELLS:]),
        usual=sum(before) * RECENT_CELLS / len(before) if before else 0.0,
    )


def failure_groups(
    *,
    channel_id: int | None = None,
    states: Iterable[GroupState] | None = None,
    code: str = "",
    during: TimeRange = ALWAYS,
) -> list[Group]:
    """Groups in these states (without: those that need attention), the latest failure first.

    `during`: only those that an event failed with which came in then, or failed then for the last time.
    """
    rows = FailureGroup.objects.select_related("channel", "owner").order_by("-last_at", "-pk")
    if channel_id is not None:
        rows = rows.filter(channel_id=channel_id)
    if code:
        rows = rows.filter(code=code)
    if during:
        failed = Failure.objects.filter(group=OuterRef("pk"))
        came, last = (Exists(failed.filter(which)) for which in _failed_during(during))
        rows = rows.filter(came | last)
    wanted = set(states) if states is not None else {state for state in GroupState if state.is_open}
    return [group for group in _with_states(list(rows[:MAX_GROUPS])) if group.state in wanted]


def _failed_during(during: TimeRange) -> tuple[Q, Q]:
    """Failures of events that came in then, and those whose latest time was then: each has its index."""
    numbers = numbers_during(WebhookEvent, during)
    came = within("event_id", numbers.first, numbers.end) & within("event__received_at", during.since, during.until)
    return came, within("at", during.since, during.until)


def find_group(group_id: int) -> Group | None:
    rows = list(FailureGroup.objects.select_related("channel", "owner").filter(pk=group_id))
    return next(iter(_with_states(rows)), None)


def top_groups(counts: Mapping[int, int], most: int) -> list[tuple[Group, int]]:
    """Of groups with their numbers of failures in some time: the largest that need attention.

    In one statement, so without trends: none of them is called escalating here.
    """
    now = database_now()
    rows = FailureGroup.objects.select_related("channel", "owner").filter(pk__in=counts)
    groups = [Group(row=row, state=group_state(facts_of(row), now), trend=()) for row in rows]
    shown = [(group, counts[group.row.pk]) for group in groups if group.state.is_open]
    return sorted(shown, key=lambda pair: -pair[1])[:most]


def _with_states(rows: Sequence[FailureGroup]) -> list[Group]:
    now = database_now()
    trends = _trends([row.pk for row in rows], now)
    return [
        Group(row=row, state=group_state(facts_of(row, trends[row.pk]), now), trend=trends[row.pk]) for row in rows
    ]


def _trends(group_ids: Sequence[int], now: datetime) -> Mapping[int, Sequence[int]]:
    width = WIDTHS[Period.HALF_HOUR]
    starts = [whole(now, width) - width * back for back in reversed(range(TREND_CELLS))]
    figures = Figure.objects.filter(
        period=Period.HALF_HOUR, start__gte=starts[0], name=Name.GROUP, label__in=[str(pk) for pk in group_ids]
    )
    counted: dict[str, dict[datetime, int]] = defaultdict(dict)
    for label, start, value in figures.values_list("label", "start").annotate(Sum("value")):
        counted[label][start] = value
    return {pk: [counted[str(pk)].get(start, 0) for start in starts] for pk in group_ids}


AGES = (
    ("within an hour", timedelta(hours=1)),
    ("within a day", timedelta(hours=24)),
    ("within 7 days", timedelta(days=7)),
    ("longer ago", timedelta.max),
)


def failure_matrix(groups: Iterable[Group], now: datetime) -> dict[str, list[int]]:
    """Cause by age: affected conversations, by code, in the column of their group's latest failure."""
    matrix: dict[str, list[int]] = {}
    for group in groups:
        age = now - group.row.last_at
        column = next(place for place, (_, most) in enumerate(AGES) if age <= most)
        matrix.setdefault(group.row.code, [0] * len(AGES))[column] += group.row.conversations
    return dict(sorted(matrix.items()))


PAGE = 50


def list_failures(
    group_id: int, before: tuple[datetime, int] | None = None, during: TimeRange = ALWAYS
) -> list[Failure]:
    """A page of the events of a group, the latest failure first; `before`: time and id of the last one seen.

    `during`: only events that came in then, or failed so then for the last time.
    """
    rows = Failure.objects.filter(group_id=group_id).select_related("event__conversation").order_by("-at", "-pk")
    if before is not None:
        at, pk = before
        rows = rows.filter(at__lte=at).exclude(at=at, pk__gte=pk)
    if during:
        came, last = _failed_during(during)
        rows = rows.filter(came | last)
    return list(rows[: PAGE + 1])


# --- what people decide -------------------------------------------------------------------------------------------


def resolve_group(group_id: int, actor: Actor) -> None:
    """Its cause is fixed; the next failure makes it regress."""
    now = database_now()
    _change(group_id, actor, "resolved failures", resolved_at=now, regressed_at=None, **_UNMUTED)


def mute_group(group_id: int, actor: Actor) -> None:
    """Known, and no work now: silent until there are twice as many failures."""
    row = FailureGroup.objects.get(pk=group_id)
    _change(group_id, actor, "muted failures", muted_at=database_now(), muted_until_count=mute_until(row.count))


_UNMUTED = {"muted_at": None, "muted_until_count": None}


def reopen_group(group_id: int, actor: Actor) -> None:
    """Reopen it: no longer muted or resolved."""
    _change(group_id, actor, "reopened failures", resolved_at=None, regressed_at=None, **_UNMUTED)


def own_group(group_id: int, actor: Actor) -> None:
    """The actor becomes the owner."""
    _change(group_id, actor, "took failures", owner_id=actor.user_id)


def disown_group(group_id: int, actor: Actor) -> None:
    _change(group_id, actor, "let go of failures", owner_id=None)


def _change(group_id: int, actor: Actor, action: str, **values: datetime | int | None) -> None:
    with transaction.atomic():
        row = FailureGroup.objects.select_for_update().get(pk=group_id)
        changes = {name: [_text(getattr(row, name)), _text(value)] for name, value in values.items()}
        FailureGroup.objects.filter(pk=group_id).update(**values)
        record_audit(actor, action, row, changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]})


def _text(value: datetime | int | None) -> str | int | None:
    return value.isoformat() if isinstance(value, datetime) else value
