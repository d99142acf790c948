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
from channels_app.lib import jsons
from channels_app.models import Bot, limits
from channels_app.operations.checks import check_bot
from channels_app.operations.checks.trying import (
    AUTHORS,
    MAX_SAMPLE,
    Found,
    SaidBefore,
    Sample,
    Tried,
    TriedCall,
    try_bot,
)
from channels_app.protocol.errors import BridgeError
from channels_app.web.api.base import ApiView, OneOf, PageQuery, RowSerializer, Strict, row_or_404
from channels_app.web.api.facts import answer_of
from channels_app.web.api.rows import etag, expected_revision, refusals, secrets_of, settings_for
from channels_app.web.api.schema import Tag, example, operations_of
from channels_app.web.api.serializers.channel_care import CheckLineSerializer, ChecksSerializer
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
            "max_failures": {"help_text": "After this many consecutive failed calls it is left alone."},
            "pause_s": {"help_text": "For this many seconds; then one message is sent to it as a trial."},
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


class SampleLineSerializer(Strict):
    author = serializers.ChoiceField(choices=AUTHORS)
    text = serializers.CharField(max_length=jsons.MAX_TEXT)


@example(text="Where is my parcel?", contact_name="Johan", language="en")
class SampleSerializer(Strict):
    text = serializers.CharField(required=False, allow_blank=True, max_length=MAX_SAMPLE)
    payload = serializers.JSONField(required=False, allow_null=True, help_text="Of an option that the contact chose.")
    begins = serializers.BooleanField(required=False, help_text="The conversation begins, and nothing is said yet.")
    contact_name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    language = serializers.CharField(required=False, allow_blank=True, max_length=35)
    session_id = serializers.UUIDField(required=False, help_text="Of a try before: the same conversation goes on.")
    remembered = serializers.DictField(
        required=False, child=serializers.CharField(allow_blank=True), help_text="As a try before has answered it."
    )
    said = SampleLineSerializer(
        many=True, required=False, help_text="The same, for a bot that remembers nothing itself."
    )


@example(
    is_ok=True,
    session_id="3f0c9a52-6d41-4f0e-9c5e-1f0f6a1d2b77",
    problem=None,
    calls=[
        {
            "method": "POST",
            "url": "https://api.dify.ai/v1/chat-messages",
            "headers": {"Authorization": "Bearer ••••"},
            "request": '{"query": "Where is my parcel?"}',
            "status": 200,
            "response": '{"answer": "Tomorrow.", "conversation_id": "4570"}',
            "took_ms": 1412,
        }
    ],
    found=[{"what": "Message", "words": "Tomorrow."}, {"what": "Remembered", "words": "conversation_id: 4570"}],
    remembered={"conversation_id": "4570"},
    said=[{"author": "contact", "text": "Where is my parcel?"}, {"author": "bot", "text": "Tomorrow."}],
)
class TriedBotSerializer(serializers.Serializer[Any]):
    is_ok = serializers.BooleanField()
    session_id = serializers.UUIDField(help_text="For the next message of the same conversation.")
    problem = CheckLineSerializer(allow_null=True)
    calls = answer_of(TriedCall, "method url headers request status response took_ms")(many=True)
    found = answer_of(Found, "what words")(many=True)
    remembered = serializers.DictField(child=serializers.CharField())
    said = answer_of(SaidBefore, "author text")(many=True)


class TryBot(ApiView):
    @operation(
        "tryBot",
        "A sample message to the bot, of a contact who doesn't exist",
        needs=CHANGE_BOT,
        body=SampleSerializer,
        answer=TriedBotSerializer,
    )
    def post(self, request: Request, pk: int) -> Response:
        """What was sent (secrets covered), what came back, and what we read of it. Nothing reaches a contact."""
        given = self.body(SampleSerializer)
        if "session_id" in given:
            given["session_id"] = str(given["session_id"])
        said = [SaidBefore(**line) for line in given.pop("said", ())]
        sample = Sample(**given, said=said)
        tried = try_bot(row_or_404(Bot.objects.all(), pk), sample)
        return self.answer(_answer_of(tried, sample), TriedBotSerializer)


def _answer_of(tried: Tried, sample: Sample) -> dict[str, Any]:
    facts = {name: getattr(tried, name) for name in ("problem", "calls", "found", "remembered", "said")}
    return {"is_ok": tried.problem is None, "session_id": sample.session_id, **facts}
