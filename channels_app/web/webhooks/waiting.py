"""Requests of the inbox that wait for the bot's answer, to carry it in their response.

They hold no thread: one thread of the process looks for all of them. What isn't ready in time goes the usual way.
"""

import json
import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, connection

from channels_app.adapters.inboxes import Inbox
from channels_app.channels.live import LiveChannel
from channels_app.conversations.events import InlineWait, Stored
from channels_app.conversations.wakeups import wake_a_worker_at
from channels_app.deliveries.inline import NEWEST_OF_REPEATED, ON_ITS_WAY, find_answers
from channels_app.lib import outages
from channels_app.lib.clocks import database_now
from channels_app.lib.postgres import waiting_at_most
from channels_app.models import InlinePolicy
from channels_app.protocol import Outgoing
from channels_app.web.webhooks.base import Answer

logger = logging.getLogger(__name__)
LOOK_S = 0.1
"""Between two looks: a contact doesn't notice it, and it is one statement for all requests of a process."""
LOOK_ANSWER_S = 2.0
"""How long PostgreSQL may take for a look: with the wait itself still far below the platform's ten seconds."""
IDLE_S = 30.0
"""Then the connection for it is given up."""
MAX_WAITING = 1_000
"""Requests of a process, each with an open connection: a quarter of what it may have open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    until: float
    inbox: Inbox
    body: "Future[bytes]" = field(default_factory=Future)


class UnknownAnswerError(Exception):
    """Whether a request's answer was taken for it can't be told."""


class WaitingRequests:
    def __init__(self) -> None:
        self._news = threading.Condition()
        self._waiting: defaultdict[int, list[_Waiting]] = defaultdict(list)
        """By event: one that the platform repeats has several."""
        self._count = 0
        self._in_doubt: set[int] = set()
        """Events whose answer may have been taken by a look that PostgreSQL didn't answer."""
        self._thread: threading.Thread | None = None

    @property
    def have_room(self) -> bool:
        return self._count < MAX_WAITING

    def add(self, stored: Stored, inbox: Inbox) -> "Future[bytes]":
        """The body of the response to this event's request, once it is known; at the latest when its time is up."""
        left_s = (stored.inline_until - database_now()).total_seconds() if stored.inline_until else 0.0
        waiting = _Waiting(until=time.monotonic() + left_s, inbox=inbox)
        with self._news:
            self._waiting[stored.event_id].append(waiting)
            self._count += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inline-answers", daemon=True)
                self._thread.start()
            self._news.notify()
        return waiting.body

    def _run(self) -> None:
        while True:
            with self._news:
                if not self._news.wait_for(lambda: self._waiting, IDLE_S):
                    connection.close()
                    self._news.wait_for(lambda: self._waiting)
                event_ids = list(self._waiting)
            # Who has waited long enough before this look began, and isn't found, can't be answered by anyone any more.
            began_at = time.monotonic()
            is_done = self._look(event_ids)
            self._end_late(began_at if is_done else began_at - LOOK_ANSWER_S)
            time.sleep(LOOK_S)

    def _look(self, event_ids: list[int]) -> bool:
        """Answer those whose answers are ready, each at once; False if PostgreSQL could not be asked."""
        is_taken = False
        try:
            with waiting_at_most(LOOK_ANSWER_S):
                for found in find_answers(event_ids):
                    self._in_doubt.add(found.event_id)
                    outgoing = found.take()
                    self._in_doubt.discard(found.event_id)
                    is_taken = is_taken or outgoing is not None
                    if outgoing or found.is_over:
                        self._end(found.event_id, outgoing)
        except Exception as error:
            if not isinstance(error, Error) or outages.met(error) is None:
                logger.exception("answers to waiting requests could not be looked for")
            with suppress(Error):
                connection.close()
            return False
        finally:
            if is_taken:
                wake_a_worker_at(database_now() + ON_ITS_WAY)
        return True

    def _end(self, event_id: int, outgoing: Outgoing | None) -> None:
        with self._news:
            ended = self._waiting.pop(event_id, [])
            self._count -= len(ended)
        for waiting in ended:
            waiting.body.set_result(_body(waiting.inbox, outgoing))

    def _end_late(self, now: float) -> None:
        """End those whose time is up. One whose answer may have been taken gets no response, so that the platform asks
        again; the others can no longer be answered here."""
        late = []
        with self._news:
            for event_id, all_waiting in list(self._waiting.items()):
                late += [(event_id, each) for each in all_waiting if each.until < now]
                self._waiting[event_id] = [each for each in all_waiting if each.until >= now]
                if not self._waiting[event_id]:
                    del self._waiting[event_id]
            self._count -= len(late)
        for event_id, waiting in late:
            if event_id in self._in_doubt:
                waiting.body.set_exception(UnknownAnswerError("PostgreSQL can't be asked for it"))
            else:
                waiting.body.set_result(_body(waiting.inbox, None))
        self._in_doubt &= self._waiting.keys()


def _body(inbox: Inbox, outgoing: Outgoing | None) -> bytes:
    return json.dumps(inbox.inline_answer(outgoing) if outgoing else {}).encode()


requests = WaitingRequests()


def wait_wanted(channel: LiveChannel, came_at: datetime) -> InlineWait | None:
    """Until when a request of this channel may wait for its answer; None: it doesn't.

    Counted from when it came: the platform does so too, also while we wait for PostgreSQL.
    """
    if channel.inline_answers == InlinePolicy.NEVER or not requests.have_room:
        return None
    is_always = channel.inline_answers == InlinePolicy.ALWAYS
    until = came_at + timedelta(seconds=settings.INLINE_ANSWER_S)
    return InlineWait(until=until, account_key="" if is_always else channel.inbox.account_key)


def answer_to(stored: Stored, inbox: Inbox) -> Answer:
    """What this event's request gets. One that comes again, because the platform didn't get our response, gets the
    same."""
    if not stored.is_new:
        try:
            found = find_answers([stored.event_id], newest=NEWEST_OF_REPEATED)
            outgoing = found[0].take() if found else None
        except Error as error:
            if outages.met(error) is None:
                raise
            return 503, {"detail": "The event is stored; whether it was answered can't be looked up now. Try again."}
        if outgoing:
            return 200, inbox.inline_answer(outgoing)
    if stored.inline_until and stored.inline_until > database_now():
        return 200, requests.add(stored, inbox)
    return 200, {}
