"""The time zone of who reads a page: as they chose it, until then as their browser has it."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from channels_app.lib.clocks import database_now
from channels_app.lib.zones import find_zone, zone_choices
from channels_app.models import Preference
from channels_app.web.pages.frame import show

PREFIXES = ("/ops/", "/admin/")
COOKIE = "time_zone"
"""Set by templates/static/chatbridge/zone.js on each page, so already with the log-in."""


class TimeZoneMiddleware:
    """Activates it for pages; the API and the platforms' doors keep UTC, and pay nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        with timezone.override(zone_of(request)):
            return self.get_response(request)


def zone_of(request: HttpRequest) -> ZoneInfo:
    chosen = find_zone(_chosen(request)) if request.user.is_authenticated else None
    return chosen or browser_zone(request) or ZoneInfo("UTC")


def browser_zone(request: HttpRequest) -> ZoneInfo | None:
    return find_zone(request.COOKIES.get(COOKIE, ""))


def _chosen(request: HttpRequest) -> str:
    person: Any = request.user
    found = Preference.objects.filter(user=person).values_list("time_zone", flat=True).first()
    return found or ""


class TimeZoneForm(forms.Form):
    time_zone = forms.ChoiceField(required=False, label="Show times in")

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST if request.method == "POST" else None, initial={COOKIE: _chosen(request)})
        browser = browser_zone(request)
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - narrows for mypy
        mine = f"my browser's zone ({browser})" if browser else "the zone of my browser"
        field.choices = [("", mine), *zone_choices()]


@admin.site.admin_view
def time_zone(request: HttpRequest) -> HttpResponse:
    """For every user who can log in, with any role."""
    form = TimeZoneForm(request)
    if request.method == "POST" and form.is_valid():
        chosen, person = form.cleaned_data["time_zone"], request.user.pk
        assert person is not None  # noqa: S101 - logged in, for mypy
        Preference.objects.update_or_create(user_id=person, defaults={"time_zone": chosen})
        words = f"Times are shown in {chosen}." if chosen else "Times are shown in your browser's zone."
        messages.success(request, words)
        return redirect("ops:time_zone")
    return show(request, "time_zone", "Time zone", form=form, now=database_now())
