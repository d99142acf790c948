"""Looking after a channel: tests, set-up, refused events, new keys, copies, diagnostics, and its end."""

from http import HTTPStatus

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.permissions import ADD_CHANNEL, CHANGE_CHANNEL, DELETE_CHANNEL, SEE_CHANNEL
from channels_app.channels.care import clone_channel
from channels_app.channels.deletion import begin_deletion, delete_some
from channels_app.channels.forms import ChannelForm
from channels_app.channels.forms.saving import judged_form
from channels_app.channels.rotations import replace_keys
from channels_app.lib.attributes import attributes
from channels_app.operations.checks import check_channel
from channels_app.operations.checks.diagnostics import collect_diagnostics
from channels_app.operations.checks.facts import facts_of
from channels_app.operations.checks.steps import setup_steps
from channels_app.operations.intents import seen_intents
from channels_app.operations.routing import case_at_once, try_rules
from channels_app.protocol.intents import topics_of
from channels_app.web.api.channels import ChannelView
from channels_app.web.api.rows import refusals
from channels_app.web.api.schema import Tag, operations_of
from channels_app.web.api.serializers.channel_care import (
    ChecksSerializer,
    DeletedSerializer,
    DiagnosticsSerializer,
    IntentQuery,
    IntentsSerializer,
    KeysReplacedSerializer,
    RefusalsSerializer,
    RoutedSerializer,
    StepsSerializer,
    TryRoutingSerializer,
)
from channels_app.web.api.serializers.channel_requests import CloneSerializer, DeleteSerializer, ReplaceKeysSerializer
from channels_app.web.api.serializers.channels import ChannelDetailSerializer

operation = operations_of(Tag.CHANNELS, CHANGE_CHANNEL)


class TestConnection(ChannelView):
    @operation(
        "testChannel", "Test keys, address, secret and bot; sends nothing to any contact", answer=ChecksSerializer
    )
    def post(self, request: Request, pk: int) -> Response:
        lines = check_channel(self.channel(pk))
        return self.answer({"is_ok": all(line.is_ok for line in lines), "lines": lines}, ChecksSerializer)


class SetUp(ChannelView):
    @operation("getSetUp", "Set-up progress", needs=SEE_CHANNEL, answer=StepsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer({"results": setup_steps(facts_of(self.channel(pk)))}, StepsSerializer)


class Intents(ChannelView):
    @operation(
        "listIntents",
        "The intents the bot has named recently, with the topics they set",
        needs=SEE_CHANNEL,
        query=IntentQuery,
        answer=IntentsSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        channel, name = self.channel(pk), self.query(IntentQuery).get("intent", "")
        tried = {"intent": name, "topics": topics_of([name], channel.intent_topics)} if name else None
        return self.answer({"results": seen_intents(channel), "tried": tried}, IntentsSerializer)


class TryRouting(ChannelView):
    @operation(
        "tryRouting",
        "What routing rules make of a handover: the channel's, or others before they are saved; changes nothing",
        needs=SEE_CHANNEL,
        body=TryRoutingSerializer,
        answer=RoutedSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        given, channel = dict(self.body(TryRoutingSerializer)), self.channel(pk)
        rules = given.pop("routing_rules", None)
        if rules is not None:
            with refusals():
                rules = judged_form(channel, ChannelForm, {"routing_rules": rules}).cleaned_data["routing_rules"]
        tried = try_rules(channel.routing_rules if rules is None else rules, case_at_once(channel, **given))
        fits = [{"number": number, "rule": words, "found": found} for number, words, found in tried.rows]
        known = attributes(tried.routed, "topics", "tags", "attributes", "text", "notes")
        return self.answer({"fits": fits, **known}, RoutedSerializer)


class RefusedEvents(ChannelView):
    @operation(
        "listRefusedEvents",
        "Events refused in the last few days, counted by reason",
        needs=SEE_CHANNEL,
        answer=RefusalsSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        refused = [group for group in facts_of(self.channel(pk)).refused if not group.is_harmless]
        return self.answer({"results": refused}, RefusalsSerializer)


class ReplaceKeys(ChannelView):
    @operation(
        "replaceKeys",
        "Try new API keys, and save them if they work",
        body=ReplaceKeysSerializer,
        answer=KeysReplacedSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        given, channel = self.body(ReplaceKeysSerializer), self.channel(pk)
        with refusals():
            form = judged_form(channel, ChannelForm, {"settings": given["settings"]})
        lines = replace_keys(channel, form.values, self.actor, reason=given["reason"])
        is_saved = bool(lines) and lines[0].is_ok
        return self.answer({"is_saved": is_saved, "lines": lines}, KeysReplacedSerializer)


class Clone(ChannelView):
    @operation(
        "cloneChannel",
        "Copy its settings to a new channel, without secrets, address or history",
        needs=ADD_CHANNEL,
        body=CloneSerializer,
        answer=ChannelDetailSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request, pk: int) -> Response:
        channel, name = self.channel(pk), self.body(CloneSerializer)["name"]
        with refusals():
            clone = clone_channel(channel, name, self.actor)
        return self.shown(clone.pk, HTTPStatus.CREATED)


class Diagnostics(ChannelView):
    @operation(
        "getDiagnostics",
        "What a colleague needs to help, without secrets and message texts",
        answer=DiagnosticsSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        return Response({"diagnostics": collect_diagnostics(self.channel(pk))})


class Deletion(ChannelView):
    @operation(
        "deleteChannel",
        "Delete a channel with all its data, for good",
        needs=DELETE_CHANNEL,
        body=DeleteSerializer,
        answer=DeletedSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        """It is archived at once, then deleted a little with each call."""
        given, channel = self.body(DeleteSerializer), self.channel(pk)
        if given["name"] != channel.name:
            raise ValidationError({"name": "This is not the name of this channel."})
        begin_deletion(channel, self.actor, reason=given["reason"])
        return self.answer({"is_deleted": delete_some(channel, self.actor)}, DeletedSerializer)
