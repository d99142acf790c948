"""Conversations: the list, and the action that gives several to the agents. Each has its page among the operators'."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from channels_app.admin.acting import ActingAdmin
from channels_app.admin.base import TextAdmin, WordFilter, moment
from channels_app.interventions import hand_over_now
from channels_app.models import Channel, Conversation, MessageRow, Owner
from channels_app.operations.access import HAND_OVER, actor_of
from channels_app.searching.ids import row_number


class OwnerFilter(WordFilter):
    title = "owner"
    parameter_name = "owner"
    words = tuple(Owner.choices)


@admin.register(Conversation)
class ConversationAdmin(TextAdmin, ActingAdmin):
    list_display = ("who", "channel", "inbox_channel", "owner", "last_event", "message_count", "external_id")
    list_filter = ("channel", OwnerFilter)
    list_select_related = ("channel", "contact", "inbox_channel")
    search_fields = ("external_id",)
    search_help_text = "The id in Sparkcentral, the session of the bot, or the contact's name."
    actions = ("hand_over",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        said = MessageRow.objects.filter(conversation=OuterRef("pk")).order_by().values("conversation")
        count = said.annotate(n=Count("pk")).values("n")
        said_times = Subquery(count, output_field=IntegerField())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(said=said_times)
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By what identifies one conversation through an index; only a contact's name is searched for."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(session_id=UUID(term)), False
        except ValueError:
            channels = list(Channel.objects.values_list("pk", flat=True))
        if Conversation.objects.filter(channel__in=channels, external_id=term).exists():
            return queryset.filter(channel__in=channels, external_id=term), False
        contact = Q(contact__primary_identifier__icontains=term) | Q(contact__secondary_identifier__icontains=term)
        return queryset.filter(contact | Q(contact__channel__in=channels, contact__external_id=term)), False

    @admin.display(description="contact")
    def who(self, conversation: Conversation) -> str:
        return str(conversation.contact or "unknown contact")

    @admin.display(description="last event", ordering="newest_sent_at")
    def last_event(self, conversation: Conversation) -> SafeString | str:
        return moment(conversation.newest_sent_at or conversation.created_at)

    @admin.display(description="messages")
    def message_count(self, conversation: Any) -> int:
        return conversation.said or 0

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Its page is among those for operators, which shows each person what they may read."""
        number = row_number(unquote(object_id))
        if number is None:
            raise Http404
        return HttpResponseRedirect(reverse("ops:conversation", args=[number]))

    # --- hand-over ------------------------------------------------------------------------------------------------

    act_permission = HAND_OVER
    act_path = "hand-over"
    act_title = "Hand over to an agent?"
    act_text = (
        "The bot stops answering, and the conversation goes to the queue of your agents with a note that holds "
        "what was said. It comes back to the bot only if an agent gives it back."
    )
    act_button = "Hand over"

    @admin.action(description="Hand over to an agent", permissions=["act"])
    def hand_over(self, request: HttpRequest, queryset: QuerySet[Conversation]) -> HttpResponse | None:
        return self.ask_or_act(request, queryset)

    def is_open_to_act(self, row: Conversation) -> bool:
        return row.owner in (Owner.BOT, Owner.UNKNOWN)

    def name_of(self, row: Conversation) -> str:
        return f"{self.who(row)} ({row})"

    def act_on(self, request: HttpRequest, row: Conversation) -> bool:
        if not hand_over_now(row, actor_of(request, via="admin")):
            return False
        self.log_change(request, row, "Ordered the hand-over to an agent.")
        return True

    def done_words(self, count: int) -> str:
        return f"Hand-over ordered for {count} conversation{'s' * (count > 1)}."

    def skipped_words(self, count: int) -> str:
        return f"Not ordered for {count}: no longer with the bot."
