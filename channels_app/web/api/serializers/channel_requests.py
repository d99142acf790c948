"""What the API takes about a channel."""

from typing import Any

from django import forms
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.access.audit import MAX_REASON
from channels_app.adapters.inboxes import INBOXES
from channels_app.channels.care import MAX_NAME
from channels_app.channels.forms.rows import INBOX_ADAPTERS
from channels_app.channels.forms.settings import Adapters, settings_fields
from channels_app.channels.rotations import OVERLAPS
from channels_app.models import FailurePolicy, FilePolicy, Greeting, InlinePolicy, PausePolicy, SilencePolicy, limits
from channels_app.protocol.sentences import Occasion
from channels_app.web.api.base import IdField, OneOf, PageQuery, Strict
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.channels import policies_field, texts_field, words_field
from offload.routing import Condition, Effect

HOURS = [int(overlap.total_seconds() // 3600) for overlap in OVERLAPS]


class SettingField(serializers.Field[Any, Any, Any, Any]):
    """One value: a setting is never a list or an object."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict | list):
            raise serializers.ValidationError("Give a single value.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


def settings_field(adapters: Adapters, **kwargs: Any) -> serializers.Field[Any, Any, Any, Any]:
    """The settings of whichever kind; the schema names those of all kinds, the kind's own form judges."""
    fields = {
        name: field
        for adapter in adapters.values()
        for name, field in adapter.settings_form.base_fields.items()
        if name in settings_fields(adapters)
    }
    properties = {name: _schema_of(field) for name, field in fields.items()}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    described = extend_schema_field(schema)(type("SettingsField", (serializers.DictField,), {}))
    return described(child=SettingField(allow_null=True), **kwargs)  # type: ignore[no-any-return]


def _schema_of(field: forms.Field) -> dict[str, Any]:
    """What a form's field takes. null and "": none; of a required one that is refused."""
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return {"type": ["string", "null"], "enum": [*(str(value) for value, _ in choices if value), "", None]}
    if isinstance(field, forms.BooleanField):
        return {"type": ["boolean", "null"]}
    if isinstance(field, forms.IntegerField):
        number = "number" if isinstance(field, forms.FloatField) else "integer"
        return {"type": [number, "null"], "minimum": field.min_value, "maximum": field.max_value}
    return {"type": ["string", "null"]}


def bounded(bounds: tuple[int, int]) -> serializers.IntegerField:
    least, most = bounds
    return serializers.IntegerField(required=False, min_value=least, max_value=most)


class InboxChannelBodySerializer(Strict):
    external_id = serializers.CharField(max_length=200, help_text="As the inbox names it in its events.")
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    is_enabled = serializers.BooleanField(help_text="Whether the bot answers there.")
    shows_buttons = serializers.BooleanField(
        required=False,
        help_text="Whether options are shown as buttons there although the medium is not the web messenger.",
    )


class IntentTopicBodySerializer(Strict):
    intent = serializers.CharField(
        help_text="The bot's name for it, letter case aside; * at its end: all that begin so."
    )
    topic = serializers.CharField(help_text="As written in the inbox.")


class RoutingRuleBodySerializer(Strict):
    condition = OneOf(list(Condition))
    field = serializers.CharField(required=False, allow_blank=True, help_text="Of `payload` and `attribute`.")
    matches = serializers.CharField(required=False, allow_blank=True, help_text="Values with commas; * is anything.")
    effect = OneOf(list(Effect))
    name = serializers.CharField(required=False, allow_blank=True, help_text="Of `attribute`.")
    value = serializers.CharField(required=False, allow_blank=True, help_text="{value} in it is what was found.")


@example(
    name="Acme EU",
    inbox="sparkcentral",
    bot=1,
    settings={"region": "eu", "client_id": "4d2f…", "client_secret": "…"},
)
class ChannelBodySerializer(Strict):
    name = serializers.CharField(max_length=MAX_NAME)
    inbox = OneOf(list(INBOXES))
    settings = settings_field(
        INBOX_ADAPTERS, required=False, help_text="Omitted fields stay unchanged; null removes a secret."
    )
    shared_secret = serializers.CharField(required=False, allow_null=True, write_only=True)
    bot = IdField(required=False, allow_null=True, help_text="Its id.")
    greeting = OneOf(Greeting.values, required=False)
    greet = serializers.BooleanField(required=False, help_text="Replaced by `greeting`, which wins if both are given.")
    delegation_dialog = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="Chatlayer: the ID of the dialog that starts when an agent gives the bot a conversation.",
    )
    delegation_text = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=500,
        help_text="What the bot reads when an agent gives it a conversation, if no dialog starts.",
    )
    intent_topics = IntentTopicBodySerializer(many=True, required=False, help_text="The whole table.")
    routing_rules = RoutingRuleBodySerializer(many=True, required=False, help_text="The whole table.")
    offer_hours = bounded(limits.OFFER_HOURS)
    resolved_texts = texts_field(Occasion.RESOLVED, required=False)
    hands_over_on_words = serializers.BooleanField(
        required=False, help_text="A message that only asks for an agent goes to agents, not to the bot."
    )
    agent_words = words_field(required=False)
    max_misses = bounded(limits.MAX_MISSES)
    miss_intents = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Intents that mean it, with commas."
    )
    on_contact_file = OneOf(FilePolicy.values, required=False)
    file_texts = texts_field(Occasion.FILE, required=False)
    on_silence = OneOf(SilencePolicy.values, required=False)
    silent_minutes = serializers.IntegerField(
        required=False, min_value=limits.SILENT_MINUTES[0], max_value=limits.SILENT_MINUTES[1]
    )
    silence_texts = texts_field(Occasion.SILENCE, required=False)
    silent_end_minutes = serializers.IntegerField(
        required=False, min_value=limits.SILENT_MINUTES[0], max_value=limits.SILENT_MINUTES[1]
    )
    silence_end_texts = texts_field(Occasion.SILENCE_END, required=False)
    covers_all_inbox_channels = serializers.BooleanField(required=False)
    inbox_channels = InboxChannelBodySerializer(many=True, required=False, help_text="Omitted ones stay unchanged.")
    burst_quiet_ms = bounded(limits.BURST_QUIET_MS)
    drops_overtaken_answers = serializers.BooleanField(required=False)
    bot_tries = bounded(limits.BOT_TRIES)
    typing_after_s = bounded(limits.TYPING_AFTER_S)
    answer_within_s = bounded(limits.ANSWER_WITHIN_S)
    on_bot_failure = OneOf(FailurePolicy.values, required=False)
    failure_policies = policies_field(required=False)
    hold_after_s = bounded(limits.HOLD_AFTER_S)
    holding_texts = texts_field(Occasion.HOLDING, required=False)
    max_bounces = bounded(limits.MAX_BOUNCES)
    alert_minutes = bounded(limits.ALERT_MINUTES)
    alert_mail_to = serializers.CharField(
        required=False, allow_blank=True, max_length=500, help_text="Mail addresses with commas."
    )
    when_paused = OneOf(PausePolicy.values, required=False)
    paused_texts = texts_field(Occasion.PAUSED, required=False)
    inline_answers = OneOf(InlinePolicy.values, required=False)
    fallback_text = serializers.CharField(
        required=False, allow_blank=True, help_text="Replaced by `fallback_texts` and `apology_texts`, which count."
    )
    fallback_texts = texts_field(Occasion.HANDOVER, required=False)
    apology_texts = texts_field(Occasion.APOLOGY, required=False)
    language = serializers.CharField(
        required=False, allow_blank=True, help_text="For contacts whose language is not known, e.g. nl or pt-BR."
    )
    language_attribute = serializers.CharField(
        required=False, allow_blank=True, help_text="The contact attribute that holds a contact's language."
    )
    reply_limit_s = bounded(limits.REPLY_LIMIT_S)
    keep_days = bounded(limits.KEEP_DAYS)


