"""Where conversations fail: what the page of that name shows."""

from dataclasses import fields
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.permissions import SEE
from channels_app.operations.handover_health import handover_problems
from channels_app.operations.handovers import Asked, conversations_of, find_weaknesses
from channels_app.web.api.base import ApiView
from channels_app.web.api.schema import Tag, operations_of
from channels_app.web.api.serializers.handovers import (
    BehindQuery,
    BehindSerializer,
    HandoversQuery,
    HandoversSerializer,
)

operation = operations_of(Tag.HANDOVERS, SEE)


def _asked(query: dict[str, Any]) -> Asked:
    return Asked(days=query["days"], channel_id=query.get("channel"))


class Handovers(ApiView):
    @operation(
        "getHandovers",
        "Where conversations fail, who waits for an agent, and what agents did",
        query=HandoversQuery,
        answer=HandoversSerializer,
    )
    def get(self, request: Request) -> Response:
        found = find_weaknesses(_asked(self.query(HandoversQuery)))
        shown = {field.name: getattr(found, field.name) for field in fields(found)}
        return self.answer({**shown, "problems": handover_problems()}, HandoversSerializer)


class BehindLine(ApiView):
    @operation(
        "listConversationsBehindLine",
        "The newest conversations behind one of its lines",
        query=BehindQuery,
        answer=BehindSerializer,
    )
    def get(self, request: Request) -> Response:
        query = self.query(BehindQuery)
        rows = conversations_of(query["kind"], query["key"].replace("\0", ""), _asked(query))
        return self.answer({"results": [row.pk for row in rows]}, BehindSerializer)
