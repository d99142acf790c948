"""The dashboard as the API shows it."""

from typing import Any

from rest_framework import serializers

from channels_app.operations.figures.counting import Fate
from channels_app.operations.figures.health import ChannelHealth, Tally
from channels_app.operations.figures.reading import WINDOWS, AnswerTime, Conversations, HandoverReason, Inbound
from channels_app.web.api.base import IdField, Strict
from channels_app.web.api.facts import answer_of
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.queue import (
    QUEUE_EXAMPLE,
    WORKER_EXAMPLE,
    ProblemTextSerializer,
    QueueSerializer,
    WorkerSerializer,
)

AnswerTimeSerializer = answer_of(
    AnswerTime,
    "p50_s p95_s before_p95_s bot_p95_s bridge_p95_s cells_p50_s cells_p95_s",
    about="Seconds until the inbox accepted the answer: half of all contacts, and 19 of 20, waited less.",
    before_p95_s="In the previous period.",
    bot_p95_s="The bot's part.",
    bridge_p95_s="The bridge's part.",
)
FatesSerializer = answer_of(
    Conversations,
    "total fates before cells",
    called="Fates",
    about="The fate of the conversations the bot got.",
    fates=f"By fate: {', '.join(Fate)}.",
    before="In the previous period.",
)
HandoverReasonSerializer = answer_of(HandoverReason, "reason words count before")
InboundSerializer = answer_of(
    Inbound,
    "total before refused duplicates cells cells_refused usual",
    about="Events that came in.",
    refused="By reason.",
    usual="Lowest and highest number for each cell on the previous days; null if there are too few.",
)


class TopFailureSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="group.row.pk", help_text="Its group: GET /api/v1/failures/{id}/.")
    code = serializers.CharField(source="group.row.code")
    title = serializers.CharField(source="group.title")
    count = serializers.IntegerField()


TodaySerializer = answer_of(
    Tally,
    "answered slow handed_over given_up lost",
    called="Today",
    given_up="Unwanted handovers: the bot did not work.",
    lost="No answer at all.",
)
ChannelHealthSerializer = answer_of(
    ChannelHealth,
    "channel_id now strip today waiting",
    channel_id=serializers.IntegerField(),
    strip="The last day in half hours.",
    today=TodaySerializer(),
    waiting="Contacts without an answer for a failure of the last quarter of an hour.",
)


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
    queue=QUEUE_EXAMPLE,
    workers=[WORKER_EXAMPLE],
    problems=[],
    health=[
        {
            "channel_id": 3,
            "now": "healthy",
            "strip": ["quiet", "healthy"],
            "today": {"answered": 399, "slow": 4, "handed_over": 96, "given_up": 1, "lost": 0},
            "waiting": 0,
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
