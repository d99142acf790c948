"""Calls to bots in the air: each has a thread while the bot thinks, and neither a turn's thread nor a connection to
PostgreSQL. Why threads: docs/decisions/0022-calls-in-the-air.md.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial

from django.conf import settings
from django.db import connections

from channels_app.adapters.bots import BotConnector
from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import Lease
from channels_app.conversations.release import Release
from channels_app.deliveries.replies import Say
from channels_app.deliveries.typing import EVERY
from channels_app.lib.http.recorder import Call, recorded_calls
from channels_app.lib.watches import Watch, Watches
from channels_app.protocol import Reply, Turn
from channels_app.protocol.errors import BridgeError

QUICK_S = 0.1
"""A bot that answered so soon is waited for by the turn's own thread: that costs no other thread, and no look for
other work. One that thinks never is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What came of a call to the bot."""

    reply: Reply | None
    error: BridgeError | None
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanwhile:
    """What a turn's thread does if the call takes so long."""

    after: timedelta
    act: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a bot is to be asked, and how its answer ends the step."""

    lease: Lease
    channel: LiveChannel
    turn: Turn
    go_on: Callable[[Called], Release | Say]
    show_typing: Callable[[], None] | None = None
    meanwhile: Meanwhile | None = None


@dataclass(slots=True)
class Flight:
    """A call in the air."""

    ask: Ask
    future: Future[Called]
    watches: list[tuple[Watches, Watch]] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one thread that does something in this conversation meanwhile."""

    is_quick: bool = False
    """Whether the bot's last call was, so that it is worth waiting for."""

    def has_ended(self, within_s: float) -> bool:
        with suppress(TimeoutError):
            self.future.exception(within_s)
        return self.future.done()

    def act_meanwhile(self) -> None:
        with self.turn:
            if self.ask.meanwhile and not self.future.done():
                self.ask.meanwhile.act()

    def land(self) -> Release | Say:
        """How the step ends. A sign or words on their way have arrived by then, so none comes behind the answer."""
        while self.watches:  # emptied, as they refer to this: nothing is left for the garbage collector
            watches, watch = self.watches.pop()
            watches.end(watch)
        with self.turn:
            return self.ask.go_on(self.future.result())


class Calls:
    """Those of one process. Once it has CALLS_AT_ONCE in the air it takes on no more work; nor of a bot that has
    CALLS_PER_BOT of them, so that a slow bot doesn't hold up others. Both are looked at before a conversation is
    claimed, so there may be as many more as there are threads for turns."""

    def __init__(self) -> None:
        threads = settings.CALLS_AT_ONCE + settings.TURNS_AT_ONCE
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bot-call")
        self._lock = threading.Lock()
        self._of_bot: Counter[int] = Counter()
        self._channels: defaultdict[int, set[int]] = defaultdict(set)
        """Of each bot, those for which it is being called."""
        self._quick: set[int] = set()
        self.in_air = 0

    @property
    def are_full(self) -> bool:
        return self.in_air >= settings.CALLS_AT_ONCE

    def crowded_channels(self) -> list[int]:
        """Those of bots that have their share in the air."""
        if self.in_air < settings.CALLS_PER_BOT:
            return []
        with self._lock:
            full = [bot_id for bot_id, count in self._of_bot.items() if count >= settings.CALLS_PER_BOT]
            return [channel_id for bot_id in full for channel_id in self._channels[bot_id]]

    def begin(self, ask: Ask, when_due: Callable[[Callable[[], None]], None]) -> Flight:
        """`when_due` gets what is to be done in a turn's thread while the call is in the air."""
        bot_id = ask.lease.bot_id or 0
        future = self._pool.submit(_call, ask)  # raises where the system allows no more threads
        with self._lock:
            self.in_air += 1
            self._of_bot[bot_id] += 1
            self._channels[bot_id].add(ask.lease.channel_id)
        future.add_done_callback(partial(self._count_off, bot_id, time.monotonic()))
        flight = Flight(ask, future, is_quick=bot_id in self._quick)
        if ask.show_typing and ask.channel.typing_after is not None:
            show = partial(_show, ask.show_typing)
            watch = _signs().begin(ask.channel.typing_after, show, every=EVERY)
            flight.watches.append((_signs(), watch))
        if ask.meanwhile:
            act = partial(when_due, flight.act_meanwhile)
            flight.watches.append((_acts(), _acts().begin(ask.meanwhile.after, act)))
        return flight

    def _count_off(self, bot_id: int, began_at: float, _: Future[Called]) -> None:
        with self._lock:
            self.in_air -= 1
            self._of_bot[bot_id] -= 1
            if not self._of_bot[bot_id]:
                self._channels.pop(bot_id)
            (self._quick.add if time.monotonic() - began_at < QUICK_S else self._quick.discard)(bot_id)


def _call(ask: Ask) -> Called:
    bot: BotConnector | None = ask.channel.bot
    assert bot is not None  # noqa: S101 - _reason_against_bot has looked
    with recorded_calls() as calls:
        try:
            return Called(reply=bot.send(ask.turn), error=None, calls=calls)
        except BridgeError as error:
            return Called(reply=None, error=error, calls=calls)


def _show(sign: Callable[[], None]) -> None:
    try:
        sign()
    finally:
        connections.close_all()  # of a new token; another may be needed in an hour


@cache
def _signs() -> Watches:
    """Apart, because each is a call to the inbox."""
    return Watches("typing")


@cache
def _acts() -> Watches:
    return Watches("meanwhile")
