"""How far a channel ever got: its first event, its first answer, its first hand-over. Noted in its row once found."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from channels_app.models import Channel, EventSource, Outcome, WebhookEvent

ANSWERED = (Outcome.REPLIED, Outcome.RESOLVED)
MILESTONES = ("first_event_at", "live_at", "handed_over_at")
LOOKED_AT = 2_000
"""Events of a channel, its oldest and its newest, among which an outcome is looked for: enough for a set-up, and no
page waits for a search through millions."""


def note_milestones(channels: Iterable[Channel]) -> None:
    """Find what these channels reached since somebody looked last, and note it: in their rows, and in these."""
    behind = {row.pk: row for row in channels if any(getattr(row, name) is None for name in MILESTONES)}
    if not behind:
        return
    events = WebhookEvent.objects.filter(channel=OuterRef("pk"), source=EventSource.INBOX).order_by("id")
    found = Channel.objects.filter(pk__in=behind).order_by()
    for row in found.values_list(
        "pk",
        Subquery(events.values("received_at")[:1]),
        _first_with(ANSWERED),
        _first_with((Outcome.HANDED_OVER,)),
    ):
        _note(behind[row[0]], dict(zip(MILESTONES, row[1:], strict=True)))


def _first_with(outcomes: Iterable[Outcome]) -> Coalesce:
    """When the first event of a channel ended so, as far as `LOOKED_AT` tells."""

    def look(order: str) -> Subquery:
        window = WebhookEvent.objects.filter(channel=OuterRef(OuterRef("pk"))).order_by(order).values("pk")
        ended = WebhookEvent.objects.filter(pk__in=Subquery(window[:LOOKED_AT]), outcome__in=tuple(outcomes))
        return Subquery(ended.order_by("id").values("finished_at")[:1])

    return Coalesce(look("id"), look("-id"))


def _note(channel: Channel, found: dict[str, datetime | None]) -> None:
    """Without raising the revision: nothing that a worker keeps of a channel depends on it."""
    news = {name: at for name, at in found.items() if at is not None and getattr(channel, name) is None}
    if not news:
        return
    for name, at in news.items():
        setattr(channel, name, at)
    Channel.objects.filter(pk=channel.pk, **{f"{name}__isnull": True for name in news}).update(**news)
