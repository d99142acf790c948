"""The log-in of the admin and the operator pages, with an end to guessing."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from channels_app.clocks import database_now
from channels_app.logins import login_refused_until


class LoginForm(AdminAuthenticationForm):
    """Looks at no password while a name is refused from this address."""

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if name and self.request is not None:
            self._refuse_guessing(name, self.request.META.get("REMOTE_ADDR", ""))
        return super().clean()

    def _refuse_guessing(self, name: str, address: str) -> None:
        until = login_refused_until(name, address)
        if until is None:
            return
        minutes = max(1, round((until - database_now()).total_seconds() / 60))
        raise ValidationError(
            f"Too many log-ins with this name failed. Try again in {minutes} minute{'s' if minutes > 1 else ''}. "
            "If the password is forgotten, a superuser can set a new one.",
            code="refused",
        )
