"""Forms that change a row: what is saved goes into the audit log, and no user overwrites changes they haven't seen."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib.admin.utils import flatten_fieldsets
from django.db import connection, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from channels_app.access.audit import record_audit
from channels_app.access.changes import Values, differences, values_of
from channels_app.access.meanwhile import DELETED, Change, Place, Seen, changes_since, stamp
from channels_app.access.permissions import actor_of
from channels_app.channels.forms import WriteOnlyField
from channels_app.channels.forms.saving import count_revision
from channels_app.channels.forms.secrets import told_by
from channels_app.models import AuditEntry, InboxChannel
from channels_app.web.admin.base import ChangeForm, ListedAdmin, page

SEEN = "_seen"
"""What the form showed when it was opened."""
ON_TOP = "_on_top"
"""The button that saves all the same; its value is what the person was told."""
HELD = "This page was saved since you opened it, perhaps in another tab. Nothing of yours is saved yet."


class HeldForm(forms.BaseForm):
    """Mixed into a form that is not saved, even if valid, until the user has decided."""

    def full_clean(self) -> None:
        super().full_clean()
        self.add_error(None, HELD)


class EditedAdmin(ListedAdmin):
    """The row is locked while it is compared and saved, and recorded in the transaction that saves it."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Django takes any column from the address: what no page shows could be guessed there, letter by letter."""
        offered = [str(getattr(filter_, "parameter_name", filter_)) for filter_ in self.list_filter]
        is_offered = any(lookup == name or lookup.startswith(f"{name}__") for name in offered)
        return is_offered and super().lookup_allowed(lookup, value, request)

    # --- two people at one page ---

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Django leads away from a row that is gone, and what was typed there would be lost: say so, and show it."""
        name = opts.verbose_name
        response = page(
            self, request, "gone", f"This {name} does not exist", deletion=self._deletion(object_id), name=name
        )
        response.status_code = HTTPStatus.NOT_FOUND
        return response

    def _deletion(self, object_id: str) -> AuditEntry | None:
        if not (object_id.isascii() and object_id.isdecimal()):
            return None
        entries = AuditEntry.objects.filter(object_type=self.opts.model_name, object_id=object_id)
        return entries.filter(action="deleted").order_by("-id").first()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST" and connection.in_atomic_block:
            row = self.model._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
            row.meanwhile = self._changed_meanwhile(request, row)
        return row

    def _changed_meanwhile(self, request: HttpRequest, row: Any) -> list[Change]:
        seen = _seen(request)
        return changes_since(seen, self._shown(request, row), lambda: self._wanted(request, row)) if seen else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class: Any = super().get_form(request, obj, change=change, **kwargs)
        is_held = change and bool(getattr(obj, "meanwhile", None))
        return type(form_class)(form_class.__name__, (HeldForm, form_class), {}) if is_held else form_class

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj, change = kwargs.get("obj"), kwargs.get("change", False)
        if obj is not None and change and self.has_change_permission(request, obj):
            meanwhile = getattr(obj, "meanwhile", [])
            context |= {"meanwhile": meanwhile, "seen": _seen(request) or stamp(self._shown(request, obj))}
            if meanwhile:  # the row at hand holds what was typed by now
                saved = self.model._default_manager.get(pk=obj.pk)
                context["on_top"] = stamp(self._shown(request, saved))
        return super().render_change_form(request, context, *args, **kwargs)

    def _shown(self, request: HttpRequest, row: Any) -> Seen:
        """What the form shows of the row, as it is saved, and of the rows that are edited with it."""
        shown = dict(_shown_of(self._form_class(request, row)(instance=row)))
        for inline in self.get_inline_instances(request, row):
            formset: Any = inline.get_formset(request, row)
            parts: Iterable[Model] = formset.model._default_manager.filter(**{formset.fk.name: row})
            for part in parts:
                shown |= _shown_of(formset.form(instance=part), f"{part._meta.verbose_name} “{part}”: ")
        return shown

    def _wanted(self, request: HttpRequest, row: Any) -> Seen:
        """What saving what was typed would make of the rows, as far as it can be saved; nothing is."""
        copy = self.model._default_manager.get(pk=row.pk)  # forms write into their rows
        formsets: list[Any] = [
            formset(**self.get_formset_kwargs(request, copy, inline, formset.get_default_prefix()))
            for formset, inline in self.get_formsets_with_inlines(request, copy)
        ]
        parts = [form for formset in formsets for form in formset.initial_forms]
        wanted: dict[Place, Any] = {}
        with transaction.atomic():
            for form in (self._form_class(request, copy)(request.POST, request.FILES, instance=copy), *parts):
                wanted |= _wanted_of(form)
            transaction.set_rollback(True)  # a new secret forgets what is known about the previous one
        for formset in formsets:
            wanted |= {Place(row, DELETED, ""): True for row in _deleted_in(request, formset)}
        return wanted

    def _form_class(self, request: HttpRequest, row: Any) -> Any:
        return super().get_form(request, row, change=True, fields=flatten_fieldsets(self.get_fieldsets(request, row)))

    # --- the audit log ---

    def save_model(self, request: HttpRequest, obj: Any, form: ChangeForm, change: bool) -> None:
        before = _saved_values(obj)
        if before and not differences(before, values_of(obj)):
            return  # saving a page without a change changes nothing
        super().save_model(request, obj, form, change)
        _record(request, obj, before)

    def save_formset(self, request: HttpRequest, form: ChangeForm, formset: Any, change: bool) -> None:
        saved = formset.model._default_manager.filter(pk__in=[row.pk for row in formset.get_queryset()])
        before = {row.pk: values_of(row) for row in saved}  # the formset's own rows hold the new values already
        for part in formset.deleted_forms:
            if part.instance.pk:  # afterwards it has none
                _record_deleted(request, part.instance)
        super().save_formset(request, form, formset, change)
        touched = (*formset.new_objects, *(row for row, _ in formset.changed_objects))
        for row in touched:
            _record(request, row, before.get(row.pk, {}))
        if formset.model is InboxChannel and formset.has_changed():  # a part of its channel's revision
            count_revision(form.instance, len(touched) + len(formset.deleted_objects))

    def save_related(self, request: HttpRequest, form: ChangeForm, formsets: Any, change: bool) -> None:
        """Also who is in which group: such a relation is no column of its row."""
        names = [field.name for field in self.opts.many_to_many if field.name in form.changed_data]
        before = {name: _names_of(form.instance, name) if change else [] for name in names}
        super().save_related(request, form, formsets, change)
        changes = {name: [before[name], _names_of(form.instance, name)] for name in names}
        if changes:
            record_audit(actor_of(request, via="admin"), "changed", form.instance, changes=changes)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        _record_deleted(request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            _record_deleted(request, row)
        super().delete_queryset(request, queryset)


def _seen(request: HttpRequest) -> str:
    """What this person has seen last; empty when the form is only opened now."""
    return str(request.POST.get(ON_TOP) or request.POST.get(SEEN) or "")


def _shown_of(form: Any, heading: str = "") -> Iterator[tuple[Place, Any]]:
    row, related = form.instance, {field.name for field in form.instance._meta.many_to_many}
    values = values_of(row)
    for name, field in form.fields.items():
        saved = name if name in values or name in related else f"settings.{name}"
        is_of_rows = hasattr(field, "queryset")
        choices = {} if is_of_rows else dict(getattr(field.widget, "choices", ()))
        place = Place(_key_of(row), saved, f"{heading}{field.label or name}", choices, told_by(field))
        yield place, _names_of(row, name) if name in related else values.get(saved)


def _wanted_of(form: Any) -> Iterator[tuple[Place, Any]]:
    """Without what the form leaves unchanged: secrets that were not re-entered, what can't be changed here."""
    if not form.is_valid():
        return
    form.save(commit=False)
    for (place, value), (name, field) in zip(_shown_of(form), form.fields.items(), strict=True):
        is_kept = field.disabled or (isinstance(field, WriteOnlyField) and form.cleaned_data[name] is None)
        if not is_kept:
            is_of_rows = name in {field.name for field in form.instance._meta.many_to_many}
            yield place, sorted(map(str, form.cleaned_data[name])) if is_of_rows else value


def _deleted_in(request: HttpRequest, formset: Any) -> Iterator[str]:
    """The rows that are ticked to be deleted, as they were sent: of those that are gone the formset knows nothing."""
    for name in request.POST:
        if name.startswith(f"{formset.prefix}-") and name.endswith(f"-{DELETED}"):
            yield f"{formset.model._meta.model_name}:{request.POST.get(f'{name.removesuffix(DELETED)}id')}"


def _key_of(row: Model) -> str:
    return f"{row._meta.model_name}:{row.pk}"


def _record(request: HttpRequest, row: Model, before: Values) -> None:
    changes = differences(before, values_of(row))
    if changes:
        record_audit(actor_of(request, via="admin"), "changed" if before else "added", row, changes=changes)


def _record_deleted(request: HttpRequest, row: Model) -> None:
    record_audit(actor_of(request, via="admin"), "deleted", row)


def _saved_values(row: Model) -> Values:
    """As it is in the database; nothing of a new one. Some fields may be set already on the row at hand."""
    saved = type(row)._default_manager.filter(pk=row.pk).first() if row.pk else None
    return values_of(saved) if saved else {}


def _names_of(row: Model, name: str) -> list[str]:
    return sorted(str(other) for other in getattr(row, name).all())
