"""A channel: one page for its whole set-up, with the steps above and the settings below."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern

from channels_app.adapters.inboxes import INBOXES
from channels_app.channels.forms import INBOX_FIELDS, ChannelForm
from channels_app.models import Channel, InboxChannel
from channels_app.operations.checks import check_channel
from channels_app.protocol import CheckLine
from channels_app.web.admin.base import ChildFormSet, InlineModelAdmin, TabularInline, moment, shows_its_form
from channels_app.web.admin.channel_list import ChannelListAdmin
from channels_app.web.admin.channel_page import access_guides, channel_context
from channels_app.web.admin.channel_tools import ToolsAdmin
from channels_app.web.admin.setup import SetupAdmin

FAILURE_FIELDS = ("on_bot_failure", "fallback_text", "bot_tries", "answer_within_s", "reply_limit_s")


class LabelledFormSet(ChildFormSet):
    """Rows of a table whose fields name themselves: the column's head is no label to a screen reader."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and self.management_form.is_valid():
            self._forget_deleted()

    def _forget_deleted(self) -> None:
        """What others deleted while the page was open stays deleted; Django would let nobody save the rest."""
        saved = {str(pk) for pk in self.get_queryset().values_list("pk", flat=True)}
        rows = [f"{self.prefix}-{number}-" for number in range(self.total_form_count())]
        known = rows[: self.initial_form_count()]
        gone = {row for row in known if self.data.get(f"{row}id") not in saved}
        if not gone:
            return
        kept = [row for row in rows if row not in gone]
        data = {name: value for name, value in self.data.items() if not name.startswith(tuple(rows))}
        for number, row in enumerate(kept):
            own = {name.removeprefix(row): value for name, value in self.data.items() if name.startswith(row)}
            data |= {f"{self.prefix}-{number}-{name}": value for name, value in own.items()}
        counts = {"TOTAL_FORMS": len(kept), "INITIAL_FORMS": len(known) - len(gone)}
        self.data = data | {f"{self.prefix}-{name}": str(count) for name, count in counts.items()}
        del self.management_form

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for name, field in form.fields.items():
            field.widget.attrs.setdefault("aria-label", str(field.label or name))


class InboxChannelInline(TabularInline):
    model = InboxChannel
    formset = LabelledFormSet
    fields = ("is_enabled", "name", "external_id", "first_event")
    readonly_fields = ("first_event",)
    extra = 0
    verbose_name_plural = "inbox channels"

    @admin.display(description="first event")
    def first_event(self, row: InboxChannel) -> str:
        return moment(row.first_seen_at) if row.first_seen_at else "none yet"


@admin.register(Channel)
@shows_its_form
class ChannelAdmin(ChannelListAdmin, ToolsAdmin, SetupAdmin):
    form = ChannelForm
    inlines: ClassVar[tuple[type[InlineModelAdmin], ...]] = (InboxChannelInline,)
    radio_fields = {"inbox": admin.VERTICAL}
    settings_fields = tuple(INBOX_FIELDS)
    list_select_related = ("bot",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        keys = ("API keys", {"fields": self.settings_fields})
        if obj is None:
            return (None, {"fields": ("name", "inbox")}), keys, ("Bot", {"fields": ("bot",)})
        return (
            (None, {"fields": ("name",)}),
            ("Inbox and API keys", {"fields": ("inbox", *self.shown_settings(request, obj))}),
            ("Virtual agent", {"fields": ("shared_secret",)}),
            ("Bot", {"fields": ("bot", "greeting", "offer_hours")}),
            ("If the bot fails", {"fields": FAILURE_FIELDS, "classes": ("collapse",)}),
            ("Privacy", {"fields": ("keep_days",), "classes": ("collapse",)}),
            ("Where the bot answers", {"fields": ("covers_all_inbox_channels",)}),
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A bot can be added and changed from here, but not deleted: other channels may use it."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "bot":
            field.empty_label = "No bot yet"
            field.widget.can_delete_related = field.widget.can_view_related = False
        return field

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return super().add_view(request, form_url, {"guides": access_guides(INBOXES), **(extra_context or {})})

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj else ()

    def get_urls(self) -> list[URLPattern]:
        return [self.care_url("set-up", self.set_up_view), *super().get_urls()]

    def set_up_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The upper part of the page alone, for the script that waits for the first event."""
        channel = self.channel_for(request, object_id, "channels_app.view_channel")
        context = {**self.page_context(channel), "original": channel, "test_url": self.url_of(channel, "test")}
        context["has_change_permission"] = self.has_change_permission(request, channel)
        return TemplateResponse(request, "admin/chatbridge/set_up.html", context)

    def page_context(self, row: Channel) -> dict[str, Any]:
        return channel_context(row)

    def verdict_context(self, lines: list[CheckLine]) -> dict[str, Any]:
        return {"is_other_region": any(line.code == "CB-202" for line in lines)}

    def check_lines(self, row: Channel) -> list[CheckLine]:
        return check_channel(row)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many at once: each name has to be typed."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}
