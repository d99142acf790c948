"""One call: what was said and answered, in a sentence and in full, how it went on, and how to make it again."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from channels_app.access.permissions import READ_TEXT, REPLAY, actor_of
from channels_app.adapters.inboxes import inbox_class
from channels_app.channels import links
from channels_app.codes import CODES
from channels_app.lib.clocks import database_now
from channels_app.models import RETRYABLE, Delivery, EventSource, Exchange, Outcome, Target, WebhookEvent
from channels_app.operations.interventions import note_reading
from channels_app.protocol.labels import DOOR_WORDS, duration, event_word, is_trouble, milliseconds, result_word
from channels_app.web.links import code_url, page_address
from channels_app.web.pages.bodies import ShownBody, curl_signed, curl_with_token, show_body
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.wording import contact_name
from channels_app.web.times import clock, day_clock

MAX_CALLS = 50
"""Calls of one event in its timeline."""
RELATED = ("channel__bot", "channel__offload_provider", "conversation__contact")


@operator_page()
def exchange(request: HttpRequest, pk: int) -> HttpResponse:
    """A call that we made."""
    related = [f"event__{name}" for name in RELATED]
    row = get_object_or_404(Exchange.objects.select_related("event", "delivery", *related), pk=pk)
    bodies = [_body(request, text, row.event) for text in (row.request, row.response)]
    sends = Delivery.objects.filter(pk=row.delivery_id, state__in=RETRYABLE).exists() if row.delivery_id else False
    known = CODES.get(row.code)
    return _page(
        request,
        row.event,
        f"Call {row.pk}: {'to the bot' if row.target == Target.BOT else 'to the inbox'}",
        bodies,
        call=row,
        summary=_summary(row),
        code=known,
        code_url=code_url(row.code),
        sent_at=day_clock(row.started_at),
        took=milliseconds(row.took_ms),
        result=result_word(row.result),
        curl=curl_with_token(row.method, row.url, bodies[0].plain) if row.url and bodies[0].plain else "",
        curl_note="Put the token into the variable TOKEN first. The call's headers were not kept.",
        again_url=reverse("ops:delivery_again", args=[row.delivery_id]) if sends else "",
    )


def _summary(row: Exchange) -> str:
    if row.target == Target.BOT:
        what = f"The bot {row.event.channel.bot or ''} was asked about “{event_word(row.event.type)}”"
    else:
        what = (
            "A file was sent to the inbox"
            if row.delivery and row.delivery.kind == "attachment"
            else "A reply was sent"
        )
    answered = f"answered {row.status}" if row.status else "no answer"
    failed = f" {row.error}" if row.error else ""
    return f"{what}, try {row.n}: {answered} after {milliseconds(row.took_ms)}.{failed}"


@operator_page()
def event(request: HttpRequest, pk: int) -> HttpResponse:
    """A call that came in."""
    row = get_object_or_404(WebhookEvent.objects.select_related(*RELATED), pk=pk)
    body = _body(request, _raw(row), row)
    took = duration((row.finished_at - row.received_at).total_seconds()) if row.finished_at else ""
    return _page(
        request,
        row,
        f"Event {row.pk}: {event_word(row.type)}",
        [body],
        event=row,
        summary=f"{_door(row)}: {event_word(row.type)}. {_ended(row, took)}",
        came_at=day_clock(row.received_at),
        sent_at=clock(row.sent_at),
        times=row.duplicates + 1,
        curl=_inward_curl(row, body) if body.plain else "",
        curl_note="An event older than 5 minutes is refused (CB-403), and one with a known key counts once: change "
        "both in BODY to have it handled again.",
    )


def _raw(row: WebhookEvent) -> str:
    try:
        return bytes(row.body.raw).decode(errors="replace")
    except ObjectDoesNotExist:
        return ""


def _door(row: WebhookEvent) -> str:
    door = DOOR_WORDS.get(row.source, row.source)
    return f"{door[:1].upper()}{door[1:]} {'ordered it' if row.source == EventSource.ADMIN else 'called us'}"


def _ended(row: WebhookEvent, took: str) -> str:
    if row.outcome is None:
        return f"Not ended yet: {row.get_state_display()}."
    reason = f" {row.reason}" if row.reason else ""
    return f"Ended after {took}: {row.get_outcome_display()}.{reason}"


def _inward_curl(row: WebhookEvent, body: ShownBody) -> str:
    channel = row.channel
    header = inbox_class(channel.inbox).signature_header.title()
    match row.source:
        case EventSource.INBOX:
            return curl_signed(links.webhook_url(channel.uuid), header, body.plain)
        case EventSource.WRITE_BACK if hasattr(channel, "offload_provider"):
            return curl_signed(links.write_back_url(channel.offload_provider.uuid), header, body.plain)
        case EventSource.BOT if channel.bot:
            return curl_with_token("POST", links.reply_url(channel.bot.uuid), body.plain)
    return ""


# --- what both share ----------------------------------------------------------------------------------------------


def _body(request: HttpRequest, text: str, row: WebhookEvent) -> ShownBody:
    keep_days = row.channel.keep_days
    is_old = row.received_at < database_now() - timedelta(days=keep_days)
    return show_body(text, reads_text=request.user.has_perm(READ_TEXT), keep_days=keep_days, is_old=is_old)


def _page(
    request: HttpRequest, row: WebhookEvent, title: str, bodies: list[ShownBody], **context: Any
) -> HttpResponse:
    reads_text = request.user.has_perm(READ_TEXT)
    if reads_text and any(body.text for body in bodies):
        note_reading(actor_of(request), row.conversation)
    again_url = context.pop("again_url", "") or _replay_url(row)
    return show(
        request,
        "exchange",
        title,
        bodies=bodies,
        channel=row.channel,
        conversation_url=reverse("ops:conversation", args=[row.conversation_id]),
        contact=contact_name(row.conversation, reads_text=reads_text),
        event_url=reverse("ops:event", args=[row.pk]),
        why_url=page_address(reverse("ops:conversation", args=[row.conversation_id]), {"event": row.pk}),
        timeline=_timeline(row, context.get("call")),
        again_url=again_url if request.user.has_perm(REPLAY) else "",
        **context,
    )


def _replay_url(row: WebhookEvent) -> str:
    if row.outcome != Outcome.DEAD:
        return ""
    return page_address(reverse("ops:conversation_replay", args=[row.conversation_id]), {"event": row.pk})


def _timeline(row: WebhookEvent, shown: Exchange | None) -> list[dict[str, Any]]:
    """How the event went on, call by call."""
    steps: list[dict[str, Any]] = [
        {"time": clock(row.received_at), "text": "came in", "url": reverse("ops:event", args=[row.pk])}
    ]
    if row.called_at:
        steps.append({"time": clock(row.called_at), "text": "taken up by a worker"})
    calls = Exchange.objects.filter(event_id=row.pk).defer("request", "response").order_by("pk")[:MAX_CALLS]
    for call in calls:
        whom = "bot" if call.target == Target.BOT else "Sparkcentral"
        answered = f"{call.status or 'no answer'} after {milliseconds(call.took_ms)}"
        steps.append(
            {
                "time": clock(call.started_at),
                "text": f"{whom}, try {call.n}: {answered}",
                "code": call.code,
                "is_bad": is_trouble(call.code, call.error),
                "is_shown": shown is not None and call.pk == shown.pk,
                "url": reverse("ops:exchange", args=[call.pk]),
            }
        )
    if row.finished_at:
        steps.append({"time": clock(row.finished_at), "text": f"ended: {row.get_outcome_display()}"})
    return steps
