"""A channel: one page for its whole set-up, with the steps above and the settings below."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from channels_app.admin.base import ChildFormSet, InlineModelAdmin, TabularInline, moment
from channels_app.admin.setup import SetupAdmin
from channels_app.checking import check_channel, forget_token
from channels_app.checking.steps import Progress, Step, setup_steps
from channels_app.forms import INBOX_FIELDS, ChannelForm
from channels_app.models import Channel, EventSource, InboxChannel, Outcome, WebhookEvent
from channels_app.protocol import CheckLine

FAILURE_FIELDS = ("on_bot_failure", "fallback_text", "bot_tries", "answer_within_s", "reply_limit_s")


class LabelledFormSet(ChildFormSet):
    """Rows of a table whose fields name themselves: the column's head is no label to a screen reader."""

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
class ChannelAdmin(SetupAdmin):
    form = ChannelForm
    inlines: ClassVar[tuple[type[InlineModelAdmin], ...]] = (InboxChannelInline,)
    radio_fields = {"inbox": admin.VERTICAL}
    settings_fields = tuple(INBOX_FIELDS)
    list_display = ("name", "state", "inbox", "bot", "is_active")
    list_filter = ("inbox", "bot", "is_active")
    list_select_related = ("bot",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        events = WebhookEvent.objects.filter(channel=OuterRef("pk"))
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                has_events=Exists(events.filter(source=EventSource.INBOX)),
                has_answers=Exists(events.filter(outcome__in=(Outcome.REPLIED, Outcome.RESOLVED))),
            )
        )
        return rows

    @admin.display(description="state")
    def state(self, channel: Any) -> str:
        if not channel.is_active:
            return "○ Switched off"
        if channel.has_events:
            return "● Live" if channel.has_answers else "◐ Events arrive, no answer yet"
        return "◐ Waiting for the first event" if channel.shared_secret_encrypted else "○ Set-up not finished"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        keys = ("API keys", {"fields": self.settings_fields})
        if obj is None:
            return (None, {"fields": ("name", "inbox")}), keys, ("Bot", {"fields": ("bot",)})
        return (
            (None, {"fields": ("name", "is_active")}),
            ("Inbox and API keys", {"fields": ("inbox", *self.settings_fields)}),
            ("Virtual agent", {"fields": ("shared_secret",)}),
            ("Bot", {"fields": ("bot", "greet")}),
            ("If the bot fails", {"fields": FAILURE_FIELDS, "classes": ("collapse",)}),
            ("Where the bot answers", {"fields": ("covers_all_inbox_channels",)}),
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A bot can be added and changed from here, but not deleted: other channels may use it."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "bot":
            field.empty_label = "No bot yet"
            field.widget.can_delete_related = field.widget.can_view_related = False
        return field

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj else ()

    def steps(self, channel: Channel) -> list[Step]:
        return setup_steps(channel)

    def page_context(self, row: Channel) -> dict[str, Any]:
        steps = self.steps(row)
        return {
            "steps": steps,
            "done": sum(step.progress is Progress.DONE for step in steps),
            "next_step": next((step for step in steps if step.progress is not Progress.DONE), None),
            "keeps_conversations": row.conversations.exists(),
        }

    def check_lines(self, row: Channel) -> list[CheckLine]:
        return check_channel(row)

    def forget(self, row: Channel) -> None:
        forget_token(row)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting would take all conversations along, without a way back; off is enough."""
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or not obj.conversations.exists()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many at once, for the same reason."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}
