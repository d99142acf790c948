"""Where people start, and the one menu above every page: as far as the rights of who looks go."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from channels_app.access.permissions import (
    CHANGE_BOT,
    CHANGE_CHANNEL,
    SEE,
    SEE_AUDIT_LOG,
    SEE_BOT,
    SEE_CHANNEL,
    SEE_TOKENS,
)
from channels_app.access.roles import ROLES
from channels_app.web.pages.frame import show

DASHBOARD, CHANNELS = "ops:dashboard", "admin:channels_app_channel_changelist"
PAGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Dashboard", DASHBOARD, (SEE,)),
    ("Conversations", "ops:conversations", (SEE,)),
    ("Failures", "ops:failures", (SEE,)),
    ("Handovers", "ops:handovers", (SEE,)),
    ("Calls", "ops:exchanges", (SEE,)),
    ("Queue and workers", "ops:workers", (SEE,)),
    ("Channels", CHANNELS, (SEE_CHANNEL, CHANGE_CHANNEL)),
    ("Bots", "admin:channels_app_bot_changelist", (SEE_BOT, CHANGE_BOT)),
    ("API tokens", "admin:channels_app_apitoken_changelist", (SEE_TOKENS,)),
    ("People", "admin:auth_user_changelist", ("auth.view_user", "auth.change_user")),
    ("Roles", "admin:auth_group_changelist", ("auth.view_group", "auth.change_group")),
    ("Audit log", "ops:audit", (SEE_AUDIT_LOG,)),
)
"""Name, address, and the permissions any of which opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuPage:
    name: str
    url: str
    is_current: bool


def menu(request: HttpRequest) -> dict[str, Any]:
    """The context processor of every template. Asks for rights only where the menu is drawn."""
    return {"menu_pages": SimpleLazyObject(lambda: list(_pages(request)))}


def _pages(request: HttpRequest) -> Iterator[MenuPage]:
    if not admin.site.has_permission(request):
        return
    for name, view, permissions in PAGES:
        if any(request.user.has_perm(permission) for permission in permissions):
            url = reverse(view)
            is_below = view != DASHBOARD and request.path.startswith(url)
            yield MenuPage(name=name, url=url, is_current=is_below or request.path == url)


@admin.site.admin_view
def home(request: HttpRequest) -> HttpResponse:
    """Users who set up channels start at their list, users who watch over conversations at the dashboard."""
    if request.user.has_perm(CHANGE_CHANNEL):
        return redirect(CHANNELS)
    if first := next(_pages(request), None):
        return redirect(first.url)
    roles = [(name, words) for name, (words, _) in ROLES.items()]
    return show(request, "no_role", "You have no role yet", roles=roles)
