"""Requests that a door turned away or ignored: only counted, by day, address and reason, and never kept."""

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from channels_app.codes import code
from channels_app.models import Bot, Channel, IntakeCount
from channels_app.operations.checks.refusals import reason_words
from channels_app.protocol.causes import REFUSALS, code_of_refusal
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.times import day_clock

DOORS = {
    "inbox": "webhook URL (inbox)",
    "bot": "reply URL (bot)",
    "offload": "offload URL (bot)",
    "write_back": "write-back URL (inbox)",
    "guard": "found by a guard",
}
MAX_ROWS = 200
"""The newest counts: weeks of them, unless the address is scanned."""


@operator_page()
def refused(request: HttpRequest) -> HttpResponse:
    places, asked = _places(), request.GET.get("code", "")
    # What has no code is only counted, such as what came with a new secret while two are accepted.
    counts = IntakeCount.objects.filter(reason__in=REFUSALS).order_by("-day", "-last_at")
    rows = list(counts.filter(places[asked] if asked in places else Q())[:MAX_ROWS])
    names = _names()
    return show(
        request,
        "refused",
        "Refused requests",
        rows=[_row(row, names) for row in rows],
        asked=asked,
        codes=[(word, code(word).name) for word in places],
        most=MAX_ROWS if len(rows) == MAX_ROWS else 0,
    )


def _places() -> dict[str, Q]:
    """Where a code is counted: for which reasons, each at which of our addresses."""
    places: dict[str, Q] = {}
    for reason in REFUSALS:
        for door in DOORS:
            if found := code_of_refusal(reason, door):
                places[str(found)] = places.get(str(found), Q()) | Q(reason=reason, door=door)
    return dict(sorted(places.items()))


def _names() -> dict[UUID | None, str]:
    """The owner of one of our addresses, by the UUID in it: channels, their offload providers, bots."""
    channels = Channel.objects.values_list("uuid", "name", "offload_provider__uuid", "offload_provider__name")
    found: dict[UUID | None, str] = dict(Bot.objects.values_list("uuid", "name"))
    for uuid, name, provider_uuid, provider in channels:
        found |= {uuid: name, provider_uuid: f"{provider} of {name}"}
    return found | {None: "unknown address"}


def _row(row: IntakeCount, names: dict[UUID | None, str]) -> dict[str, Any]:
    return {
        "day": row.day,
        "door": DOORS.get(row.door, row.door),
        "owner": names.get(row.owner_uuid) or str(row.owner_uuid),
        "code": code_of_refusal(row.reason, row.door),
        "why": reason_words(row.reason, row.door),
        "count": row.count,
        "last": day_clock(row.last_at),
        "network": row.last_network,
    }
