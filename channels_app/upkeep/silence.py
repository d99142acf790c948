"""Finds the conversations whose contact has been silent for as long as the rule of their channel allows.

It goes through the log of events, each looked at once, so that turns pay nothing for it: an event that has become old
enough, and is still the newest of its conversation, is where the contact fell silent.
"""

from datetime import datetime, timedelta
from itertools import takewhile

from django.db.models import Exists, OuterRef, QuerySet

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
    about yesterday.
    """
    now, before = database_now(), Job.read_positions(JOB)
    positions: dict[str, int | None] = dict.fromkeys(before)
    found, is_all = 0, True
    for channel in Channel.objects.filter(is_active=True, archived_at=None).exclude(on_silence=SilencePolicy.KEEP):
        for place, minutes in (("begun", channel.silent_minutes), ("asked", channel.silent_end_minutes)):
            key = f"{place} {channel.pk}"
            events = WebhookEvent.objects.filter(channel=channel)
            position = before.get(key)
            if position is None:
                positions[key] = events.order_by("-id").values_list("id", flat=True).first() or 0
                continue
            due = _due(events, position, now - timedelta(minutes=minutes))
            is_all = is_all and len(due) < MAX_EVENTS
            positions[key] = due[-1] if due else position
            silent = _silent(due, now, has_been_asked=place == "asked")
            is_last = place == "asked" or not channel.asks_silent_contacts
            for event in silent:
                note_silence(event.conversation, event.pk, is_last=is_last)
                wake_a_worker()
            found += len(silent)
    Job.keep_positions(JOB, positions)
    return found, is_all


def _due(events: QuerySet[WebhookEvent], position: int, until: datetime) -> list[int]:
    """The next ones, as far as they are old enough."""
    rows = events.filter(pk__gt=position).order_by("id").values_list("id", "received_at")[:MAX_EVENTS]
    return [event_id for event_id, _ in takewhile(lambda row: row[1] < until, rows)]


def _silent(ids: list[int], now: datetime, *, has_been_asked: bool) -> list[WebhookEvent]:
    """Those of them after which nothing has come, in conversations that the bot has."""
    events = WebhookEvent.objects.filter(pk__in=ids, conversation__owner=Owner.BOT).exclude(outcome=None)
    events = events.filter(received_at__gt=now - PLATFORM_ENDS_AFTER)
    if has_been_asked:
        said = (Outcome.REPLIED, Outcome.REPLIED_UNCONFIRMED)
        events = events.filter(type=EventType.CONTACT_SILENT, outcome__in=said)
    else:
        events = events.exclude(type=EventType.CONTACT_SILENT)
    later = WebhookEvent.objects.filter(conversation=OuterRef("conversation"), pk__gt=OuterRef("pk"))
    return list(events.filter(~Exists(later)).select_related("conversation").order_by("id"))
