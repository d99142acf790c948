"""What the pages of the admin share: rows that nobody edits, lists that nobody counts, questions before an act."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime

from channels_app.channels.forms.secrets import shown_value
from channels_app.web.pages.moments import day_clock
from channels_app.web.pages.moments import moment as time_tag

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    StackedInline = admin.StackedInline[Any, Any]
    InlineModelAdmin = admin.options.InlineModelAdmin[Any, Any]
    ChangeForm = forms.ModelForm[Any]
    ChildFormSet = forms.BaseInlineFormSet[Any, Any, Any]
    AnyPaginator = Paginator[Any]
else:
    ModelAdmin, TabularInline, StackedInline = admin.ModelAdmin, admin.TabularInline, admin.StackedInline
    InlineModelAdmin = admin.options.InlineModelAdmin
    ChangeForm, ChildFormSet, AnyPaginator = forms.ModelForm, forms.BaseInlineFormSet, Paginator

AdminClass = TypeVar("AdminClass", bound=type[Any])

COUNTED_MOST = 10_000
"""Rows that a list counts for its page numbers: counting millions takes seconds and tells nobody anything."""
SHOWN_IN_SECONDS = 120
SHOWN_MOST = 20
"""Rows that a question "really?" names; the rest are a number."""


class ShortPaginator(AnyPaginator):
    """Stops counting where nobody turns pages any more."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows.order_by()[:COUNTED_MOST].count() if isinstance(rows, QuerySet) else len(rows)


class FilteredAdmin(ModelAdmin):
    """A list that is filtered by what its page offers alone."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Django takes any column from the address: what no page shows could be guessed there, letter by letter."""
        offered = [str(getattr(filter_, "parameter_name", filter_)) for filter_ in self.list_filter]
        is_offered = any(lookup == name or lookup.startswith(f"{name}__") for name in offered)
        return is_offered and super().lookup_allowed(lookup, value, request)


class ReadOnlyAdmin(FilteredAdmin):
    """Rows that the bridge writes and people only read."""

    paginator = ShortPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    ordering: ClassVar[tuple[Any, ...]] = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Whether this person may do what the page offers, although nobody may edit the row."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))


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


def ask_first(
    model_admin: ModelAdmin, request: HttpRequest, title: str, text: str, button: str, rows: Mapping[Any, str]
) -> HttpResponse:
    """A page that says what is about to happen to these rows, by their names.

    Its form posts the same action with `confirmed`.
    """
    names = list(rows.values())[:SHOWN_MOST]
    return page(
        model_admin,
        request,
        "confirm",
        title,
        row=next(iter(rows)) if len(rows) == 1 else None,
        text=text,
        button=button,
        names=names,
        more=len(rows) - len(names),
        action=request.POST.get("action", ""),
        selected=[row.pk for row in rows],
    )


def _url_of(model_admin: ModelAdmin, name: str, *args: Any) -> str:
    opts = model_admin.opts
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)
