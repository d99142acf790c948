"""The code of what went wrong with events, for lists: a few statements for a whole page."""

from collections.abc import Sequence

from channels_app.causes import code_of_outcome
from channels_app.models import Delivery, Exchange, Outcome, Target, WebhookEvent
from offload.models import Offload

_ENDS = frozenset({Outcome.DEAD, Outcome.MOOT, Outcome.HANDED_OVER, Outcome.REPLIED_UNCONFIRMED})
"""Ends of an event that have a code; others ended as they should."""


def codes_of_events(events: Sequence[WebhookEvent]) -> dict[int, str]:
    """By event, where there is one. An event that is still open has the code of its latest failed call."""
    ended = [event.pk for event in events if event.outcome in _ENDS]
    calls = _latest_calls([*ended, *(event.pk for event in events if event.outcome is None)])
    reasons = dict(Offload.objects.filter(event_id__in=ended).values_list("event_id", "reason"))
    rows = Delivery.objects.filter(event_id__in=ended).order_by("seq")
    states = dict(rows.values_list("event_id", "state"))
    found = {}
    for event in events:
        call = calls.get((event.pk, Target.BOT), "")
        sent = calls.get((event.pk, Target.INBOX), "")
        if event.outcome is None:
            found[event.pk] = sent or call
        elif event.outcome in _ENDS:
            reason, state = reasons.get(event.pk, ""), states.get(event.pk, "")
            code = code_of_outcome(event.outcome, offload=reason, delivery=state, call=call, sent=sent)
            found[event.pk] = str(code or "")
    return {event_id: code for event_id, code in found.items() if code}


def _latest_calls(event_ids: Sequence[int]) -> dict[tuple[int, str], str]:
    rows = Exchange.objects.filter(event_id__in=event_ids).exclude(code="").order_by("id")
    return {(event_id, target): code for event_id, target, code in rows.values_list("event_id", "target", "code")}
