"""A lost reply is sent again: asked first, with who gets what."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from channels_app.access.permissions import REPLAY, actor_of, operator_page, posted_text
from channels_app.models import Delivery
from channels_app.operations.interventions import preview_retry, send_again
from channels_app.web.links import page_address
from channels_app.web.pages.conversation_acts import ask


@operator_page()
def delivery(request: HttpRequest, pk: int) -> HttpResponse:
    """What became of it is told where it belongs to: on the page of its conversation, by its event."""
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
