"""Conversations as the API shows them: found, told, explained."""

from typing import Any

from rest_framework import serializers

from channels_app.lib.masking import masked_name
from channels_app.models import Channel, Owner, WebhookEvent
from channels_app.operations.explanations import Check, FailureGroupFacts, Try
from channels_app.operations.interventions import MAX_TEXT
from channels_app.operations.search import ConversationLine
from channels_app.operations.transcripts.lines import Line
from channels_app.protocol import EventType
from channels_app.web.api.base import IdField, RowSerializer, Strict, TimeRangeFields
from channels_app.web.api.facts import answer_of
from channels_app.web.api.schema import example
from offload.models import OffloadReason

MAX_WORDS = 200


class ChannelNameSerializer(RowSerializer):
    class Meta:
        model = Channel
        fields = ("id", "name")


class EventSummarySerializer(RowSerializer):
    type = serializers.ChoiceField(choices=[str(type_) for type_ in EventType])

    class Meta:
        model = WebhookEvent
        fields: tuple[str, ...] = ("id", "type", "source", "received_at", "outcome", "reason")
        extra_kwargs = {"outcome": {"help_text": "Null: not yet."}}


_CHANNEL = {"id": 3, "name": "Acme EU"}
_EVENT: dict[str, Any] = {
    "id": 4093,
    "type": "message_received",
    "source": "inbox",
    "received_at": "2026-03-14T10:31:58.120Z",
    "outcome": "handed_over",
    "reason": "",
}
_CONVERSATION: dict[str, Any] = {
    "id": 812,
    "external_id": "0-01d9a0d8",
    "session_id": "0c5d6a2e-6f6e-4f2b-9d1b-0f3f3c1f5a10",
    "channel": _CHANNEL,
    "contact": "••• 4821",
    "owner": "other",
}


@example(
    **_CONVERSATION,
    last_event=_EVENT,
    code="CB-501",
    match="its contact",
    event_id=None,
    reason=OffloadReason.BOT_SLOW.value,
)
class ConversationSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="conversation.pk")
    external_id = serializers.CharField(source="conversation.external_id", help_text="The inbox's id.")
    session_id = serializers.UUIDField(source="conversation.session_id", help_text="The bot's id.")
    channel = ChannelNameSerializer(source="conversation.channel")
    contact = serializers.SerializerMethodField(help_text="Masked for users who may not read texts.")
    owner = serializers.ChoiceField(source="conversation.owner", choices=Owner.values)
    last_event = EventSummarySerializer(
        source="last", allow_null=True, help_text="In the time range, if one is given."
    )
    code = serializers.CharField(allow_blank=True, help_text="What is wrong with its last event.")
    match = serializers.CharField(allow_blank=True, help_text="What the search matched.")
    event_id = serializers.IntegerField(
        allow_null=True, help_text="The event the search named, or the latest in the time range."
    )
    reason = serializers.ChoiceField(
        choices=OffloadReason.values, allow_blank=True, help_text="Why it was handed over the last time; empty: never."
    )

    def get_contact(self, line: ConversationLine) -> str:
        name = str(line.conversation.contact or "")
        return name if self.context["reads_text"] or not name else masked_name(name)


class ConversationQuery(TimeRangeFields):
    q = serializers.CharField(
        required=False,
        max_length=MAX_WORDS,
        help_text="Any of its ids, a trace id, its address in the inbox; for users who may read texts also a "
        "contact, or words from a message.",
    )
    channel = IdField(required=False)
    owner = serializers.ChoiceField(required=False, choices=Owner.values)
    reason = serializers.ChoiceField(
        required=False, choices=OffloadReason.values, help_text="Only those handed over for it, once or more."
    )
    before = serializers.CharField(required=False, max_length=50, help_text="Where to continue; `next` contains it.")


# --- transcript ---------------------------------------------------------------------------------------------------


LineSerializer = answer_of(
    Line,
    "at voice name text state detail attachment_url is_message is_bad code took_ms event_id asked_id exchange_ids "
    "gap_s",
    text="Empty for users who may not read texts.",
    state="What is known about the text.",
    took_ms="Since the contact's message arrived.",
    asked_id="The event to ask “why?” about.",
    gap_s="The gap before it, if 5 seconds or longer.",
)
_LINE: dict[str, Any] = {
    "at": "2026-03-14T10:31:42.020Z",
    "voice": "bot",
    "name": "Bot",
    "text": "I can look that up. What is your order number?",
    "state": "shown",
    "detail": "",
    "attachment_url": "",
    "is_message": True,
    "is_bad": False,
    "code": "",
    "took_ms": 1900,
    "event_id": None,
    "asked_id": None,
    "exchange_ids": [5001, 5002],
    "gap_s": 0.0,
}


