"""Conversations: one search box for any identifier, and the page that says why the bot did not answer."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from channels_app.access.permissions import HAND_OVER, READ_TEXT, REPLAY, actor_of
from channels_app.models import Channel, Conversation, Outcome, Owner
from channels_app.operations.explanations import Explanation
from channels_app.operations.explanations.gather import explain
from channels_app.operations.explanations.silences import explain_silence
from channels_app.operations.interventions import note_reading
from channels_app.operations.search import ConversationLine, Found, find_conversations
from channels_app.operations.transcripts import Text, Transcript, load_transcript
from channels_app.protocol.labels import event_word
from channels_app.web.links import code_url, number, page_address
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.talk import SHOWN, explanation_box, transcript_lines
from channels_app.web.pages.wording import contact_name, title_of
from channels_app.web.times import asked_time, day_clock
from offload.models import OffloadReason


@operator_page()
def conversations(request: HttpRequest) -> HttpResponse:
    """The latest, or what was searched for. What is named outright opens at once."""
    query = {name: request.GET.get(name, "").strip() for name in ("q", "channel", "owner", "reason", "before")}
    time = asked_time(request)
    reads_text = request.user.has_perm(READ_TEXT)
    found = (
        Found()
        if time.problem
        else find_conversations(
            query["q"],
            channel_id=number(query["channel"]),
            owner=query["owner"],
            reason=query["reason"],
            before=query["before"],
            during=time.during,
            reads_text=reads_text,
        )
    )
    if found.is_exact and len(found.lines) == 1:
        return HttpResponseRedirect(_address(found.lines[0]))
    url, kept = reverse("ops:conversations"), query | time.query
    return show(
        request,
        "conversations",
        "Conversations",
        query=query,
        may_hand_over=request.user.has_perm(HAND_OVER),
        time=time,
        channels=Channel.objects.values_list("pk", "name"),
        owners=Owner.choices,
        reasons=OffloadReason.choices,
        rows=[_row(line, reads_text=reads_text) for line in found.lines],
        older_url=page_address(url, kept | {"before": found.before}) if found.before else "",
        newest_url=page_address(url, kept | {"before": ""}) if query["before"] else "",
        silence=explanation_box(explain_silence()) if query["q"] and not found.lines and not time.problem else None,
    )


def _address(line: ConversationLine) -> str:
    url = reverse("ops:conversation", args=[line.conversation.pk])
    return page_address(url, {"event": line.event_id})


def _row(line: ConversationLine, *, reads_text: bool) -> dict[str, Any]:
    conversation, last = line.conversation, line.last
    return {
        "row": conversation,
        "url": _address(line),
        "contact": contact_name(conversation, reads_text=reads_text),
        "last": last,
        "time": day_clock(last.received_at if last else conversation.created_at),
        "word": event_word(last.type) if last else "",
        "is_with_bot": conversation.owner in (Owner.BOT, Owner.UNKNOWN),
        "is_bad": last is not None and last.outcome == Outcome.DEAD,
        "code": line.code,
        "code_url": code_url(line.code),
        "match": line.match,
        "reason": line.reason_words,
    }


# --- one ----------------------------------------------------------------------------------------------------------


@operator_page()
def conversation(request: HttpRequest, pk: int) -> HttpResponse:
    """Why the bot did not answer, and what was said and done. `?event=`: asks about another message than the last."""
    try:
        asked = number(request.GET.get("event", ""))
        before = number(request.GET.get("before", ""))
        reads_text = request.user.has_perm(READ_TEXT)
        transcript = load_transcript(pk, before=before, reads_text=reads_text)
        explanation = explain(pk, asked)
    except Conversation.DoesNotExist:
        raise Http404 from None
    if any(line.is_message and line.state is Text.SHOWN for line in transcript.lines):
        note_reading(actor_of(request), transcript.conversation)
    view = request.GET.get("show", "")
    url = reverse("ops:conversation", args=[pk])
    kept = {"event": asked, "before": before}
    return show(
        request,
        "conversation",
        title_of(transcript.conversation, reads_text=reads_text),
        conversation=transcript.conversation,
        transcript=transcript,
        why=_with_replay(request, explanation_box(explanation), explanation),
        is_latest=asked is None,
        asked_id=explanation.ids.get("event"),
        lines=list(transcript_lines(transcript, view)),
        view=view,
        views=[(word, page_address(url, {**kept, "show": key}), key == view) for key, word in SHOWN.items()],
        earlier_url=page_address(url, {**kept, "show": view, "before": transcript.before})
        if transcript.before
        else "",
        latest_url=page_address(url, {"event": asked, "show": view}) if before else "",
        acts=_acts(request, transcript, explanation),
    )


def _with_replay(request: HttpRequest, box: dict[str, Any], explanation: Explanation) -> dict[str, Any]:
    """What failed for good can be retried right there."""
    if explanation.is_dead and request.user.has_perm(REPLAY):
        url = reverse("ops:conversation_replay", args=[explanation.ids["conversation"]])
        url = page_address(url, {"event": explanation.ids["event"]})
        box["buttons"].insert(0, {"label": "Retry…", "url": url})
    return box


def _acts(request: HttpRequest, transcript: Transcript, explanation: Explanation) -> list[tuple[str, str]]:
    """What this person may do here now, and where."""
    row, acts = transcript.conversation, []
    if request.user.has_perm(HAND_OVER) and row.owner in (Owner.BOT, Owner.UNKNOWN):
        acts.append(("Hand over now…", reverse("ops:conversation_hand_over", args=[row.pk])))
    if request.user.has_perm(HAND_OVER) and row.owner == Owner.BOT:
        acts.append(("Say something as the bot…", reverse("ops:conversation_say", args=[row.pk])))
    if request.user.has_perm(REPLAY) and row.events.filter(outcome=Outcome.DEAD).exists():
        url = reverse("ops:conversation_replay", args=[row.pk])
        acts.append(("Retry what failed…", page_address(url, {"event": explanation.ids.get("event")})))
    return acts
