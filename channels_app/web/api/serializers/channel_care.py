"""What the API answers about a channel beside the channel itself."""

from typing import Any

from rest_framework import serializers

from channels_app.operations.checks.refusals import Refusals
from channels_app.operations.checks.steps import Step
from channels_app.protocol.checks import CheckLine
from channels_app.web.api.base import Strict
from channels_app.web.api.facts import answer_of
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.channel_requests import RoutingRuleBodySerializer
from offload.models import OffloadReason

CheckLineSerializer = answer_of(CheckLine, "title is_ok detail took_ms code")
_LINE = {"title": "API keys", "is_ok": True, "detail": "The EU server gave a token.", "took_ms": 212, "code": ""}


@example(is_ok=True, lines=[_LINE])
class ChecksSerializer(serializers.Serializer[Any]):
    is_ok = serializers.BooleanField(help_text="Whether all lines are ok.")
    lines = CheckLineSerializer(many=True)


@example(is_saved=True, lines=[_LINE])
class KeysReplacedSerializer(serializers.Serializer[Any]):
    is_saved = serializers.BooleanField(help_text="False: the new keys did not work, and the old ones stay in use.")
    lines = CheckLineSerializer(many=True)


StepSerializer = answer_of(Step, "key title progress where detail code", where="The menu in the other product.")


@example(
    results=[
        {
            "key": "secret",
            "title": "Paste the shared secret",
            "progress": "to do",
            "where": "Sparkcentral › Users tab › Add Virtual Agent",
            "detail": "It has only 0-9 and a-f.",
            "code": "",
        }
    ]
)
class StepsSerializer(serializers.Serializer[Any]):
    results = StepSerializer(many=True)


class IntentQuery(Strict):
    intent = serializers.CharField(required=False, help_text="An intent to try against the channel's table.")


class TriedSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    topics = serializers.ListField(child=serializers.CharField())


class SeenIntentSerializer(TriedSerializer):
    count = serializers.IntegerField()
    last_at = serializers.DateTimeField()


@example(
    results=[
        {"intent": "parcel.status", "topics": ["Shipping"], "count": 12, "last_at": "2026-03-14T11:02:40.000Z"},
        {"intent": "greeting", "topics": [], "count": 3, "last_at": "2026-03-14T10:52:03.000Z"},
    ],
    tried={"intent": "parcel.lost", "topics": ["Shipping"]},
)
class IntentsSerializer(serializers.Serializer[Any]):
    results = SeenIntentSerializer(many=True, help_text="Of the bot's last messages, the most frequent first.")
    tried = TriedSerializer(allow_null=True)


RefusalSerializer = answer_of(
    Refusals,
    "reason code detail count last_at network",
    called="Refusal",
    detail=serializers.CharField(source="problem.text"),
    network="Where the latest came from: never a full address.",
)


@example(
    results=[
        {
            "reason": "bad_signature",
            "code": "CB-305",
            "detail": "12 events were refused…",
            "count": 12,
            "last_at": "2026-03-14T10:31:58Z",
            "network": "203.0.113.0/24",
        }
    ]
)
class RefusalsSerializer(serializers.Serializer[Any]):
    results = RefusalSerializer(many=True)


@example(is_deleted=False)
class DeletedSerializer(serializers.Serializer[Any]):
    is_deleted = serializers.BooleanField(
        help_text="False: there is more to delete. Repeat the call until it is true."
    )


@example(diagnostics={"versions": {"chatbridge": "0.1.0"}})
class DiagnosticsSerializer(serializers.Serializer[Any]):
    diagnostics = serializers.JSONField()


@example(
    routing_rules=[{"condition": "words", "matches": "refund*", "effect": "topic", "value": "Refunds"}],
    words=["I want a refund"],
    language="nl",
)
class TryRoutingSerializer(Strict):
    routing_rules = RoutingRuleBodySerializer(
        many=True, required=False, help_text="Rules that needn't be saved; without them the channel's own are tried."
    )
    reason = serializers.ChoiceField(default="", choices=OffloadReason.values, allow_blank=True)
    intents = serializers.ListField(child=serializers.CharField(), default=list)
    topics = serializers.ListField(child=serializers.CharField(), default=list)
    payload = serializers.JSONField(default=None, allow_null=True)
    language = serializers.CharField(default="", allow_blank=True)
    medium = serializers.CharField(default="", allow_blank=True)
    inbox_channel = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Its name, its id, or both."
    )
    attributes = serializers.DictField(child=serializers.CharField(allow_blank=True), default=dict)
    words = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="The contact's last messages, the latest first."
    )
    at = serializers.DateTimeField(default=None, allow_null=True, help_text="Without it: now.")


class FitSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Of the rule: the first is 1.")
    rule = serializers.CharField(help_text="In words.")
    found = serializers.CharField(allow_blank=True)


@example(
    fits=[{"number": 1, "rule": "If the contact wrote the words refund*: set the topic “Refunds”", "found": "refund"}],
    topics=["Refunds"],
    tags=[],
    attributes={},
    text="",
    notes=[],
)
class RoutedSerializer(serializers.Serializer[Any]):
    fits = FitSerializer(many=True, help_text="The rules that fit, and what each found.")
    topics = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    attributes = serializers.DictField(child=serializers.CharField())
    text = serializers.CharField(allow_blank=True, help_text="What the contact would read.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="Lines of the agents' note.")
