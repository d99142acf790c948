"""Replies on their way to the inbox, try by try, and the button that sends a lost one again."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from channels_app.admin.base import ReadOnlyAdmin, WordFilter, ask_first, document, moment, row_link
from channels_app.admin.events import talk_words, type_word
from channels_app.admin.masking import readable_document
from channels_app.deliveries import retry_delivery
from channels_app.models import Delivery, DeliveryAttempt, DeliveryState
from channels_app.wakeups import wake_a_worker

LOST = (DeliveryState.FAILED, DeliveryState.REFUSED, DeliveryState.UNCONFIRMED)
"""What a person may want to send again."""
RESULTS = {
    "sent": "accepted",
    "unknown": "no answer came: it may have arrived",
    "none": "did not arrive",
    "failed": "the inbox failed: it may have arrived",
    "gone": "not ours any more",
    "refused": "refused",
    "retry": "to be tried again",
}


class StateFilter(WordFilter):
    title = "state"
    parameter_name = "state"
    words = tuple(DeliveryState.choices)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    change_form_template = "admin/chatbridge/delivery.html"
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
        return row_link(delivery.event, type_word(delivery.event.type))

    @admin.display(description="HTTP status")
    def status(self, delivery: Delivery) -> str:
        return str(delivery.last_status or "–")

    @admin.display(description="each try")
    def tries_shown(self, delivery: Delivery) -> SafeString | str:
        lines = format_html_join("", "<li>{} · {}{}</li>", (_attempt(row) for row in delivery.attempts.all()))
        return format_html('<ol class="tries">{}</ol>', lines) if lines else "none yet"

    @admin.display(description="payload")
    def payload_shown(self, delivery: Delivery) -> SafeString:
        return document(readable_document(delivery.payload))

    # --- send again -----------------------------------------------------------------------------------------------

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any) -> HttpResponse:
        delivery = context.get("original")
        if isinstance(delivery, Delivery) and delivery.state in LOST and self.may_act(request):
            context["again_url"] = reverse("admin:channels_app_delivery_again", args=[delivery.pk])
        return super().render_change_form(request, context, *args, **kw)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.again_view)
        return [path("<path:object_id>/again/", view, name="channels_app_delivery_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rows = self.get_queryset(request).filter(pk=unquote(object_id)) if object_id.isdigit() else None
        if not rows:
            raise Http404
        if not self.may_act(request):
            raise PermissionDenied
        if request.method == "POST":
            self._send_all(request, rows)
            return HttpResponseRedirect(reverse("admin:channels_app_delivery_change", args=[rows[0].pk]))
        return self._ask(request, rows)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @admin.action(description="Send again", permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return self._ask(request, queryset)
        self._send_all(request, queryset)
        return None

    def _ask(self, request: HttpRequest, rows: Iterable[Delivery]) -> HttpResponse:
        text = "The contact gets a late answer. One that was sent but not confirmed may arrive a second time."
        names = {
            row: f"{row.get_kind_display()} to {talk_words(row.conversation)} ({row.conversation})" for row in rows
        }
        return ask_first(self, request, "Send again?", text, "Send again", names)

    def _send_all(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        again, others = 0, 0
        for delivery in rows:
            if delivery.state in LOST and retry_delivery(delivery):
                self.log_change(request, delivery, "Ordered to send it again.")
                again += 1
            else:
                others += 1
        if again:
            wake_a_worker()
            self.message_user(request, f"{again} deliver{'ies are' if again > 1 else 'y is'} sent again.")
        if others:
            text = (
                f"Not sent again: {others}. Either the conversation isn't with the bot any more, or the delivery is "
                "neither failed, refused nor unconfirmed."
            )
            self.message_user(request, text, messages.WARNING)


def _attempt(row: DeliveryAttempt) -> tuple[Any, ...]:
    status = f" ({row.status})" if row.status else ""
    facts = ". ".join(filter(None, (row.error.rstrip("."), f"Trace id {row.trace_id}" if row.trace_id else "")))
    return moment(row.started_at), f"{RESULTS.get(row.result, row.result)}{status}", f" · {facts}" if facts else ""
