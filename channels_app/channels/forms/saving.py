"""What is given over what is saved, judged by the row's own form: the same for the API and for configuration files.

The pages have the same forms, so what they refuse is refused here with the same sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Model

from channels_app.access.audit import Actor, record_audit
from channels_app.access.changes import differences, values_of
from channels_app.channels.forms.hours_field import PLACE
from channels_app.channels.forms.secrets import WriteOnlyField
from channels_app.channels.forms.settings import ModelForm, SettingsForm, is_same
from channels_app.models import Channel, InboxChannel, SettingsModel

Row = TypeVar("Row", bound=SettingsModel)
AnyRow = TypeVar("AnyRow", bound=Model)
AnyForm = TypeVar("AnyForm", bound=ModelForm)
SETTINGS = "settings"
WHOLE = ""
"""The place of an error that is about no single field."""
Errors = dict[str, list[ValidationError]]


class RefusedError(Exception):
    """What is given can't be saved; `errors` by their places, like "name" and "settings.client_id"."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


class ChangedError(Exception):
    """The row is not at the revision any more that the caller has seen."""

    def __init__(self, row: SettingsModel, expected: int) -> None:
        super().__init__(str(row))
        self.row, self.expected = row, expected


@dataclass(frozen=True, slots=True)
class Saved(Generic[AnyRow]):
    """A row as it is now, and what changed: field to [before, after], as in the audit log."""

    row: AnyRow
    changes: dict[str, Any]
    is_new: bool
    form: Any = None
    overtaken: int | None = None
    """The revision that the caller has seen, if it is not the present one."""


def save_row(
    row: Row,
    form_class: type[SettingsForm],
    given: Mapping[str, Any],
    actor: Actor,
    *,
    beside: Callable[[Row], None] | None = None,
    overlap: timedelta = timedelta(0),
    expected: int | None = None,
) -> Saved[Row]:
    """Save what is given over what is saved, and write it down; nothing of both when nothing changes.

    `beside` sets what the form doesn't ask for; `overlap`: how long the shared secret before a new one is taken too;
    `expected`: the revision that the caller has seen; a later one is no obstacle to a call that asks only for what is
    saved by then, as one that is repeated does. Raises RefusedError and ChangedError.
    """
    with transaction.atomic():
        is_new = row.pk is None
        if not is_new:
            # "no key", because writing down an event needs the key, and must not wait for us
            row = type(row)._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
        overtaken = expected if not is_new and expected != row.revision else None
        before = {} if is_new else values_of(row)
        form: Any = judged_form(row, form_class, given)
        form.saved_by, form.overlap = actor.name, overlap
        form.save(commit=False)
        if beside:
            beside(row)
        changes = differences(before, values_of(row))
        if changes and overtaken is not None:
            raise ChangedError(row, overtaken)
        if changes:
            row.save()
            changes = differences(before, values_of(row))  # with what follows from them
            record_audit(actor, "added" if is_new else "changed", row, changes=changes)
        if form.are_settings_new and not is_new:
            form.forget_proofs()
    return Saved(row, changes, is_new=is_new, form=form, overtaken=overtaken)


INBOX_CHANNEL_FIELDS = ("name", "is_enabled", "shows_buttons")


def save_inbox_channel(channel: Channel, external_id: str, given: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """What changed of it. Raises RefusedError."""
    row = channel.inbox_channels.filter(external_id=external_id).first()
    row = row or InboxChannel(channel=channel, external_id=external_id)
    is_new = row.pk is None
    before = {} if is_new else values_of(row)
    for name in INBOX_CHANNEL_FIELDS:
        setattr(row, name, given.get(name, getattr(row, name)))
    changes = differences(before, values_of(row))
    if not changes:
        return {}
    try:
        row.clean_fields(exclude=["channel"])
    except ValidationError as error:
        raise RefusedError(dict(error.error_dict)) from None
    row.save(update_fields=None if is_new else INBOX_CHANNEL_FIELDS)  # the rest belongs to events that come in
    count_revision(channel)
    record_audit(actor, "added" if is_new else "changed", row, changes=changes)
    return changes


def count_revision(row: SettingsModel, changes: int = 1) -> None:
    """Of a row that has itself not changed, but parts of it."""
    type(row)._default_manager.filter(pk=row.pk).update(revision=F("revision") + changes)


# --- judging ---------------------------------------------------------------------------------------------------------


def judged_form(row: SettingsModel, form_class: type[SettingsForm], given: Mapping[str, Any]) -> SettingsForm:
    """The row's form with what is given over what is saved. Raises RefusedError."""
    blank = form_class(instance=row)
    kind = given.get(blank.kind_field) or getattr(row, blank.kind_field)
    settings = dict(given.get(SETTINGS) or {})
    _refuse_unknown(settings, blank, kind)
    if row.pk and kind == getattr(row, blank.kind_field):
        settings = {name: value for name, value in settings.items() if not is_same(blank.stored.get(name), value)}
        are_kept = not settings
    else:
        are_kept = False
    flat = {**{name: value for name, value in given.items() if name != SETTINGS}, **settings}
    form = _bound(form_class, row, flat)
    form.keeps_settings = are_kept
    if not form.is_valid():
        raise RefusedError(_errors_of(form))
    return form


def judged_simply(row: Model, form_class: type[AnyForm], given: Mapping[str, Any]) -> AnyForm:
    """The same for a row without settings of an adapter."""
    form = _bound(form_class, row, given)
    if not form.is_valid():
        raise RefusedError(_errors_of(form))
    return form


def _bound(form_class: type[AnyForm], row: Model, given: Mapping[str, Any]) -> AnyForm:
    form = form_class(_as_posted(form_class(instance=row), given), instance=row)
    for name, field in form.fields.items():
        if isinstance(field, WriteOnlyField) and name in given:
            field.widget.may_clear = True
    return form


def _refuse_unknown(settings: Mapping[str, Any], form: SettingsForm, kind: Any) -> None:
    adapter = form.adapters.get(str(kind))
    if adapter is None:
        return  # the form says so
    known = [name for name in adapter.settings_form.base_fields if name in form.fields]
    wrong = {str(name): f"Not known. Known are: {', '.join(known)}." for name in settings if name not in known}
    wrong |= {name: "Give a single value." for name, value in settings.items() if isinstance(value, list | dict)}
    if wrong:
        raise RefusedError({f"{SETTINGS}.{name}": [ValidationError(words)] for name, words in wrong.items()})


def _as_posted(form: ModelForm, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser would send: the saved values, and over them those that are given."""
    posted: dict[str, Any] = {}
    for name, field in form.fields.items():
        if name not in given:
            if not isinstance(field, WriteOnlyField):
                posted[name] = form.get_initial_for_field(field, name)
        elif isinstance(field, WriteOnlyField) and _is_blank(given[name]):
            posted[f"{name}-clear"] = "on"
        else:
            posted[name] = given[name]
    return posted


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _errors_of(form: ModelForm) -> Errors:
    """The form's errors, at their places in what was given; a field may know a place inside its value."""
    adapters = form.adapters.values() if isinstance(form, SettingsForm) else ()
    asked = {name for adapter in adapters for name in adapter.settings_form.base_fields}
    errors: Errors = {}
    for name, found in form.errors.as_data().items():
        place = f"{SETTINGS}.{name}" if name in asked else WHOLE if name == "__all__" else name
        for error in found:
            inner = (error.params or {}).get(PLACE)
            path = f"{place}{'' if inner.startswith('[') else '.'}{inner}" if inner else place
            errors.setdefault(path, []).append(error)
    return errors
