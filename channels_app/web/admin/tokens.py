"""API tokens: made on a page that shows the token once, ended by a button."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channels_app.access.permissions import actor_of
from channels_app.access.tokens import make_token, revoke_token
from channels_app.lib.clocks import database_now
from channels_app.models import ApiToken
from channels_app.web.admin.acting import ActingAdmin
from channels_app.web.admin.base import ChangeForm, ModelAdmin, moment, page
from channels_app.web.admin.forms.tokens import TokenForm


@admin.register(ApiToken)
class ApiTokenAdmin(ActingAdmin):
    """People see and make their own tokens; superusers everybody's."""

    form = TokenForm
    list_display = ("name", "start", "user", "life", "used", "made")
    list_select_related = ("user",)
    actions = ("revoke",)

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
            return "○ ended"
        return format_html("● counts until {}", moment(token.expires_at))

    @admin.display(description="last used, to the hour", ordering="last_used_at")
    def used(self, token: ApiToken) -> SafeString | str:
        return moment(token.last_used_at)

    @admin.display(description="made", ordering="created_at")
    def made(self, token: ApiToken) -> SafeString | str:
        return moment(token.created_at)

    # --- make one -------------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return ModelAdmin.has_add_permission(self, request)

    def save_model(self, request: HttpRequest, obj: Any, form: ChangeForm, change: bool) -> None:
        if not _sees_all(request):
            obj.user = request.user
        obj.clear_text = make_token(obj, actor_of(request, via="admin"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kw: Any) -> HttpResponse:
        """One way to save: each token has to be copied before the next."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kw)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """The only page that ever shows the token."""
        response = page(self, request, "token", "Copy the token now", obj, token=obj.clear_text)
        add_never_cache_headers(response)
        return response

    # --- end one --------------------------------------------------------------------------------------------------

    act_path = "revoke"
    act_title = "Revoke this token?"
    act_text = "It is refused from now on, and can't be made valid again."
    act_button = "Revoke"

    @admin.action(description="Revoke", permissions=["act"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> HttpResponse | None:
        return self.ask_or_act(request, queryset)

    def is_open_to_act(self, row: ApiToken) -> bool:
        return row.revoked_at is None

    def act_on(self, request: HttpRequest, row: ApiToken) -> bool:
        return revoke_token(row, actor_of(request, via="admin"))

    def done_words(self, count: int) -> str:
        return f"{count} token{'s are' if count > 1 else ' is'} revoked."

    def skipped_words(self, count: int) -> str:
        return f"Revoked before: {count}."


def _sees_all(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
