"""The failures inbox: causes instead of lines, and what to do about each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from channels_app.access.audit import Actor
from channels_app.access.permissions import REPLAY, actor_of
from channels_app.lib.clocks import database_now
from channels_app.models import BulkRetry, Channel, Exchange, Failure
from channels_app.operations.failures.groups import (
    AGES,
    PAGE,
    Group,
    disown_group,
    failure_groups,
    failure_matrix,
    find_group,
    list_failures,
    mute_group,
    own_group,
    reopen_group,
    resolve_group,
)
from channels_app.operations.failures.states import GroupState
from channels_app.web.links import number, page_address
from channels_app.web.pages import plots
from channels_app.web.pages.bulk import WindowForm
from channels_app.web.pages.frame import by_button_of, operator_page, show
from channels_app.web.pages.tiles import Link, link_to
from channels_app.web.pages.wording import grouped, many
from channels_app.web.times import AskedTime, asked_time

SHOWN = 50
BULKS_SHOWN = 10
OPEN_WORD, ALL_WORD = "open", "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A group in the list."""

    group: Group
    url: str
    trend: SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the list is narrowed to; `age`: a place of AGES, or None; `time`: when something failed so."""

    channel_id: int | None
    state: str
    code: str
    age: int | None
    page: int
    time: AskedTime

    @classmethod
    def read(cls, request: HttpRequest) -> "Filter":
        asked: Mapping[str, str] = request.GET.dict()
        state = asked.get("state", OPEN_WORD)
        age, page = number(asked.get("age", "")), number(asked.get("page", ""))
        return cls(
            channel_id=number(asked.get("channel", "")),
            state=state if state in {OPEN_WORD, ALL_WORD, *GroupState} else OPEN_WORD,
            code=asked.get("code", "")[:10],
            age=age if age is not None and age < len(AGES) else None,
            page=page or 0,
            time=asked_time(request),
        )

    @property
    def states(self) -> Iterable[GroupState]:
        if self.state == ALL_WORD:
            return list(GroupState)
        return [state for state in GroupState if (state.is_open if self.state == OPEN_WORD else state == self.state)]

    def url(self, **changes: Any) -> str:
        """The list with this filter, and what differs."""
        facts = {"channel": self.channel_id, "state": self.state, "code": self.code, "age": self.age}
        facts |= {**self.time.query, **changes}
        query = {name: value for name, value in facts.items() if value not in (None, "")}
        return f"{reverse('ops:failures')}?{urlencode(query)}"

    def takes(self, group: Group, now: datetime) -> bool:
        return self.age is None or any(failure_matrix([group], now)[group.row.code][self.age : self.age + 1])


@operator_page()
def failure_list(request: HttpRequest) -> HttpResponse:
    now, asked = database_now(), Filter.read(request)
    groups = [] if asked.time.problem else _groups(asked)
    shown = [group for group in groups if asked.takes(group, now)]
    first = asked.page * SHOWN
    return show(
        request,
        "failures",
        "Failures",
        asked=asked,
        time=asked.time,
        lines=[_line(group, asked.time.query) for group in shown[first : first + SHOWN]],
        older_url=asked.url(page=asked.page + 1) if shown[first + SHOWN :] else "",
        total=len(shown),
        ages=[name for name, _ in AGES],
        matrix=_matrix(groups, asked, now),
        states=[(OPEN_WORD, "open"), *((state, state) for state in GroupState), (ALL_WORD, "all")],
        channels=Channel.objects.filter(archived_at=None),
        bulks=BulkRetry.objects.select_related("channel").order_by("-pk")[:BULKS_SHOWN],
        window_form=WindowForm(initial={"channel": asked.channel_id}),
        may_replay=request.user.has_perm(REPLAY),
    )


def _groups(asked: Filter) -> list[Group]:
    return failure_groups(channel_id=asked.channel_id, states=asked.states, code=asked.code, during=asked.time.during)


def _line(group: Group, query: Mapping[str, str]) -> Line:
    title = f"{many(sum(group.trend), 'failure')} in 24 hours, {grouped(group.recent)} in the last hour."
    return Line(
        group=group,
        url=page_address(reverse("ops:failure", args=[group.row.pk]), query),
        trend=plots.sparkline(group.trend, title=title),
    )


Cells = list[tuple[int, str]]


def _matrix(groups: Sequence[Group], asked: Filter, now: datetime) -> list[tuple[str, str, str, Cells]]:
    """Code, its name and its own list, and a number with a link for each age."""
    names = {group.row.code: group.title for group in groups}
    return [
        (
            code,
            names[code],
            asked.url(code=code, age=None),
            [(count, asked.url(code=code, age=place)) for place, count in enumerate(counts)],
        )
        for code, counts in failure_matrix(groups, now).items()
    ]


# --- one group ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An event of a group with the pages that tell more."""

    failure: Failure
    conversation: Link | None
    call: Link | None


@operator_page()
def failure_detail(request: HttpRequest, group_id: int) -> HttpResponse:
    group = find_group(group_id)
    if group is None:
        raise Http404("There is no such group of failures.")
    time = asked_time(request)
    rows = list_failures(group_id, _before(request), time.during)
    return show(
        request,
        "failure",
        f"{group.title} on {group.row.channel}",
        group=group,
        time=time,
        calls=_calls(group, time.query),
        trend=_line(group, time.query).trend,
        hits=_hits(group, rows[:PAGE]),
        older_url=f"?{urlencode(time.query | {'before': _after(rows[PAGE - 1])})}" if len(rows) > PAGE else "",
        may_replay=request.user.has_perm(REPLAY),
        is_mine=group.row.owner_id == request.user.pk,
    )


def _calls(group: Group, query: Mapping[str, str]) -> Link | None:
    return link_to("Calls with this code", "ops:exchanges", code=group.row.code, channel=group.row.channel_id, **query)


def _hits(group: Group, rows: Sequence[Failure]) -> list[Hit]:
    calls = Exchange.objects.filter(event_id__in=[row.event_id for row in rows], code=group.row.code).order_by("pk")
    newest = dict(calls.values_list("event_id", "pk"))
    return [
        Hit(
            failure=row,
            conversation=link_to(
                row.event.conversation.external_id, "ops:conversation", row.event.conversation_id, event=row.event_id
            ),
            call=link_to("Call", "ops:exchange", newest[row.event_id]) if row.event_id in newest else None,
        )
        for row in rows
    ]


def _after(row: Failure) -> str:
    return f"{row.at.isoformat()},{row.pk}"


def _before(request: HttpRequest) -> tuple[datetime, int] | None:
    text, _, pk = request.GET.get("before", "").partition(",")
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    row = number(pk)
    return (at, row) if at is not None and timezone.is_aware(at) and row is not None else None


_ACTS: dict[str, tuple[Callable[[int, Actor], None], str]] = {
    "resolve": (resolve_group, "Resolved. If it fails again, the group is shown as regressed."),
    "mute": (mute_group, "Muted until there are twice as many failures."),
    "reopen": (reopen_group, "The group is open again."),
    "own": (own_group, "You are the owner now."),
    "disown": (disown_group, "It now has no owner."),
}


@operator_page()
@by_button_of("ops:failure")
def failure_act(request: HttpRequest, group_id: int, act: str) -> HttpResponse:
    if not request.user.has_perm(REPLAY):
        raise PermissionDenied
    if act not in _ACTS or find_group(group_id) is None:
        raise Http404("There is no such group of failures, or no such action for it.")
    verb, told = _ACTS[act]
    verb(group_id, actor_of(request))
    messages.success(request, told)
    return redirect("ops:failure", group_id)
