"""Rows that nobody edits, with one thing that a person can do about them: from the list, or from a row's page."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from channels_app.operations.search.ids import row_number
from channels_app.web.admin.base import ReadOnlyAdmin, ask_first


class ActingAdmin(ReadOnlyAdmin):
    """Asks first and tells then. A subclass names its list action, which calls `ask_or_act`, in `actions`."""

    act_permission: ClassVar[str] = ""
    """Of our own; empty: Django's to change the row."""
    act_path: ClassVar[str]
    act_title: ClassVar[str]
    act_text: ClassVar[str]
    """What is going to happen, for the person who decides."""
    act_button: ClassVar[str]
    change_form_template = "admin/chatbridge/act.html"

    def may_act(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.act_permission) if self.act_permission else super().may_act(request)

    def is_open_to_act(self, row: Any) -> bool:
        """Whether its page offers the act."""
        raise NotImplementedError  # each page has its own act

    def name_of(self, row: Any) -> str:
        """How the question calls a row."""
        return str(row)

    def act_on(self, request: HttpRequest, row: Any) -> bool:
        """Do it; False if this row doesn't allow it any more."""
        raise NotImplementedError  # each page has its own act

    def done_words(self, count: int) -> str:
        raise NotImplementedError  # likewise

    def skipped_words(self, count: int) -> str:
        raise NotImplementedError  # likewise

    # --- the way of every act -------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act_view)
        return [path(f"<path:object_id>/{self.act_path}/", view, name=self._url_name), *super().get_urls()]

    @property
    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_act"

    def act_url(self, row: Model) -> str:
        return reverse(f"admin:{self._url_name}", args=[row.pk])

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any) -> HttpResponse:
        row = context.get("original")
        if row is not None and self.is_open_to_act(row) and self.may_act(request):
            context |= {"act_url": self.act_url(row), "act_button": self.act_button}
        return super().render_change_form(request, context, *args, **kw)

    def act_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        rows = self.get_queryset(request).filter(pk=row_number(unquote(object_id)))
        if not rows:
            raise Http404
        if not self.may_act(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._ask(request, rows)
        self._act_on_all(request, rows)
        change = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(change, args=[rows[0].pk]))

    def has_act_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    def ask_or_act(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return self._ask(request, rows)
        self._act_on_all(request, rows)
        return None

    def _ask(self, request: HttpRequest, rows: Iterable[Any]) -> HttpResponse:
        names = {row: self.name_of(row) for row in rows}
        return ask_first(self, request, self.act_title, self.act_text, self.act_button, names)

    def _act_on_all(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        done, skipped = 0, 0
        for row in rows:
            if self.act_on(request, row):
                done += 1
            else:
                skipped += 1
        if done:
            self.message_user(request, self.done_words(done))
        if skipped:
            self.message_user(request, self.skipped_words(skipped), messages.WARNING)
