"""The queue, who works, and what they need, as the API shows them."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.codes import Problem
from channels_app.models import Job
from channels_app.operations.workload import Queue, Worker
from channels_app.web.api.base import RowSerializer
from channels_app.web.api.facts import answer_of
from channels_app.web.api.schema import example


class ProblemTextSerializer(serializers.Serializer[Any]):
    """Something that needs attention."""

    code = serializers.CharField()
    text = serializers.CharField()
    docs_url = serializers.SerializerMethodField()

    def get_docs_url(self, problem: Problem) -> str:
        return f"{settings.PUBLIC_BASE_URL}{problem.code.docs_url}"


QueueSerializer = answer_of(
    Queue,
    "waiting oldest_s in_hand retries",
    waiting="Conversations waiting for a worker.",
    oldest_s="How many seconds the oldest has waited. The main alarm: above 10.",
    in_hand="Conversations being processed.",
    retries="Events waiting for their next try, in steps of five minutes.",
)
WorkerSerializer = answer_of(
    Worker,
    "name kind host version is_alive silent_s started_at threads active memory_bytes clock_ahead_s",
    kind="worker or guard.",
    active="Conversations in work, those whose bot is thinking included.",
    threads="Turns that it can take at the same time.",
    clock_ahead_s="How far its machine's clock is ahead of PostgreSQL's. For information only.",
)
QUEUE_EXAMPLE = {"waiting": 0, "oldest_s": 0.0, "in_hand": 3, "retries": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}
WORKER_EXAMPLE = {
    "name": "bridge-1:41",
    "kind": "worker",
    "host": "bridge-1",
    "version": "0.1.0",
    "is_alive": True,
    "silent_s": 2.1,
    "started_at": "2026-03-14T06:00:00Z",
    "threads": 12,
    "active": 3,
    "memory_bytes": 94371840,
    "clock_ahead_s": 0.1,
}
_PROBLEM = {
    "code": "CB-703",
    "text": "No guard has been seen for 3 min.",
    "docs_url": "https://bridge.example.com/ops/codes/CB-703/",
}


class MinuteSerializer(serializers.Serializer[Any]):
    came = serializers.IntegerField()
    ended = serializers.IntegerField()


class JobSerializer(RowSerializer):
    class Meta:
        model = Job
        fields = ("name", "ended_at", "took_ms", "result", "has_failed", "next_at")


class ServiceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    took_ms = serializers.FloatField(allow_null=True, help_text="Null: it did not answer.")
    facts = serializers.SerializerMethodField()

    def get_facts(self, service: Any) -> dict[str, str]:
        return dict(service.facts)


class AccountSerializer(serializers.Serializer[Any]):
    """A set of API keys."""

    key = serializers.CharField(source="row", help_text="The start of a digest of its keys.")
    channels = serializers.ListField(child=serializers.CharField())
    token_expires_at = serializers.DateTimeField(source="row.token_expires_at", allow_null=True)
    problem = serializers.CharField(source="row.problem", allow_blank=True)
    problem_since = serializers.DateTimeField(source="row.problem_since", allow_null=True)
    quota_used = serializers.IntegerField(source="row.quota_used", allow_null=True, help_text="Calls used today.")
    quota_limit = serializers.IntegerField(source="row.quota_limit", allow_null=True)


@example(
    at="2026-03-14T11:00:00Z",
    version="0.1.0",
    versions=["0.1.0"],
    queue=QUEUE_EXAMPLE,
    per_minute=[{"came": 4, "ended": 4}],
    workers=[WORKER_EXAMPLE],
    jobs=[
        {
            "name": "figures",
            "ended_at": "2026-03-14T10:59:58Z",
            "took_ms": 24,
            "result": "2 minutes",
            "has_failed": False,
            "next_at": "2026-03-14T11:00:08Z",
        }
    ],
    services=[{"name": "Redis", "took_ms": 0.3, "facts": {"Version": "7.2"}}],
    accounts=[
        {
            "key": "5f2c9a01",
            "channels": ["Acme EU"],
            "token_expires_at": "2026-03-14T12:00:00Z",
            "problem": "",
            "problem_since": None,
            "quota_used": 4021,
            "quota_limit": 100000,
        }
    ],
    problems=[_PROBLEM],
)
class QueueFactsSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    version = serializers.CharField()
    versions = serializers.ListField(
        child=serializers.CharField(),
        help_text="Versions of all live processes: more than one means a half-done upgrade.",
    )
    queue = QueueSerializer()
    per_minute = serializers.SerializerMethodField(help_text="The last hour.")
    workers = WorkerSerializer(many=True)
    jobs = JobSerializer(many=True)
    services = ServiceSerializer(many=True)
    accounts = AccountSerializer(many=True)
    problems = ProblemTextSerializer(many=True)

    @extend_schema_field(MinuteSerializer(many=True))
    def get_per_minute(self, facts: Any) -> Any:
        return [{"came": came, "ended": ended} for came, ended in facts.per_minute]
