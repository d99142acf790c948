"""A bot: what platform it runs on, how it is reached, and which channels it answers on."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from channels_app.adapters.bots import bot_class
from channels_app.channels.forms import BOT_FIELDS, BotForm
from channels_app.channels.links import availability_url, reply_url
from channels_app.models import Bot
from channels_app.operations.checks import check_bot
from channels_app.operations.checks.newest import newest_limits
from channels_app.operations.checks.presses import last_press
from channels_app.operations.checks.refusals import recent_refusals
from channels_app.operations.checks.steps import Address, pause_problem
from channels_app.protocol.checks import CheckLine
from channels_app.web.admin.base import moment, row_link, shows_its_form, urls_below
from channels_app.web.admin.setup import SetupAdmin
from channels_app.web.admin.trying import try_page


@admin.register(Bot)
@shows_its_form
class BotAdmin(SetupAdmin):
    form = BotForm
    radio_fields = {"kind": admin.VERTICAL}
    settings_fields = tuple(BOT_FIELDS)
    list_display = ("name", "kind", "channels", "saved")
    list_filter = ("kind",)
    search_fields = ("name",)
    readonly_fields = ("channels",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bot]:
        return super().get_queryset(request).prefetch_related("channel_set")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        about = ("name", "kind", "channels") if obj else ("name", "kind")
        reach = ("Connection", {"fields": self.shown_settings(request, obj)})
        if obj is None:
            return (None, {"fields": about}), reach
        down = ("When it is down", {"fields": ("max_failures", "pause_s"), "classes": ("collapse",)})
        return (None, {"fields": about}), reach, down

    def get_urls(self) -> list[URLPattern]:
        return [*urls_below(self, {"try": ("channels_app.change_bot", try_page)}), *super().get_urls()]

    def page_context(self, row: Bot) -> dict[str, Any]:
        connector = bot_class(row.kind)
        address = Address(label="Reply URL", url=reply_url(row.uuid))
        return {
            "addresses": [address] if connector.calls_back() else [],
            "address_help": "Your bot sends its messages here: paste this URL into your bot's platform."
            if connector.answers_later
            else "Only for a bot that answers later: it POSTs its replies here.",
            "availability": Address(label="Availability URL", url=availability_url(row.uuid))
            if connector.asks_ahead
            else None,
            "try_url": self.url_of(row, "try"),
            "pause": pause_problem(row),
            "limits": newest_limits(row),
            "tries_buttons": connector.tries_buttons,
            "press": last_press(row) if connector.tries_buttons else None,
            "refusals": recent_refusals("bot", row.uuid),
        }

    def check_lines(self, row: Bot) -> list[CheckLine]:
        return check_bot(row)

    @admin.display(description="answers on")
    def channels(self, bot: Bot) -> SafeString | str:
        rows = bot.channel_set.all()
        return format_html_join(", ", "{}", ((row_link(row),) for row in rows)) or "no channel yet"

    @admin.display(description="last change", ordering="updated_at")
    def saved(self, bot: Bot) -> SafeString | str:
        return moment(bot.updated_at)
