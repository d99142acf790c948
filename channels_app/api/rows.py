"""Channels and bots from a body: judged and saved by the same forms as on the pages, and in the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from rest_framework.exceptions import ErrorDetail, ValidationError

from channels_app.audit import Actor, record_audit
from channels_app.changes import differences, values_of
from channels_app.encryption import fingerprint
from channels_app.errors import BridgeError
from channels_app.forms.secrets import WriteOnlyField
from channels_app.forms.settings import SettingsForm
from channels_app.models import SettingsModel

Row = TypeVar("Row", bound=SettingsModel)
SETTINGS = "settings"


def save_row(row: Row, form_class: type[SettingsForm], given: Mapping[str, Any], actor: Actor) -> Row:
    """Save what is given over what is saved. Raises ValidationError with each field that is wrong."""
    with transaction.atomic():
        is_new = row.pk is None
        if not is_new:
            row = type(row)._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
        before = {} if is_new else values_of(row)
        form: Any = judged_form(row, form_class, given)
        form.saved_by = actor.name
        saved: Row = form.save()
        changes = differences(before, values_of(saved))
        if changes:
            record_audit(actor, "added" if is_new else "changed", saved, changes=changes)
    return saved


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


def judged_form(row: SettingsModel, form_class: type[SettingsForm], given: Mapping[str, Any]) -> SettingsForm:
    """The row's form with what is given over what is saved. Raises ValidationError with each field that is wrong."""
    settings = dict(given.get(SETTINGS) or {})
    blank = form_class(instance=row)
    kind = given.get(blank.kind_field) or getattr(row, blank.kind_field)
    _refuse_unknown(settings, blank, kind)
    flat = {**{name: value for name, value in given.items() if name != SETTINGS}, **settings}
    form = form_class(_as_posted(blank, flat), instance=row)
    if not form.is_valid():
        raise ValidationError(_errors_of(form))
    return form


def _refuse_unknown(settings: Mapping[str, Any], form: SettingsForm, kind: str) -> None:
    adapter = form.adapters.get(kind)
    if adapter is None:
        return  # the form says so
    known = [name for name in adapter.settings_form.base_fields if name in form.fields]
    unknown = [name for name in settings if name not in known]
    if unknown:
        words = f"Not known. Known are: {', '.join(known)}."
        raise ValidationError({SETTINGS: dict.fromkeys(unknown, words)})


def _as_posted(form: SettingsForm, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser would send: the saved values, and over them those that are given."""
    posted: dict[str, Any] = {}
    for name, field in form.fields.items():
        if name not in given:
            if not isinstance(field, WriteOnlyField):
                posted[name] = form.get_initial_for_field(field, name)
        elif isinstance(field, WriteOnlyField) and given[name] in (None, ""):
            posted[f"{name}-clear"] = "on"
        else:
            posted[name] = given[name]
    return posted


def _errors_of(form: SettingsForm) -> dict[str, Any]:
    """The form's errors, at the places of the body."""
    asked = {name for adapter in form.adapters.values() for name in adapter.settings_form.base_fields}
    errors: dict[str, Any] = {}
    for name, found in form.errors.as_data().items():
        details = [ErrorDetail(" ".join(error.messages), code=str(error.code or "")) for error in found]
        if name in asked:
            errors.setdefault(SETTINGS, {})[name] = details
        else:
            errors["non_field_errors" if name == "__all__" else name] = details
    return errors
