"""Events, deliveries and calls: what came in, what went out, and retrying what failed."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.permissions import REPLAY, SEE
from channels_app.models import Delivery, Exchange, Outcome, WebhookEvent
from channels_app.operations.calls import CallFilter, list_exchanges
from channels_app.operations.interventions import note_reading, replay_events, send_again
from channels_app.operations.replays import Replayed
from channels_app.web.api.base import WINDOW, ApiView, asked_range, row_or_404
from channels_app.web.api.problems import not_now
from channels_app.web.api.schema import Tag, operations_of
from channels_app.web.api.serializers.calls import (
    CallQuery,
    CallSerializer,
    DeliveryQuery,
    DeliverySerializer,
    EventQuery,
    EventSerializer,
    ExchangeSerializer,
    ReplayedSerializer,
)
from channels_app.web.api.serializers.channel_requests import ReasonSerializer

operation = operations_of(Tag.CALLS, SEE)
RETRIED = "done again"  # what clients of the first version compare with
NOT_LOST = "the conversation is no longer with the bot, or this delivery lost nothing."


def _events() -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.select_related("channel")


class Events(ApiView):
    @operation("listEvents", "Received events, newest first", query=EventQuery, answer=EventSerializer, is_page=True)
    def get(self, request: Request) -> Response:
        """A page can be empty although there is a next one: each looks through a bounded number of rows."""
        query = self.query(EventQuery)
        which = {f"{name}_id": query[name] for name in ("channel", "conversation") if name in query}
        which |= {"outcome": query["outcome"]} if "outcome" in query else {}
        has_index = query.get("outcome") in (None, Outcome.DEAD) or "conversation" in query
        return self.page(_events().filter(**which), EventSerializer, query, window=None if has_index else WINDOW)


class OneEvent(ApiView):
    @operation("getEvent", "An event", answer=EventSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(row_or_404(_events(), pk), EventSerializer)


class ReplayEvent(ApiView):
    @operation(
        "replayEvent",
        "Retry an event that failed for good",
        needs=REPLAY,
        body=ReasonSerializer,
        answer=ReplayedSerializer,
        is_act=True,
    )
    def post(self, request: Request, pk: int) -> Response:
        """What was sent stays sent, so nothing is said twice. The contact gets a late answer."""
        given, event = self.body(ReasonSerializer), row_or_404(_events(), pk)
        [verdict] = replay_events([event], self.actor, **given)
        if verdict is not Replayed.AGAIN:
            raise not_now(f"{verdict.removeprefix('skipped: ')}.")
        return self.answer({"result": RETRIED, "event_id": event.pk}, ReplayedSerializer)


class Deliveries(ApiView):
    @operation(
        "listDeliveries",
        "Deliveries to the inbox, newest first",
        query=DeliveryQuery,
        answer=DeliverySerializer,
        is_page=True,
    )
    def get(self, request: Request) -> Response:
        """A page can be empty although there is a next one: each looks through a bounded number of rows."""
        query = self.query(DeliveryQuery)
        names = {"conversation": "conversation_id", "state": "state"}
        rows = Delivery.objects.filter(**{field: query[name] for name, field in names.items() if name in query})
        has_index = "conversation" in query or "state" not in query
        return self.page(rows, DeliverySerializer, query, window=None if has_index else WINDOW)


class OneDelivery(ApiView):
    @operation("getDelivery", "A delivery", answer=DeliverySerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(row_or_404(Delivery.objects.all(), pk), DeliverySerializer)


class ReplayDelivery(ApiView):
    @operation(
        "replayDelivery",
        "Resend a lost delivery",
        needs=REPLAY,
        body=ReasonSerializer,
        answer=DeliverySerializer,
        is_act=True,
    )
    def post(self, request: Request, pk: int) -> Response:
        """One that was sent and not confirmed may arrive a second time."""
        given, delivery = self.body(ReasonSerializer), row_or_404(Delivery.objects.all(), pk)
        if not send_again(delivery, self.actor, **given):
            raise not_now(NOT_LOST)
        delivery.refresh_from_db()
        return self.answer(delivery, DeliverySerializer)


class Calls(ApiView):
    @operation(
        "listCalls", "Calls in both directions, newest first", query=CallQuery, answer=CallSerializer, is_page=True
    )
    def get(self, request: Request) -> Response:
        """A page can be empty although there is a next one: each looks through a bounded number of rows."""
        query = self.query(CallQuery)
        which = CallFilter(
            channel_id=query.get("channel"),
            conversation_id=query.get("conversation"),
            direction=query.get("direction", ""),
            errors_only=query["errors"],
            code=query.get("code", ""),
            status=query.get("status", ""),
            is_slow=query["slow"],
            during=asked_range(query),
        )
        found = list_exchanges(which, query.get("before", ""))
        return self.listing(found.lines, CallSerializer, found.before)


class OneExchange(ApiView):
    @operation("getExchange", "An outgoing call and its response", answer=ExchangeSerializer)
    def get(self, request: Request, pk: int) -> Response:
        row = row_or_404(Exchange.objects.select_related("channel", "event__conversation"), pk)
        if self.reads_text:
            note_reading(self.actor, row.event.conversation)
        return self.answer(row, ExchangeSerializer)
