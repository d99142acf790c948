"""Addresses of lists and pages that Django's admin once had beside the operator pages: bookmarks go on working."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse

from channels_app.models import Conversation
from channels_app.web.links import page_address


def _page(name: str, **query: str) -> Callable[..., HttpResponse]:
    """Leads to the page, about the same row if the old address has one."""

    def lead(request: HttpRequest, pk: int | None = None) -> HttpResponse:
        found = {key: request.GET[key] for key in ("q", "owner") if key in request.GET}
        return redirect(page_address(reverse(name, args=[] if pk is None else [pk]), query | found))

    return lead


def _offload(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect("ops:conversation", get_object_or_404(Conversation, offloads=pk).pk)


urlpatterns = [
    path("channels_app/conversation/", _page("ops:conversations")),
    path("channels_app/conversation/<int:pk>/change/", _page("ops:conversation")),
    path("channels_app/conversation/<int:pk>/hand-over/", _page("ops:conversation_hand_over")),
    path("channels_app/webhookevent/", _page("ops:exchanges", direction="in")),
    path("channels_app/webhookevent/<int:pk>/change/", _page("ops:event")),
    path("channels_app/webhookevent/<int:pk>/again/", _page("ops:event")),
    path("channels_app/delivery/", _page("ops:exchanges", direction="inbox")),
    path("channels_app/delivery/<int:pk>/change/", _page("ops:delivery")),
    path("channels_app/delivery/<int:pk>/again/", _page("ops:delivery_again")),
    path("channels_app/intakecount/", _page("ops:refused")),
    path("channels_app/credential/", _page("ops:workers")),
    path("channels_app/workerslot/", _page("ops:workers")),
    path("offload/offload/", _page("ops:conversations")),
    path("offload/offload/<int:pk>/change/", _offload),
]
