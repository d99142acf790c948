"""What people do about a conversation: each act has a page that says what will happen, and a button."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from channels_app.access.audit import record_audit
from channels_app.access.permissions import HAND_OVER, READ_TEXT, REPLAY, actor_of
from channels_app.models import Conversation, Delivery, Owner
from channels_app.operations.interventions import (
    MAX_TEXT,
    failed_events,
    hand_over_now,
    preview_replay,
    preview_retry,
    replay_events,
    send_again,
    speak_as_bot,
)
from channels_app.operations.replays import Replayed
from channels_app.operations.transcripts import load_transcript
from channels_app.operations.transcripts.exports import MAX_EVENTS, bug_report, transcript_json, transcript_text
from channels_app.protocol.labels import count_of
from channels_app.protocol.visible import is_visible
from channels_app.web.links import number, page_address
from channels_app.web.pages.frame import operator_page, posted_text, show
from channels_app.web.pages.wording import title_of

WITH_BOT = (Owner.BOT, Owner.UNKNOWN)
HANDOVER_DOES = (
    "The bot stops answering, and the conversation goes to the queue of your agents.",
    "Agents get a note with what was said, if Sparkcentral supports notes.",
    "It comes back to the bot only if an agent returns it.",
)
MAX_ONCE = 32  # characters of what tells one opening of a form from the next
MAX_HANDED_OVER = 100
"""Conversations at once: more than a page of the list holds."""


def ask(request: HttpRequest, row: Conversation, title: str, button: str, **words: Any) -> HttpResponse:
    """The page before an act. `does` and `warns`: what will happen; `text_most`: it asks for a text, too."""
    who = f"{title_of(row, reads_text=request.user.has_perm(READ_TEXT))} on {row.channel} ({row.external_id})."
    return show(request, "conversation_ask", title, who=who, button=button, back_url=_back(row.pk), **words)


def _conversation(pk: int) -> Conversation:
    return get_object_or_404(Conversation.objects.select_related("channel", "contact"), pk=pk)


def _back(pk: int) -> str:
    return reverse("ops:conversation", args=[pk])


@operator_page(HAND_OVER)
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    row = _conversation(pk)
    if request.method == "POST":
        if hand_over_now(row, actor_of(request), posted_text(request, "reason")):
            messages.success(request, "The handover is ordered. It is sent as soon as nothing else is in flight.")
        else:
            messages.warning(request, "Nothing was done: the conversation is no longer with the bot.")
        return HttpResponseRedirect(_back(pk))
    is_possible = row.owner in WITH_BOT
    warns = () if is_possible else ("The conversation is no longer with the bot.",)
    return ask(
        request, row, "Hand over to an agent?", "Hand over", does=HANDOVER_DOES, warns=warns, is_possible=is_possible
    )


@operator_page(HAND_OVER)
def hand_over_several(request: HttpRequest) -> HttpResponse:
    """Those that were ticked in the list, `?id=`; asked first, as for one."""
    sent = request.POST if request.method == "POST" else request.GET
    ids = [pk for pk in map(number, sent.getlist("id")[:MAX_HANDED_OVER]) if pk is not None]
    rows = list(Conversation.objects.filter(pk__in=ids).select_related("channel", "contact").order_by("-pk"))
    url = reverse("ops:conversations")
    if not rows:
        messages.warning(request, "Tick the conversations to hand over first.")
        return HttpResponseRedirect(url)
    if request.method == "POST":
        done = sum(hand_over_now(row, actor_of(request), posted_text(request, "reason")) for row in rows)
        if done:
            messages.success(request, f"The handover of {count_of(done, 'conversation')} is ordered.")
        if skipped := len(rows) - done:
            messages.warning(request, f"Not ordered for {skipped}: no longer with the bot.")
        return HttpResponseRedirect(url)
    title, button = f"Hand over {count_of(len(rows), 'conversation')}?", "Hand over"
    reads_text = request.user.has_perm(READ_TEXT)
    names = [f"{title_of(row, reads_text=reads_text)} on {row.channel} ({row.external_id})" for row in rows]
    context = {"who": f"{'; '.join(names)}.", "does": HANDOVER_DOES, "ids": [row.pk for row in rows]}
    return show(request, "conversation_ask", title, button=button, back_url=url, is_possible=True, **context)


@operator_page(HAND_OVER)
def say(request: HttpRequest, pk: int) -> HttpResponse:
    row = _conversation(pk)
    text = posted_text(request, "text", MAX_TEXT)
    once = posted_text(request, "once", MAX_ONCE) or uuid4().hex
    error = ""
    if request.method == "POST":
        if not is_visible(text):
            error = "Enter the message for the contact."
        elif speak_as_bot(row, text, actor_of(request), once):
            messages.success(request, "Your message is on its way to the contact.")
            return HttpResponseRedirect(_back(pk))
        else:
            error = "Nothing was sent: the conversation is no longer with the bot."
    does = (
        "The contact reads this at once, as a message from the bot.",
        "The bot doesn't see it, and keeps answering the contact's messages.",
        "The transcript and the audit log name you.",
    )
    return ask(
        request,
        row,
        "Say something as the bot",
        "Send as the bot",
        does=does,
        warns=() if row.owner == Owner.BOT else ("The conversation is no longer with the bot.",),
        is_possible=row.owner == Owner.BOT,
        text_most=MAX_TEXT,
        text=text,
        once=once,
        error=error,
    )


@operator_page(REPLAY)
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Retry what failed for good, from `?event=` on."""
    row = _conversation(pk)
    events = failed_events(row, number(request.GET.get("event", "")))
    if request.method == "POST":
        verdicts = replay_events(events, actor_of(request), posted_text(request, "reason"))
        again = verdicts.count(Replayed.AGAIN)
        if again:
            messages.success(request, f"{count_of(again, 'event is', 'events are')} retried.")
        else:
            messages.warning(request, "Nothing was retried.")
        return HttpResponseRedirect(_back(pk))
    preview = preview_replay(events)
    return ask(
        request,
        row,
        "Retry what failed?",
        "Retry",
        does=preview.does,
        warns=preview.warns,
        is_possible=preview.is_possible,
        note="Messages the contact already has are not sent again.",
    )


