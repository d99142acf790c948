"""Failures and bulk retries as the API shows and takes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.codes import CODES
from channels_app.models import BulkRetry
from channels_app.operations.failures.bulk_retries import Progress, progress_of
from channels_app.operations.failures.groups import list_failures
from channels_app.operations.failures.states import GroupState
from channels_app.web.api.base import IdField, RowSerializer, Strict, TimeRangeFields
from channels_app.web.api.facts import answer_of
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.conversations import ChannelNameSerializer

MAX_REASON = 500
_GROUP: dict[str, Any] = {
    "id": 17,
    "code": "CB-608",
    "title": "Reply lost",
    "message": "The inbox answered 503.",
    "channel": {"id": 3, "name": "Acme EU"},
    "state": "escalating",
    "first_at": "2026-03-14T10:02:00Z",
    "last_at": "2026-03-14T10:35:58Z",
    "count": 412,
    "recent": 58,
    "conversations": 380,
    "waiting": 12,
    "owner": "anna",
}


@example(**_GROUP)
class FailureGroupSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="row.pk")
    code = serializers.CharField(source="row.code")
    title = serializers.CharField()
    message = serializers.CharField(source="row.message", allow_blank=True)
    channel = ChannelNameSerializer(source="row.channel")
    state = serializers.ChoiceField(choices=[str(state) for state in GroupState])
    first_at = serializers.DateTimeField(source="row.first_at")
    last_at = serializers.DateTimeField(source="row.last_at")
    count = serializers.IntegerField(source="row.count")
    recent = serializers.IntegerField(help_text="Failures in about the last hour.")
    conversations = serializers.IntegerField(source="row.conversations")
    waiting = serializers.IntegerField(
        source="row.waiting", help_text="Contacts without an answer whose conversation is still with the bot."
    )
    owner = serializers.SerializerMethodField(help_text="User name; null: no owner.")

    def get_owner(self, group: Any) -> str | None:
        return group.row.owner.get_username() if group.row.owner else None


class FailureQuery(TimeRangeFields):
    channel = IdField(required=False)
    code = serializers.ChoiceField(required=False, choices=sorted(CODES))
    state = serializers.ChoiceField(
        required=False,
        choices=[str(state) for state in GroupState],
        help_text="Default: those that need attention.",
    )


@example(results=[_GROUP])
class FailureGroupsSerializer(serializers.Serializer[Any]):
    results = FailureGroupSerializer(many=True)


class FailureSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    count = serializers.IntegerField(help_text="How often this event failed this way.")
    event_id = serializers.IntegerField()
    conversation_id = serializers.IntegerField(source="event.conversation_id")


@example(**_GROUP, failures=[{"at": "2026-03-14T10:35:58Z", "count": 1, "event_id": 4093, "conversation_id": 812}])
class FailureGroupDetailSerializer(FailureGroupSerializer):
    failures = serializers.SerializerMethodField(help_text="The latest.")

    @extend_schema_field(FailureSerializer(many=True))
    def get_failures(self, group: Any) -> Any:
        return FailureSerializer(list_failures(group.row.pk), many=True).data


# --- bulk retries -------------------------------------------------------------------------------------------------

_PROGRESS = {"matching": 412, "waiting": 380, "begun": 0, "done": 0, "failed": 0, "minutes": 4}


ProgressSerializer = answer_of(
    Progress,
    "matching waiting begun done failed skipped minutes",
    matching="Events in the plan.",
    waiting="Still to be retried.",
    begun="Their outcome is not known yet.",
    skipped="Numbers by reason.",
    minutes="Estimated time for those waiting.",
)


_BULK: dict[str, Any] = {
    "id": 5,
    "channel": {"id": 3, "name": "Acme EU"},
    "group_id": 17,
    "since": None,
    "until": None,
    "state": "planned",
    "reason": "",
    "planned_by": "anna",
    "planned_at": "2026-03-14T11:00:00Z",
    "started_at": None,
    "finished_at": None,
    "progress": {**_PROGRESS, "skipped": {"handed over": 17, "older than 24 h": 15}},
}


@example(**_BULK)
class BulkRetrySerializer(RowSerializer):
    channel = ChannelNameSerializer()
    progress = serializers.SerializerMethodField()

    class Meta:
        model = BulkRetry
        fields = tuple(_BULK)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, bulk: BulkRetry) -> Any:
        progress = progress_of(bulk)
        names = ("matching", "waiting", "begun", "done", "failed", "minutes")
        skipped = {result.removeprefix("skipped: "): count for result, count in progress.skipped.items()}
        return ProgressSerializer({**{name: getattr(progress, name) for name in names}, "skipped": skipped}).data


@example(group=17)
class PlanSerializer(TimeRangeFields):
    group = IdField(required=False, help_text="The events of this group of failures.")
    channel = IdField(required=False, help_text="Or of this channel, from `since` to `until`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if ("group" in attrs) == ("channel" in attrs):
            raise serializers.ValidationError("Give either a group of failures or a channel.")
        return attrs


@example(reason="The bot is back.")
class StartSerializer(Strict):
    reason = serializers.CharField(max_length=MAX_REASON, help_text="Kept in the audit log.")
