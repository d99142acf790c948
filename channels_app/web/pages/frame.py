"""What the operator pages share: the admin's log-in, permissions, and the frame around each page."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from channels_app.access.audit import MAX_REASON
from channels_app.access.permissions import READ_TEXT, SEE

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def operator_page(permission: str = SEE) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """A page for people who are logged in to the admin and have this permission."""

    def wrap(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return admin.site.admin_view(checked)

    return wrap


def by_button_of(page: str) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """An address that a button posts to. Opened, as by a browser after a log-in, it leads to the button's page."""

    def wrap(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def posted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            return redirect(page, *(value for name, value in kwargs.items() if name.endswith("_id")))

        return posted

    return wrap


def posted_text(request: HttpRequest, name: str, most: int = MAX_REASON) -> str:
    """Text entered into a field, in a form PostgreSQL can store."""
    return request.POST.get(name, "").replace("\0", "\ufffd").strip()[:most]


def show(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    """A page in the admin's frame: same header, theme and log-out."""
    frame = {**admin.site.each_context(request), "title": title, "may_read_texts": request.user.has_perm(READ_TEXT)}
    return TemplateResponse(request, f"ops/{template}.html", {**frame, **context})
