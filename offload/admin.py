"""The channel's page with its offload provider on it, and the requests for humans."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.safestring import SafeString

from channels_app.admin.base import (
    ChangeForm,
    StackedInline,
    TextAdmin,
    WordFilter,
    document,
    moment,
    row_link,
    shows_its_form,
)
from channels_app.admin.channels import ChannelAdmin
from channels_app.admin.events import talk_words
from channels_app.admin.upkeep import IntakeCountAdmin
from channels_app.clocks import database_now
from channels_app.masking import readable_document
from channels_app.models import Channel, IntakeCount
from offload.forms import OffloadProviderForm
from offload.models import Offload, OffloadProvider, OffloadReason, OffloadState
from offload.opening_hours import is_open, next_opening


@shows_its_form
class OffloadProviderInline(StackedInline):
    model = OffloadProvider
    form = OffloadProviderForm
    readonly_fields = ("now",)
    fields = ("name", "is_enabled", "verify_token", "opening_hours", "now", "closed_text", "write_back_secret")
    can_delete = False
    max_num = 1
    extra = 1

    @admin.display(description="right now")
    def now(self, provider: OffloadProvider) -> str:
        moment_now = database_now()
        if provider.pk is None or is_open(provider.opening_hours, moment_now):
            return "Open." if provider.is_enabled else "Open, but switched off."
        opening = next_opening(provider.opening_hours, moment_now)
        if opening is None:
            return "Closed, and never open."
        return f"Closed. Opens {date_format(opening, 'l j F, H:i')} ({opening.tzinfo})."


admin.site.unregister(Channel)
admin.site.unregister(IntakeCount)


@admin.register(Channel)
class ChannelWithOffloadAdmin(ChannelAdmin):
    inlines = (*ChannelAdmin.inlines, OffloadProviderInline)

    def save_related(self, request: HttpRequest, form: ChangeForm, formsets: Any, change: bool) -> None:
        """Every channel has a provider from its first save on, because its addresses are needed for the set-up."""
        super().save_related(request, form, formsets, change)
        OffloadProvider.objects.get_or_create(channel=form.instance)


@admin.register(IntakeCount)
class DoorCountAdmin(IntakeCountAdmin):
    owners = (*IntakeCountAdmin.owners, OffloadProvider)


class ReasonFilter(WordFilter):
    title = "reason"
    parameter_name = "reason"
    words = tuple(OffloadReason.choices)


class StateFilter(WordFilter):
    title = "state"
    parameter_name = "state"
    words = tuple(OffloadState.choices)


@admin.register(Offload)
class OffloadAdmin(TextAdmin):
    list_display = ("requested", "reason", "detail", "state", "requested_by", "talk", "channel", "ended")
    list_filter = ("conversation__channel", ReasonFilter, StateFilter)
    list_select_related = ("conversation__channel", "conversation__contact")
    fieldsets = (
        (None, {"fields": ("talk", "reason", "detail", "requested_by", "requested")}),
        ("What became of it", {"fields": ("state", "finished", "sent_with", "ended", "ended_by", "end_comment")}),
        ("From the bot", {"fields": ("payload_shown",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Offload]:
        return (
            super().get_queryset(request).select_related("conversation__channel", "conversation__contact", "delivery")
        )

    @admin.display(description="requested", ordering="id")
    def requested(self, offload: Offload) -> SafeString | str:
        return moment(offload.requested_at)

    @admin.display(description="finished")
    def finished(self, offload: Offload) -> SafeString | str:
        return moment(offload.finished_at)

    @admin.display(description="resolved by the agents")
    def ended(self, offload: Offload) -> SafeString | str:
        return moment(offload.ended_at)

    @admin.display(description="conversation")
    def talk(self, offload: Offload) -> SafeString | str:
        return row_link(offload.conversation, talk_words(offload.conversation))

    @admin.display(description="channel")
    def channel(self, offload: Offload) -> str:
        return str(offload.conversation.channel)

    @admin.display(description="sent with")
    def sent_with(self, offload: Offload) -> SafeString | str:
        return row_link(offload.delivery)

    @admin.display(description="payload")
    def payload_shown(self, offload: Offload) -> SafeString | str:
        return document(readable_document(offload.payload)) if offload.payload is not None else "nothing"
