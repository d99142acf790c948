"""What the dashboard and the page about queue and workers show."""

from dataclasses import fields
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.permissions import SEE
from channels_app.operations.figures.dashboard import Dashboard, dashboard_figures
from channels_app.operations.workload import queue_facts
from channels_app.web.api.base import ApiView
from channels_app.web.api.schema import Tag, operation
from channels_app.web.api.serializers.figures import FigureQuery, FiguresSerializer
from channels_app.web.api.serializers.queue import QueueFactsSerializer


class Figures(ApiView):
    @operation(
        "getFigures",
        "The figures of the dashboard",
        tag=Tag.DASHBOARD,
        needs=SEE,
        query=FigureQuery,
        answer=FiguresSerializer,
    )
    def get(self, request: Request) -> Response:
        query = self.query(FigureQuery)
        dashboard = dashboard_figures(query["window"], query.get("channel"))
        return self.answer(_shown(dashboard), FiguresSerializer)


class Queue(ApiView):
    @operation(
        "getQueue",
        "The queue, the processes, and the services they depend on",
        tag=Tag.WORKERS,
        needs=SEE,
        answer=QueueFactsSerializer,
    )
    def get(self, request: Request) -> Response:
        return self.answer(queue_facts(), QueueFactsSerializer)


def _shown(dashboard: Dashboard) -> dict[str, Any]:
    """The same with names for what is a pair or a key there."""
    found = {field.name: getattr(dashboard, field.name) for field in fields(dashboard)}
    found["failures"] = [{"group": group, "count": count} for group, count in dashboard.failures]
    found["health"] = [
        {
            "channel_id": channel_id,
            "now": health.now,
            "strip": health.strip,
            "today": health.today,
            "waiting": health.waiting,
        }
        for channel_id, health in dashboard.health.items()
    ]
    return found
