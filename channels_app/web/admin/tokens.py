"""API tokens: made on a page that shows the token once, ended by a button."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channels_app.access.permissions import CHANGE_TOKENS, actor_of
from channels_app.access.tokens import DEFAULT_DAYS, MAX_DAYS, live_tokens, make_token, revoke_token
from channels_app.lib.clocks import database_now
from channels_app.models import ApiToken
from channels_app.web.admin.base import ChangeForm, ListedAdmin, moment, page, urls_below


class TokenForm(ChangeForm):
    days = forms.IntegerField(
        label="Days until it expires",
        min_value=1,
        max_value=MAX_DAYS,
        initial=DEFAULT_DAYS,
        help_text="Create a new one before this one expires; both are valid until then.",
    )

    class Meta:
        model = ApiToken
        fields = ("name", "user")

    def save(self, commit: bool = True) -> Any:
        self.instance.expires_at = database_now() + timedelta(days=self.cleaned_data["days"])
        return super().save(commit)


@admin.register(ApiToken)
class ApiTokenAdmin(ListedAdmin):
    """Users see and create their own tokens; superusers see all. Tokens are never edited."""

    form = TokenForm
    list_display = ("name", "start", "user", "life", "used", "made")
    list_select_related = ("user",)
    ordering = ("-id",)
    actions = ("revoke",)
    change_form_template = "admin/chatbridge/act.html"

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(CHANGE_TOKENS))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The list has no filters; what no page shows could be guessed by one, letter by letter."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows if _sees_all(request) else rows.filter(user=request.user.pk)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj:
            return ("name", "start", "user", "life", "used", "made", "created_by")
        return ("name", "user", "days") if _sees_all(request) else ("name", "days")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("life", "used", "made") if obj else ()

    @admin.display(description="state", ordering="expires_at")
    def life(self, token: ApiToken) -> SafeString | str:
        if token.revoked_at:
            return "○ revoked"
        if token.expires_at < database_now():
            return "○ expired"
        return format_html("● valid until {}", moment(token.expires_at))

    @admin.display(description="last used, to the hour", ordering="last_used_at")
    def used(self, token: ApiToken) -> SafeString | str:
        return moment(token.last_used_at)

    @admin.display(description="made", ordering="created_at")
    def made(self, token: ApiToken) -> SafeString | str:
        return moment(token.created_at)

    # --- make one -------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Any, form: ChangeForm, change: bool) -> None:
        if not _sees_all(request):
            obj.user = request.user
        obj.clear_text = make_token(obj, actor_of(request, via="admin"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any) -> HttpResponse:
        """One way to save: each token has to be copied before the next."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        row = context.get("original")
        if row is not None and row.revoked_at is None and self.has_revoke_permission(request):
            context |= {"act_url": _url("revoke", row.pk), "act_button": "Revoke"}
        return super().render_change_form(request, context, *args, **kw)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """The only page that ever shows the token."""
        others = live_tokens().filter(user=obj.user, name=obj.name).exclude(pk=obj.pk)
        response = page(self, request, "token", "Copy the token now", obj, token=obj.clear_text, others=others)
        add_never_cache_headers(response)
        return response

    # --- end some: from the list, or one from its page --------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        return [*urls_below(self, {"revoke": (CHANGE_TOKENS, ApiTokenAdmin.revoke_one)}), *super().get_urls()]

    def revoke_one(self, request: HttpRequest, row: ApiToken) -> HttpResponse:
        if request.method != "POST":
            return self._ask(request, [row])
        self._revoke(request, [row])
        return HttpResponseRedirect(_url("change", row.pk))

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return self._ask(request, list(queryset))
        self._revoke(request, list(queryset))
        return None

    def _ask(self, request: HttpRequest, rows: Sequence[ApiToken]) -> HttpResponse:
        row = rows[0] if len(rows) == 1 else None
        action = request.POST.get("action", "")
        return page(
            self,
            request,
            "revoke",
            "Revoke this token?" if row else "Revoke these tokens?",
            row,
            rows=rows,
            action=action,
        )

    def _revoke(self, request: HttpRequest, rows: Sequence[ApiToken]) -> None:
        actor = actor_of(request, via="admin")
        done = sum(revoke_token(row, actor) for row in rows)
        if done:
            self.message_user(request, f"{done} token{'s are' if done > 1 else ' is'} revoked.")
        if done < len(rows):
            self.message_user(request, f"Already revoked: {len(rows) - done}.", messages.WARNING)


def _url(name: str, pk: int) -> str:
    return reverse(f"admin:channels_app_apitoken_{name}", args=[pk])


def _sees_all(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
