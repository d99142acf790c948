"""Channels as the API shows them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channels_app.access.permissions import CHANGE_CHANNEL
from channels_app.adapters.inboxes import INBOXES
from channels_app.channels.links import webhook_url
from channels_app.channels.rotations import Rotation, Uses, address_rotation, secret_rotation
from channels_app.models import Bot, Channel, InboxChannel
from channels_app.operations.checks.facts import gather_facts
from channels_app.operations.checks.repairs import Repair, find_repairs, state_of
from channels_app.operations.checks.steps import setup_steps
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.failures import FailureKind
from channels_app.protocol.sentences import Occasion
from channels_app.web.api.base import RowSerializer
from channels_app.web.api.facts import answer_of
from channels_app.web.api.rows import secret_facts, secrets_of, settings_for
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.channel_examples import BOT, DETAIL, SUMMARY
from offload.routing import Condition, Effect


@example(**BOT)
class BotNameSerializer(RowSerializer):
    class Meta:
        model = Bot
        fields = tuple(BOT)


class StateSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["live", "trouble", "setup", "paused", "archived"])
    words = serializers.CharField()


RepairSerializer = answer_of(
    Repair,
    "code text since is_grave",
    about="Something that broke, or is about to.",
    is_grave="Whether contacts get no bot because of it.",
)


def look_at(channels: list[Any]) -> None:
    """Note beside each channel how it is: a handful of queries, however many there are."""
    for facts in gather_facts(channels):
        repairs = find_repairs(facts)
        channel: Any = facts.channel
        channel.state = state_of(channel, setup_steps(facts), repairs)
        channel.repairs, channel.last_event_at = repairs, facts.last_event_at


class ChannelListSerializer(serializers.ListSerializer[Any]):
    def to_representation(self, data: Any) -> Any:
        channels = list(data)
        look_at(channels)
        return super().to_representation(channels)


@example(**SUMMARY)
class ChannelSerializer(RowSerializer):
    inbox = serializers.ChoiceField(choices=list(INBOXES))
    bot = BotNameSerializer(allow_null=True)
    webhook_url = serializers.SerializerMethodField(help_text="Where the inbox sends its events.")
    state = StateSerializer()
    last_event_at = serializers.DateTimeField(allow_null=True)
    repairs = RepairSerializer(many=True, help_text="What needs attention, most serious first.")

    class Meta:
        model = Channel
        list_serializer_class = ChannelListSerializer
        fields = tuple(SUMMARY)
        extra_kwargs = {
            "is_active": {"help_text": "False: the bot is not asked, and `when_paused` says what follows."},
            "live_at": {"help_text": "When the inbox accepted its first answer."},
        }

    def to_representation(self, instance: Any) -> Any:
        if not hasattr(instance, "repairs"):
            look_at([instance])
        return super().to_representation(instance)

    def get_webhook_url(self, channel: Channel) -> str:
        return webhook_url(channel.uuid)


class SavedSerializer(serializers.Serializer[Any]):
    is_saved = serializers.BooleanField()
    ends_in = serializers.CharField(allow_blank=True, help_text="Its last four characters, if it is long enough.")


class SecretSerializer(SavedSerializer):
    saved_at = serializers.DateTimeField(allow_null=True)
    saved_by = serializers.CharField(allow_blank=True)


UsesSerializer = answer_of(Uses, "count last_at")
RotationSerializer = answer_of(
    Rotation,
    "until old new is_safe_to_retire",
    about="Two that are accepted at once.",
    until="When the old one expires.",
    old=UsesSerializer(),
    new=UsesSerializer(),
)


TEXTS_WORDS = {
    Occasion.HANDOVER: "Sent when the bot fails and agents take over.",
    Occasion.APOLOGY: "Sent when the bot fails and keeps the conversation.",
    Occasion.HOLDING: "Sent once for a message when the bot hasn't answered after `hold_after_s`.",
    Occasion.PAUSED: "Sent while the channel is paused and `when_paused` is `say_text`.",
    Occasion.RESOLVED: "Sent behind the bot's last words when it resolves the conversation.",
    Occasion.FILE: "Sent when the contact sends a file and `on_contact_file` is `say_text`.",
    Occasion.SILENCE: "Asked when the contact has been silent for `silent_minutes`.",
    Occasion.SILENCE_END: "Said when a silent contact's conversation ends.",
}


def texts_field(occasion: Occasion, **kwargs: Any) -> serializers.DictField:
    """What we say to contacts ourselves."""
    words = f"{TEXTS_WORDS[occasion]} Texts by language, `*` for every other one; null: the bridge's own sentences."
    return serializers.DictField(
        child=serializers.CharField(allow_blank=True), allow_null=True, help_text=words, **kwargs
    )


def words_field(**kwargs: Any) -> serializers.DictField:
    """What contacts call an agent."""
    words = "With `hands_over_on_words`: lists with commas by language, `*` for any other; null: the bridge's own."
    return serializers.DictField(
        child=serializers.CharField(allow_blank=True), allow_null=True, help_text=words, **kwargs
    )


def policies_field(**kwargs: Any) -> serializers.DictField:
    """What follows by kind of failure."""
    kinds = ", ".join(f"`{kind}`" for kind in FailureKind)
    words = f"Where something else follows than `on_bot_failure`, by kind of failure: {kinds}."
    return serializers.DictField(child=serializers.CharField(allow_blank=True), help_text=words, **kwargs)


class InboxChannelSerializer(RowSerializer):
    class Meta:
        model = InboxChannel
        fields = ("external_id", "name", "is_enabled", "shows_buttons", "first_seen_at")
        extra_kwargs = {
            "external_id": {"help_text": "As the inbox names it."},
            "is_enabled": {"help_text": "Whether the bot answers there."},
        }


class IntentTopicSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    topic = serializers.CharField()


class RoutingRuleSerializer(serializers.Serializer[Any]):
    condition = serializers.ChoiceField(choices=list(Condition))
    field = serializers.CharField(help_text="Of `payload` and `attribute`: which one; a.b is b in a.")
    matches = serializers.CharField(help_text="Values with commas; * is anything; empty: any value.")
    effect = serializers.ChoiceField(choices=list(Effect), help_text="`and`: the next rule has to fit as well.")
    name = serializers.CharField(help_text="Of `attribute`: the contact attribute's name.")
    value = serializers.CharField(help_text="{value} in it is what was found.")


@example(**DETAIL)
class ChannelDetailSerializer(ChannelSerializer):
    settings = serializers.SerializerMethodField(help_text="The inbox adapter's settings, without secrets.")
    secrets = serializers.SerializerMethodField(help_text="What may be shown of each secret.")
    secret_rotation = serializers.SerializerMethodField()
    address_rotation = serializers.SerializerMethodField()
    inbox_channels = InboxChannelSerializer(many=True, source="inbox_channels.all")
    intent_topics = IntentTopicSerializer(many=True, help_text="Which of the bot's intents sets which topic.")
    routing_rules = RoutingRuleSerializer(many=True, help_text="What handovers carry, read from the top.")
    failure_policies = policies_field()
    holding_texts = texts_field(Occasion.HOLDING)
    paused_texts = texts_field(Occasion.PAUSED)
    agent_words = words_field()
    resolved_texts = texts_field(Occasion.RESOLVED)
    file_texts = texts_field(Occasion.FILE)
    silence_texts = texts_field(Occasion.SILENCE)
    silence_end_texts = texts_field(Occasion.SILENCE_END)
    fallback_texts = texts_field(Occasion.HANDOVER)
    apology_texts = texts_field(Occasion.APOLOGY)

    class Meta(ChannelSerializer.Meta):
        fields = tuple(DETAIL)
        extra_kwargs = ChannelSerializer.Meta.extra_kwargs | {
            "revision": {"help_text": "Increases with every change; for If-Match."},
            "greet": {"help_text": "Replaced by `greeting`: false means `never`."},
            "fallback_text": {
                "help_text": "Replaced by `fallback_texts` and `apology_texts`: their texts for an unknown language."
            },
        }

    def get_settings(self, channel: Channel) -> dict[str, Any]:
        return settings_for(channel, may_change=self.context["may"](CHANGE_CHANNEL))

    @extend_schema_field(serializers.DictField(child=SecretSerializer()))
    def get_secrets(self, channel: Channel) -> Any:
        """The keys are saved together; the shared secret has a date of its own."""
        try:
            clear = channel.shared_secret
        except BridgeError:  # the key is lost
            clear = ""
        found = secrets_of(channel, channel.keys_saved_at, channel.keys_saved_by)
        found["shared_secret"] = secret_facts(
            bool(channel.shared_secret_encrypted),
            clear,
            channel.shared_secret_saved_at,
            channel.shared_secret_saved_by,
        )
        return {name: SecretSerializer(secret).data for name, secret in found.items()}

    @extend_schema_field(RotationSerializer(allow_null=True))
    def get_secret_rotation(self, channel: Channel) -> Any:
        rotation = secret_rotation(channel)
        return RotationSerializer(rotation).data if rotation else None

    @extend_schema_field(RotationSerializer(allow_null=True))
    def get_address_rotation(self, channel: Channel) -> Any:
        rotation = address_rotation(channel)
        return RotationSerializer(rotation).data if rotation else None
