"""The list of channels: how each is, what it did today, and what needs attention."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.operations.checks.facts import Facts, gather_facts
from channels_app.operations.checks.repairs import Repair, State, bridge_repairs, find_repairs, state_of
from channels_app.operations.checks.steps import setup_steps
from channels_app.operations.figures.health import ChannelHealth, Health, channel_health
from channels_app.web.admin.base import ago, row_link
from channels_app.web.links import links_of

LIVE = Q(archived_at=None, is_active=True, live_at__isnull=False)
SET_UP = Q(archived_at=None, is_active=True, live_at=None)
PAUSED = Q(archived_at=None, is_active=False)
ARCHIVED = Q(archived_at__isnull=False)


HEALTH_WORDS = {
    Health.FAILING: ("state-trouble", "▲ Failing"),
    Health.DEGRADED: ("state-warning", "◐ Degraded"),
}


class StateFilter(admin.SimpleListFilter):
    """Archived channels show only when asked for."""

    title = "state"
    parameter_name = "state"
    states: ClassVar[dict[str, tuple[str, Q]]] = {
        "live": ("Live", LIVE),
        "setup": ("In set-up", SET_UP),
        "paused": ("Paused", PAUSED),
        "archived": ("Archived", ARCHIVED),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("attention", "Needs attention"), *((key, words) for key, (words, _) in self.states.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        if self.value() == "attention":
            return queryset.filter(pk__in=[row.channel.pk for row in overview(request).values() if row.repairs])
        if self.value() in self.states:
            return queryset.filter(self.states[str(self.value())][1])
        return queryset.filter(archived_at=None)

    def choices(self, changelist: Any) -> Any:
        """As Django's own, but without filter it is not "all"."""
        for choice in super().choices(changelist):
            yield {**choice, "display": "All except archived"} if choice["query_string"] == "?" else choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One channel as the list shows it."""

    channel: Channel
    facts: Facts
    state: State
    repairs: Sequence[Repair]
    health: ChannelHealth | None


def overview(request: HttpRequest) -> dict[int, Row]:
    """All channels, looked at once a request: a handful of queries, however many there are."""
    found: dict[int, Row] | None = getattr(request, "_channel_overview", None)
    if found is None:
        health = channel_health(database_now())
        facts = gather_facts(Channel.objects.select_related("bot"))
        found = {one.channel.pk: _row(one, health.get(one.channel.pk)) for one in facts}
        request._channel_overview = found  # type: ignore[attr-defined]
    return found


def _row(facts: Facts, health: ChannelHealth | None) -> Row:
    repairs = find_repairs(facts)
    state = state_of(facts.channel, setup_steps(facts), repairs)
    return Row(channel=facts.channel, facts=facts, state=state, repairs=repairs, health=health)


def list_context(request: HttpRequest) -> dict[str, Any]:
    """For the page of the list: what needs attention stands above it."""
    rows = overview(request).values()
    return {
        "title": "Channels",
        "bridge": bridge_repairs() if rows else [],
        "attention": [
            (row.channel, repair, list(links_of(repair.buttons, row.channel)))
            for row in rows
            for repair in row.repairs
        ],
        "has_channels": bool(rows),
    }


# --- columns; each channel of the list has its `overview` ------------------------------------------------------------


@admin.display(description="state")
def state(channel: Any) -> SafeString:
    now: State = channel.overview.state
    health = channel.overview.health
    words = format_html('<span class="state state-{}">{} {}</span>', now.kind, now.shape, now.words)
    if now.kind != "live" or health is None or health.now not in HEALTH_WORDS:
        return words
    return format_html("{} {}", words, format_html('<span class="state {}">{}</span>', *HEALTH_WORDS[health.now]))


@admin.display(description="bot", ordering="bot__name")
def bot_link(channel: Channel) -> SafeString | str:
    return row_link(channel.bot)


@admin.display(description="last event")
def last_event(channel: Any) -> SafeString | str:
    facts: Facts = channel.overview.facts
    if facts.last_event_at:
        return ago(facts.last_event_at)
    refused = sum(group.count for group in facts.refused)
    return f"{refused} refused" if refused else "none yet"


@admin.display(description="answered")
def answered(channel: Any) -> str:
    return _figure(channel, lambda health: health.today.answered)


@admin.display(description="failed")
def failed(channel: Any) -> str:
    return _figure(channel, lambda health: health.today.given_up + health.today.lost)


@admin.display(description="handed over")
def handed_over(channel: Any) -> str:
    return _figure(channel, lambda health: health.today.handed_over)


def _figure(channel: Any, read: Callable[[ChannelHealth], int]) -> str:
    health: ChannelHealth | None = channel.overview.health
    return str(read(health)) if health else "–"


COLUMNS = (state, bot_link, last_event, answered, failed, handed_over)
