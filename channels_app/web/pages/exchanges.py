"""All calls in and out, newest first, with filters that stay fast however many there are."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from channels_app.access.permissions import READ_TEXT
from channels_app.codes import CODES
from channels_app.lib.times import TimeRange
from channels_app.models import Channel, Target
from channels_app.operations.calls import IN, STATUSES, CallFilter, CallLine, CallPage, list_exchanges
from channels_app.protocol.labels import milliseconds
from channels_app.web.links import code_url, number, page_address
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.wording import contact_name
from channels_app.web.times import asked_time, day_clock

DIRECTIONS = {IN: "in", Target.BOT: "to the bot", Target.INBOX: "to the inbox"}
STATUS_WORDS = {"2xx": "2xx accepted", "3xx": "3xx", "4xx": "4xx refused", "5xx": "5xx failed", "none": "no answer"}
NAMES = ("direction", "channel", "status", "code", "errors", "slow", "conversation", "before")


@operator_page()
def exchanges(request: HttpRequest) -> HttpResponse:
    query = {name: request.GET.get(name, "").strip() for name in NAMES}
    time = asked_time(request)
    page = CallPage() if time.problem else list_exchanges(_filter(query, time.during), query["before"])
    reads_text = request.user.has_perm(READ_TEXT)
    url, kept = reverse("ops:exchanges"), query | time.query
    return show(
        request,
        "exchanges",
        "Calls",
        query=query,
        time=time,
        rows=[_row(line, reads_text=reads_text) for line in page.lines],
        channels=Channel.objects.values_list("pk", "name"),
        directions=DIRECTIONS.items(),
        statuses=[(key, STATUS_WORDS[key]) for key in STATUSES],
        codes=CODES.values(),
        is_cut=page.is_cut,
        older_url=page_address(url, kept | {"before": page.before}) if page.before else "",
        newest_url=page_address(url, kept | {"before": ""}) if query["before"] else "",
        all_url=page_address(url, kept | {"conversation": "", "before": ""}),
        is_filtered=any(value for name, value in kept.items() if name != "before") or bool(time.problem),
    )


def _filter(query: dict[str, str], during: TimeRange) -> CallFilter:
    return CallFilter(
        channel_id=number(query["channel"]),
        conversation_id=number(query["conversation"]),
        direction=query["direction"] if query["direction"] in DIRECTIONS else "",
        errors_only=bool(query["errors"]),
        code=query["code"].upper(),
        status=query["status"] if query["status"] in STATUSES else "",
        is_slow=bool(query["slow"]),
        during=during,
    )


def _row(line: CallLine, *, reads_text: bool) -> dict[str, Any]:
    return {
        "row": line,
        "time": day_clock(line.at),
        "direction": DIRECTIONS.get(line.direction, line.direction),
        "url": reverse("ops:event" if line.direction == IN else "ops:exchange", args=[line.id]),
        "took": milliseconds(line.took_ms) if line.took_ms is not None else "",
        "code_url": code_url(line.code),
        "contact": contact_name(line.conversation, reads_text=reads_text),
        "conversation_url": reverse("ops:conversation", args=[line.conversation.pk]),
    }
