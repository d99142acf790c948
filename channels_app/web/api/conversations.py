"""Conversations: found, told, explained, handed over, spoken in."""

from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.audit import record_audit
from channels_app.access.permissions import HAND_OVER, SEE
from channels_app.models import Conversation, EventSource
from channels_app.operations.explanations.gather import explain
from channels_app.operations.interventions import hand_over_now, note_reading, speak_as_bot
from channels_app.operations.search import find_conversations
from channels_app.operations.transcripts import load_transcript
from channels_app.operations.transcripts.exports import bug_report
from channels_app.web.api.base import ApiView, asked_range, row_or_404
from channels_app.web.api.problems import not_now
from channels_app.web.api.schema import Tag, operations_of
from channels_app.web.api.serializers.channel_requests import ReasonSerializer
from channels_app.web.api.serializers.conversations import (
    BugReportSerializer,
    ConversationQuery,
    ConversationSerializer,
    ExplainQuery,
    ExplanationSerializer,
    OrderedSerializer,
    SaySerializer,
    TranscriptQuery,
    TranscriptSerializer,
)

operation = operations_of(Tag.CONVERSATIONS, SEE)
NOT_OURS = "agents have the conversation, or it is closed."


class ConversationView(ApiView):
    """About conversations."""

    def conversation(self, pk: int) -> Conversation:
        return row_or_404(Conversation.objects.all(), pk)

    def ordered(self, conversation: Conversation, *, is_taken: bool) -> Response:
        """The event of an order, if it was taken."""
        if not is_taken:
            raise not_now(NOT_OURS)
        event = conversation.events.filter(source=EventSource.ADMIN).latest("pk")
        return self.answer({"event_id": event.pk}, OrderedSerializer, HTTPStatus.ACCEPTED)


class Conversations(ConversationView):
    @operation(
        "listConversations",
        "Conversations, latest activity first, or search results",
        query=ConversationQuery,
        answer=ConversationSerializer,
        is_page=True,
    )
    def get(self, request: Request) -> Response:
        """A page can be empty although there is a next one: each looks through a bounded number of rows."""
        query = self.query(ConversationQuery)
        found = find_conversations(
            query.get("q", ""),
            channel_id=query.get("channel"),
            owner=query.get("owner", ""),
            reason=query.get("reason", ""),
            before=query.get("before", ""),
            during=asked_range(query),
            reads_text=self.reads_text,
        )
        return self.listing(found.lines, ConversationSerializer, found.before)


class OneConversation(ConversationView):
    @operation(
        "getConversation",
        "A conversation with its transcript; texts only for users who may read them",
        query=TranscriptQuery,
        answer=TranscriptSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        before: int | None = self.query(TranscriptQuery).get("before")
        conversation = self.conversation(pk)
        transcript = load_transcript(conversation.pk, before=before, reads_text=self.reads_text)
        if self.reads_text:
            note_reading(self.actor, conversation)
        return self.answer(transcript, TranscriptSerializer)


class Why(ConversationView):
    @operation("explainConversation", "Why did the bot not answer?", query=ExplainQuery, answer=ExplanationSerializer)
    def get(self, request: Request, pk: int) -> Response:
        event_id: int | None = self.query(ExplainQuery).get("event")
        conversation = self.conversation(pk)
        if event_id is not None and not conversation.events.filter(pk=event_id).exists():
            raise NotFound
        return self.answer(explain(conversation.pk, event_id).to_json(), ExplanationSerializer)


class BugReport(ConversationView):
    @operation(
        "getBugReport",
        "Everything needed to investigate a fault, without any message text",
        answer=BugReportSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        conversation = self.conversation(pk)
        report: dict[str, Any] = bug_report(conversation.pk)
        record_audit(self.actor, "exported transcript", conversation, changes={"form": [None, "bug-report"]})
        return Response({"report": report})


class HandOver(ConversationView):
    @operation(
        "handOver",
        "Give the conversation to the agents",
        needs=HAND_OVER,
        body=ReasonSerializer,
        answer=OrderedSerializer,
        status=HTTPStatus.ACCEPTED,
        is_act=True,
    )
    def post(self, request: Request, pk: int) -> Response:
        given, conversation = self.body(ReasonSerializer), self.conversation(pk)
        return self.ordered(conversation, is_taken=hand_over_now(conversation, self.actor, **given))


class Messages(ConversationView):
    @operation(
        "sendMessage",
        "Say something as the bot",
        needs=HAND_OVER,
        body=SaySerializer,
        answer=OrderedSerializer,
        status=HTTPStatus.ACCEPTED,
        is_act=True,
    )
    def post(self, request: Request, pk: int) -> Response:
        text, conversation = self.body(SaySerializer)["text"], self.conversation(pk)
        return self.ordered(conversation, is_taken=speak_as_bot(conversation, text, self.actor))
