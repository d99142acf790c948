"""Finds the conversations whose contact has been silent for as long as the rule of their channel allows.

It goes through the log of events, each looked at once, so that turns pay nothing for it: an event that has become old
enough, and is still the newest of its conversation, is where the contact fell silent. What is still worked on then is
looked at again: the contact waits, and can be silent only once it is done.
"""

from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_app.conversations.events import note_silence
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Job, Outcome, Owner, SilencePolicy, WebhookEvent
from channels_app.protocol import EventType

JOB = "silent contacts"
MAX_EVENTS = 500
"""Looked at in one go."""
PLATFORM_ENDS_AFTER = timedelta(hours=23)
"""Of silence, the platform ends the virtual agent's part by itself."""


def note_silences() -> tuple[int, bool]:
    """Look on from where the last look ended: how many were found, and whether that was all.

    A channel whose rule has just been switched on begins with what comes from now on, so that no contact is asked
    about yesterday. While it is paused, it stays where it was.
    """
    now, before = database_now(), Job.read_positions(JOB)
    positions: dict[str, Any] = dict.fromkeys(before)
    found, is_all = 0, True
    for channel in Channel.objects.filter(archived_at=None).exclude(on_silence=SilencePolicy.KEEP):
        for place, minutes in (("begun", channel.silent_minutes), ("asked", channel.silent_end_minutes)):
            key, key_of_open = f"{place} {channel.pk}", f"{place} open {channel.pk}"
            events = WebhookEvent.objects.filter(channel=channel)
            position, left = before.get(key), before.get(key_of_open) or []
            if position is None:
                positions[key] = events.order_by("-id").values_list("id", flat=True).first() or 0
                continue
            if not channel.is_active:
                positions |= {key: position, key_of_open: left}
                continue
            until = now - timedelta(minutes=minutes)
            due = _due(events, position, until)
            is_all = is_all and len(due) < MAX_EVENTS
            positions[key] = due[-1] if due else position
            newest = _newest([*left, *due], now, was_asked=place == "asked")
            waiting = {event.pk for event in newest if not _is_over(event, until if event.pk in left else now)}
            positions[key_of_open] = sorted(waiting)
            silent = [event for event in newest if event.pk not in waiting]
            is_last = place == "asked" or not channel.asks_silent_contacts
            for event in silent:
                note_silence(event.conversation, event.pk, is_last=is_last)
                wake_a_worker()
            found += len(silent)
    Job.keep_positions(JOB, positions)
    return found, is_all


def _is_over(event: Any, by: datetime) -> bool:
    """Whether nothing more is done in its conversation, since then at the latest. `event`: one of `_newest`."""
    return event.outcome is not None and event.finished_at <= by and not event.is_beside_open


def _due(events: QuerySet[WebhookEvent], position: int, until: datetime) -> list[int]:
    """The next ones, as far as they are old enough."""
    rows = events.filter(pk__gt=position).order_by("id").values_list("id", "received_at")[:MAX_EVENTS]
    return [event_id for event_id, _ in takewhile(lambda row: row[1] < until, rows)]


def _newest(ids: list[int], now: datetime, *, was_asked: bool) -> list[WebhookEvent]:
    """Those of them after which nothing has come, in conversations that the bot has, or may get with it. With
    `is_beside_open`: whether an earlier event of the conversation is still worked on."""
    is_bots = Q(conversation__owner=Owner.BOT) | Q(outcome=None)
    events = WebhookEvent.objects.filter(is_bots, pk__in=ids, received_at__gt=now - PLATFORM_ENDS_AFTER)
    if was_asked:
        said = Q(outcome=None) | Q(outcome__in=(Outcome.REPLIED, Outcome.REPLIED_UNCONFIRMED))
        events = events.filter(said, type=EventType.CONTACT_SILENT)
    else:
        events = events.exclude(type=EventType.CONTACT_SILENT)
    others = WebhookEvent.objects.filter(conversation=OuterRef("conversation"))
    later, open_ = others.filter(pk__gt=OuterRef("pk")), others.filter(outcome=None, pk__lt=OuterRef("pk"))
    newest = events.filter(~Exists(later)).annotate(is_beside_open=Exists(open_))
    return list(newest.select_related("conversation").order_by("id"))
