"""Bots: what platform each runs on, and how it is reached."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.permissions import ADD_BOT, CHANGE_BOT, SEE_BOT
from channels_app.adapters.bots import BOTS, bot_class
from channels_app.channels.care import MAX_NAME
from channels_app.channels.forms import BotForm
from channels_app.channels.forms.rows import BOT_ADAPTERS
from channels_app.channels.forms.saving import save_row
from channels_app.channels.links import availability_url, reply_url
from channels_app.models import Bot, limits
from channels_app.operations.checks import check_bot
from channels_app.protocol.errors import BridgeError
from channels_app.web.api.base import ApiView, OneOf, PageQuery, RowSerializer, Strict, row_or_404
from channels_app.web.api.rows import etag, expected_revision, refusals, secrets_of, settings_for
from channels_app.web.api.schema import Tag, example, operations_of
from channels_app.web.api.serializers.channel_care import ChecksSerializer
from channels_app.web.api.serializers.channel_requests import bounded, settings_field
from channels_app.web.api.serializers.channels import SavedSerializer

operation = operations_of(Tag.BOTS, SEE_BOT)


class WarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()


_BOT: dict[str, Any] = {
    "id": 1,
    "name": "Parcel bot",
    "kind": "http",
    "reply_url": "https://bridge.example.com/webhooks/bot/4f0c7a55-2a6e-4f2b-9d1b-0f3f3c1f5a10/",
    "availability_url": "https://bridge.example.com/webhooks/bot/4f0c7a55-2a6e-4f2b-9d1b-0f3f3c1f5a10/availability/",
    "settings": {"url": "https://bot.example.com/bot", "timeout_s": 20},
    "secrets": {"token": {"is_saved": True, "ends_in": "77aa"}},
    "warnings": [],
    "revision": 7,
    "max_failures": 5,
    "pause_s": 15,
    "failures": 0,
    "paused_until": None,
}


@example(**_BOT)
class BotSerializer(RowSerializer):
    kind = serializers.ChoiceField(choices=list(BOTS))
    reply_url = serializers.SerializerMethodField(help_text="Where a bot that answers later sends its replies.")
    availability_url = serializers.SerializerMethodField(
        help_text="Where a bot asks whether agents would take over (GET, authenticated like a later reply): `open`, "
        "`agents`, `waiting`, `longest_wait_s` and `next_opening`, null where unknown. Null for a kind that can't ask."
    )
    settings = serializers.SerializerMethodField(help_text="The adapter's settings, without secrets.")
    secrets = serializers.SerializerMethodField(help_text="What may be shown of each secret.")
    warnings = serializers.SerializerMethodField(help_text="Settings that work but should be changed.")

    class Meta:
        model = Bot
        fields = tuple(_BOT)
        extra_kwargs = {
            "revision": {"help_text": "Increases with every change; for If-Match."},
            "max_failures": {"help_text": "After so many consecutive failed calls it is left alone."},
            "pause_s": {"help_text": "For so many seconds; then one message is sent to it as a trial."},
            "failures": {"help_text": "Consecutive failed calls."},
            "paused_until": {"help_text": "Until then it is only called for a trial."},
        }

    def get_reply_url(self, bot: Bot) -> str:
        return reply_url(bot.uuid)

    def get_availability_url(self, bot: Bot) -> str | None:
        return availability_url(bot.uuid) if bot_class(bot.kind).asks_ahead else None

    def get_settings(self, bot: Bot) -> dict[str, Any]:
        return settings_for(bot, may_change=self.context["may"](CHANGE_BOT))

    @extend_schema_field(serializers.DictField(child=SavedSerializer()))
    def get_secrets(self, bot: Bot) -> Any:
        return {name: SavedSerializer(secret).data for name, secret in secrets_of(bot).items()}

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, bot: Bot) -> Any:
        try:
            problems = bot_class(bot.kind).warnings(bot.clear_settings())
        except BridgeError:  # the key is lost: nothing can be said
            return []
        return [{"code": str(problem.code), "text": problem.text} for problem in problems]


@example(name="Parcel bot", kind="http", settings={"url": "https://bot.example.com/bot", "token": "…"})
class BotBodySerializer(Strict):
    name = serializers.CharField(max_length=MAX_NAME)
    kind = OneOf(list(BOTS))
    settings = settings_field(
        BOT_ADAPTERS, required=False, help_text="Omitted fields stay unchanged; null removes a secret."
    )
    max_failures = bounded(limits.MAX_FAILURES)
    pause_s = bounded(limits.PAUSE_S)


class Bots(ApiView):
    @operation("listBots", "All bots, newest first", query=PageQuery, answer=BotSerializer, is_page=True)
    def get(self, request: Request) -> Response:
        return self.page(Bot.objects.all(), BotSerializer, self.query(PageQuery))

    @operation(
        "addBot", "Add a bot", needs=ADD_BOT, body=BotBodySerializer, answer=BotSerializer, status=HTTPStatus.CREATED
    )
    def post(self, request: Request) -> Response:
        with refusals():
            bot = save_row(Bot(), BotForm, self.body(BotBodySerializer), self.actor).row
        return self.answer(bot, BotSerializer, HTTPStatus.CREATED)


class OneBot(ApiView):
    @operation("getBot", "A bot", answer=BotSerializer)
    def get(self, request: Request, pk: int) -> Response:
        bot = row_or_404(Bot.objects.all(), pk)
        return self.answer(bot, BotSerializer, headers=etag(bot))

    @operation(
        "changeBot", "Change settings", needs=CHANGE_BOT, body=BotBodySerializer, answer=BotSerializer, is_guarded=True
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Omitted fields stay unchanged. With other settings the bot is called again at once."""
        given = self.body(BotBodySerializer, is_partial=True)
        with refusals():
            expected = expected_revision(request)
            bot = save_row(row_or_404(Bot.objects.all(), pk), BotForm, given, self.actor, expected=expected).row
        return self.answer(bot, BotSerializer, headers=etag(bot))


class TestBot(ApiView):
    @operation("testBot", "One test turn, without a contact", needs=CHANGE_BOT, answer=ChecksSerializer)
    def post(self, request: Request, pk: int) -> Response:
        lines = check_bot(row_or_404(Bot.objects.all(), pk))
        return self.answer({"is_ok": all(line.is_ok for line in lines), "lines": lines}, ChecksSerializer)
