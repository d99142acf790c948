"""People: Django's own pages, with what our roles mean, and a log-in with an end to guessing."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from channels_app.access.roles import ROLES
from channels_app.web.admin.auditing import AuditedAdmin, AuditedPersonAdmin
from channels_app.web.admin.forms.login import LoginForm

if TYPE_CHECKING:
    DjangoUserAdmin = UserAdmin[User]
else:
    DjangoUserAdmin = UserAdmin

admin.site.login_form = LoginForm
admin.site.unregister(User)
admin.site.unregister(Group)

HELP = (
    "{roles}. Tick “Staff status” too: without it nobody can log in to these pages. A user that only programs with "
    "an API token act for needs no tick."
)


@admin.register(User)
class PersonAdmin(AuditedPersonAdmin, DjangoUserAdmin):
    readonly_fields = ("last_login", "date_joined")  # who logs in while the page is open would be set back

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and db_field.name == "groups":
            roles = "; ".join(f"{name} {words}" for name, (words, _) in ROLES.items())
            field.label, field.help_text = "Roles and groups", HELP.format(roles=roles)
        return field


@admin.register(Group)
class RoleAdmin(AuditedAdmin, GroupAdmin):
    """Django's own, and written down."""
