"""A channel: one page for its whole set-up, with the steps above and the settings below.

What it consists of stands beside: the list (`channel_list`), the part above the form (`channel_page`), what is edited
with it (`inlines`), and the pages below it (`channel_acts`, `channel_tools`).
"""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from channels_app.access.permissions import CHANGE_CHANNEL, DELETE_CHANNEL, SEE_CHANNEL
from channels_app.adapters.inboxes import INBOXES
from channels_app.channels.forms import INBOX_FIELDS, ChannelForm
from channels_app.models import Channel
from channels_app.operations.checks import check_channel
from channels_app.protocol.checks import CheckLine
from channels_app.web.admin import channel_list, channel_tools
from channels_app.web.admin.base import ChangeForm, Page, shows_its_form, urls_below
from channels_app.web.admin.channel_acts import ACTS
from channels_app.web.admin.channel_page import access_guides, channel_context, set_up_part
from channels_app.web.admin.inlines import InboxChannelInline, OffloadProviderInline
from channels_app.web.admin.routing import routing_page
from channels_app.web.admin.setup import SetupAdmin
from offload.models import OffloadProvider

FAILURE_FIELDS = (
    *("on_bot_failure", "failure_policies", "fallback_texts", "apology_texts"),
    *("bot_tries", "answer_within_s", "max_bounces", "reply_limit_s"),
)
BURST_FIELDS = ("burst_quiet_ms", "drops_overtaken_answers")
HELP_FIELDS = ("hands_over_on_words", "agent_words", "max_misses", "miss_intents")
ALERT_FIELDS = ("alert_minutes", "alert_mail_to")
SILENCE_FIELDS = ("on_silence", "silent_minutes", "silence_texts", "silent_end_minutes", "silence_end_texts")
HOLDING_FIELDS = ("hold_after_s", "holding_texts")
PAUSE_FIELDS = ("when_paused", "paused_texts")
BOT_FIELDS = (
    *("bot", "greeting", "delegation_dialog", "delegation_text", "offer_hours", "typing_after_s"),
    "resolved_texts",
)
LANGUAGE_FIELDS = ("language", "language_attribute")
PAGES: dict[str, tuple[str, Page]] = {
    "set-up": (SEE_CHANNEL, set_up_part),
    "replace-keys": (CHANGE_CHANNEL, channel_tools.replace_keys_page),
    "send-test": (CHANGE_CHANNEL, channel_tools.send_test_page),
    "diagnostics": (CHANGE_CHANNEL, channel_tools.diagnostics_page),
    "intents": (SEE_CHANNEL, channel_tools.intents_page),
    "routing": (SEE_CHANNEL, routing_page),
    "export": (CHANGE_CHANNEL, channel_tools.export_page),
    "delete": (DELETE_CHANNEL, channel_tools.delete_page),
    **{act.path: (act.permission, act) for act in ACTS},
}
"""Below a channel's own: the end of the address, and who may see what."""


@admin.register(Channel)
@shows_its_form
class ChannelAdmin(SetupAdmin):
    form = ChannelForm
    radio_fields = {"inbox": admin.VERTICAL}
    settings_fields = tuple(INBOX_FIELDS)
    list_display = ("name", *channel_list.COLUMNS)
    list_filter = (channel_list.StateFilter, "inbox", "bot")
    list_select_related = ("bot",)
    search_fields = ("name",)
    search_help_text = (
        "A name, or the end of a client ID or of a webhook URL. Answered, failed and handed over: within 24 hours."
    )
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    change_list_template = "admin/chatbridge/channels.html"

    # --- the list ---

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By what people have of a channel: its name, or the end of a value that they look at elsewhere."""
        term = search_term.strip().rstrip("/")
        if not term:
            return queryset, False
        by_end = Q(address__iendswith=term) | Q(settings__client_id__iendswith=term)
        return queryset.annotate(address=Cast("uuid", TextField())).filter(Q(name__icontains=term) | by_end), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Each row of the list knows what is known of its channel."""
        changelist = super().get_changelist_instance(request)
        rows = channel_list.overview(request)
        for channel in changelist.result_list:
            channel.overview = rows[channel.pk]
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**channel_list.list_context(request), **(extra_context or {})})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting many at once: each name has to be typed."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    # --- the form ---

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        keys = ("API keys", {"fields": self.settings_fields})
        if obj is None:
            return (None, {"fields": ("name", "inbox")}), keys, ("Bot", {"fields": ("bot",)})
        return (
            (None, {"fields": ("name",)}),
            ("Inbox and API keys", {"fields": ("inbox", *self.shown_settings(request, obj))}),
            ("Virtual agent", {"fields": ("shared_secret",)}),
            ("Bot", {"fields": BOT_FIELDS}),
            ("Topics", {"fields": ("intent_topics",), "classes": ("collapse",)}),
            ("Several messages in a row", {"fields": BURST_FIELDS, "classes": ("collapse",)}),
            ("Routing of handovers", {"fields": ("routing_rules",), "classes": ("collapse",)}),
            ("Without the bot's help", {"fields": HELP_FIELDS, "classes": ("collapse",)}),
            (
                "Contacts who wait for an agent",
                {"fields": ALERT_FIELDS, "classes": ("collapse",)},
            ),
            ("Files from contacts", {"fields": ("on_contact_file", "file_texts"), "classes": ("collapse",)}),
            ("If the contact is silent", {"fields": SILENCE_FIELDS, "classes": ("collapse",)}),
            ("If the bot fails", {"fields": FAILURE_FIELDS, "classes": ("collapse",)}),
            ("While the bot thinks", {"fields": HOLDING_FIELDS, "classes": ("collapse",)}),
            ("While the bot is switched off", {"fields": PAUSE_FIELDS, "classes": ("collapse",)}),
            ("Calls to Sparkcentral", {"fields": ("inline_answers",), "classes": ("collapse",)}),
            ("Languages", {"fields": LANGUAGE_FIELDS, "classes": ("collapse",)}),
            ("Privacy", {"fields": ("keep_days",), "classes": ("collapse",)}),
            ("Where the bot answers", {"fields": ("covers_all_inbox_channels",)}),
        )

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return (InboxChannelInline, OffloadProviderInline) if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A bot can be added and changed from here, but not deleted: other channels may use it."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "bot":
            field.empty_label = "No bot yet"
            field.widget.can_delete_related = field.widget.can_view_related = False
        return field

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return super().add_view(request, form_url, {"guides": access_guides(INBOXES), **(extra_context or {})})

    def save_related(self, request: HttpRequest, form: ChangeForm, formsets: Any, change: bool) -> None:
        """Every channel has a provider from its first save on, because its addresses are needed for the set-up."""
        super().save_related(request, form, formsets, change)
        OffloadProvider.objects.get_or_create(channel=form.instance)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """One that was made elsewhere gets its provider when its page is opened: no two tabs can each make one."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "GET" and self.has_change_permission(request, row):
            OffloadProvider.objects.get_or_create(channel=row)
        return row

    # --- above the form, and below the page ---

    def page_context(self, row: Channel) -> dict[str, Any]:
        return channel_context(row)

    def check_lines(self, row: Channel) -> list[CheckLine]:
        return check_channel(row)

    def get_urls(self) -> list[URLPattern]:
        return [*urls_below(self, PAGES), *super().get_urls()]
