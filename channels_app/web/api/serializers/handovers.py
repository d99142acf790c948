"""Where conversations fail, as the API shows it."""

from typing import Any

from rest_framework import serializers

from channels_app.operations.handovers import DAYS, KINDS, MAX_PAGE, DeadEnd, Group, Offer, Spot
from channels_app.web.api.base import IdField, Strict
from channels_app.web.api.facts import answer_of
from channels_app.web.api.schema import example
from channels_app.web.api.serializers.conversations import ChannelNameSerializer
from channels_app.web.api.serializers.queue import ProblemTextSerializer
from offload.models import OffloadReason

_HIDDEN = "Empty for users who may not read texts."


class CountSerializer(serializers.Serializer[Any]):
    """A name and how often it occurs, the most frequent first."""

    name = serializers.SerializerMethodField()
    count = serializers.SerializerMethodField()

    def get_name(self, pair: tuple[str, int]) -> str:
        return pair[0]

    def get_count(self, pair: tuple[str, int]) -> int:
        return pair[1]


class OptionCountSerializer(CountSerializer):
    """The same of an option, whose title is empty for users who may not read texts."""

    def get_name(self, pair: tuple[str, int]) -> str:
        return pair[0] if self.context["reads_text"] else ""


class WordsField(serializers.CharField):
    def to_representation(self, value: str) -> str:
        return value if self.context["reads_text"] else ""


_LINE = WordsField(help_text=f"The bot's words; empty if they are deleted. {_HIDDEN}")
SpotSerializer = answer_of(
    Spot,
    "line key channel_id channel handovers failed streaks back taken minutes intents topics",
    about="The bot's words before the contact's last message, and the handovers after them.",
    line=_LINE,
    key="Names this line where its conversations are asked for.",
    failed="Of them those that no one asked for.",
    streaks="Those after two or more answers in a row that were not understood.",
    back="Contacts who wrote again within a day.",
    taken="Minutes within which agents opened half of them.",
    minutes="Minutes within which agents resolved half of them.",
    intents=CountSerializer(many=True),
    topics=CountSerializer(many=True, help_text="The agents'."),
)
DeadEndSerializer = answer_of(
    DeadEnd,
    "line key channel_id channel conversations",
    about="The bot's words after which contacts said nothing for a day.",
    line=_LINE,
)
OfferSerializer = answer_of(
    Offer,
    "key channel_id channel offered taken ignored",
    about="Options that were offered together.",
    taken=OptionCountSerializer(many=True),
    ignored=serializers.ListField(child=WordsField(), help_text=f"Those that no contact chose. {_HIDDEN}"),
)
GroupSerializer = answer_of(
    Group,
    "name key handovers late resolved taken minutes",
    called="HandoverGroup",
    about="Handovers of one reason, topic or agent.",
    key="Of a reason.",
    late="Those that no agent opened within the channel's minutes.",
    taken="Minutes within which agents opened half of them.",
    minutes="Minutes within which agents resolved half of them.",
)


class WaitingSerializer(serializers.Serializer[Any]):
    """A contact whose conversation no agent has opened yet."""

    conversation_id = serializers.IntegerField(source="offload.conversation_id")
    channel = ChannelNameSerializer(source="offload.conversation.channel")
    reason = serializers.ChoiceField(source="offload.reason", choices=OffloadReason.values)
    handed_over_at = serializers.DateTimeField(source="offload.finished_at")
    minutes = serializers.FloatField()
    is_late = serializers.BooleanField(help_text="An agent should have opened it by now.")


class HandoversQuery(Strict):
    days = serializers.ChoiceField(required=False, default=7, choices=DAYS)
    channel = IdField(required=False)


_SPOT = {
    "line": "Which department do you need?",
    "key": "0f0a2b3c4d5e6f708192a3b4c5d6e7f8",
    "channel_id": 3,
    "channel": "Acme EU",
    "handovers": 96,
    "failed": 12,
    "streaks": 31,
    "back": 9,
    "taken": 2.5,
    "minutes": 14.0,
    "intents": [{"name": "parcel.lost", "count": 40}],
    "topics": [{"name": "Shipping", "count": 51}],
}
_GROUP = {"handovers": 80, "late": 2, "resolved": 71, "taken": 2.5, "minutes": 14.0}


@example(
    total=96,
    problems=[],
    waiting=[
        {
            "conversation_id": 4711,
            "channel": {"id": 3, "name": "Acme EU"},
            "reason": "asked_for_human",
            "handed_over_at": "2026-03-14T10:48:00Z",
            "minutes": 12.4,
            "is_late": True,
        }
    ],
    spots=[_SPOT],
    dead_ends=[],
    offers=[],
    reasons=[{"name": "the bot asked for an agent", "key": "asked_for_human", **_GROUP}],
    topics=[{"name": "Shipping", "key": "", **_GROUP}],
    agents=[{"name": "Mia Janssens", "key": "", **_GROUP}],
)
class HandoversSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Handovers in these days, among the newest 20,000.")
    problems = ProblemTextSerializer(many=True)
    waiting = WaitingSerializer(many=True, help_text="Who waits longest first; Inbox 2.0 only.")
    spots = SpotSerializer(many=True)
    dead_ends = DeadEndSerializer(many=True)
    offers = OfferSerializer(many=True)
    reasons = GroupSerializer(many=True)
    topics = GroupSerializer(many=True)
    agents = GroupSerializer(many=True)


class BehindQuery(HandoversQuery):
    kind = serializers.ChoiceField(choices=KINDS, help_text="Of a spot, a dead end or an offer.")
    key = serializers.CharField(max_length=50)


@example(results=[4711, 4702])
class BehindSerializer(serializers.Serializer[Any]):
    results = serializers.ListField(
        child=serializers.IntegerField(), help_text=f"Ids of the newest {MAX_PAGE} at most."
    )
