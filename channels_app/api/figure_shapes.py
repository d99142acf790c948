"""The dashboard and the queue as the API shows them."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.api.base import IdField, Strict
from channels_app.api.schema import example
from channels_app.channel_health import Health
from channels_app.codes import Problem
from channels_app.counting import Fate
from channels_app.figures import WINDOWS

HEALTHS = [str(health) for health in Health]


class NumbersField(serializers.ListField):
    """A number for each cell of the window."""

    child = serializers.FloatField(allow_null=True)


class CountsField(serializers.DictField):
    child = serializers.IntegerField()


class ProblemTextSerializer(serializers.Serializer[Any]):
    """Something that somebody should look at."""

    code = serializers.CharField()
    text = serializers.CharField()
    docs_url = serializers.SerializerMethodField()

    def get_docs_url(self, problem: Problem) -> str:
        return f"{settings.PUBLIC_BASE_URL}{problem.code.docs_url}"


class QueueSerializer(serializers.Serializer[Any]):
    waiting = serializers.IntegerField(help_text="Conversations that wait for a worker.")
    oldest_s = serializers.FloatField(help_text="Seconds that the oldest has waited. The main alarm: above 10.")
    in_hand = serializers.IntegerField(help_text="Conversations that a worker is at.")
    retries = serializers.ListField(
        child=serializers.IntegerField(), help_text="Events that wait for their next try, by five minutes."
    )


class WorkerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField(help_text="worker or guard.")
    host = serializers.CharField()
    version = serializers.CharField()
    is_alive = serializers.BooleanField()
    silent_s = serializers.FloatField()
    started_at = serializers.DateTimeField()
    threads = serializers.IntegerField(allow_null=True)
    active = serializers.IntegerField(help_text="Threads that are at work.")
    memory_bytes = serializers.IntegerField(allow_null=True)


_QUEUE = {"waiting": 0, "oldest_s": 0.0, "in_hand": 3, "retries": [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}
_WORKER = {
    "name": "bridge-1:41",
    "kind": "worker",
    "host": "bridge-1",
    "version": "0.1.0",
    "is_alive": True,
    "silent_s": 2.1,
    "started_at": "2026-03-14T06:00:00Z",
    "threads": 16,
    "active": 3,
    "memory_bytes": 94371840,
}
_PROBLEM = {
    "code": "CB-703",
    "text": "No guard has been seen for 3 min.",
    "docs_url": "https://bridge.example.com/ops/codes/CB-703/",
}


# --- dashboard ----------------------------------------------------------------------------------------------------


class AnswerTimeSerializer(serializers.Serializer[Any]):
    """Seconds until the inbox took the answer: half of all contacts, and 19 of 20, waited less."""

    p50_s = serializers.FloatField(allow_null=True)
    p95_s = serializers.FloatField(allow_null=True)
    before_p95_s = serializers.FloatField(allow_null=True, help_text="In the same time before.")
    bot_p95_s = serializers.FloatField(allow_null=True, help_text="The bot's part.")
    bridge_p95_s = serializers.FloatField(allow_null=True, help_text="Ours.")
    cells_p50_s = NumbersField()
    cells_p95_s = NumbersField()


class FatesSerializer(serializers.Serializer[Any]):
    """What became of the conversations that the bot got."""

    total = serializers.IntegerField()
    fates = CountsField(help_text=f"By fate: {', '.join(Fate)}.")
    before = CountsField(help_text="In the same time before.")
    cells = serializers.DictField(child=NumbersField())


class HandoverReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    words = serializers.CharField()
    count = serializers.IntegerField()
    before = serializers.IntegerField()


class InboundSerializer(serializers.Serializer[Any]):
    """Events that came in."""

    total = serializers.IntegerField()
    before = serializers.IntegerField()
    refused = CountsField(help_text="By reason.")
    duplicates = serializers.IntegerField()
    cells = NumbersField()
    cells_refused = NumbersField()
    usual = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), allow_null=True),
        help_text="Lowest and highest number of each cell on the days before; null while there are too few.",
    )


class TopFailureSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="group.row.pk", help_text="Of its group: GET /api/v1/failures/{id}/.")
    code = serializers.CharField(source="group.row.code")
    title = serializers.CharField(source="group.title")
    count = serializers.IntegerField()


class TodaySerializer(serializers.Serializer[Any]):
    answered = serializers.IntegerField()
    slow = serializers.IntegerField()
    handed_over = serializers.IntegerField()
    given_up = serializers.IntegerField(help_text="Hand-overs that nobody wanted: the bot did not work.")
    lost = serializers.IntegerField(help_text="Nobody answered.")


class ChannelHealthSerializer(serializers.Serializer[Any]):
    channel_id = serializers.IntegerField()
    now = serializers.ChoiceField(choices=HEALTHS)
    strip = serializers.ListField(
        child=serializers.ChoiceField(choices=HEALTHS), help_text="The half hours of the last day."
    )
    today = TodaySerializer()


@example(
    at="2026-03-14T11:00:00Z",
    window="24h",
    starts=["2026-03-13T11:00:00Z", "2026-03-13T11:30:00Z"],
    answer_time={
        "p50_s": 1.1,
        "p95_s": 1.8,
        "before_p95_s": 1.5,
        "bot_p95_s": 1.6,
        "bridge_p95_s": 0.2,
        "cells_p50_s": [1.0, 1.2],
        "cells_p95_s": [1.7, 1.9],
    },
    conversations={
        "total": 418,
        "fates": {"bot": 40, "handed_over": 96, "resolved": 280, "taken": 2, "lost": 0},
        "before": {"bot": 38, "handed_over": 90, "resolved": 270, "taken": 3, "lost": 0},
        "cells": {"handed_over": [2, 3]},
    },
    handovers=[{"reason": "asked_for_human", "words": "the bot asked for an agent", "count": 80, "before": 77}],
    failures=[{"id": 17, "code": "CB-608", "title": "Reply lost", "count": 12}],
    inbound={
        "total": 2104,
        "before": 2001,
        "refused": {"bad_signature": 3},
        "duplicates": 1,
        "cells": [40, 44],
        "cells_refused": [0, 3],
        "usual": [[31.0, 52.0], None],
    },
    queue=_QUEUE,
    workers=[_WORKER],
    problems=[],
    health=[
        {
            "channel_id": 3,
            "now": "healthy",
            "strip": ["quiet", "healthy"],
            "today": {"answered": 399, "slow": 4, "handed_over": 96, "given_up": 1, "lost": 0},
        }
    ],
)
class FiguresSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    window = serializers.ChoiceField(source="window.name", choices=list(WINDOWS))
    starts = serializers.ListField(child=serializers.DateTimeField(), help_text="Where each cell begins.")
    answer_time = AnswerTimeSerializer()
    conversations = FatesSerializer()
    handovers = HandoverReasonSerializer(many=True)
    failures = TopFailureSerializer(many=True)
    inbound = InboundSerializer()
    queue = QueueSerializer()
    workers = WorkerSerializer(many=True)
    problems = ProblemTextSerializer(many=True)
    health = ChannelHealthSerializer(many=True)


class FigureQuery(Strict):
    window = serializers.ChoiceField(default="24h", choices=list(WINDOWS))
    channel = IdField(required=False, help_text="Without: all.")


# --- queue and workers --------------------------------------------------------------------------------------------


class MinuteSerializer(serializers.Serializer[Any]):
    came = serializers.IntegerField()
    ended = serializers.IntegerField()


class JobSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    ended_at = serializers.DateTimeField(allow_null=True)
    took_ms = serializers.IntegerField()
    result = serializers.CharField(allow_blank=True)
    has_failed = serializers.BooleanField()
    next_at = serializers.DateTimeField()


class ServiceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    took_ms = serializers.FloatField(allow_null=True, help_text="Null: it did not answer.")
    facts = serializers.SerializerMethodField()

    def get_facts(self, service: Any) -> dict[str, str]:
        return dict(service.facts)


class AccountSerializer(serializers.Serializer[Any]):
    """A set of API keys."""

    key = serializers.CharField(source="row", help_text="The beginning of a digest of its keys.")
    channels = serializers.ListField(child=serializers.CharField())
    token_expires_at = serializers.DateTimeField(source="row.token_expires_at", allow_null=True)
    problem = serializers.CharField(source="row.problem", allow_blank=True)
    problem_since = serializers.DateTimeField(source="row.problem_since", allow_null=True)
    quota_used = serializers.IntegerField(source="row.quota_used", allow_null=True, help_text="Calls of today.")
    quota_limit = serializers.IntegerField(source="row.quota_limit", allow_null=True)


@example(
    at="2026-03-14T11:00:00Z",
    version="0.1.0",
    versions=["0.1.0"],
    queue=_QUEUE,
    per_minute=[{"came": 4, "ended": 4}],
    workers=[_WORKER],
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
        child=serializers.CharField(), help_text="Of all that live: more than one after half an upgrade."
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
