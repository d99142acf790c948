"""Where conversations fail: for the owner of a bot, on Monday morning."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from channels_app.access.permissions import READ_TEXT
from channels_app.models import Channel
from channels_app.operations.handover_health import handover_problems
from channels_app.operations.handovers import DAYS, KINDS, MAX_PAGE, Asked, conversations_of, find_weaknesses
from channels_app.web.links import number, page_address
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.wording import contact_name
from channels_app.web.times import day_clock


def _asked(request: HttpRequest) -> Asked:
    days = number(request.GET.get("days", ""))
    return Asked(days=days if days in DAYS else 7, channel_id=number(request.GET.get("channel", "")))


@operator_page()
def handovers(request: HttpRequest) -> HttpResponse:
    asked = _asked(request)
    found, reads_text = find_weaknesses(asked), request.user.has_perm(READ_TEXT)
    below = reverse("ops:handover_conversations")

    def lines(kind: str, rows: Any) -> list[tuple[Any, str]]:
        """Each with the address of its conversations."""
        query = {"kind": kind, "days": asked.days, "channel": asked.channel_id}
        return [(row, page_address(below, {**query, "of": row.channel_id, "key": row.key})) for row in rows]

    return show(
        request,
        "handovers",
        "Where conversations fail",
        asked=asked,
        days=DAYS,
        channels=Channel.objects.values_list("pk", "name"),
        found=found,
        spots=lines("handover", found.spots),
        dead_ends=lines("silent", found.dead_ends),
        offers=lines("offer", found.offers),
        problems=handover_problems(),
        waiting=[
            (row, contact_name(row.offload.conversation, reads_text=reads_text)) for row in found.waiting[:MAX_PAGE]
        ],
    )


@operator_page()
def handover_conversations(request: HttpRequest) -> HttpResponse:
    """The conversations behind a line."""
    asked, kind, key = _asked(request), request.GET.get("kind", ""), request.GET.get("key", "")
    reads_text = request.user.has_perm(READ_TEXT)
    of = number(request.GET.get("of", "")) or asked.channel_id
    rows = conversations_of(kind if kind in KINDS else KINDS[0], key.replace("\0", ""), replace(asked, channel_id=of))
    back = page_address(reverse("ops:handovers"), {"days": asked.days, "channel": asked.channel_id})
    return show(
        request,
        "handover_conversations",
        "Conversations behind this line",
        rows=[
            (row, contact_name(row, reads_text=reads_text), day_clock(row.newest_sent_at or row.created_at))
            for row in rows
        ],
        most=MAX_PAGE if len(rows) == MAX_PAGE else 0,
        back_url=back,
    )