class ChannelQuery(PageQuery):
    archived = serializers.BooleanField(default=False, help_text="Only those in the archive.")
    name = serializers.CharField(required=False, help_text="Part of its name.")


@example(reason="The bot greets itself.")
class ReasonSerializer(Strict):
    reason = serializers.CharField(
        default="", allow_blank=True, max_length=MAX_REASON, help_text="Kept in the audit log."
    )


@example(shared_secret="8c1f…", overlap_hours=24, reason="Anna left the team.")  # noqa: S106 an example
class RotateSecretSerializer(ReasonSerializer):
    shared_secret = serializers.CharField(write_only=True)
    overlap_hours = serializers.ChoiceField(
        default=24, choices=HOURS, help_text="How long the old one is also accepted."
    )


@example(settings={"client_id": "4d2f…", "client_secret": "…"}, reason="The old keys end in April.")
class ReplaceKeysSerializer(ReasonSerializer):
    settings = settings_field(INBOX_ADAPTERS, help_text="Omitted fields stay unchanged.")


@example(name="Acme US")
class CloneSerializer(Strict):
    name = serializers.CharField(max_length=MAX_NAME)


@example(name="Acme EU", reason="The brand is gone.")
class DeleteSerializer(ReasonSerializer):
    name = serializers.CharField(help_text="The channel's name, to prevent deleting the wrong one.")
