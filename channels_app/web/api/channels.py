"""Channels: found, added, changed."""

from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.audit import Actor
from channels_app.access.permissions import ADD_CHANNEL, CHANGE_CHANNEL, SEE_CHANNEL
from channels_app.channels.forms import ChannelForm
from channels_app.channels.forms.saving import ChangedError, save_inbox_channel, save_row
from channels_app.models import Channel
from channels_app.web.api.base import ApiView, row_or_404
from channels_app.web.api.rows import etag, expected_revision, refusals
from channels_app.web.api.schema import Tag, operations_of
from channels_app.web.api.serializers.channel_requests import ChannelBodySerializer, ChannelQuery
from channels_app.web.api.serializers.channels import ChannelDetailSerializer, ChannelSerializer

operation = operations_of(Tag.CHANNELS, SEE_CHANNEL)


class ChannelView(ApiView):
    """About channels."""

    def rows(self) -> QuerySet[Channel]:
        return Channel.objects.select_related("bot")

    def channel(self, pk: int) -> Channel:
        return row_or_404(self.rows(), pk)

    def shown(self, pk: int, status: int = HTTPStatus.OK) -> Response:
        """The channel as it is now."""
        channel = row_or_404(self.rows().prefetch_related("inbox_channels"), pk)
        return self.answer(channel, ChannelDetailSerializer, status, etag(channel))


class Channels(ChannelView):
    @operation(
        "listChannels", "All channels, newest first", query=ChannelQuery, answer=ChannelSerializer, is_page=True
    )
    def get(self, request: Request) -> Response:
        query = self.query(ChannelQuery)
        rows = self.rows().filter(archived_at__isnull=not query["archived"])
        if "name" in query:
            rows = rows.filter(name__icontains=query["name"])
        return self.page(rows, ChannelSerializer, query)

    @operation(
        "addChannel",
        "Add a channel",
        needs=ADD_CHANNEL,
        body=ChannelBodySerializer,
        answer=ChannelDetailSerializer,
        status=HTTPStatus.CREATED,
    )
    def post(self, request: Request) -> Response:
        given = self.body(ChannelBodySerializer)
        return self.shown(_save(Channel(), given, self.actor).pk, HTTPStatus.CREATED)


class OneChannel(ChannelView):
    @operation("getChannel", "A channel", answer=ChannelDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self.shown(pk)

    @operation(
        "changeChannel",
        "Change settings",
        needs=CHANGE_CHANNEL,
        body=ChannelBodySerializer,
        answer=ChannelDetailSerializer,
        is_guarded=True,
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Omitted fields stay unchanged."""
        given = self.body(ChannelBodySerializer, is_partial=True)
        _save(self.channel(pk), given, self.actor, expected_revision(request))
        return self.shown(pk)


def _save(channel: Channel, given: dict[str, Any], actor: Actor, expected: int | None = None) -> Channel:
    """The channel and its inbox channels, or nothing of both."""
    if "greet" in given:
        given = {"greeting": channel.greeting_for(given["greet"]), **given}
    if "fallback_text" in given:
        given = channel.texts_after(given["fallback_text"]) | given
    with transaction.atomic(), refusals():
        saved = save_row(channel, ChannelForm, given, actor, expected=expected)
        for values in given.get("inbox_channels", ()):
            changes = save_inbox_channel(saved.row, values["external_id"], values, actor)
            if changes and saved.overtaken is not None:
                raise ChangedError(saved.row, saved.overtaken)
    return saved.row
