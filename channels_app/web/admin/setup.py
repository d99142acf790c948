"""What channels and bots share: they are set up on a page that stays open, and tested from there."""

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from channels_app.channels.forms.settings import SettingsForm
from channels_app.codes import Severity
from channels_app.models import SettingsModel
from channels_app.protocol.checks import CheckLine
from channels_app.web.admin.base import ChangeForm, page, urls_below
from channels_app.web.admin.editing import EditedAdmin

CHECK_NOW = "check_now"
"""In a session: the page that was just saved, whose checks its next request may run without a form of its own."""


class SetupAdmin(EditedAdmin):
    """A row with settings of an adapter. Saving makes no calls: it is saved first, then checked."""

    settings_fields: tuple[str, ...] = ()
    """The names of the adapter's fields on the form."""

    class Media:
        js = ("chatbridge/setup.js",)

    def shown_settings(self, request: HttpRequest, row: Any) -> tuple[str, ...]:
        """All of them while the kind can still change; to who may only look, those that the row's kind has."""
        if row is None or self.has_change_permission(request, row):
            return self.settings_fields
        form = cast(type[SettingsForm], self.form)
        asked = form.adapters[getattr(row, form.kind_field)].settings_form.base_fields
        return tuple(name for name in self.settings_fields if name in asked)

    def check_lines(self, row: Any) -> list[CheckLine]:
        """What "Test connection" finds. Never raises."""
        raise NotImplementedError

    def page_context(self, row: Any) -> dict[str, Any]:
        """What the page shows above its form once the row is saved."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        may_change = f"{self.opts.app_label}.change_{self.opts.model_name}"
        return [*urls_below(self, {"test": (may_change, test_page)}), *super().get_urls()]

    def url_of(self, row: SettingsModel, name: str = "change") -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[row.pk])

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj, change = kwargs.get("obj"), kwargs.get("change", False)
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False, "may_check": True}
        if obj is not None and change:
            context |= {"test_url": self.url_of(obj, "test"), **self.page_context(obj)}
        return super().render_change_form(request, context, *args, **kwargs)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return self.response_post_save_change(request, obj)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """The set-up continues where it was; or it is checked first, which can't undo what is already saved."""
        if "_check" not in request.POST:
            return HttpResponseRedirect(self.url_of(obj))
        url = self.url_of(obj, "test")
        request.session[CHECK_NOW] = url
        return HttpResponseRedirect(url)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        form.saved_by = request.user.get_username()
        return super().save_form(request, form, change)

    def save_model(self, request: HttpRequest, obj: Any, form: ChangeForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for notice in cast(SettingsForm, form).notices():
            is_good = notice.code.severity is Severity.INFO
            self.message_user(request, str(notice), messages.INFO if is_good else messages.WARNING)
        settings_form = cast(SettingsForm, form)
        if change and settings_form.are_settings_new:
            settings_form.forget_proofs()


def test_page(admin: SetupAdmin, request: HttpRequest, row: SettingsModel) -> HttpResponse:
    """Runs the checks: outside any transaction, because a slow bot may take most of a minute."""
    is_ordered = request.session.pop(CHECK_NOW, "") == request.path
    if request.method != "POST" and not is_ordered:
        return HttpResponseRedirect(admin.url_of(row))
    lines = admin.check_lines(row)
    context = {
        "lines": lines,
        "failed": sum(not line.is_ok for line in lines),
        "test_url": request.path,
        "is_saved": is_ordered,
        "is_other_region": any(line.code == "CB-202" for line in lines),
    }
    return page(admin, request, "verdict", f"Test connection: {row}", row, **context)