@example(
    **_CONVERSATION,
    inbox_channel="WhatsApp NL",
    medium="whatsapp",
    topics=["shipping"],
    is_masked=False,
    lines=[_LINE],
    next=None,
)
class TranscriptSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="conversation.pk")
    external_id = serializers.CharField(source="conversation.external_id")
    session_id = serializers.UUIDField(source="conversation.session_id")
    channel = ChannelNameSerializer(source="conversation.channel")
    inbox_channel = serializers.SerializerMethodField()
    medium = serializers.CharField(source="conversation.medium", allow_blank=True)
    contact = serializers.CharField(allow_blank=True)
    owner = serializers.ChoiceField(source="conversation.owner", choices=Owner.values)
    topics = serializers.ListField(child=serializers.CharField(), help_text="Empty for users who may not read texts.")
    is_masked = serializers.SerializerMethodField(help_text="Whether texts are left out.")
    lines = LineSerializer(many=True, help_text="Oldest first.")
    next = serializers.SerializerMethodField(help_text="The earlier lines; null if there are none.")

    def get_inbox_channel(self, transcript: Any) -> str:
        return str(transcript.conversation.inbox_channel or "")

    def get_is_masked(self, transcript: Any) -> bool:
        return not transcript.reads_text

    def get_next(self, transcript: Any) -> str | None:
        url: str | None = self.context["next_url"](str(transcript.before or ""))
        return url


class TranscriptQuery(Strict):
    before = IdField(required=False, help_text="Lines before this event; `next` contains it.")


# --- why? ---------------------------------------------------------------------------------------------------------


TrySerializer = answer_of(Try, "exchange_id n at took_ms is_ok detail code")
CheckSerializer = answer_of(
    Check, "name title state detail at took_ms code event_id tries", tries=TrySerializer(many=True)
)
FailureGroupFactsSerializer = answer_of(FailureGroupFacts, "id count conversations first_at")


class RefusingSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    code = serializers.CharField()
    repairs = serializers.ListField(child=serializers.CharField())
    accepted_at = serializers.DateTimeField(allow_null=True, help_text="The last accepted event.")
    refused_at = serializers.DateTimeField(help_text="The latest refused event.")


@example(
    headline="The bot did not answer. The agents got the conversation after 17 s.",
    is_answered=False,
    is_open=False,
    cause="The bot did not answer within 8 s.",
    code="CB-501",
    repairs=["Ask who runs the bot why it is slow."],
    checks=[
        {
            "name": "received",
            "title": "Sparkcentral called us",
            "state": "ok",
            "detail": "signature ok, new event",
            "at": "2026-03-14T10:31:58.120Z",
            "took_ms": None,
            "code": "",
            "event_id": 4093,
            "tries": [],
        }
    ],
    ids={"conversation": 812, "channel": 3, "event": 4093},
    failure_group=None,
    refusing=None,
)
class ExplanationSerializer(serializers.Serializer[Any]):
    headline = serializers.CharField(help_text="What happened to the contact.")
    is_answered = serializers.BooleanField()
    is_open = serializers.BooleanField(help_text="Still being worked on.")
    cause = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_blank=True)
    repairs = serializers.ListField(child=serializers.CharField())
    checks = CheckSerializer(many=True, help_text="In order; the first that is not ok says why.")
    ids = serializers.DictField(child=serializers.IntegerField())
    failure_group = FailureGroupFactsSerializer(allow_null=True)
    refusing = RefusingSerializer(
        allow_null=True, help_text="Set while the channel's events are refused because of its shared secret."
    )


class ExplainQuery(Strict):
    event = IdField(required=False, help_text="Default: the contact's latest.")


# --- acts ---------------------------------------------------------------------------------------------------------


@example(text="One moment, I look that up for you.")
class SaySerializer(Strict):
    text = serializers.CharField(max_length=MAX_TEXT)


@example(event_id=4101)
class OrderedSerializer(serializers.Serializer[Any]):
    event_id = serializers.IntegerField(help_text="The event that does it. Its outcome tells how it ended.")


@example(report={"version": "0.1.0"})
class BugReportSerializer(serializers.Serializer[Any]):
    report = serializers.JSONField()
