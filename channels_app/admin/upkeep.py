"""What runs the bridge: requests that a door turned away, what is known of API keys, and the processes at work."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString

from channels_app.admin.base import ReadOnlyAdmin, WordFilter, moment
from channels_app.causes import REFUSALS
from channels_app.checking.refusals import reason_words
from channels_app.clocks import database_now
from channels_app.explanations.arrival import SILENT_AFTER
from channels_app.models import Bot, Channel, Credential, IntakeCount, WorkerSlot

DOORS = {
    "inbox": "webhook URL (inbox)",
    "bot": "reply URL (bot)",
    "offload": "offload URL (bot)",
    "write_back": "write-back URL (inbox)",
}


class ReasonFilter(WordFilter):
    title = "reason"
    parameter_name = "reason"
    words = tuple((reason, reason_words(reason)) for reason in REFUSALS)


@admin.register(IntakeCount)
class IntakeCountAdmin(ReadOnlyAdmin):
    """Counts of requests; the requests themselves are not kept."""

    owners: tuple[type[Model], ...] = (Channel, Bot)
    """Rows with a `uuid` in an address and a `name`."""
    list_display = ("day", "where", "owner", "why", "count", "last")
    list_filter = ("day", ReasonFilter)
    list_display_links = None
    ordering = ("-day", "-last_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = [
            Subquery(row._default_manager.filter(uuid=OuterRef("owner_uuid")).values("name")) for row in self.owners
        ]
        counts: QuerySet[Any] = super().get_queryset(request).annotate(owner_name=Coalesce(*names))
        return counts

    @admin.display(description="address", ordering="door")
    def where(self, row: IntakeCount) -> str:
        return DOORS.get(row.door, row.door)

    @admin.display(description="of")
    def owner(self, row: Any) -> str:
        return row.owner_name or (str(row.owner_uuid) if row.owner_uuid else "nobody: unknown address")

    @admin.display(description="reason", ordering="reason")
    def why(self, row: IntakeCount) -> str:
        return reason_words(row.reason, row.door)

    @admin.display(description="last", ordering="last_at")
    def last(self, row: IntakeCount) -> SafeString | str:
        return moment(row.last_at)


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    list_display = ("account", "token", "problem", "since", "quota_used", "quota_limit")
    list_display_links = None

    @admin.display(description="account")
    def account(self, row: Credential) -> str:
        return str(row)

    @admin.display(description="token valid until")
    def token(self, row: Credential) -> SafeString | str:
        return moment(row.token_expires_at) if row.token_encrypted else "no token"

    @admin.display(description="problem since")
    def since(self, row: Credential) -> SafeString | str:
        return moment(row.problem_since)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_view_permission(request, obj)


@admin.register(WorkerSlot)
class WorkerSlotAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "life", "beat", "started", "version")
    list_display_links = None

    @admin.display(description="state")
    def life(self, row: WorkerSlot) -> str:
        if row.ended_at:
            return "▲ ended"
        return "● alive" if database_now() - row.beat_at < SILENT_AFTER else "▲ silent"

    @admin.display(description="last seen", ordering="beat_at")
    def beat(self, row: WorkerSlot) -> SafeString | str:
        return moment(row.beat_at)

    @admin.display(description="started", ordering="started_at")
    def started(self, row: WorkerSlot) -> SafeString | str:
        return moment(row.started_at)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_view_permission(request, obj)
