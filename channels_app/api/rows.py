"""Channels and bots from a body, and what an answer may show of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from channels_app.encryption import fingerprint
from channels_app.errors import BridgeError
from channels_app.forms.saving import RefusedError
from channels_app.models import SettingsModel


@contextmanager
def refusals() -> Iterator[None]:
    """What a form refuses, at the places of the body. Raises ValidationError."""
    try:
        yield
    except RefusedError as error:
        raise ValidationError(_at_their_places(error)) from None


def _at_their_places(refused: RefusedError) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    for place, found in refused.errors.items():
        details = [ErrorDetail(" ".join(error.messages), code=str(error.code or "")) for error in found]
        outer, dot, inner = place.partition(".")
        if dot:
            errors.setdefault(outer, {})[inner] = details
        else:
            errors[outer or "non_field_errors"] = details
    return errors


def settings_of(row: SettingsModel) -> dict[str, Any]:
    """What may be shown of the settings: all but the secrets."""
    secrets = row.secret_names()
    return {name: value for name, value in row.settings.items() if name not in secrets}


def secrets_of(row: SettingsModel, saved_at: datetime | None = None, saved_by: str = "") -> dict[str, dict[str, Any]]:
    """What may be shown of each secret among the settings: whether it is saved, when, by whom, and its end."""
    try:
        clear = row.clear_settings()
    except BridgeError:  # the key is lost: that it is saved is all that can be said
        clear = {}
    names = sorted(row.secret_names())
    return {name: secret_facts(bool(row.settings.get(name)), clear.get(name), saved_at, saved_by) for name in names}


def secret_facts(is_saved: bool, clear: Any, saved_at: datetime | None, saved_by: str) -> dict[str, Any]:
    ends_in = fingerprint(str(clear)) if clear else ""
    return {"is_saved": is_saved, "ends_in": ends_in, "saved_at": saved_at, "saved_by": saved_by}
