"""Why a conversation got nowhere: what the inbox's webhook recently refused, in words for an operator."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max, Q, Sum

from channels_app.codes import Problem, Severity
from channels_app.lib.clocks import database_now
from channels_app.lib.zones import clock_words
from channels_app.models import Channel, EventSource, EventState, IntakeCount, WebhookEvent
from channels_app.operations.explanations import Check, Explanation, Refusing, State, problem_of
from channels_app.operations.workload import read_queue, read_workers, work_problems
from channels_app.protocol import ASKS_BOT
from channels_app.protocol.causes import WRONG_SECRET, code_of_refusal
from channels_app.protocol.labels import count_of, duration

RECENT = timedelta(days=2)
"""Older refusals say nothing about a message of today."""
MAX_SHOWN = 5
LEFT_WAITING = ("CB-701", "CB-702")


def explain_silence(channel_id: int | None = None) -> Explanation:
    """Why there is no event of a conversation: what the inbox's door turned away lately, of one channel or of all."""
    channels = Channel.objects.filter(pk=channel_id) if channel_id else Channel.objects.filter(archived_at=None)
    names: dict[UUID | None, str] = dict(channels.values_list("uuid", "name"))
    rows = IntakeCount.objects.filter(door="inbox", day__gte=(database_now() - RECENT).date())
    known = Q(owner_uuid__in=names) if channel_id else Q(owner_uuid__in=names) | Q(owner_uuid=None)
    totals = rows.filter(known).values("owner_uuid", "reason").annotate(total=Sum("count"), last=Max("last_at"))
    checks = [_refused(row, names.get(row["owner_uuid"], "")) for row in totals.order_by("-last")]
    found = [check for check in checks if check][:MAX_SHOWN]
    waiting = [check for check in (_waiting(), _kept(list(channels.values_list("pk", flat=True)))) if check]
    if waiting:
        return Explanation(
            headline="No such conversation is known yet: messages that still wait can't be found by their text.",
            checks=(*waiting, *found),
            ids={"channel": channel_id} if channel_id else {},
        )
    nothing = Check(name="received", state=State.FAILED, detail="nothing came", problem=problem_of("CB-401"))
    return Explanation(
        headline="No event from such a conversation has been accepted.",
        checks=tuple(found) or (nothing,),
        ids={"channel": channel_id} if channel_id else {},
    )


def refusing_now(channel: Channel) -> Refusing | None:
    """What this channel's door refuses since its last event was taken and its secret saved; None when all is well."""
    reasons = WRONG_SECRET if channel.shared_secret_encrypted else ("no_secret",)
    uuids = [uuid for uuid in (channel.uuid, channel.old_uuid) if uuid]
    rows = IntakeCount.objects.filter(door="inbox", owner_uuid__in=uuids, reason__in=reasons)
    row = rows.filter(day__gte=(database_now() - RECENT).date()).order_by("-last_at").first()
    found = code_of_refusal(row.reason, row.door) if row else None
    if row is None or found is None:
        return None
    # As a range and ordered by both columns, for the index that has both.
    events = WebhookEvent.objects.filter(
        channel_id__gte=channel.pk, channel_id__lte=channel.pk, source=EventSource.INBOX
    )
    accepted_at = events.order_by("-channel_id", "-id").values_list("received_at", flat=True).first()
    settled = max((at for at in (accepted_at, channel.shared_secret_saved_at) if at), default=None)
    if settled and settled >= row.last_at:
        return None
    return Refusing(problem=Problem(found), accepted_at=accepted_at, refused_at=row.last_at)


def _waiting() -> Check | None:
    """What was accepted and not yet read: who wrote it, and what, is known with a worker's first step."""
    queue = read_queue()
    problem = next((found for found in work_problems(queue, read_workers()) if str(found.code) in LEFT_WAITING), None)
    if not queue.waiting or problem is None:
        return None
    detail = (
        f"{count_of(queue.waiting, 'conversation')} waiting for a worker, the oldest for {duration(queue.oldest_s)}"
    )
    return Check(name="picked_up", state=State.FAILED, detail=detail, problem=problem)


def _kept(channel_ids: list[int]) -> Check | None:
    """The same of a bot that is switched off: what is kept for it is read when it is on."""
    rows = WebhookEvent.objects.filter(outcome=None, state=EventState.QUEUED, wait_until__gt=database_now())
    kept = rows.filter(channel__in=channel_ids, type__in=ASKS_BOT).values("conversation").distinct().count()
    if not kept:
        return None
    detail = f"{count_of(kept, 'conversation')} kept"
    return Check(name="picked_up", state=State.WAITING, detail=detail, problem=problem_of("CB-818"))


def _refused(row: Mapping[str, Any], channel: str) -> Check | None:
    found = code_of_refusal(row["reason"], "inbox")
    if found is None or found.severity is Severity.INFO:
        return None
    last: datetime = row["last"]
    events = count_of(row["total"], "event")
    problem = Problem(found, {"events": events, "last": clock_words(last)})
    detail = f"{channel or 'unknown address'}: {events} refused"
    return Check(name="received", state=State.FAILED, detail=detail, at=last, problem=problem)
