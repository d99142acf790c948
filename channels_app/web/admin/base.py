"""What the pages of the admin share: generic classes as mypy knows them, times and links, the frame of a page."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timesince import timesince
from django.utils.timezone import localtime

from channels_app.channels.forms.secrets import shown_value
from channels_app.web.times import day_clock
from channels_app.web.times import moment as time_tag

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    StackedInline = admin.StackedInline[Any, Any]
    ChangeForm = forms.ModelForm[Any]
    ChildFormSet = forms.BaseInlineFormSet[Any, Any, Any]
else:
    ModelAdmin, TabularInline, StackedInline = admin.ModelAdmin, admin.TabularInline, admin.StackedInline
    ChangeForm, ChildFormSet = forms.ModelForm, forms.BaseInlineFormSet

AdminClass = TypeVar("AdminClass", bound=type[Any])
Page = Callable[[Any, HttpRequest, Any], HttpResponse]
"""Of an admin, a request and a row."""

SHOWN_IN_SECONDS = 120


moment = day_clock
"""A time for people and for machines, to the second: minutes are too coarse to follow a conversation."""


def ago(value: datetime) -> SafeString:
    """How long ago, to the second while that matters; the time itself for machines and on hovering."""
    seconds = max(round((localtime() - value).total_seconds()), 0)
    words = f"{seconds} s" if seconds < SHOWN_IN_SECONDS else timesince(value, depth=1)
    return time_tag(value, f"{words} ago")


def row_link(row: Model | None, text: str = "") -> SafeString | str:
    """A link to a row's page."""
    if row is None:
        return "–"
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, text or str(row))


class ListedAdmin(ModelAdmin):
    """Its list is called what the menu calls it; Django's "Select bot to change" is no name."""

    list_title = ""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = self.list_title or capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


def shows_its_form(admin_class: AdminClass) -> AdminClass:
    """For an admin whose form has fields that are no columns: what people see of these who may only look.

    Without a method of that name Django prints the row's attribute, which may be a secret, decrypted.
    """
    form = admin_class.form
    for name in form.base_fields.keys() - set(form._meta.fields or ()):
        setattr(admin_class, name, _shown_by(form, name))
    return admin_class


def _shown_by(form: type[ChangeForm], name: str) -> Callable[[Any, Any], str]:
    @admin.display(description=str(form.base_fields[name].label))
    def show(model_admin: Any, row: Any) -> str:
        return shown_value(form(instance=row), name)

    return show


def page(
    model_admin: ModelAdmin, request: HttpRequest, template: str, title: str, row: Model | None = None, **context: Any
) -> HttpResponse:
    """A page of the admin that is no form: breadcrumbs and menus as everywhere."""
    common = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "original": row,
        "row_url": _url_of(model_admin, "change", row.pk) if row else None,
        "list_url": _url_of(model_admin, "changelist"),
    }
    return TemplateResponse(request, f"admin/chatbridge/{template}.html", {**common, **context})


def urls_below(model_admin: ModelAdmin, pages: Mapping[str, tuple[str, Page]]) -> list[URLPattern]:
    """Pages below a row's own: by the end of its address the permission that each needs, and what answers."""

    def below(request: HttpRequest, object_id: str, tail: str) -> HttpResponse:
        permission, show = pages[tail]
        row = model_admin.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return show(model_admin, request, row)

    view = model_admin.admin_site.admin_view(below)
    name = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    return [
        path(f"<path:object_id>/{tail}/", view, {"tail": tail}, f"{name}_{tail.replace('-', '_')}") for tail in pages
    ]


def _url_of(model_admin: ModelAdmin, name: str, *args: Any) -> str:
    opts = model_admin.opts
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)