# --- to take away -------------------------------------------------------------------------------------------------

FORMS = ("text", "json", "bug-report")


@operator_page()
def export(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """The transcript as a file; masked for those who may not read texts, and always in a bug report."""
    if form not in FORMS:
        raise Http404
    reads_text = request.user.has_perm(READ_TEXT) and form != "bug-report"
    try:
        transcript = load_transcript(pk, reads_text=reads_text, events_most=MAX_EVENTS)
        report = bug_report(pk) if form == "bug-report" else {}
    except Conversation.DoesNotExist:
        raise Http404 from None
    record_audit(actor_of(request), "exported transcript", transcript.conversation, changes={"form": [None, form]})
    if form == "text":
        response = HttpResponse(transcript_text(transcript), content_type="text/plain; charset=utf-8")
        return _file(response, f"conversation-{pk}.txt")
    return _json_file(report or transcript_json(transcript), f"{'bug-report' if report else 'conversation'}-{pk}.json")


def _json_file(document: Mapping[str, Any], name: str) -> HttpResponse:
    return _file(JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False}), name)


def _file(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@operator_page()
def delivery(request: HttpRequest, pk: int) -> HttpResponse:
    """The result is shown where it belongs: on its conversation's page, by its event."""
    row = get_object_or_404(Delivery, pk=pk)
    url = reverse("ops:conversation", args=[row.conversation_id])
    return HttpResponseRedirect(page_address(url, {"event": row.event_id}))


@operator_page(REPLAY)
def delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    related = ("conversation__channel", "conversation__contact", "event")
    row = get_object_or_404(Delivery.objects.select_related(*related), pk=pk)
    if request.method == "POST":
        if send_again(row, actor_of(request), posted_text(request, "reason")):
            messages.success(request, "The reply is sent again.")
        else:
            messages.warning(request, "Nothing was sent.")
        return HttpResponseRedirect(reverse("ops:conversation", args=[row.conversation_id]))
    preview = preview_retry(row)
    return ask(
        request,
        row.conversation,
        "Send the reply again?",
        "Send again",
        does=preview.does,
        warns=preview.warns,
        is_possible=preview.is_possible,
    )
