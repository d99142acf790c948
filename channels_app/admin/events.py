"""Events as they came in, and how the turn of each ended. Nobody edits them."""

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from channels_app.admin.acting import ActingAdmin
from channels_app.admin.base import TextAdmin, WordFilter, document, moment, row_link
from channels_app.interventions import replay_events
from channels_app.masking import readable_body
from channels_app.models import Conversation, EventSource, EventState, Outcome, WebhookEvent
from channels_app.operations.access import REPLAY, actor_of
from channels_app.replays import Replayed
from channels_app.wording import EVENT_WORDS, event_word

SHORT_REASON = 80
"""Characters of a reason in a list; its page has all of it."""


class TypeFilter(WordFilter):
    title = "type"
    parameter_name = "type"
    words = tuple(EVENT_WORDS.items())


class SourceFilter(WordFilter):
    title = "from"
    parameter_name = "source"
    words = tuple(EventSource.choices)


class StateFilter(WordFilter):
    title = "state"
    parameter_name = "state"
    words = tuple(EventState.choices)


class OutcomeFilter(WordFilter):
    title = "outcome"
    parameter_name = "outcome"
    words = tuple(Outcome.choices)


@admin.register(WebhookEvent)
class EventAdmin(TextAdmin, ActingAdmin):
    actions = ("do_again",)
    list_display = ("received", "word", "result", "why", "channel", "talk", "duplicates")
    list_filter = ("channel", OutcomeFilter, StateFilter, TypeFilter, SourceFilter)
    list_select_related = ("channel", "conversation__contact")
    search_fields = ("=idempotency_key",)
    search_help_text = "The idempotency key of the event."
    fieldsets = (
        (None, {"fields": ("word", "source", "channel", "talk", "received", "sent", "idempotency_key", "duplicates")}),
        ("What became of it", {"fields": ("state", "outcome", "reason", "attempts", "finished")}),
        ("Body", {"fields": ("body_shown",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        return super().get_queryset(request).select_related("channel", "conversation__contact")

    @admin.display(description="received", ordering="id")
    def received(self, event: WebhookEvent) -> SafeString | str:
        return moment(event.received_at)

    @admin.display(description="sent by the platform")
    def sent(self, event: WebhookEvent) -> SafeString | str:
        return moment(event.sent_at)

    @admin.display(description="finished")
    def finished(self, event: WebhookEvent) -> SafeString | str:
        return moment(event.finished_at)

    @admin.display(description="type")
    def word(self, event: WebhookEvent) -> str:
        return event_word(event.type)

    @admin.display(description="reason")
    def why(self, event: WebhookEvent) -> str:
        reason = event.reason
        return reason if len(reason) <= SHORT_REASON else f"{reason[:SHORT_REASON]}…"

    @admin.display(description="conversation")
    def talk(self, event: WebhookEvent) -> SafeString | str:
        return row_link(event.conversation, talk_words(event.conversation))

    @admin.display(description="outcome")
    def result(self, event: WebhookEvent) -> str:
        """Where it stands, until it has ended."""
        return str(event.get_outcome_display() if event.outcome else event.get_state_display())

    @admin.display(description="as it came, secrets covered")
    def body_shown(self, event: WebhookEvent) -> SafeString | str:
        try:
            return document(readable_body(bytes(event.body.raw)))
        except ObjectDoesNotExist:
            return "Not kept any more."

    # --- do again -------------------------------------------------------------------------------------------------

    act_permission = REPLAY
    act_path = "again"
    act_title = "Do it again?"
    act_text = (
        "What failed for good is tried once more: a reply that was lost is sent, a message that was never handled "
        "goes to the bot. What the contact has got already is not sent again. It will be a late answer."
    )
    act_button = "Do it again"

    @admin.action(description="Do again what failed for good", permissions=["act"])
    def do_again(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> HttpResponse | None:
        return self.ask_or_act(request, queryset)

    def is_open_to_act(self, row: WebhookEvent) -> bool:
        return row.outcome == Outcome.DEAD

    def name_of(self, row: WebhookEvent) -> str:
        return f"{event_word(row.type)} of {talk_words(row.conversation)} ({row.conversation})"

    def act_on(self, request: HttpRequest, row: WebhookEvent) -> bool:
        if replay_events([row], actor_of(request, via="admin")) != [Replayed.AGAIN]:
            return False
        self.log_change(request, row, "Ordered to do it again.")
        return True

    def done_words(self, count: int) -> str:
        return f"{count} event{'s are' if count > 1 else ' is'} done again."

    def skipped_words(self, count: int) -> str:
        return f"Not done again: {count}. It hasn't failed for good, or the conversation isn't with the bot any more."


def talk_words(conversation: Conversation) -> str:
    """A conversation by its contact, whom people know; its id is on its page."""
    return str(conversation.contact or conversation)
