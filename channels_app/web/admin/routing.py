"""The page below a channel's own on which its routing rules are tried."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from channels_app.access.permissions import READ_TEXT
from channels_app.channels.forms.routing_field import row_words
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


def routing_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """A sample is posted, because its words have no place in an address."""
    given = {name: request.POST.get(name, "")[:2_000] for name in (*FIELDS, *LINES, "reason", "at")}
    reads = request.user.has_perm(READ_TEXT)
    context: dict[str, Any] = {
        "rules": [row_words(row) for row in channel.routing_rules],
        "given": given,
        "fields": [(name, *words, given[name]) for name, words in FIELDS.items()],
        "lines": [(name, *words, given[name]) for name, words in LINES.items()],
        "reasons": OffloadReason.choices,
        "reads": reads,
        "past": try_on_past(channel),
    }
    if request.method == "POST":
        context["tried"] = try_rules(channel.routing_rules, sample_case(channel, given))
    return page(admin, request, "routing", "Try the routing rules", channel, **context)
