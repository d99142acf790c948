"""People: Django's own pages, with what our roles mean, and a log-in with an end to guessing."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from channels_app.access.audit import CHANGED, record_audit
from channels_app.access.logins import BusyError, Refused, turn_to_log_in
from channels_app.access.permissions import actor_of
from channels_app.access.roles import ROLES
from channels_app.lib.clocks import database_now
from channels_app.protocol.labels import count_of
from channels_app.web.admin.editing import EditedAdmin

if TYPE_CHECKING:
    DjangoUserAdmin = UserAdmin[User]
else:
    DjangoUserAdmin = UserAdmin

HELP = (
    "{roles}. Also tick “Staff status”: it is required to log in to these pages. A user that only acts through an "
    "API token does not need it."
)


class LoginForm(AdminAuthenticationForm):
    """Looks at no password while a name or a network is refused, and at few at a time."""

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if not name or self.request is None:
            return super().clean()
        try:
            with turn_to_log_in(name, self.request.META.get("REMOTE_ADDR", "")) as refused:
                wrong = _refusal(refused) if refused else self._problem()
        except BusyError as error:
            busy = "Too many people are logging in right now. Try again in a few seconds."
            raise ValidationError(busy, code="busy") from error
        if wrong:
            raise wrong
        return self.cleaned_data

    def _problem(self) -> ValidationError | None:
        """What is wrong with name and password. Not raised: the failure has to be counted first."""
        try:
            super().clean()
        except ValidationError as error:
            return error
        return None


def _refusal(refused: Refused) -> ValidationError:
    minutes = max(1, round((refused.until - database_now()).total_seconds() / 60))
    return ValidationError(
        f"Too many log-ins {refused.which} failed. Try again in {count_of(minutes, 'minute')}. "
        "If the password is forgotten, a superuser can set a new one.",
        code="refused",
    )


admin.site.login_form = LoginForm
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(EditedAdmin, DjangoUserAdmin):
    list_title = "People"
    readonly_fields = ("last_login", "date_joined")  # who logs in while the page is open would be set back

    class Media:
        js = ("chatbridge/lists.js",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and db_field.name == "groups":
            roles = "; ".join(f"{name} {words}" for name, (words, _) in ROLES.items())
            field.label, field.help_text = "Roles and groups", HELP.format(roles=roles)
        return field

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's page for a new password saves by itself, and asks no `save_model`."""
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            record_audit(actor_of(request, via="admin"), "changed password", obj, changes={"password": CHANGED})
        return super().log_change(request, obj, message)


@admin.register(Group)
class RoleAdmin(EditedAdmin, GroupAdmin):
    """Django's own, and recorded."""

    list_title = "Roles"

    class Media:
        js = ("chatbridge/lists.js",)
