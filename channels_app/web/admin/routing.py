"""The page below a channel's own on which its routing rules are tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict

from channels_app.access.permissions import READ_TEXT
from channels_app.channels.forms import ChannelForm
from channels_app.channels.forms.routing_field import row_words
from channels_app.channels.forms.table_field import Row
from channels_app.models import Channel
from channels_app.operations.routing import sample_case, try_on_past, try_rules
from channels_app.web.admin.base import ModelAdmin, page
from offload.models import OffloadReason

FIELDS = {
    "words": ("What the contact wrote", "I want my money back"),
    "intent": ("Intent", "parcel.lost"),
    "topic": ("Topics of the conversation", "Shipping"),
    "language": ("Language", "nl"),
    "medium": ("Medium", "whatsapp"),
    "inbox_channel": ("Inbox channel", "Acme on WhatsApp"),
}
LINES = {"payload": ("The bot's payload", "department: billing"), "attributes": ("Contact attributes", "plan: gold")}


NAME = "routing_rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The rules that are tried: the saved ones, or those on the channel's page as they were entered there."""

    rows: Sequence[Row]
    entered: Sequence[tuple[str, str]] = ()
    """The inputs that they came in, to be sent along with a sample."""
    wrong: str = ""


def _rules(channel: Channel, data: QueryDict) -> _Rules:
    field = ChannelForm.base_fields[NAME]
    if field.widget.value_omitted_from_data(data, {}, NAME):
        return _Rules(rows=channel.routing_rules)
    entered = [(name, str(value)) for name, value in data.items() if name.startswith(f"{NAME}-")]
    try:
        return _Rules(rows=field.clean(field.widget.value_from_datadict(data, {}, NAME)), entered=entered)
    except ValidationError as error:
        return _Rules(rows=[], entered=entered, wrong=" ".join(error.messages))


def routing_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """A sample is posted, because its words have no place in an address. Rules that aren't saved yet come from the
    form of the channel's page, whose other fields are none of a sample."""
    is_sample = "sample" in request.POST
    sent = request.POST if is_sample else {}
    given = {name: sent.get(name, "")[:2_000] for name in (*FIELDS, *LINES, "reason", "at")}
    reads, rules = request.user.has_perm(READ_TEXT), _rules(channel, request.POST)
    context: dict[str, Any] = {
        "rules": [row_words(row) for row in rules.rows],
        "entered": rules.entered,
        "wrong": rules.wrong,
        "given": given,
        "fields": [(name, *words, given[name]) for name, words in FIELDS.items()],
        "lines": [(name, *words, given[name]) for name, words in LINES.items()],
        "reasons": OffloadReason.choices,
        "reads": reads,
        "past": try_on_past(channel, rules.rows),
    }
    if is_sample:
        context["tried"] = try_rules(rules.rows, sample_case(channel, given))
    return page(admin, request, "routing", "Try the routing rules", channel, **context)
