"""Events, deliveries and calls as the API shows them."""

from typing import Any

from rest_framework import serializers

from channels_app.codes import CODES
from channels_app.lib.masking import body_for
from channels_app.models import Delivery, DeliveryState, Exchange, Outcome, Target
from channels_app.operations.calls import IN, STATUSES
from channels_app.web.api.base import IdField, RowSerializer, TimedPageQuery, TimeRangeFields
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.conversations import ChannelNameSerializer, EventSummarySerializer

_EVENT: dict[str, Any] = {
    "id": 4093,
    "type": "message_received",
    "source": "inbox",
    "received_at": "2026-03-14T10:31:58.120Z",
    "outcome": "dead",
    "reason": "The inbox did not answer.",
    "channel": {"id": 3, "name": "Acme EU"},
    "conversation_id": 812,
    "state": "done",
    "sent_at": "2026-03-14T10:31:57.900Z",
    "finished_at": "2026-03-14T10:35:58.000Z",
    "duplicates": 0,
}
_CALL: dict[str, Any] = {
    "direction": "bot",
    "id": 5002,
    "event_id": 4093,
    "at": "2026-03-14T10:31:58.540Z",
    "channel": {"id": 3, "name": "Acme EU"},
    "conversation_id": 812,
    "what": "message of the contact",
    "result": "Bot too slow",
    "code": "CB-501",
    "is_failed": True,
    "status": 0,
    "took_ms": 8000,
    "n": 1,
}
_EXCHANGE: dict[str, Any] = {
    "id": 5002,
    "event_id": 4093,
    "delivery_id": None,
    "channel": {"id": 3, "name": "Acme EU"},
    "target": "bot",
    "n": 1,
    "started_at": "2026-03-14T10:31:58.540Z",
    "took_ms": 8000,
    "result": "unknown",
    "code": "CB-501",
    "status": 0,
    "error": "No answer within 8 s.",
    "trace_id": "",
    "method": "POST",
    "url": "https://bot.example.com/bot",
    "request": '{"text": "••••"}',
    "response": "",
    "limits": "Retry-After: 3",
}


@example(**_EVENT)
class EventSerializer(EventSummarySerializer):
    channel = ChannelNameSerializer()

    class Meta(EventSummarySerializer.Meta):
        fields = (
            *EventSummarySerializer.Meta.fields,
            *("channel", "conversation_id", "state", "sent_at", "finished_at", "duplicates"),
        )
        extra_kwargs = EventSummarySerializer.Meta.extra_kwargs | {
            "duplicates": {"help_text": "How often it was repeated."}
        }


class EventQuery(TimedPageQuery):
    channel = IdField(required=False)
    conversation = IdField(required=False)
    outcome = serializers.ChoiceField(required=False, choices=Outcome.values, help_text="dead: failed for good.")


@example(result="done again", event_id=4093)
class ReplayedSerializer(serializers.Serializer[Any]):
    result = serializers.CharField()
    event_id = serializers.IntegerField()


# --- deliveries ---------------------------------------------------------------------------------------------------

_DELIVERY: dict[str, Any] = {
    "id": 3001,
    "event_id": 4093,
    "conversation_id": 812,
    "kind": "reply",
    "state": "failed",
    "tries": 4,
    "created_at": "2026-03-14T10:32:00.000Z",
    "finished_at": "2026-03-14T10:35:58.000Z",
    "last_status": 503,
    "last_error": "The inbox answered 503.",
    "trace_id": "",
}


@example(**_DELIVERY)
class DeliverySerializer(RowSerializer):
    class Meta:
        model = Delivery
        fields = tuple(_DELIVERY)
        extra_kwargs = {"last_status": {"help_text": "0: no answer yet."}, "trace_id": {"help_text": "The inbox's."}}


class DeliveryQuery(TimedPageQuery):
    conversation = IdField(required=False)
    state = serializers.ChoiceField(required=False, choices=DeliveryState.values)


# --- calls --------------------------------------------------------------------------------------------------------


@example(**_CALL)
class CallSerializer(serializers.Serializer[Any]):
    direction = serializers.ChoiceField(choices=[IN, *Target.values])
    id = serializers.IntegerField(help_text="An event's id for incoming calls, otherwise an exchange's.")
    event_id = serializers.IntegerField()
    at = serializers.DateTimeField()
    channel = ChannelNameSerializer()
    conversation_id = serializers.IntegerField(source="conversation.pk")
    what = serializers.CharField()
    result = serializers.CharField()
    code = serializers.CharField(allow_blank=True)
    is_failed = serializers.BooleanField()
    status = serializers.IntegerField(help_text="HTTP status; 0: no answer.")
    took_ms = serializers.IntegerField(allow_null=True)
    n = serializers.IntegerField(help_text="Number of the try; for an incoming call, how often it arrived.")


class CallQuery(TimeRangeFields):
    channel = IdField(required=False)
    conversation = IdField(required=False)
    direction = serializers.ChoiceField(required=False, choices=[IN, *Target.values])
    errors = serializers.BooleanField(default=False, help_text="Only failures.")  # type: ignore[assignment]
    code = serializers.ChoiceField(required=False, choices=sorted(CODES))
    status = serializers.ChoiceField(required=False, choices=list(STATUSES))
    slow = serializers.BooleanField(default=False, help_text="Only calls longer than 3 seconds.")
    before = serializers.CharField(required=False, max_length=50, help_text="Where to continue; `next` contains it.")


@example(**_EXCHANGE)
class ExchangeSerializer(RowSerializer):
    channel = ChannelNameSerializer()
    request = serializers.SerializerMethodField(
        help_text="The body; secrets are masked, and so are texts for users who may not read them."
    )
    response = serializers.SerializerMethodField(help_text="The body, masked in the same way.")

    class Meta:
        model = Exchange
        fields = tuple(_EXCHANGE)

    def get_request(self, row: Exchange) -> str:
        return body_for(row.request, reads_text=self.context["reads_text"]).text

    def get_response(self, row: Exchange) -> str:
        return body_for(row.response, reads_text=self.context["reads_text"]).text
