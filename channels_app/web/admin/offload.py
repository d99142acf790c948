"""The channel's page with its offload provider on it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import date_format

from channels_app.channels.forms.offload import OffloadProviderForm
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.web.admin.base import ChangeForm, StackedInline, shows_its_form
from channels_app.web.admin.channels import ChannelAdmin
from offload.models import OffloadProvider
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


@admin.register(Channel)
class ChannelWithOffloadAdmin(ChannelAdmin):
    inlines = (*ChannelAdmin.inlines, OffloadProviderInline)

    def save_related(self, request: HttpRequest, form: ChangeForm, formsets: Any, change: bool) -> None:
        """Every channel has a provider from its first save on, because its addresses are needed for the set-up."""
        super().save_related(request, form, formsets, change)
        OffloadProvider.objects.get_or_create(channel=form.instance)
