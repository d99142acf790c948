"""Replies on their way to the inbox, try by try, and the button that sends a lost one again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from channels_app.admin.acting import ActingAdmin
from channels_app.admin.base import TextAdmin, WordFilter, document, moment, row_link
from channels_app.admin.events import talk_words
from channels_app.deliveries import tries_of
from channels_app.interventions import send_again
from channels_app.masking import readable_document
from channels_app.models import Delivery, DeliveryState, Exchange
from channels_app.operations.access import REPLAY, actor_of
from channels_app.wording import event_word, result_word

LOST = (DeliveryState.FAILED, DeliveryState.REFUSED, DeliveryState.UNCONFIRMED)
"""What a person may want to send again."""


class StateFilter(WordFilter):
    title = "state"
    parameter_name = "state"
    words = tuple(DeliveryState.choices)


@admin.register(Delivery)
class DeliveryAdmin(TextAdmin, ActingAdmin):
    list_display = ("created", "state", "kind", "talk", "tries", "status", "last_error", "trace_id")
    list_filter = (StateFilter, "conversation__channel", "kind")
    list_select_related = ("conversation__contact",)
    search_fields = ("=trace_id",)
    search_help_text = "The trace id that Sparkcentral gave."
    actions = ("send_again",)
    fieldsets = (
        (None, {"fields": ("kind", "talk", "cause", "created", "finished")}),
        ("What became of it", {"fields": ("state", "tries", "status", "last_error", "trace_id", "tries_shown")}),
        ("What is sent", {"fields": ("payload_shown",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).select_related("conversation__contact", "event")

    @admin.display(description="written", ordering="id")
    def created(self, delivery: Delivery) -> SafeString | str:
        return moment(delivery.created_at)

    @admin.display(description="finished")
    def finished(self, delivery: Delivery) -> SafeString | str:
        return moment(delivery.finished_at)

    @admin.display(description="conversation")
    def talk(self, delivery: Delivery) -> SafeString | str:
        return row_link(delivery.conversation, talk_words(delivery.conversation))

    @admin.display(description="because of")
    def cause(self, delivery: Delivery) -> SafeString | str:
        return row_link(delivery.event, event_word(delivery.event.type))

    @admin.display(description="HTTP status")
    def status(self, delivery: Delivery) -> str:
        return str(delivery.last_status or "–")

    @admin.display(description="each try")
    def tries_shown(self, delivery: Delivery) -> SafeString | str:
        lines = format_html_join("", "<li>{} · {}{}</li>", (_attempt(row) for row in tries_of(delivery)))
        return format_html('<ol class="tries">{}</ol>', lines) if lines else "none yet"

    @admin.display(description="payload")
    def payload_shown(self, delivery: Delivery) -> SafeString:
        return document(readable_document(delivery.payload))

    # --- send again -----------------------------------------------------------------------------------------------

    act_permission = REPLAY
    act_path = "again"
    act_title = "Send again?"
    act_text = "The contact gets a late answer. One that was sent but not confirmed may arrive a second time."
    act_button = "Send again"

    @admin.action(description="Send again", permissions=["act"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        return self.ask_or_act(request, queryset)

    def is_open_to_act(self, row: Delivery) -> bool:
        return row.state in LOST

    def name_of(self, row: Delivery) -> str:
        return f"{row.get_kind_display()} to {talk_words(row.conversation)} ({row.conversation})"

    def act_on(self, request: HttpRequest, row: Delivery) -> bool:
        if not send_again(row, actor_of(request, via="admin")):
            return False
        self.log_change(request, row, "Ordered to send it again.")
        return True

    def done_words(self, count: int) -> str:
        return f"{count} deliver{'ies are' if count > 1 else 'y is'} sent again."

    def skipped_words(self, count: int) -> str:
        return (
            f"Not sent again: {count}. Either the conversation isn't with the bot any more, or the delivery is "
            "neither failed, refused nor unconfirmed."
        )


def _attempt(row: Exchange) -> tuple[Any, ...]:
    status = f" ({row.status})" if row.status else ""
    facts = ". ".join(filter(None, (row.error.rstrip("."), f"Trace id {row.trace_id}" if row.trace_id else "")))
    return moment(row.started_at), f"{result_word(row.result)}{status}", f" · {facts}" if facts else ""
