"""The log-in of the admin and the operator pages, with an end to guessing."""

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from channels_app.access.logins import BusyError, Refused, turn_to_log_in
from channels_app.lib.clocks import database_now


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
            busy = "Too many people log in at this moment. Try again in a few seconds."
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
        f"Too many log-ins {refused.which} failed. Try again in {minutes} minute{'s' if minutes > 1 else ''}. "
        "If the password is forgotten, a superuser can set a new one.",
        code="refused",
    )
