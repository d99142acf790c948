"""A channel's routing rules, tried: on a sample, and on the handovers there have been."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from channels_app.channels.forms.routing_field import row_words
from channels_app.channels.forms.table_field import Row
from channels_app.lib.clocks import database_now
from channels_app.models import Author, Channel, MessageRow, WebhookEvent
from channels_app.protocol import ContactAttribute
from channels_app.protocol.intents import named_in
from channels_app.protocol.remarks import UNDERSTOOD, remark
from offload.models import Offload, OffloadProvider, OffloadState
from offload.package import MAX_WORDS, best_values
from offload.routing import Case, Routed, route

MAX_PAST = 100
MAX_READ = 5_000
"""Events, and messages, that are looked through for them: the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the rules make of one case. `rows`: each that fits, by its number from 1, in words, with what was found."""

    routed: Routed
    rows: Sequence[tuple[int, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    offload: Offload
    tried: Tried


def try_rules(rules: Sequence[Row], case: Case) -> Tried:
    routed = route(rules, case)
    return Tried(routed=routed, rows=[(place + 1, row_words(rules[place]), found)
                                      for place, found in routed.fits.items()])  # fmt: skip


def sample_case(channel: Channel, given: Mapping[str, str]) -> Case:
    """What an admin entered: all texts, payload and attributes as lines of "name: value"."""
    text = {name: str(value).strip() for name, value in given.items()}
    return Case(
        reason=text.get("reason", ""),
        intents=_listed(text.get("intent", "")),
        topics=_listed(text.get("topic", "")),
        payload=_nested(_lines(text.get("payload", ""))),
        language=text.get("language", ""),
        medium=text.get("medium", ""),
        inbox_channel=_listed(text.get("inbox_channel", "")),
        attributes=dict(_lines(text.get("attributes", ""))),
        words=[text["words"]] if text.get("words") else (),
        at=_moment(text.get("at", "")) or database_now().astimezone(_zone(channel)),
    )


def case_at_once(channel: Channel, at: datetime | None, **known: Any) -> Case:
    """What a program tells of a handover; without a time it is now. By the clock of the opening hours."""
    return Case(**known, at=(at or database_now()).astimezone(_zone(channel)))


def _listed(text: str) -> list[str]:
    return [part for one in text.split(",") if (part := one.strip())]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _nested(lines: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a.b` is b in a."""
    found: dict[str, Any] = {}
    for path, value in lines:
        *above, name = path.split(".")
        place = found
        for step in above:
            deeper = place.get(step)
            if not isinstance(deeper, dict):
                deeper = place[step] = {}
            place = deeper
        place[name] = value
    return found


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _zone(channel: Channel) -> ZoneInfo:
    provider = OffloadProvider.objects.filter(channel=channel).first()
    hours = (provider.opening_hours if provider else None) or {}
    return ZoneInfo(hours.get("timezone") or settings.TIME_ZONE)


def try_on_past(channel: Channel, rules: Sequence[Row]) -> list[Past]:
    """The channel's last handovers, the latest first. Texts that are deleted by now fit no rule for words."""
    zone = _zone(channel)
    newest = Offload.objects.filter(conversation__channel=channel).exclude(state=OffloadState.CLOSED)
    related = ("conversation", "conversation__contact", "conversation__inbox_channel")
    offloads = list(newest.select_related(*related).order_by("-id")[:MAX_PAST])
    ids = {offload.conversation_id for offload in offloads}
    words, intents = _words_in(ids), _intents_in(ids)
    return [Past(offload=offload, tried=try_rules(rules, _case(offload, zone, words, intents)))
            for offload in offloads]  # fmt: skip


Told = Mapping[int, Sequence[tuple[datetime, str]]]
"""By the conversation: when, and what; the latest first."""


def _words_in(ids: Iterable[int]) -> Told:
    rows = MessageRow.objects.filter(conversation_id__in=ids, author=Author.CONTACT).order_by("-said_at")
    found: defaultdict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for conversation_id, at, text in rows.values_list("conversation_id", "said_at", "text")[:MAX_READ]:
        found[conversation_id].append((at, text))
    return found


def _intents_in(ids: Iterable[int]) -> Told:
    rows = WebhookEvent.objects.filter(conversation_id__in=ids, reason__contains=UNDERSTOOD).order_by("-id")
    found: defaultdict[int, list[tuple[datetime, str]]] = defaultdict(list)
    for conversation_id, at, reason in rows.values_list("conversation_id", "received_at", "reason")[:MAX_READ]:
        found[conversation_id] += [(at, name) for name in named_in(remark(reason, UNDERSTOOD))]
    return found


def _case(offload: Offload, zone: ZoneInfo, words: Told, intents: Told) -> Case:
    conversation = offload.conversation
    contact, place = conversation.contact, conversation.inbox_channel

    def before(told: Told) -> list[str]:
        return [text for at, text in told.get(conversation.pk, ()) if at <= offload.requested_at]

    return Case(
        reason=offload.reason,
        intents=before(intents),
        topics=conversation.topics,
        payload=offload.payload,
        language=conversation.language,
        medium=conversation.medium,
        inbox_channel=[place.name, place.external_id] if place else (),
        attributes=best_values([ContactAttribute(**one) for one in contact.attributes]) if contact else {},
        words=before(words)[:MAX_WORDS],
        at=offload.requested_at.astimezone(zone),
    )
