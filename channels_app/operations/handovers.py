"""Where conversations fail: after which words of the bot agents take over, what they did then, where contacts fall
silent, and which options contacts never choose.

Read from the newest rows only, so that a page costs the same however long the tables are.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import md5
from typing import Any

from django.db import connection

from channels_app.adapters.inboxes import INBOXES, inbox_class
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Conversation
from channels_app.operations.handover_statements import (
    BY_AGENT,
    BY_REASON,
    BY_TOPIC,
    DEAD_ENDS,
    OF_LINE,
    OFFERS,
    SPOTS,
)
from channels_app.protocol import Option
from channels_app.protocol.offered import Offered
from channels_app.protocol.options import choose
from offload.models import Offload, OffloadReason
from offload.waiting import is_late, waited_minutes, waiting_handovers

DAYS = (1, 7, 28)
MAX_HANDOVERS = 20_000
MAX_CONVERSATIONS = 20_000
MAX_OFFERS = 3_000
"""The newest of each that are looked through."""
MAX_LINES = 20
MAX_LETTERS = 300
"""Of the bot's words on the page."""
LEAST_OFFERS = 5
"""An option that was offered less often than this has had no chance."""
STREAK = 2
"""Answers in a row that were not understood."""
BACK_WITHIN = SILENT_FOR = timedelta(hours=24)
FAILED = tuple(str(reason) for reason in OffloadReason if not reason.is_asked_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    days: int = 7
    channel_id: int | None = None

    @property
    def since(self) -> datetime:
        return database_now() - timedelta(days=self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The bot's last words before agents took over. Empty: it had said nothing, or its words are deleted."""

    channel_id: int
    channel: str
    line: str
    key: str
    handovers: int
    failed: int
    """Of them those that nobody asked for."""
    streaks: int
    """Those after several answers in a row that were not understood."""
    back: int
    """Contacts who wrote again within a day after the handover."""
    taken: float | None
    minutes: float | None
    """Half of them were opened, and resolved, by agents within this."""
    intents: Sequence[tuple[str, int]]
    topics: Sequence[tuple[str, int]]
    """The agents'; both the most frequent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadEnd:
    channel_id: int
    channel: str
    line: str
    key: str
    conversations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Options that were offered together, the latest in their conversations."""

    channel_id: int
    channel: str
    key: str
    offered: int
    taken: Sequence[tuple[str, int]]
    ignored: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Handovers of one reason, topic or agent, and what agents resolved of them."""

    name: str
    key: str
    """Of a reason; else empty."""
    handovers: int
    late: int
    """Of them those that no agent opened as soon as the channel wants it, where the inbox tells."""
    resolved: int
    taken: float | None
    """Minutes, within which half of them were opened by an agent, and resolved."""
    minutes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A contact for whom no agent has opened the conversation yet."""

    offload: Offload
    minutes: float
    is_late: bool
    """An agent should have opened it by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weaknesses:
    total: int
    spots: Sequence[Spot]
    dead_ends: Sequence[DeadEnd]
    offers: Sequence[Offer]
    topics: Sequence[Group]
    agents: Sequence[Group]
    reasons: Sequence[Group]
    waiting: Sequence[Waiting]


KINDS = (*OF_LINE, "offer")
MAX_PAGE = 50


def find_weaknesses(asked: Asked) -> Weaknesses:
    """In nine statements."""
    names = dict(Channel.objects.values_list("pk", "name"))
    spots, now = _rows(SPOTS, asked), database_now()
    waiting = [
        Waiting(offload=one, minutes=waited_minutes(one, now), is_late=is_late(one, now))
        for one in waiting_handovers()
        if asked.channel_id in (None, one.conversation.channel_id)
        and inbox_class(one.conversation.channel.inbox).tells_locks
    ]
    return Weaknesses(
        total=int(spots[0][-1]) if spots else 0,
        spots=[_spot(row, names) for row in spots],
        dead_ends=[
            DeadEnd(channel_id=channel, channel=names.get(channel, ""), line=line, key=key, conversations=count)
            for channel, line, key, count in _rows(DEAD_ENDS, asked)
        ],
        offers=_offers(_rows(OFFERS, asked), names),
        topics=_times(BY_TOPIC, asked),
        agents=_times(BY_AGENT, asked),
        reasons=[replace(row, name=OffloadReason(row.name).label, key=row.name) for row in _times(BY_REASON, asked)],
        waiting=waiting,
    )


def _times(statement: str, asked: Asked) -> list[Group]:
    return [
        Group(name=name, key="", handovers=count, late=late, resolved=resolved, taken=taken, minutes=minutes)
        for name, count, late, resolved, taken, minutes in _rows(statement, asked)
    ]


def conversations_of(kind: str, key: str, asked: Asked) -> list[Conversation]:
    """The newest conversations behind one line of the page."""
    if kind == "offer":
        found = [row[0] for row in _rows(OFFERS, asked) if _key(_options(row)) == key][:MAX_PAGE]
    else:
        found = [row[0] for row in _rows(OF_LINE[kind], asked, key=key)]
    rows = Conversation.objects.select_related("channel", "contact", "inbox_channel").in_bulk(found)
    return [rows[pk] for pk in dict.fromkeys(found) if pk in rows]


def _rows(statement: str, asked: Asked, **values: Any) -> list[tuple[Any, ...]]:
    given = {
        "handovers": MAX_HANDOVERS,
        "conversations": MAX_CONVERSATIONS,
        "offers": MAX_OFFERS,
        "lines": MAX_LINES,
        "letters": MAX_LETTERS,
        "page": MAX_PAGE,
        "streak": STREAK,
        "failed": list(FAILED),
        "watched": [kind for kind in INBOXES if inbox_class(kind).tells_locks],
        "back": BACK_WITHIN,
        "since": asked.since,
        "until": database_now() - SILENT_FOR,
        "channel": asked.channel_id,
        **values,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def _spot(row: Sequence[Any], names: Mapping[int, str]) -> Spot:
    channel, line, key, handovers, failed, streaks, back, taken, minutes, intents, topics, _ = row
    agents = (topic for some in _json(topics) for topic in some)
    return Spot(
        channel_id=channel,
        channel=names.get(channel, ""),
        line=line,
        key=key,
        handovers=handovers,
        failed=failed,
        streaks=streaks,
        back=back,
        taken=taken,
        minutes=minutes,
        intents=Counter(filter(None, intents)).most_common(3),
        topics=Counter(agents).most_common(3),
    )


def _json(value: Any) -> Any:
    """A cursor gives JSON as text."""
    return json.loads(value) if isinstance(value, str) else value


def _options(row: Sequence[Any]) -> Sequence[Option]:
    return Offered.from_json(_json(row[2])).options


def _key(options: Sequence[Option]) -> str:
    return md5("\n".join(option.title for option in options).encode(), usedforsecurity=False).hexdigest()


def _offers(rows: Sequence[Sequence[Any]], names: Mapping[int, str]) -> list[Offer]:
    """Those with an option that no contact chose, though others were chosen; the most often offered first."""
    taken: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    offered: Counter[tuple[int, str]] = Counter()
    titles: dict[tuple[int, str], list[str]] = {}
    for row in rows:
        options = _options(row)
        if not options:
            continue
        place = (row[1], _key(options))
        offered[place] += 1
        titles[place] = [option.title for option in options]
        if chosen := choose(row[3], options) if row[3] else None:
            taken[place][chosen.title] += 1
    return [
        Offer(
            channel_id=place[0],
            channel=names.get(place[0], ""),
            key=place[1],
            offered=count,
            taken=taken[place].most_common(),
            ignored=[title for title in titles[place] if not taken[place][title]],
        )
        for place, count in offered.most_common()
        if count >= LEAST_OFFERS and any(not taken[place][title] for title in titles[place])
    ][:MAX_LINES]
